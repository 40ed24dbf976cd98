"""Interactive Brokers' Flex XML: bytes in, each statement's sections as rows of attributes out."""

from connectors.ibkr_flex.xml import FlexReport, FlexRow, FlexStatementXml, is_flex, parse_flex

__all__ = ["FlexReport", "FlexRow", "FlexStatementXml", "is_flex", "parse_flex"]
