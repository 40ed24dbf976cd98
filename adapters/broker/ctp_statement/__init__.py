"""Settlement statements of CTP brokers as `AccountStatement`s: `read_statements(file name, bytes)`."""

from adapters.broker.ctp_statement.read import read_statements

__all__ = ["read_statements"]
