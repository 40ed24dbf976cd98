"""Terms as a table (CSV or Excel): one kind per file, one row each, columns named after the fields in either language.

The columns of a kind are the fields of its class in `hedge_core.model.terms`; `effective_from` (生效日期) may be one of them.
Several values in one cell are separated by spaces or semicolons; yes/no, shares such as 5% and dates in any usual form are
understood.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from adapters.broker.table_cells import Place, day_of, fraction, text_of
from connectors.tabular import Cell, read_table
from hedge_core.errors import InvalidInput
from hedge_core.model.terms import TERM_KINDS, Terms
from hedge_core.term_checks import problems
from messages import Message

_CHINESE: Final = {
    "生效日期": "effective_from", "合同行": "line", "定价方式": "kind", "参考合约": "instrument", "合约": "instrument",
    "首日": "first_day", "开始日": "first_day", "末日": "last_day", "截止日": "last_day", "升贴水": "premium",
    "暂定价": "provisional", "买方点价": "buyer_prices", "公式": "formula", "计价日数": "pricing_days",
    "止损价": "stop_price", "强制点价": "forced", "溢短装": "tolerance", "关闭余量": "closed_rest", "模板": "template",
    "名称": "name", "窗口天数": "window_days", "物料": "material", "品种": "commodity", "原单位": "from_unit",
    "单位": "unit", "换算系数": "factor", "含量": "content", "回收率": "recovery", "加工厂": "processor",
    "项目": "aspect", "取值": "value", "币种": "currency", "汇率": "rate", "来源": "source", "方向": "side",
    "月份": "month", "数量": "quantity", "权重": "weight", "代码": "code", "套保品种": "hedge_commodity",
    "期货品种": "hedge_product", "比例": "ratio", "税率": "vat_rate", "对象": "subject", "标识": "tag", "账户": "account",
    "下限": "low", "上限": "high", "过期天数": "stale_days", "德尔塔": "delta", "方案": "plan_id", "内容": "what",
    "目标比例": "target_ratio", "比例下限": "ratio_low", "比例上限": "ratio_high", "合约范围": "instruments",
    "最低价": "price_low", "最高价": "price_high", "资金预算": "budget", "止损金额": "stop_loss", "账户范围": "accounts",
    "目的": "purpose", "价税调整": "vat_adjusted", "品牌": "brand", "牌号": "grade", "交货地": "place",
    "年天数": "year_days", "价格": "price", "交割日": "prompt",
}  # fmt: skip
_YES: Final = frozenset({"yes", "y", "true", "1", "是"})
_NO: Final = frozenset({"no", "n", "false", "0", "否"})
EFFECTIVE: Final = "effective_from"


def read_terms(source: str, body: bytes, kind: str, usual: date) -> list[tuple[date, Terms]]:
    """(effective from, terms) of every row; `usual` is the date of rows that say none. InvalidInput names row and column
    of the first cell that is missing, cannot be understood or cannot be meant."""
    made = TERM_KINDS[kind]
    wanted = {field.name: field for field in fields(made)}
    hints = get_type_hints(made)
    grid = read_table(source, body)
    names = [_CHINESE.get(title.strip(), title.strip().lower().replace(" ", "_")) for title in grid.header]
    for title, name in zip(grid.header, names, strict=True):
        if name and name not in wanted and name != EFFECTIVE:
            known = ", ".join((EFFECTIVE, *wanted))
            message = Message("documents.column_unknown", {"column": title, "known": known})
            raise InvalidInput(source, grid.header_line, title, message)
    for field in wanted.values():
        if field.default is MISSING and field.name not in names:
            missing = Message("documents.column_missing", {"column": field.name})
            raise InvalidInput(source, grid.header_line, field.name, missing)
    rows = []
    for row in grid.rows:
        cells = {name: cell for name, cell in zip(names, row.cells, strict=False) if name}
        since = cells.pop(EFFECTIVE, None)
        place = Place(source, row.line, EFFECTIVE)
        rows.append(
            (day_of(place, since) if text_of(since) else usual, _row(made, wanted, hints, source, row.line, cells))
        )
    return rows


def _row(
    made: type[Terms],
    wanted: Mapping[str, Field[Any]],
    hints: Mapping[str, Any],
    source: str,
    line: int,
    cells: Mapping[str, Cell],
) -> Terms:
    values: dict[str, Any] = {}
    for name, field in wanted.items():
        cell = cells.get(name)
        if not text_of(cell):
            if field.default is MISSING and not _optional(hints[name]):
                raise Place(source, line, name).refused("documents.cell_empty")
            if field.default is MISSING:
                values[name] = None
            continue
        values[name] = _value(Place(source, line, name), cell, hints[name])
    terms = made(**values)
    for name, wrong in problems(terms):
        raise InvalidInput(source, line, name, wrong)
    return terms


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _value(place: Place, cell: Cell, hint: Any) -> Any:
    kind = next(one for one in get_args(hint) if one is not type(None)) if _optional(hint) else hint
    text = text_of(cell)
    if get_origin(kind) is tuple:
        return tuple(text.replace(";", " ").replace("；", " ").split())
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        try:
            return kind(text.lower())
        except ValueError:
            known = ", ".join(member.value for member in kind)
            raise place.refused("documents.cell_choice", text=text[:40], known=known) from None
    if kind is bool:
        if text.lower() not in _YES | _NO:
            raise place.refused("documents.cell_choice", text=text[:40], known="yes, no")
        return text.lower() in _YES
    if kind is Decimal:
        return fraction(place, cell, Decimal(0))
    if kind is int:
        number = fraction(place, cell, Decimal(0))
        if number % 1:
            raise place.refused("terms.wrong_whole", text=text[:40])
        return int(number)
    return day_of(place, cell) if kind is date else text
