"""The domain's nouns: frozen dataclasses, Decimal, aware UTC datetimes and plain dates."""
