"""The text form of CTP settlement statements: GB18030 bytes in, blocks of funds and tables of text out."""

from connectors.ctp_settlement.decode import MAX_BYTES, decode_statement
from connectors.ctp_settlement.layout import Block, Figure, Row, StatementText, Table, parse_statement

__all__ = ["MAX_BYTES", "Block", "Figure", "Row", "StatementText", "Table", "decode_statement", "parse_statement"]
