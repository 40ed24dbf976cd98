"""A stand-in for a Kingdee K/3 Cloud site: its web interface, its books and its refusals, for tests and the demo."""
