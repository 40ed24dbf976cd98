"""The generated Python of one compiled spec while it is being written: lines, their places in the spec, and constants.

Safety rests on one rule that the tests hold us to: a line is made of words fixed in this package and of numbered names
(`t3`, `c7`). What comes from a spec - field names, texts, numbers, codes - lives in the table of constants and never in a
line, so no spec can become code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Site:
    """The cell of the spec that a line was made from. `offset` counts characters from 1, 0 is the whole cell; `source`
    is the field whose value is shown when the line fails: the one that is being read, else the row's source."""

    row: int
    target: str
    column: str
    offset: int
    source: str
    reading: bool = False


@dataclass(slots=True)
class WorkCounter:
    """Counts the steps a counting build really takes: one for each row, and one for each part of a formula reached."""

    steps: int = 0


class Listing:
    """Lines of a function body under way. Each line is one statement and runs at most once per record: there are no
    loops, so `steps` - the steps written - bounds the steps taken."""

    def __init__(self, counter: WorkCounter | None) -> None:
        self.lines: list[str] = []
        self.sites: dict[int, Site] = {}
        self.names: dict[str, Any] = {}
        self.numbers: dict[str, str] = {}
        """Constant that holds a value map -> constant that holds its results as numbers."""
        self.steps = 0
        self._counter = counter
        self._known: dict[tuple[type, str], str] = {}
        self._temporaries = 0
        self._depth = 1
        self._held: list[dict[object, str]] = [{}]
        if counter is not None:
            self.names["k"] = counter

    def line(self, text: str, site: Site | None = None) -> None:
        """Write one statement; `site` is where an error in it belongs."""
        self.lines.append("    " * self._depth + text)
        if site is not None:
            self.sites[len(self.lines)] = site

    @contextmanager
    def block(self, head: str, site: Site | None = None) -> Iterator[None]:
        """Write `head:` and indent what follows."""
        self.line(head + ":", site)
        self._depth += 1
        self._held.append({})
        yield
        self._held.pop()
        self._depth -= 1

    def step(self) -> None:
        """Account for one step; a counting build counts it when it runs."""
        self.steps += 1
        if self._counter is not None:
            self.line("k.steps += 1")

    def temporary(self) -> str:
        """A fresh local name."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def held(self, what: object) -> str | None:
        """The name that holds something already worked out on every way to the line that comes next."""
        return next((names[what] for names in self._held if what in names), None)

    def hold(self, what: object, name: str) -> None:
        """From here to the end of the block `name` holds it and does not change."""
        self._held[-1][what] = name

    def constant(self, value: object) -> str:
        """The name of a constant; texts and numbers that are equal share one."""
        if value is None or value is True or value is False:
            return repr(value)
        key = (type(value), repr(value))
        shareable = isinstance(value, str | int) or type(value).__name__ == "Decimal"
        if shareable and key in self._known:
            return self._known[key]
        name = f"c{len(self.names)}"
        self.names[name] = value
        if shareable:
            self._known[key] = name
        return name
