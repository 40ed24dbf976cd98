"""Yonyou U8 Cloud as an ERP: sales and purchase order lines, stock and masters in; vouchers out."""

from adapters.erp.u8cloud.adapter import SPEC_NAMES, U8CloudAdapter
from adapters.erp.u8cloud.vendor import U8CloudOptions

__all__ = ["SPEC_NAMES", "U8CloudAdapter", "U8CloudOptions"]
