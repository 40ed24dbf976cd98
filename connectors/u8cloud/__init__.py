"""Wire client of Yonyou U8 Cloud (用友 U8 cloud): credentials on every call, JSON inside JSON, exact numbers out."""

from connectors.u8cloud.client import Listed, U8CloudClient, U8CloudLogin

__all__ = ["Listed", "U8CloudClient", "U8CloudLogin"]
