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
from messages import Message, Text, all_texts, say

EMPTY: Final = "–"
MONEY_PLACES: Final = 2
_PIPE_WIDTH: Final = 200
"""Columns where standard output is no terminal and COLUMNS says nothing: a file or a pager."""

_PROSE: Final = frozenset({"changes", "dimensions", "finding", "findings", "reason", "summary", "value", "why"})
"""Columns of sentences, which may wrap; everything else is a code or a figure and stays on one line if it can."""
_PROSE_WIDTH: Final = 32


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
        are the columns that a narrow screen does without, the last of them first."""
        listed = list(rows)
        if self.as_json:
            self.data([{name: plain(row.get(name), self.lang) for name in columns} for row in listed])
            return
        if not listed:
            self.tell(Message("cli.nothing", {"title": Message(f"cli.title_{title}")}))
            return
        shown = {name: _column([row.get(name) for row in listed], self.lang) for name in columns}
        numeric = {name for name in columns if _all_numbers([row.get(name) for row in listed])}
        heads = {name: self.text(Message(f"cli.column_{name}")) for name in columns}
        console = _console()
        left_out = _left_out(heads, shown, spare, console.width)
        table = Table()
        for name in columns:
            if name not in left_out:
                side = "right" if name in numeric else "left"
                table.add_column(heads[name], justify=side, overflow="fold", no_wrap=name in numeric)  # type: ignore[arg-type]
        for cells in zip(*(shown[name] for name in columns if name not in left_out), strict=True):
            table.add_row(*map(PlainText, cells))
        self._print(console, title, table)
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
        self._print(_console(), title, table)

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

    def _print(self, console: Console, title: str, table: Table) -> None:
        console.print(self.text(Message(f"cli.title_{title}")), style="bold", markup=False, highlight=False)
        console.print(table)

    def _err(self) -> Console:
        return Console(stderr=True)


def _console() -> Console:
    """Standard output as wide as COLUMNS or the terminal says."""
    stated = os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty()
    return Console(width=None if stated else _PIPE_WIDTH)


def _left_out(
    heads: Mapping[str, str], shown: Mapping[str, Sequence[str]], spare: Sequence[str], width: int
) -> list[str]:
    """The spare columns that have to go until the table fits into `width` cells."""
    needed = {}
    for name, cells in shown.items():
        widest = max(cell_len(cell) for cell in cells)
        needed[name] = max(cell_len(heads[name]), min(widest, _PROSE_WIDTH) if name in _PROSE else widest)
    gone: list[str] = []
    for name in reversed(spare):
        if sum(cells + 3 for cells in needed.values()) + 1 <= width:
            break
        del needed[name]
        gone.insert(0, name)
    return gone


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
    parts = (all_texts().get(f"cli.word_{part.replace(' ', '_')}") or Text(part, part) for part in code.split(":"))
    return ("：" if lang == "zh" else ": ").join(part.in_language(lang) for part in parts)
