"""Printable pages: a designation as the formal documentation, a voucher as a calculation sheet with its sources."""

from adapters.report.designation_page import designation_page
from adapters.report.voucher_page import voucher_page

__all__ = ["designation_page", "voucher_page"]
