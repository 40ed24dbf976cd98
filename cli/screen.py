"""What a command shows: data on standard output as a table or JSON, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text as PlainText

from hedge_core.canonical import decimal_text
from messages import Message, Text, find_text, say

EMPTY: Final = "–"
MONEY_PLACES: Final = 2
_PIPE_WIDTH: Final = 200
"""Columns where standard output is no terminal and COLUMNS says nothing: a file or a pager."""

_PROSE: Final = frozenset({"changes", "dimensions", "finding", "findings", "reason", "summary", "value", "why"})
"""Columns of sentences, which may wrap; everything else is a code or a figure and stays on one line if it can."""
_PROSE_WIDTH: Final = 32
_CODE_WIDTH: Final = 40
"""Cells a code or a sentence asks for before it may wrap; a figure never wraps."""
_FRAME: Final = 3
"""Cells a column needs beside its text; the table itself one more."""


@dataclass(frozen=True, slots=True)
class Word:
    """A code of ours: JSON keeps the code, a table shows `cli.word_…` in the reader's language. So do enums."""

    code: str


@dataclass(frozen=True, slots=True)
class Screen:
    """Speaks `lang` (en or zh); `as_json` turns tables into JSON."""

    lang: str
    as_json: bool = False

    def text(self, message: Message | str) -> str:
        return say(message, self.lang) if isinstance(message, Message) else message

    def tell(self, message: Message | str, style: str = "") -> None:
        """A sentence for the person at the screen; where standard error is no terminal it stays on one line."""
        self._err().print(self.text(message), style=style or None, markup=False, highlight=False, soft_wrap=True)

    def rows(
        self, title: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], spare: Sequence[str] = ()
    ) -> None:
        """A list of records. `title` and `columns` are names in the catalogue (`cli.title_…`, `cli.column_…`); `spare`
        are the columns that a narrow screen does without, the last of them first. What is still too wide then goes on in
        a second table below, beginning with the columns that name the row."""
        listed = list(rows)
        if self.as_json:
            self.data([{name: plain(row.get(name), self.lang) for name in columns} for row in listed])
            return
        if not listed:
            self.tell(Message("cli.nothing", {"title": Message(f"cli.title_{title}")}))
            return
        shown = {name: _column([row.get(name) for row in listed], self.lang) for name in columns}
        numeric = {name for name in columns if _all_numbers([row.get(name) for row in listed])}
        heads = {name: self.text(_heading(title, name)) for name in columns}
        console = _console()
        needed = {name: _needed(name, heads[name], shown[name], name in numeric) for name in columns}
        left_out = _left_out(needed, spare, console.width)
        kept = [name for name in columns if name not in left_out]
        self._title(console, title)
        for part in _parts(kept, shown, needed, console.width):
            table = Table()
            for name in part:
                side = "right" if name in numeric else "left"
                table.add_column(heads[name], justify=side, overflow="fold", no_wrap=name in numeric)  # type: ignore[arg-type]
            for cells in zip(*(shown[name] for name in part), strict=True):
                table.add_row(*map(PlainText, cells))
            console.print(table)
        if left_out:
            self.tell(Message("cli.left_out", {"columns": ", ".join(heads[name] for name in left_out)}))

    def record(self, title: str, fields: Mapping[str, Any]) -> None:
        """One record, field by field."""
        if self.as_json:
            self.data({name: plain(value, self.lang) for name, value in fields.items()})
            return
        table = Table(show_header=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in fields.items():
            table.add_row(self.text(Message(f"cli.column_{name}")), *map(PlainText, _column([value], self.lang)))
        console = _console()
        self._title(console, title)
        console.print(table)

    def data(self, value: Any) -> None:
        """JSON on standard output: Decimals and dates as text."""
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2) + b"\n")
        sys.stdout.flush()

    def progress(self) -> Progress:
        """A progress bar on standard error."""
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._err(),
            transient=False,
        )

    def _title(self, console: Console, title: str) -> None:
        console.print(self.text(Message(f"cli.title_{title}")), style="bold", markup=False, highlight=False)

    def _err(self) -> Console:
        return Console(stderr=True)


def _console() -> Console:
    """Standard output as wide as COLUMNS or the terminal says."""
    stated = os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty()
    return Console(width=None if stated else _PIPE_WIDTH)


def _heading(title: str, name: str) -> Message:
    """A column's heading: the table's own (`cli.heading_morning_due_line`) where its word means something else elsewhere."""
    own = Message(f"cli.heading_{title}_{name}")
    return own if find_text(own.id) else Message(f"cli.column_{name}")


def _needed(name: str, head: str, cells: Sequence[str], numeric: bool) -> int:
    """The cells a column asks for: all of a figure, and of words as much as reads well."""
    widest = max(cell_len(cell) for cell in cells)
    most = widest if numeric else _PROSE_WIDTH if name in _PROSE else _CODE_WIDTH
    return max(cell_len(head), min(widest, most))


def _width(needed: Iterable[int]) -> int:
    return sum(cells + _FRAME for cells in needed) + 1


def _left_out(needed: Mapping[str, int], spare: Sequence[str], width: int) -> list[str]:
    """The spare columns that have to go until the table fits into `width` cells."""
    kept, gone = dict(needed), list[str]()
    for name in reversed([name for name in spare if name in needed]):
        if _width(kept.values()) <= width:
            break
        del kept[name]
        gone.insert(0, name)
    return gone


def _parts(
    columns: Sequence[str], shown: Mapping[str, Sequence[str]], needed: Mapping[str, int], width: int
) -> list[list[str]]:
    """The columns in tables that fit, each beginning with what names a row: the first column, and the second where the
    first says the same of several rows. A column wider than the screen stands with them alone."""
    if _width(needed[name] for name in columns) <= width:
        return [list(columns)]
    names_rows = len(set(shown[columns[0]])) == len(shown[columns[0]])
    key = list(columns[: 1 if names_rows else 2])
    if _width(needed[name] for name in key) > width // 2:
        key = key[:1]
    parts, part = [], list(key)
    for name in columns[len(key) :]:
        if len(part) > len(key) and _width(needed[one] for one in (*part, name)) > width:
            parts.append(part)
            part = list(key)
        part.append(name)
    return [*parts, part]


def plain(value: Any, lang: str) -> Any:
    """A value as JSON knows it: Decimals and dates as text, codes as codes, sentences in `lang`."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, Word):
        return value.code
    if isinstance(value, Message):
        return say(value, lang)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(item, lang) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item, lang) for key, item in value.items()}
    return value


def _all_numbers(values: Sequence[Any]) -> bool:
    """Whether a column holds figures and nothing else."""
    filled = [value for value in values if value is not None]
    return bool(filled) and all(isinstance(value, Decimal | int) and not isinstance(value, bool) for value in filled)


def _column(values: Sequence[Any], lang: str) -> list[str]:
    """A column's cells; its decimals show the same number of places, as few as hold every figure exactly, and money
    (figures that all came with two places) its two."""
    if not _all_numbers(values):
        return [_shown(value, lang) for value in values]
    decimals = [value for value in values if isinstance(value, Decimal)]
    places = max((_places(value) for value in decimals), default=0)
    if decimals and all(value.as_tuple().exponent == -MONEY_PLACES for value in decimals):
        places = MONEY_PLACES
    return [
        f"{value or abs(value):,.{places}f}" if isinstance(value, Decimal) else _shown(value, lang) for value in values
    ]


def _places(value: Decimal) -> int:
    """Decimal places without closing zeros."""
    _, _, fraction = decimal_text(value).partition(".")
    return len(fraction)


def _shown(value: Any, lang: str) -> str:
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, Decimal):
        return f"{value or abs(value):,.{_places(value)}f}"
    if isinstance(value, int):
        return f"{value:,d}"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Word | Enum):
        return _word(value.code if isinstance(value, Word) else str(value.value), lang)
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item, lang) for item in value) or EMPTY
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_shown(item, lang)}" for key, item in value.items()) or EMPTY
    return str(plain(value, lang))


def _word(code: str, lang: str) -> str:
    """The label of a code, part by part (`fields:sale_line`); a code without one shows itself."""
    parts = (find_text(f"cli.word_{part.replace(' ', '_')}") or Text(part, part) for part in code.split(":"))
    return ("：" if lang == "zh" else ": ").join(part.in_language(lang) for part in parts)
