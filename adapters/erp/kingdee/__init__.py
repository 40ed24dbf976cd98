"""Kingdee K/3 Cloud as an ERP: orders, stock and masters in; vouchers and hedge notes out."""

from adapters.erp.kingdee.adapter import KingdeeAdapter
from adapters.erp.kingdee.vendor import KingdeeOptions

__all__ = ["KingdeeAdapter", "KingdeeOptions"]
