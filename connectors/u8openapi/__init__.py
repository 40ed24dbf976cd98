"""Wire client of Yonyou U8+ (用友 U8+): the OpenAPI relay with its tokens and paged lists, and the EAI XML interface."""

from connectors.u8openapi.client import Listed, U8Client, U8Login
from connectors.u8openapi.eai import EaiClient, EaiVoucher
from connectors.u8openapi.envelope import Signals, values

__all__ = ["EaiClient", "EaiVoucher", "Listed", "Signals", "U8Client", "U8Login", "values"]
