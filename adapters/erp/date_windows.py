"""Reading documents from lists that have page numbers and no order: by windows of document dates that fit into one page.

A list without a promised order cannot be followed by page numbers: whatever is inserted or deleted meanwhile moves other
documents across a page's edge. So a list is asked for a range of document dates, and a range that does not fit into one page
is narrowed. Only a single day that is still too long is read page by page, until two readings agree. A page is believed to be
all there is when the answer counts, or when the next page brings nothing new: a server may cut a page silently at a limit
of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from adapters.erp.records import Mapper
from hedge_core.errors import ContractViolation, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine
from hedge_core.model.records import Cursor, Mapped, Pulled, PulledLater, PullScope, Quarantined, RawRecord, Seen

_CURSOR_VERSION: Final = 1
_ATTEMPTS: Final = 3
_STAMP: Final = "%Y-%m-%d %H:%M:%S"
_AHEAD: Final = timedelta(days=366)
"""Documents are seldom dated further ahead than a year."""


@dataclass(frozen=True, slots=True)
class Window:
    """Document dates from `first` to `last`, both included; only what changed since then, where that is not empty."""

    first: date
    last: date
    changed_since: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its key, its date, when it was changed, and its parts (key and raw body each): lines, or just one."""

    key: str
    day: date
    changed: str
    parts: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Documents of one page, and how many the whole window has, where the answer says so."""

    documents: Sequence[Document]
    total: int | None = None


Ask = Callable[[str, Window, int], DocumentPage]
"""kind of list, window, page number from 1 -> that page."""


def in_windows(ask: Ask, kind: str, whole: Window, system: str) -> Iterator[tuple[Window, list[Document]]]:
    """The documents of a range of dates, window after window, each window once and completely."""
    first, days, room = whole.first, (whole.last - whole.first).days + 1, 1
    while first <= whole.last:
        window = Window(first, min(first + timedelta(days=days - 1), whole.last), whole.changed_since)
        page = ask(kind, window, 1)
        found = {document.key: document for document in page.documents}
        room = max(room, len(found))
        if _goes_on(ask, kind, window, page, found):
            if window.last > window.first:
                days = _narrower((window.last - window.first).days + 1, len(found), page.total)
                continue
            found = _one_day(ask, kind, window, system)
        strangers = [one.key for one in found.values() if not window.first <= one.day <= window.last]
        if strangers:
            reason = f"{strangers[0]} is not dated in the range asked for: the list ignores the dates"
            raise ContractViolation(kind, reason, system=system)
        yield window, sorted(found.values(), key=lambda one: (one.day, one.key))
        first = window.last + timedelta(days=1)
        if len(found) * 2 <= room:  # the same number of days again would have fitted
            days *= 2


def one_document(
    ask: Callable[..., DocumentPage],
    kind: str,
    whole: Window,
    key: str,
    find: str,
    system: str,
) -> Mapping[str, bytes]:
    """The lines of one document by the key of their reference; empty when there is no such document. `find` is the parameter by
    which the list answers one document; without it every window is read until the document comes. `ask` is an `Ask` that
    takes further conditions as its fourth argument."""
    if find:
        documents = list(ask(kind, whole, 1, {find: key}).documents)
        if any(one.key != key for one in documents):
            raise ContractViolation(kind, f"the list ignores {find}: set find in hedge_note", system=system)
    else:
        windows = in_windows(ask, kind, whole, system)
        documents = next((found for _, found in windows if any(one.key == key for one in found)), [])
    return {f"{one.key}/{part}": body for one in documents if one.key == key for part, body in one.parts}


def _narrower(days: int, on_page: int, total: int | None) -> int:
    """How many days to ask for next: half as many, or fewer where a count says that not even half would fit."""
    half = days // 2
    return half if total is None else max(1, min(half, days * on_page * 9 // (total * 10)))


def _goes_on(ask: Ask, kind: str, window: Window, page: DocumentPage, found: Mapping[str, Document]) -> bool:
    """Whether the window has more documents than its first page."""
    if page.total is not None:
        return page.total > len(found)
    if not found:
        return False
    return any(document.key not in found for document in ask(kind, window, 2).documents)


def _one_day(ask: Ask, kind: str, window: Window, system: str) -> dict[str, Document]:
    """All documents of a day that needs several pages: read until two readings agree."""
    before: dict[str, Document] | None = None
    for _ in range(_ATTEMPTS):
        found: dict[str, Document] = {}
        number = 1
        while True:
            page = ask(kind, window, number)
            new = {one.key: one for one in page.documents if one.key not in found}
            if not new:
                break
            found |= new
            number += 1
        if before is not None and before.keys() == found.keys():
            return found
        before = found
    raise Unavailable(f"{kind}: documents keep changing while they are read; try again later", system=system)


class Place(msgspec.Struct, frozen=True):
    """How far a pull of one list got: changes since when, when it began, the newest change seen, the last day read whole."""

    since: str = ""
    began: str = ""
    newest: str = ""
    through: str = ""


class WindowCursor(msgspec.Struct, frozen=True):
    """The cursor of a pull, as text for everybody else: finished points by kind, and the running place."""

    v: int = _CURSOR_VERSION
    done: dict[str, str] = {}
    kind: str = ""
    at: Place = Place()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a connection configures: the first document date read, and how far an incremental pull looks back."""

    history_from: date = date(2010, 1, 1)
    overlap_minutes: int = 120
    zone: str = "Asia/Shanghai"


class WindowReader:
    """Pulls the lines of several lists as one stream. `fields` turns a raw body into the flat fields of the mapping."""

    def __init__(
        self, ask: Ask, connection: str, system: str, mappers: Mapping[str, Mapper[ContractLine]], reading: Reading,
        fields: Callable[[bytes], dict[str, Any]], now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._ask = ask
        self._connection = connection
        self._system = system
        self._mappers = mappers
        self._reading = reading
        self._fields = fields
        self._now = now

    def pull(self, since: Cursor | None, scope: PullScope) -> Iterator[Pulled[ContractLine]]:
        """All lines of the scope, list after list. A cursor counts for the scope CHANGED only. OPEN reads every line:
        which states are open is for the mapping to say."""
        cursor = WindowCursor()
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=WindowCursor)
        for kind in self._mappers:
            if cursor.kind and cursor.kind != kind:
                continue
            resumed = cursor.kind == kind
            done = yield from self._list(kind, cursor if resumed else self._beginning(kind, cursor), scope)
            if resumed and done is None:  # nothing follows: no item would ever carry the end of this pull
                done = yield from self._list(kind, self._beginning(kind, cursor), scope)
            cursor = WindowCursor(done=cursor.done if done is None else done)

    def whole(self) -> Window:
        """From the first document date that is read to a year ahead."""
        return Window(self._reading.history_from, self._now().astimezone(self._zone).date() + _AHEAD)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._reading.zone)

    def _beginning(self, kind: str, cursor: WindowCursor) -> WindowCursor:
        began = self._now().astimezone(self._zone).strftime(_STAMP)
        return WindowCursor(done=cursor.done, kind=kind, at=Place(cursor.done.get(kind, ""), began))

    def _list(self, kind: str, cursor: WindowCursor, scope: PullScope) -> Any:
        """The lines of one list from the cursor on; returns the finished points behind them, None when there was no line.
        One window is read ahead: only the very last item may carry the end of the pull."""
        whole, at = self.whole(), cursor.at
        first = date.fromisoformat(at.through) + timedelta(days=1) if at.through else whole.first
        waiting: tuple[WindowCursor, list[Document]] | None = None
        for window, documents in in_windows(self._ask, kind, Window(first, whole.last, at.since), self._system):
            if not any(document.parts for document in documents):
                continue
            if waiting is not None:
                behind = WindowCursor(done=cursor.done, kind=kind, at=at)
                yield from self._items(kind, waiting[1], waiting[0], behind, scope)
            waiting = WindowCursor(done=cursor.done, kind=kind, at=at), documents
            newest = max([at.newest, *(document.changed for document in documents)])
            at = Place(at.since, at.began, newest, window.last.isoformat())
        if waiting is None:
            return None
        done = {**cursor.done, kind: self._finished(at)}
        yield from self._items(kind, waiting[1], waiting[0], WindowCursor(done=done), scope)
        return done

    def _items(
        self, kind: str, documents: Sequence[Document], before: WindowCursor, after: WindowCursor, scope: PullScope
    ) -> Iterator[Pulled[ContractLine]]:
        """The items of a window. Only its last one carries the cursor behind it: who stops earlier reads it again."""
        now = self._now()
        parts = [(f"{document.key}/{key}", body) for document in documents for key, body in document.parts]
        if len({key for key, _ in parts}) != len(parts):
            reason = "two lines of a document have the same key: check the option line_keys"
            raise ContractViolation(kind, reason, system=self._system)
        inside, behind = (Cursor(msgspec.json.encode(one).decode()) for one in (before, after))
        mapper = self._mappers[kind]

        def read(ref: ExternalRef, body: bytes) -> Mapped[ContractLine] | Quarantined:
            return mapper.read(ref, self._fields(body))

        for number, (key, body) in enumerate(parts, 1):
            ref = ExternalRef(self._connection, kind, key)
            ends = number == len(parts)
            cursor = behind if ends else inside
            if scope is PullScope.KEYS:
                yield Pulled(ref, Seen(), None, cursor, ends)
            else:
                raw = RawRecord.of(ref, body, now)
                yield PulledLater(ref, mapper.spec.identity, read, raw, cursor, ends)

    def _finished(self, at: Place) -> str:
        """Where the next pull begins: the newest change that was seen, though not later than this pull's beginning (a document
        changed while it ran would hide others), less the overlap, which also covers clocks that differ. A time that cannot be
        read counts as none: the next pull then reads everything again."""
        try:
            newest = datetime.strptime(min(at.newest[:19], at.began), _STAMP)  # noqa: DTZ007 - the site's own wall clock
        except ValueError:
            return at.since
        return (newest - timedelta(minutes=self._reading.overlap_minutes)).strftime(_STAMP)


def head_and_line(head: bytes, line: bytes) -> bytes:
    """The raw record of a line: header and line exactly as received, side by side."""
    return b'{"head":' + head + b',"line":' + line + b"}"


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Field name to value; what is nested gets a dotted name (`head.code`), lists are left out."""
    found: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, dict):
            found |= flat(part, f"{prefix}{name}.")
        elif not isinstance(part, list):
            found[prefix + name] = part
    return found
