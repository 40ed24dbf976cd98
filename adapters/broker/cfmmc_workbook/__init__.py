"""Workbooks of the market monitoring centre (CFMMC) as `AccountStatement`s: `read_statements(file name, bytes)`."""

from adapters.broker.cfmmc_workbook.layout import is_cfmmc
from adapters.broker.cfmmc_workbook.read import read_sheets_of, read_statements

__all__ = ["is_cfmmc", "read_sheets_of", "read_statements"]
