"""Yonyou U8+ as an ERP: sales and purchase order lines, stock, materials and partners in; vouchers out, by OpenAPI or EAI."""

from adapters.erp.u8openapi.adapter import SPEC_NAMES, U8Adapter
from adapters.erp.u8openapi.vendor import U8Options

__all__ = ["SPEC_NAMES", "U8Adapter", "U8Options"]
