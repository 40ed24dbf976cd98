"""ExecuteBillQuery and BillQuery: field keys, filter and order become one SELECT; one row per line of a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kingdee.books import SCALE, Books, lines_table
from sandbox.kingdee.filters import BadFilter, read_filter
from sandbox.kingdee.forms import Field, Form
from sandbox.kingdee.texts import say

MOST_FIELDS = 300
LAST_ROW = 2**62


class QueryRefused(ValueError):
    """The query asks for something that is not there; the text is the answer's message."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of plain JSON values in the order of `keys`."""

    keys: tuple[str, ...]
    rows: list[list[Any]]


def run_query(books: Books, request: Mapping[str, Any], max_limit: int) -> QueryResult:
    """Answer one query. `max_limit` caps the rows of one page whatever Limit says."""
    form = books.form(request.get("FormId") or "")
    if form is None:
        raise QueryRefused(say("unknown_form"))
    keys = _keys(request.get("FieldKeys"))
    plan = _Plan(books, form)
    try:
        columns = [plan.resolve(key) for key in keys]
        condition = read_filter(request.get("FilterString"), plan.resolve)
        order = _order(str(request.get("OrderString") or ""), plan)
    except BadFilter as error:
        raise QueryRefused(say("bad_filter", reason=error)) from error
    start, limit = _page(request, max_limit)
    where = f" WHERE {condition.sql}" if condition else ""
    sql = (
        f"SELECT {', '.join(sql for sql, _ in columns)} FROM {plan.source()}{where} "  # noqa: S608
        f"ORDER BY {', '.join([*order, *plan.last_order()])} LIMIT ? OFFSET ?"
    )
    parameters = [*(condition.parameters if condition else []), limit, start]
    kinds = [kind for _, kind in columns]
    rows = [
        [as_json(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in books.rows(sql, parameters)
    ]
    return QueryResult(keys, rows)


def as_json(value: Any, kind: str) -> Any:
    """A stored value as it travels: decimals as floats, a missing base as 0, other missing values as null."""
    if kind == "decimal":
        return (value or 0) / SCALE
    if value is None:
        return 0 if kind in ("base", "owner", "flex", "integer") else None
    if kind == "flag":
        return str(value).lower() in ("true", "1")
    return value


def _keys(source: Any) -> tuple[str, ...]:
    words = source if isinstance(source, list) else str(source or "").split(",")
    keys = tuple(str(word).strip() for word in words if str(word).strip())
    if not keys:
        raise QueryRefused(say("bad_request", reason="FieldKeys"))
    if len(keys) > MOST_FIELDS:
        raise QueryRefused(say("bad_request", reason="FieldKeys"))
    return keys


def _page(request: Mapping[str, Any], max_limit: int) -> tuple[int, int]:
    try:
        start, limit, top = (int(request.get(key) or 0) for key in ("StartRow", "Limit", "TopRowCount"))
    except (TypeError, ValueError) as error:
        raise QueryRefused(say("bad_request", reason=error)) from error
    limit = min(limit, max_limit) if limit > 0 else max_limit
    if top > 0:
        limit = min(limit, max(0, top - start))
    if start > LAST_ROW:
        raise QueryRefused(say("bad_request", reason="StartRow"))
    return max(0, start), limit


def _order(text: str, plan: _Plan) -> list[str]:
    order = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, *direction = part.split()
        if len(direction) > 1 or (direction and direction[0].upper() not in ("ASC", "DESC")):
            raise BadFilter(f"cannot read {part!r}")
        order.append(f"{plan.resolve(key)[0]} {direction[0].upper() if direction else 'ASC'}")
    return order


class _Plan:
    """Collects the joins that the asked fields need."""

    def __init__(self, books: Books, form: Form) -> None:
        self._books = books
        self._form = form
        self._joins: dict[str, str] = {}
        self._lines = False

    def resolve(self, key: str) -> tuple[str, str]:
        """SQL expression and kind of a field key such as `FCustId.FNumber` or `FSaleOrderEntry_FEntryID`."""
        head, *rest = key.split(".")
        form = self._form
        if head.lower() == form.pk.lower() and not rest:
            return "h.id", "integer"
        if form.entry is not None and not rest and head.lower() in _line_id_keys(form):
            self._lines = True
            return "e.id", "integer"
        declared = form.header_field(head)
        alias = "h"
        if declared is None and "__" not in head:
            declared, rest = self._line_field(head, rest)
            alias = "e"
        if declared is None:
            raise QueryRefused(say("unknown_field", key=key))
        if alias == "e":
            self._lines = True
        return self._follow(alias, declared, rest, key)

    def _line_field(self, head: str, rest: list[str]) -> tuple[Field | None, list[str]]:
        if head.lower() == "fdetailid" and rest:
            return self._form.entry_field(f"FDetailID__{rest[0]}"), rest[1:]
        if self._form.entry is not None and head.lower() == f"{self._form.lines.key}_FSeq".lower():
            head = "FSeq"
        return self._form.entry_field(head), rest

    def _follow(self, alias: str, declared: Field, rest: list[str], key: str) -> tuple[str, str]:
        column = f'{alias}."{declared.key}"'
        if not rest:
            return column, declared.kind
        if declared.kind not in ("base", "flex", "owner") or len(rest) > 3:
            raise QueryRefused(say("unknown_field", key=key))
        table = "owners" if declared.kind == "owner" else declared.form
        joined = self._joins.setdefault(f'LEFT JOIN "{table}" AS {{}} ON {{}}.id = {column}', f"b{len(self._joins)}")
        if declared.kind == "owner":
            if rest[0].lower() not in ("fnumber", "fname") or len(rest) > 1:
                raise QueryRefused(say("unknown_field", key=key))
            return f"{joined}.{rest[0]}", "text"
        target = self._books.forms[declared.form.lower()]
        if rest[0].lower() in (target.pk.lower(), "fid"):
            return f"{joined}.id", "integer"
        following = target.header_field(rest[0])
        if following is None:
            raise QueryRefused(say("unknown_field", key=key))
        return self._follow(joined, following, rest[1:], key)

    def source(self) -> str:
        """The FROM clause."""
        parts = [f'"{self._form.id}" AS h']
        if self._lines:
            parts.append(f'LEFT JOIN "{lines_table(self._form)}" AS e ON e.parent = h.id')
        parts += [template.format(alias, alias) for template, alias in self._joins.items()]
        return " ".join(parts)

    def last_order(self) -> list[str]:
        """What decides where OrderString does not: newest first, as a site gives no promise."""
        return ["h.id DESC", "e.id DESC"] if self._lines else ["h.id DESC"]


def _line_id_keys(form: Form) -> tuple[str, ...]:
    return (f"{form.lines.key}_FEntryID".lower(), "fentryid")
