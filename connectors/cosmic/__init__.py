"""Wire client of Kingdee Cosmic (金蝶云苍穹、星瀚): enhanced token, pages of queries, saves under a key; exact numbers."""

from connectors.cosmic.client import CosmicClient, CosmicLogin, Headers, Page

__all__ = ["CosmicClient", "CosmicLogin", "Headers", "Page"]
