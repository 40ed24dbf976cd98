"""Reading JSON lists: contract lines by what changed or by place, stock as one checked whole; each record kept raw and mapped.

A cursor remembers per kind up to which change everything was read. Inside a pull only a keyset goes on where it was cut; in the
other styles rows may have moved meanwhile, so the kind is read again from the same change: repeats carry the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import msgspec

from adapters.erp.generic_json.vendor import LINE_KINDS, GenericJsonOptions, earlier_by, later
from adapters.erp.records import Mapper
from adapters.erp.row_keys import keyless, row_key
from connectors.json_pages import (
    ChosenFields,
    JsonClient,
    ListMoved,
    Page,
    PageStyle,
    Source,
    flat_record,
    pages,
    record_bodies,
)
from hedge_core.errors import Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine
from hedge_core.model.record_pages import KnownPage, RecordPage
from hedge_core.model.records import Cursor, Mapped, Pulled, PulledLater, PullScope, Quarantined, RawRecord, Seen
from messages import Message

T = TypeVar("T")

_ATTEMPTS: Final = 3
_FORGOTTEN: Final[Mapping[str, object]] = {}
"""In place of the fields of a whole list, which is held in memory until its end."""


class JsonCursor(msgspec.Struct, frozen=True):
    """Finished kinds with their newest change; the running one with where it began, the newest change, and its keyset."""

    v: int
    done: dict[str, str]
    kind: str = ""
    since: str = ""
    newest: str = ""
    after: str = ""


class _Told(msgspec.Struct, frozen=True):
    """What is remembered of a page: its newest change, and where a keyset goes on after it."""

    newest: str
    after: str


class _Run:
    """Reading one list with one mapping, and the pages of it that are known."""

    def __init__(self, kind: str, source: Source, mapper: Mapper[ContractLine], known: Mapping[str, str]) -> None:
        self.kind = kind
        self.source = source
        self.mapper = mapper
        self.chosen = _chosen(source, mapper.spec.fields)
        self._known = known
        manner = msgspec.json.encode(
            [kind, mapper.spec.identity, source.id, source.lines, source.modified, source.rows]
        )
        self._manner = hashlib.sha256(manner)

    def token(self, page: Page) -> str:
        return self._token(page.digest)

    def told(self, page: Page) -> _Told | None:
        told = self._known.get(self.token(page)) if self._known else None
        return None if told is None else msgspec.json.decode(told, type=_Told)

    def after(self, digest: str) -> str | None:
        told = self._known.get(self._token(digest)) if self._known else None
        return None if told is None else msgspec.json.decode(told, type=_Told).after

    def _token(self, digest: str) -> str:
        """A page is the same if its bytes are and everything that decides what is read in them."""
        both = self._manner.copy()
        both.update(digest.encode())
        return both.hexdigest()


_Reached = tuple["RecordPage[ContractLine] | KnownPage[ContractLine]", JsonCursor]
"""A page and the cursor behind it."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a page with its reference, when it was changed, and its flat fields; `keyed` is False for one whose key
    fields are empty."""

    ref: ExternalRef
    body: bytes
    changed: str
    fields: Mapping[str, object]
    keyed: bool


def map_body(mapper: Mapper[T], source: Source, ref: ExternalRef, body: bytes) -> Mapped[T] | Quarantined:
    """Map a raw record (now, or again later with another spec)."""
    row = flat_record(body)
    missing = next((name for name in source.id if row_key(row, [name]) is None), None)
    if missing is not None:
        reason = Message("generic_json.key_missing", {"field": missing})
        return Quarantined(mapper.spec.identity, "id", missing, reason)
    return mapper.read(ref, row)


class JsonReader:
    """Reads the lists of one connection."""

    def __init__(
        self, client: JsonClient, connection: str, options: GenericJsonOptions, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._connection = connection
        self._options = options
        self._now = now

    def pull_lines(
        self, mappers: Mapping[str, Mapper[ContractLine]], since: Cursor | None, scope: PullScope
    ) -> Iterator[Pulled[ContractLine]]:
        """Contract lines of both sides, one by one."""
        if scope is not PullScope.KEYS:
            for page in self.pull_pages(mappers, since, scope, {}):
                yield from (page.again() if isinstance(page, KnownPage) else page).items()
            return
        for kind in LINE_KINDS:
            source = self._options.kinds.get(kind)
            for record in self._whole(kind, source) if source is not None else ():
                yield Pulled(record.ref, Seen(), None, Cursor(""), False)

    def pull_pages(
        self,
        mappers: Mapping[str, Mapper[ContractLine]],
        since: Cursor | None,
        scope: PullScope,
        known: Mapping[str, str],
    ) -> Iterator[RecordPage[ContractLine] | KnownPage[ContractLine]]:
        """Contract lines of both sides, page by page; of those in `known` (token -> told) only their names. Only a pull of
        changes goes on from a cursor."""
        cursor = JsonCursor(1, {})
        if since is not None and scope is PullScope.CHANGED:
            cursor = msgspec.json.decode(since, type=JsonCursor)
        for kind in LINE_KINDS:
            source = self._options.kinds.get(kind)
            if source is None or kind in _before(cursor.kind):
                continue
            if cursor.kind != kind:
                start = cursor.done.get(kind, "")
                cursor = JsonCursor(1, cursor.done, kind, start, start)
            last = cursor
            for page, reached in self._changes(_Run(kind, source, mappers[kind], known), cursor, scope):
                yield page
                last = reached
            cursor = JsonCursor(1, last.done)

    def pull_whole(self, kind: str, mapper: Mapper[T]) -> Iterator[Pulled[T]]:
        """Every record of a list, once, read to its end before the first is given out."""
        source = self._options.kinds.get(kind)
        if source is None:
            return
        records = self._whole(kind, source)
        now = self._now()
        for number, record in enumerate(records, 1):
            read = partial(map_body, mapper, source)
            ends = number == len(records) or number % 1000 == 0
            raw = RawRecord.of(record.ref, record.body, now)
            yield PulledLater(record.ref, mapper.spec.identity, read, raw, Cursor(""), ends)

    def first_rows(self, source: Source) -> list[bytes]:
        """The raw records of the first page: for a check."""
        page = next(pages(self._client, source, {}), None)
        return [body for row in page.rows for body in record_bodies(row, source.lines)] if page else []

    def _changes(self, run: _Run, cursor: JsonCursor, scope: PullScope) -> Iterator[_Reached]:
        source = run.source
        extra = dict(source.open_query) if scope is PullScope.OPEN else {}
        if scope is PullScope.CHANGED and source.tells_changes and cursor.since:
            moment = earlier_by(cursor.since, self._options.overlap_minutes)
            extra[source.since_param] = source.since_format.replace("{value}", moment)
        for _ in range(_ATTEMPTS):
            try:
                yield from self._once(run, cursor, extra)
            except ListMoved:
                continue
            return
        raise self._moves(source)

    def _once(self, run: _Run, cursor: JsonCursor, extra: Mapping[str, str]) -> Iterator[_Reached]:
        """One page behind the other side: only what follows a page tells whether it is the last one."""
        waiting: Page | None = None
        at = cursor
        for page in pages(self._client, run.source, extra, cursor.after, run.after):
            if waiting is not None:
                made, at = self._page(run, waiting, cursor, at, False)
                yield made, at if at.after else cursor
            waiting = page
        if waiting is not None:
            yield self._page(run, waiting, cursor, at, True)

    def _page(
        self, run: _Run, page: Page, cursor: JsonCursor, before: JsonCursor, ends: bool
    ) -> tuple[RecordPage[ContractLine] | KnownPage[ContractLine], JsonCursor]:
        """A page, read or recognised, and the cursor behind it. Its records lead back to its beginning, or where the list
        cannot be taken up inside to the beginning of the kind."""

        def behind(newest: str) -> JsonCursor:
            newest = later(before.newest, newest)
            if ends:
                return JsonCursor(1, {**cursor.done, run.kind: newest})
            return msgspec.structs.replace(before, newest=newest, after=page.after)

        def read() -> RecordPage[ContractLine]:
            made, newest = self._read(run, page)
            made.inside = _text(before if page.after else cursor)
            made.after = _text(_resumable(behind(newest)))
            return made

        def _resumable(reached: JsonCursor) -> JsonCursor:
            return reached if reached.after or ends else cursor

        told = run.told(page)
        if told is not None:
            reached = behind(told.newest)
            return KnownPage(run.token(page), _text(_resumable(reached)), read), reached
        made = read()
        return made, behind(msgspec.json.decode(made.told, type=_Told).newest)

    def _read(self, run: _Run, page: Page) -> tuple[RecordPage[ContractLine], str]:
        """The records of a page and the newest change among them."""
        source, mapper, connection = run.source, run.mapper, self._connection
        bodies, flats = run.chosen.columns_of(page.rows)
        keys = [row_key(flat, source.id) for flat in flats]
        newest = ""
        if source.modified:
            for changed in {flat.get(source.modified) for flat in flats}:
                text = changed.isoformat() if isinstance(changed, datetime) else str(changed or "")
                newest = later(newest, text)
        keyless_at = {place for place, key in enumerate(keys) if key is None}
        known = [key or keyless(body) for key, body in zip(keys, bodies, strict=True)]

        def read(places: Sequence[int]) -> list[Mapped[ContractLine] | Quarantined]:
            refs = [ExternalRef(connection, run.kind, known[place]) for place in places]
            if not keyless_at:
                return mapper.read_all(refs, [flats[place] for place in places])
            return [
                map_body(mapper, source, ref, bodies[place]) if place in keyless_at else mapper.read(ref, flats[place])
                for ref, place in zip(refs, places, strict=True)
            ]

        sha = hashlib.sha256
        digests = [sha(body).hexdigest() for body in bodies]
        told = msgspec.json.encode(_Told(newest, page.after)).decode()
        made = RecordPage(
            connection, run.kind, mapper.spec.identity, known, bodies, digests, self._now(), Cursor(""), Cursor(""), read,
            run.token(page), told,
        )  # fmt: skip
        return made, newest

    def _records(self, kind: str, source: Source, chosen: ChosenFields, row: bytes) -> Iterator[Record]:
        for body, flat in chosen.records_of(row):
            key = row_key(flat, source.id)
            changed = flat.get(source.modified) if source.modified else None
            text = changed.isoformat() if isinstance(changed, datetime) else str(changed or "")
            ref = ExternalRef(self._connection, kind, key or keyless(body))
            yield Record(ref, body, text, flat, key is not None)

    def _whole(self, kind: str, source: Source) -> list[Record]:
        """The whole list. A list that is paged by number is read twice: only equal keys prove that nothing slipped through."""
        for _ in range(_ATTEMPTS):
            try:
                found = self._pass(kind, source)
                if source.pages is not PageStyle.PAGE or found.keys() == self._pass(kind, source).keys():
                    return list(found.values())
            except ListMoved:
                continue
        raise self._moves(source)

    def _pass(self, kind: str, source: Source) -> dict[str, Record]:
        chosen = _chosen(source)
        return {
            record.ref.key: replace(record, fields=_FORGOTTEN)
            for page in pages(self._client, source, {})
            for row in page.rows
            for record in self._records(kind, source, chosen, row)
        }

    def _moves(self, source: Source) -> Unavailable:
        return Unavailable(
            f"{source.path} keeps changing while it is read; try again later", system=self._client.system
        )


def _text(cursor: JsonCursor) -> Cursor:
    return Cursor(msgspec.json.encode(cursor).decode())


def _chosen(source: Source, fields: Iterable[str] = ()) -> ChosenFields:
    """What is read of a record: what identifies it, when it changed, and what its mapping wants."""
    names = [*source.id, *([source.modified] if source.modified else []), *fields]
    return ChosenFields(names, source.lines)


def _before(kind: str) -> tuple[str, ...]:
    return LINE_KINDS[: LINE_KINDS.index(kind)] if kind else ()
