"""Reads the trading calendar from `calendar_cn.csv` and `night_sessions.csv`, with a table of one's own laid over it.

`calendar_cn.csv` holds the public holidays of the State Council's notices for 2025 and 2026, which the exchanges follow; next
year's is published in November. An override table has the same form (`date,state,note`; state is closed, open or no_night)
and wins date by date, for a typhoon, a test or a notice that came later. Night sessions are those of the products known to
the product table; the counter's own trading day wins over both.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, time
from functools import cache
from importlib.resources import files

from hedge_core.errors import InvalidInput
from hedge_core.trading_calendar import CalendarEntry, DayState, NightSession, TradingCalendar
from messages import Message

COLUMNS = ("date", "state", "note")
NIGHT_COLUMNS = ("exchange", "code", "night_ends", "effective_from")


@cache
def load_calendar() -> TradingCalendar:
    """The calendar that comes with the product. Read once."""
    return read_calendar()


def read_calendar(source: str = "", overrides: bytes = b"") -> TradingCalendar:
    """The product's calendar with an override table (UTF-8 CSV) laid over it. `InvalidInput` naming row and column."""
    entries = list(_entries("calendar_cn.csv", _own("calendar_cn.csv")))
    if overrides:
        entries += _entries(source, overrides)
    nights = [_night("night_sessions.csv", *row) for row in _rows("night_sessions.csv", _own("night_sessions.csv"))]
    return TradingCalendar(entries, nights)


def _own(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


def _entries(source: str, body: bytes) -> Iterator[CalendarEntry]:
    for line, row in _rows(source, body, COLUMNS):
        column = "date"
        try:
            day = date.fromisoformat((row["date"] or "").strip())
            column = "state"
            state = DayState((row["state"] or "").strip())
        except ValueError:
            raise InvalidInput(source, line, column, Message("tabular.bad_value", {"text": row[column]})) from None
        yield CalendarEntry(day, state, (row["note"] or "").strip())


def _night(source: str, line: int, row: dict[str, str]) -> NightSession:
    column = "night_ends"
    try:
        ends = time.fromisoformat(row["night_ends"]) if row["night_ends"] else None
        column = "effective_from"
        effective_from = date.fromisoformat(row["effective_from"])
    except ValueError:
        raise InvalidInput(source, line, column, Message("tabular.bad_value", {"text": row[column]})) from None
    return NightSession(row["exchange"], row["code"], ends, effective_from)


def _rows(source: str, body: bytes, columns: tuple[str, ...] = NIGHT_COLUMNS) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(source, 0, "file", Message("tabular.undecodable", {"offset": error.start})) from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    header = text.split("\n", 1)[0].strip().split(",")
    missing = [name for name in columns if name not in header]
    if missing:
        raise InvalidInput(source, 1, missing[0], Message("tabular.column_missing", {"columns": ", ".join(columns)}))
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error:
        raise InvalidInput(source, rows.line_num, "file", Message("tabular.quote_open")) from None
