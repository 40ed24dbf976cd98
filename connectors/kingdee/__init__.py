"""Wire client of Kingdee K/3 Cloud (星空): signed requests in, decoded answers with exact numbers out."""

from connectors.kingdee.client import KingdeeClient, KingdeeLogin
from connectors.kingdee.envelope import error_text, response_status

__all__ = ["KingdeeClient", "KingdeeLogin", "error_text", "response_status"]
