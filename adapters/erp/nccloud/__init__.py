"""Yonyou NC Cloud as an ERP: sales and purchase order lines and stock in; vouchers out."""

from adapters.erp.nccloud.adapter import SPEC_NAMES, NcCloudAdapter
from adapters.erp.nccloud.vendor import NcCloudOptions

__all__ = ["SPEC_NAMES", "NcCloudAdapter", "NcCloudOptions"]
