"""Limits as a table (CSV or Excel), one rule a row: the columns are the fields of `LimitRule` in either language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

from adapters.broker.table_cells import Place, day_of, fraction, text_of
from connectors.tabular import Cell, read_table
from hedge_core.errors import InvalidInput
from hedge_core.limits import problems
from hedge_core.model.limits import LimitKind, LimitRule, LotsSide, View
from messages import Message

SOE_PACK: Final = "soe"
"""The rules for state-owned companies that come with the product; nobody has them who does not import them."""
PACKS: Final = (SOE_PACK,)

_CHINESE: Final = {
    "规则": "rule_id", "限额": "rule_id", "类别": "kind", "下限": "low", "上限": "high", "账户": "account",
    "品种": "commodity", "期货品种": "product", "月份": "month", "角色": "role", "口径": "view", "方向": "side",
    "下单": "order", "盘中": "day", "日结": "settlement", "阻断": "blocks", "提前天数": "days", "整数倍": "multiple",
    "年度实货量": "volume", "计入移仓": "rolls_count", "目标": "target", "负责人": "owner", "停用": "ended",
    "生效日期": "effective_from",
}  # fmt: skip
_YES: Final = {"yes": True, "y": True, "true": True, "1": True, "是": True}
_NO: Final = {"no": False, "n": False, "false": False, "0": False, "否": False}
_ZERO: Final = Decimal(0)


def _choice(known: Mapping[str, Any]) -> Callable[[Place, Cell], Any]:
    def read(place: Place, cell: Cell) -> Any:
        text = text_of(cell).lower()
        if text not in known:
            raise place.refused("documents.cell_choice", text=text[:40], known=", ".join(known))
        return known[text]

    return read


def _number(place: Place, cell: Cell) -> Decimal:
    return fraction(place, cell, _ZERO)


def _whole(place: Place, cell: Cell) -> int:
    value = fraction(place, cell, _ZERO)
    if value != value.to_integral_value() or value < 0:
        raise place.refused("documents.cell_choice", text=text_of(cell)[:40], known="0, 1, 2, …")
    return int(value)


def _text(place: Place, cell: Cell) -> str:
    return text_of(cell)


_yes_no = _choice(_YES | _NO)
_FIELDS: Final[dict[str, Callable[[Place, Cell], Any]]] = {
    "rule_id": _text, "kind": _choice({one.value: one for one in LimitKind}), "low": _number, "high": _number,
    "account": _text, "commodity": _text, "product": _text, "month": _text, "role": _text,
    "view": _choice({one.value: one for one in View}), "side": _choice({one.value: one for one in LotsSide}),
    "order": _yes_no, "day": _yes_no, "settlement": _yes_no, "blocks": _yes_no, "days": _whole, "multiple": _whole,
    "volume": _number, "rolls_count": _yes_no, "target": _number, "owner": _text, "ended": _yes_no,
    "effective_from": day_of,
}  # fmt: skip
_NEEDED: Final = ("rule_id", "kind")


def read_limits(source: str, body: bytes, usual: date) -> list[tuple[date, LimitRule]]:
    """(effective from, rule) of every row; `usual` is the date of rows that say none. InvalidInput names row and column of the
    first cell that cannot be understood, a rule that stands there twice, and one that cannot be meant."""
    grid = read_table(source, body)
    names = [_CHINESE.get(title.strip(), title.strip().lower().replace(" ", "_")) for title in grid.header]
    for title, name in zip(grid.header, names, strict=True):
        if name and name not in _FIELDS:
            unknown = Message("documents.column_unknown", {"column": title, "known": ", ".join(_FIELDS)})
            raise InvalidInput(source, grid.header_line, title, unknown)
    for name in _NEEDED:
        if name not in names:
            raise InvalidInput(source, grid.header_line, name, Message("documents.column_missing", {"column": name}))
    found: list[tuple[date, LimitRule]] = []
    seen: set[tuple[str, date]] = set()
    for row in grid.rows:
        cells = {name: cell for name, cell in zip(names, row.cells, strict=False) if name}
        given = {
            name: _FIELDS[name](Place(source, row.line, name), cell) for name, cell in cells.items() if text_of(cell)
        }
        for name in _NEEDED:
            if name not in given:
                raise Place(source, row.line, name).refused("documents.cell_empty")
        since = given.pop("effective_from", usual)
        rule = LimitRule(**given)
        if (rule.rule_id, since) in seen:
            raise Place(source, row.line, "rule_id").refused("documents.limit_twice", rule=rule.rule_id)
        seen.add((rule.rule_id, since))
        for wrong in problems(rule):
            raise InvalidInput(source, row.line, "rule_id", wrong.reason)
        found.append((since, rule))
    return found


def pack(name: str) -> bytes:
    """The table of a pack that comes with the product; KeyError for another name."""
    if name not in PACKS:
        raise KeyError(name)
    return files(__package__).joinpath(f"limits_{name}.csv").read_bytes()
