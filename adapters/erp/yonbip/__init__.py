"""Yonyou YonBIP / YonSuite as an ERP: sales and purchase order lines and stock in; vouchers out."""

from adapters.erp.yonbip.adapter import SPEC_NAMES, YonBipAdapter
from adapters.erp.yonbip.vendor import YonBipOptions

__all__ = ["SPEC_NAMES", "YonBipAdapter", "YonBipOptions"]
