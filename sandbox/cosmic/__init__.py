"""A Kingdee Cosmic stand-in: token service and OpenAPI of one invented data centre with orders, stock, masters, a ledger."""
