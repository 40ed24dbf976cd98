"""Odoo as an ERP, 14 and later: orders, stock and masters in; journal entries and hedge notes out."""

from adapters.erp.odoo.adapter import SPEC_NAMES, OdooAdapter
from adapters.erp.odoo.vendor import OdooOptions

__all__ = ["SPEC_NAMES", "OdooAdapter", "OdooOptions"]
