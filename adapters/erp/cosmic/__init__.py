"""Kingdee Cosmic (苍穹、星瀚) as an ERP: sales and purchase order lines, stock and masters in; vouchers out."""

from adapters.erp.cosmic.adapter import SPEC_NAMES, CosmicAdapter
from adapters.erp.cosmic.vendor import CosmicOptions

__all__ = ["SPEC_NAMES", "CosmicAdapter", "CosmicOptions"]
