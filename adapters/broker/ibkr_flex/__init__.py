"""Flex reports of Interactive Brokers as `AccountStatement`s: `read_statements(file name, bytes)`."""

from adapters.broker.ibkr_flex.read import read_statements

__all__ = ["read_statements"]
