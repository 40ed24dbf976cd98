"""Reading JSON lists: contract lines by what changed or by place, stock as one checked whole; each record kept raw and mapped.

A cursor remembers per kind up to which change everything was read. Inside a pull only a keyset goes on where it was cut; in the
other styles rows may have moved meanwhile, so the kind is read again from the same change: repeats carry the same digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    PageStyle,
    Source,
    flat_record,
    pages,
    record_bodies,
)
from hedge_core.errors import Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine
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


def _mapped(
    mapper: Mapper[T], source: Source, record: Record, ref: ExternalRef, body: bytes
) -> Mapped[T] | Quarantined:
    return mapper.read(ref, record.fields) if record.keyed else map_body(mapper, source, ref, body)


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
        """Contract lines of both sides. Only a pull of changes goes on from a cursor."""
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
            if scope is PullScope.KEYS:
                for record in self._whole(kind, source):
                    yield Pulled(record.ref, Seen(), None, Cursor(""), False)
            else:
                for pulled, reached in self._changes(kind, source, mappers[kind], cursor, scope):
                    yield pulled
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

    def _changes(
        self, kind: str, source: Source, mapper: Mapper[ContractLine], cursor: JsonCursor, scope: PullScope
    ) -> Iterator[tuple[Pulled[ContractLine], JsonCursor]]:
        extra = dict(source.open_query) if scope is PullScope.OPEN else {}
        if scope is PullScope.CHANGED and source.tells_changes and cursor.since:
            moment = earlier_by(cursor.since, self._options.overlap_minutes)
            extra[source.since_param] = source.since_format.replace("{value}", moment)
        for _ in range(_ATTEMPTS):
            try:
                yield from self._once(kind, source, mapper, cursor, extra)
            except ListMoved:
                continue
            return
        raise self._moves(source)

    def _once(
        self, kind: str, source: Source, mapper: Mapper[ContractLine], cursor: JsonCursor, extra: Mapping[str, str]
    ) -> Iterator[tuple[Pulled[ContractLine], JsonCursor]]:
        chosen = _chosen(source, mapper.spec.fields)
        waiting: tuple[list[Record], JsonCursor, JsonCursor] | None = None
        at = cursor
        for page in pages(self._client, source, extra, cursor.after):
            if waiting is not None:
                yield from self._items(source, mapper, *waiting)
            records = [record for row in page.rows for record in self._records(kind, source, chosen, row)]
            newest = at.newest
            for changed in {record.changed for record in records}:
                newest = later(newest, changed)
            reached = msgspec.structs.replace(at, newest=newest, after=page.after)
            resumable = reached if page.after else cursor  # elsewhere the kind begins again
            waiting, at = (records, at if page.after else cursor, resumable), reached
        if waiting is not None:
            ended = JsonCursor(1, {**cursor.done, kind: at.newest})
            yield from self._items(source, mapper, waiting[0], waiting[1], ended)

    def _items(
        self, source: Source, mapper: Mapper[ContractLine], records: list[Record], before: JsonCursor, after: JsonCursor
    ) -> Iterator[tuple[Pulled[ContractLine], JsonCursor]]:
        """The records of a page; each but the last leads back to the page's beginning."""
        now, spec = self._now(), mapper.spec.identity
        texts = [Cursor(msgspec.json.encode(one).decode()) for one in (before, after)]
        for number, record in enumerate(records, 1):
            last = number == len(records)
            read = partial(_mapped, mapper, source, record)
            raw = RawRecord.of(record.ref, record.body, now)
            yield PulledLater(record.ref, spec, read, raw, texts[last], last), after if last else before

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


def _chosen(source: Source, fields: Iterable[str] = ()) -> ChosenFields:
    """What is read of a record: what identifies it, when it changed, and what its mapping wants."""
    names = [*source.id, *([source.modified] if source.modified else []), *fields]
    return ChosenFields(names, source.lines)


def _before(kind: str) -> tuple[str, ...]:
    return LINE_KINDS[: LINE_KINDS.index(kind)] if kind else ()
