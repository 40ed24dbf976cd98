"""Any ERP by files: lists in as CSV or Excel, vouchers and hedge notes out, an acknowledgement file back."""

from adapters.erp.file_drop.adapter import SPEC_NAMES, FileDropAdapter
from adapters.erp.file_drop.vendor import FileDropOptions

__all__ = ["SPEC_NAMES", "FileDropAdapter", "FileDropOptions"]
