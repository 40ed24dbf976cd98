"""One table's cells as values: labels resolved to fields, text read as exact numbers, lots, dates and coded words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from adapters.broker.ctp_statement import vendor
from connectors.ctp_settlement import Row, Table
from hedge_core.errors import InvalidInput
from hedge_core.plausible_days import is_plausible
from messages import Message

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,8})?")
_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")

_WORDS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "exchange": vendor.EXCHANGE_NAMES,
        "direction": vendor.DIRECTIONS,
        "offset": vendor.OFFSETS,
        "hedge_flag": vendor.FLAGS,
    }
)
_DATES: Final = frozenset({"moved_on", "traded_on", "closed_on", "open_date", "delivered_on"})
_TEXTS: Final = frozenset({"kind", "note", "instrument", "fill_id", "outcome"})
_LEAST_LOTS: Final = MappingProxyType({"lots": 1, "long_lots": 0, "short_lots": 0})
_NOT_ADDED_UP: Final = re.compile(r"price|average|settlement|strike")
"""Fields that a total row cannot add up."""


def refused(source: str, line: int, field: str, reason: str, /, **params: object) -> InvalidInput:
    """An `InvalidInput` about one place of the file."""
    return InvalidInput(source, line, field, Message(reason, params))


def amount(source: str, line: int, field: str, text: str) -> Decimal:
    """An exact Decimal from plain digits, with or without thousands commas; anything else is refused."""
    if not _NUMBER.fullmatch(text):
        raise refused(source, line, field, "statement.not_a_number", text=text[:40])
    return Decimal(text.replace(",", ""))


def day_of(source: str, line: int, field: str, text: str) -> date:
    """A date printed as yyyymmdd (hyphens allowed)."""
    match = _DAY.fullmatch(text)
    try:
        found = date(*(int(part) for part in match.groups())) if match else _never()
    except ValueError:
        raise refused(source, line, field, "statement.not_a_date", text=text[:40]) from None
    if not is_plausible(found):
        raise refused(source, line, field, "statement.far_day", text=text[:40])
    return found


def _never() -> date:
    raise ValueError


class Cells:
    """The columns of one table by field name, and the row being read (`row`)."""

    def __init__(self, source: str, table: Table, columns: Mapping[str, vendor.Column]) -> None:
        self.source = source
        self.table = table
        self.row: Row = table.total
        by_label: dict[str, str] = {}
        for english, chinese in reversed(table.labels.items()):
            by_label[vendor.plain(chinese)] = english
            by_label[vendor.plain(english)] = english
        self._columns: dict[str, str] = {}
        for name, column in columns.items():
            found = next((by_label[key] for label in column.labels if (key := vendor.plain(label)) in by_label), None)
            if found is not None:
                self._columns[name] = found
            elif column.required:
                shown = {"section": table.title, "columns": ", ".join(table.labels)}
                raise refused(source, table.line, " ".join(column.labels[::-1]), "statement.column_missing", **shown)
        self._plan = [(name, label, self._reader(name)) for name, label in self._columns.items()]

    def _reader(self, name: str) -> Callable[[str, str], Any]:
        """How the cells of a column are read: (name, text) -> value. A month has thousands of rows, so this is found once."""
        if name in _WORDS:
            return self._word
        if name in _DATES:
            return self._day
        if name == "fill_id":
            return self._number_of_fill
        if name in _TEXTS:
            return lambda _, text: text
        return self._lots if name in _LEAST_LOTS else self._amount

    def label(self, name: str) -> str:
        """A field's label as printed, in both languages."""
        english = self._columns.get(name, name)
        return f"{self.table.labels.get(english, '')} {english}".strip()

    def text(self, name: str) -> str:
        """The cell's text; empty where the table has no such column."""
        label = self._columns.get(name)
        return self.row.cells.get(label, "") if label is not None else ""

    def values(self, section: str, skip: frozenset[str]) -> dict[str, Any]:
        """The current row as values by field; columns that the table lacks are left to the model's defaults, or zero."""
        cells = self.row.cells
        values = {name: read(name, cells.get(label, "")) for name, label, read in self._plan if name not in skip}
        if section in ("positions", "summary"):
            values.setdefault("holding_mtm", Decimal(0))
        if section == "closed":
            values.setdefault("hedge_flag", None)
        if section == "deliveries":
            values.setdefault("open_price", Decimal(0))
            values.setdefault("result", Decimal(0))
        return values

    def totals(self, section: str) -> list[tuple[str, Decimal]]:
        """The total row's figures by field: lots, amounts and results, never prices."""
        return [
            (name, amount(self.source, self.row.line, self.label(name), text))
            for name in vendor.COLUMNS[section]
            if name not in _WORDS and name not in _DATES and name not in _TEXTS and not _NOT_ADDED_UP.search(name)
            if (text := self.text(name))
        ]

    def _amount(self, name: str, text: str) -> Decimal:
        if not _NUMBER.fullmatch(text):
            return amount(self.source, self.row.line, self.label(name), text)
        return Decimal(text.replace(",", ""))

    def _day(self, name: str, text: str) -> date:
        return day_of(self.source, self.row.line, self.label(name), text)

    def _number_of_fill(self, name: str, text: str) -> str:
        if not text:
            raise refused(self.source, self.row.line, self.label(name), "statement.fill_number_missing")
        return text

    def _word(self, name: str, text: str) -> Any:
        words = _WORDS[name]
        key = text if text in words else "".join(text.split())
        if key not in words:
            shown = {"text": text[:40], "known": "、".join(words)}
            raise refused(self.source, self.row.line, self.label(name), "statement.unknown_word", **shown)
        return words[key]

    def _lots(self, name: str, text: str) -> int:
        value = self._amount(name, text)
        least = _LEAST_LOTS[name]
        if value != int(value) or value < least:
            shown = {"text": text[:40], "least": least}
            raise refused(self.source, self.row.line, self.label(name), "statement.not_lots", **shown)
        return int(value)
