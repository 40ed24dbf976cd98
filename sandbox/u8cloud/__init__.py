"""A Yonyou U8 Cloud stand-in: the OpenAPI of one invented site with orders, stock, masters and a general ledger."""
