"""Reading lists: which files count, each row kept raw and mapped, a broken row held back alone.

A raw record is JSON: `row` (heading -> cell, as the file has it; an Excel number with the digits Excel shows) and `fault`,
what is wrong with the row as such (a key that is missing or there twice, more cells than headings). Neither file name nor
line stands in it: the same row in tomorrow's file is the same record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from adapters.erp.file_drop.vendor import CHANGES, LINE_KINDS, MAY_BE_EMPTY, FileDropOptions
from adapters.erp.records import Mapper
from adapters.erp.row_keys import keyless, row_key
from connectors.drop_folder import Area, DropFolder, Dropped
from connectors.tabular import Grid, GridRow, read_table
from hedge_core.errors import InvalidInput, RuleBroken, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine
from hedge_core.model.records import Cursor, Mapped, Pulled, PulledLater, PullScope, Quarantined, RawRecord, Seen
from messages import Message

T = TypeVar("T")

PAGE_ROWS: Final = 500
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class FileCursor(msgspec.Struct, frozen=True):
    """Which content of each kind was read to its end, and how far the running one got."""

    v: int
    done: dict[str, str]
    kind: str = ""
    content: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """The records of a kind as they stand in the files that count: reference key -> raw body, and a mark of the content."""

    content: str
    bodies: Mapping[str, bytes]


def raw_row(body: bytes) -> dict[str, Any]:
    """Heading to cell of a raw record."""
    row: dict[str, Any] = _decoder.decode(body)["row"]
    return row


def map_body(mapper: Mapper[T], ref: ExternalRef, body: bytes) -> Mapped[T] | Quarantined:
    """Map a raw record (now, or again later with another spec)."""
    kept = _decoder.decode(body)
    fault = kept.get("fault")
    if fault:
        reason = Message(f"file_drop.{fault['name']}", {"column": fault["column"]})
        return Quarantined(mapper.spec.identity, "file", fault["column"], reason, ref.key[:200])
    return mapper.read(ref, kept["row"])


def column_names(source: str, grid: Grid) -> list[str]:
    """The headings of a table, one name per column; a column without a heading is called by its place."""
    names = [name or f"#{place}" for place, name in enumerate(grid.header, 1)]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        reason = Message("tabular.column_twice", {"first": twice, "second": twice})
        raise InvalidInput(source, grid.header_line, twice, reason)
    return names


class ListReader:
    """Reads the lists of one connection."""

    def __init__(
        self, folder: DropFolder, connection: str, options: FileDropOptions, now: Callable[[], datetime]
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._options = options
        self._now = now

    def files(self, kind: str) -> list[Dropped]:
        """The files of a kind, oldest name first, those that still wait included."""
        starts = tuple(start.casefold() for start in self._options.names_of(kind))
        return [file for file in self._folder.files(Area.IN) if file.name.casefold().startswith(starts)]

    def table(self, file: Dropped) -> tuple[list[str], Grid]:
        """Headings and rows of one file. InvalidInput when it is no table."""
        grid = read_table(file.name, self._folder.read(file), keep_wide_rows=True)
        return column_names(file.name, grid), grid

    def pull_lines(
        self, mappers: Mapping[str, Mapper[ContractLine]], since: Cursor | None, scope: PullScope
    ) -> Iterator[Pulled[ContractLine]]:
        """Contract lines of both sides. CHANGED reads what was not read before and passes over a list that still waits; OPEN
        needs every list there is, KEYS one of each side. RuleBroken for a sweep of keys where lists hold changes only."""
        if scope is PullScope.KEYS and self._options.contracts == CHANGES:
            raise RuleBroken("key_sweep", self._connection, Message("file_drop.no_key_sweep"))
        cursor = FileCursor(1, {})
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=FileCursor)
        for kind in LINE_KINDS:
            listed = self._lines(kind, scope)
            if listed is None or cursor.done.get(kind) == listed.content:
                continue
            start = cursor.at if (cursor.kind, cursor.content) == (kind, listed.content) else 0
            yield from self._from(kind, listed, start, cursor.done, mappers[kind], scope)
            cursor = FileCursor(1, {**cursor.done, kind: listed.content}, cursor.kind, cursor.content, cursor.at)

    def pull_whole(self, kind: str, mapper: Mapper[T], *, needed: bool) -> Iterator[Pulled[T]]:
        """Every row of the newest list of a kind. Unavailable while it waits; when there is none, only if `needed`."""
        files = self.files(kind)
        if not files and not needed:
            return
        listed = self._merged(kind, self._at_rest(kind, files)[-1:])
        now = self._now()
        for number, (key, body) in enumerate(listed.bodies.items(), 1):
            ref = ExternalRef(self._connection, kind, key)
            ends = number % PAGE_ROWS == 0 or number == len(listed.bodies)
            raw = RawRecord.of(ref, body, now)
            yield PulledLater(ref, mapper.spec.identity, partial(map_body, mapper), raw, Cursor(""), ends)

    def _at_rest(self, kind: str, files: Sequence[Dropped]) -> Sequence[Dropped]:
        """The files, all of them readable. An absent or unfinished list is no empty list: that would delete everything."""
        if not files:
            starts = " / ".join(self._options.names_of(kind))
            raise Unavailable(f"in/ holds no file whose name begins with {starts}", system=self._folder.system)
        waiting = next((file for file in files if file.wait is not None), None)
        if waiting is not None:
            raise Unavailable(f"{waiting.name} is not finished ({waiting.wait})", system=self._folder.system)
        return files

    def _lines(self, kind: str, scope: PullScope) -> Listed | None:
        files: Sequence[Dropped] = self.files(kind)
        if self._options.contracts != CHANGES:
            files = files[-1:]
        if scope is PullScope.CHANGED:  # the lists at rest; what comes after one that waits has to wait with it
            files = files[: next((place for place, file in enumerate(files) if file.wait), len(files))]
        elif files or scope is PullScope.KEYS:
            files = self._at_rest(kind, files)
        return self._merged(kind, files) if files else None

    def _merged(self, kind: str, files: Sequence[Dropped]) -> Listed:
        """Rows by key; of a key in several files the last one counts."""
        mark = hashlib.sha256()
        bodies: dict[str, bytes] = {}
        for file in files:
            own: dict[str, bytes] = {}
            names, grid = self.table(file)
            for row in grid.rows:
                key, body = self._record(kind, names, row, own)
                own[key] = body
            bodies |= own
        for key, body in bodies.items():
            mark.update(hashlib.sha256(key.encode() + b"\0" + body).digest())
        return Listed(mark.hexdigest()[:32], bodies)

    def _record(self, kind: str, names: list[str], row: GridRow, seen: Mapping[str, bytes]) -> tuple[str, bytes]:
        cells = {name: row.cells[place] for place, name in enumerate(names)}
        beyond = {f"#{place}": row.cells[place - 1] for place in range(len(names) + 1, len(row.cells) + 1)}
        columns = self._options.keys_of(kind)
        key = row_key({**cells, **self._blanks(kind, cells)}, columns)
        if any(cell is not None for cell in beyond.values()):
            return _held(key, {**cells, **beyond}, seen, "row_too_wide", next(iter(beyond)))
        if key is None:
            missing = next((name for name in columns if cells.get(name) is None), columns[0])
            return _held(None, cells, seen, "key_missing", missing)
        if key in seen:
            return _held(key, cells, seen, "key_twice", columns[0])
        return key, _encoder.encode({"row": cells})

    @staticmethod
    def _blanks(kind: str, cells: Mapping[str, Any]) -> dict[str, str]:
        """Parts of a key that may be empty, written so that they still hold their place."""
        return {name: "-" for name in MAY_BE_EMPTY.get(kind, ()) if cells.get(name) is None}

    def _from(
        self,
        kind: str,
        listed: Listed,
        start: int,
        done: dict[str, str],
        mapper: Mapper[ContractLine],
        scope: PullScope,
    ) -> Iterator[Pulled[ContractLine]]:
        now = self._now()
        last = len(listed.bodies)
        for at, (key, body) in enumerate(listed.bodies.items(), 1):
            if at <= start:
                continue
            ref = ExternalRef(self._connection, kind, key)
            reached = FileCursor(1, done, kind, listed.content, at)
            if at == last:
                reached = FileCursor(1, {**done, kind: listed.content})
            cursor = Cursor(msgspec.json.encode(reached).decode())
            ends = at == last or at % PAGE_ROWS == 0
            if scope is PullScope.KEYS:
                yield Pulled(ref, Seen(), None, cursor, ends)
            else:
                raw = RawRecord.of(ref, body, now)
                yield PulledLater(ref, mapper.spec.identity, partial(map_body, mapper), raw, cursor, ends)


def _held(
    key: str | None, cells: Mapping[str, Any], seen: Mapping[str, bytes], fault: str, column: str
) -> tuple[str, bytes]:
    """A row that is kept raw and goes to quarantine, under a reference of its own."""
    body = _encoder.encode({"row": cells, "fault": {"name": fault, "column": column}})
    name = key if key is not None else keyless(body)
    number, free = 2, name
    while free in seen:
        free = f"{name}#{number}"
        number += 1
    return free, body
