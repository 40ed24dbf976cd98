"""Earlier matches (期现匹配) at go-live as a table: which spot leg was matched to which opening fill, and how much of each.

Columns, in Chinese or English: the leg as contract (合同) and line (行号), or as connection, kind and key of its record;
account (资金账号), instrument (合约), open date (开仓日期), open price (开仓价), spot quantity and futures quantity
(现货数量, 期货数量, base unit). Several rows may speak of one leg or one fill.
"""

from __future__ import annotations

from typing import Final

from adapters.broker.table_cells import Place, day_of, money, text_of
from connectors.tabular import Cell, Grid, GridRow, read_table
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.identity import ExternalRef
from hedge_core.product_table import ProductTable
from hedge_core.use_cases.opening_matches import EarlierMatch
from messages import Message

_HEADINGS: Final = {
    "contract": "contract", "合同": "contract", "合同号": "contract",
    "line": "line", "行号": "line",
    "connection": "connection", "连接": "connection",
    "kind": "kind", "类型": "kind",
    "key": "key", "键": "key",
    "account": "account", "资金账号": "account", "期货账户": "account",
    "instrument": "instrument", "合约": "instrument",
    "open date": "open_date", "open_date": "open_date", "开仓日期": "open_date",
    "open price": "open_price", "open_price": "open_price", "开仓价": "open_price",
    "spot quantity": "spot_quantity", "spot_quantity": "spot_quantity", "现货数量": "spot_quantity",
    "futures quantity": "futures_quantity", "futures_quantity": "futures_quantity", "期货数量": "futures_quantity",
}  # fmt: skip
_REQUIRED: Final = ("account", "instrument", "open_date", "open_price", "spot_quantity", "futures_quantity")
_RECORD: Final = ("connection", "kind", "key")


def read_opening_matches(source: str, body: bytes, products: ProductTable) -> list[EarlierMatch]:
    """The rows of a CSV or Excel file; a bare `cu2605` gets its exchange from `products`. InvalidInput names row and
    column of the first mistake; whether legs and fills exist is for `import_opening_matches` to find out."""
    grid = read_table(source, body)
    names = [_HEADINGS.get(title.strip().lower()) for title in grid.header]
    leg = ("contract",) if "contract" in names else _RECORD
    for required in (*leg, *_REQUIRED):
        if required not in names:
            missing = Message("documents.column_missing", {"column": required})
            raise InvalidInput(source, grid.header_line, required, missing)
    return [_Row(source, grid, names, row).read(products) for row in grid.rows]


class _Row:
    """One row and its cells by field."""

    def __init__(self, source: str, grid: Grid, names: list[str | None], row: GridRow) -> None:
        self._source, self._line = source, row.line
        self._cells: dict[str, tuple[str, Cell]] = {
            name: (title, cell)
            for name, title, cell in zip(names, grid.header, row.cells, strict=False)
            if name is not None
        }

    def read(self, products: ProductTable) -> EarlierMatch:
        opened_on = day_of(*self._at("open_date"))
        place, cell = self._at("instrument")
        try:
            instrument = products.canonical(text_of(cell), opened_on)
        except RuleBroken as broken:
            raise InvalidInput(self._source, self._line, place.field, broken.reason) from None
        contract = self._text("contract")
        return EarlierMatch(
            row=self._line,
            leg=None if contract else ExternalRef(*(self._filled(name) for name in _RECORD)),
            contract_no=contract,
            line_no=self._whole("line") if self._text("line") else None,
            account=self._filled("account"),
            instrument=instrument,
            open_date=opened_on,
            open_price=money(*self._at("open_price")),
            spot_quantity=money(*self._at("spot_quantity")),
            futures_quantity=money(*self._at("futures_quantity")),
        )

    def _at(self, name: str) -> tuple[Place, Cell]:
        title, cell = self._cells.get(name, (name, None))
        return Place(self._source, self._line, title), cell

    def _text(self, name: str) -> str:
        return text_of(self._at(name)[1])

    def _filled(self, name: str) -> str:
        if not (text := self._text(name)):
            raise self._at(name)[0].refused("documents.cell_empty")
        return text

    def _whole(self, name: str) -> int:
        place, cell = self._at(name)
        value = money(place, cell)
        if value != value.to_integral_value():
            raise place.refused("statement.not_a_number", text=text_of(cell))
        return int(value)
