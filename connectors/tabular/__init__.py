"""Tables that people send: CSV or Excel bytes in, a header and rows of text, Decimals and dates out."""

from connectors.tabular.sheets import Sheet, is_workbook, read_sheets
from connectors.tabular.table import Cell, Grid, GridRow, read_table

__all__ = ["Cell", "Grid", "GridRow", "Sheet", "is_workbook", "read_sheets", "read_table"]
