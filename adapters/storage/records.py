"""Raw records with every version received, pull cursors, and the quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, Select, Text, case, func, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite

from adapters.storage.bulk import WORTH, upsert_columns
from adapters.storage.codec import decode_open, encode_open
from adapters.storage.pages import FEWEST, Place, RawPages
from adapters.storage.schema import CURRENT, CURSORS, QUARANTINE, RAW_RECORDS
from adapters.storage.scope import Scope, pages
from hedge_core.model.identity import ExternalRef
from hedge_core.model.records import Cursor, Gone, Mapped, Pulled, Quarantined, RawRecord
from hedge_core.ports.storage import QuarantineEntry

MAX_CURSOR_BYTES: Final = 4096


class Records:
    """`hedge_core.ports.storage.RecordStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._pages = RawPages(scope)
        self._new: set[tuple[str, str, str]] = set()  # asked for in this unit, and nothing was there

    def cursor(self, connection: str, kind: str) -> Cursor | None:
        table = CURSORS
        found = self._scope.first(
            self._scope.select(table, table.c.cursor).where(table.c.connection == connection, table.c.kind == kind)
        )
        return None if found is None else Cursor(found.cursor)

    def save_cursor(self, connection: str, kind: str, cursor: Cursor) -> None:
        """ValueError for a cursor of more than 4 KB."""
        if len(cursor.encode()) > MAX_CURSOR_BYTES:
            raise ValueError(f"a cursor has at most {MAX_CURSOR_BYTES} bytes; {connection}/{kind} has more")
        row = {"connection": connection, "kind": kind, "cursor": cursor, "saved_at": self._scope.clock.now()}
        self._scope.upsert(CURSORS, [row])

    def known(self, connection: str, kind: str, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """`key -> (digest, spec identity)`; a record that is gone is not known, so that its return is something to do."""
        table = RAW_RECORDS
        query = self._scope.select(table, table.c.key, table.c.digest, table.c.spec, table.c.gone_at).where(
            table.c.connection == connection, table.c.kind == kind, CURRENT
        )
        found: dict[str, tuple[str, str]] = {}
        self._new.update((connection, kind, key) for key in keys)
        for page in pages(keys):
            for row in self._scope.rows(self._one_by_one(query, page)):
                self._new.discard((connection, kind, row.key))
                if row.gone_at is None:
                    found[row.key] = row.digest, row.spec
        return found

    def _one_by_one(self, query: Select[Any], keys: Sequence[str]) -> Select[Any]:
        """The rows of a query with these keys. In a table that grew since its statistics were made PostgreSQL takes a scan of
        the whole book for the cheaper way, page after page; LIMIT 1 leaves it the index only."""
        key = RAW_RECORDS.c.key
        if self._scope.connection.dialect.name != "postgresql":
            return query.where(self._scope.among(key, keys))
        asked = select(func.unnest(literal(list(keys), ARRAY(Text))).label("key")).subquery()
        one = query.where(key == asked.c.key).limit(1).lateral()
        return select(one).select_from(asked.join(one, true()))

    def save_raw(self, items: Sequence[Pulled[Any]]) -> None:
        """As the port says; of two items with one reference the later counts. `Seen` says nothing new, `Gone` marks the
        record gone. ValueError for a mapped or quarantined item without its raw record: nothing may be lost."""
        latest = {item.ref: item for item in items}
        read = [item for item in latest.values() if isinstance(item.outcome, Mapped | Quarantined)]
        new = {ref for ref in latest if (ref.connection, ref.kind, ref.key) in self._new} if self._new else frozenset()
        self._replace([(_raw(item), item.outcome.spec) for item in read], new)  # type: ignore[union-attr]
        self._quarantine([(_raw(item), item.outcome) for item in read if isinstance(item.outcome, Quarantined)])
        self._release([item.ref for item in read if item.ref not in new and isinstance(item.outcome, Mapped)])
        self._new.clear()
        self.mark_gone([i.ref for i in latest.values() if isinstance(i.outcome, Gone)], self._scope.clock.now())

    def raw(self, ref: ExternalRef) -> RawRecord | None:
        """The current version as received, also of a record that is gone since."""
        table = RAW_RECORDS
        found = self._scope.first(
            self._scope.select(table).where(
                table.c.connection == ref.connection, table.c.kind == ref.kind, table.c.key == ref.key, CURRENT
            )
        )
        if found is None:
            return None
        (body,) = self._pages.bodies([found]).values()
        return RawRecord(ref, body, found.received_at, found.digest)

    def quarantine(self, connection: str | None = None) -> list[QuarantineEntry]:
        """Records that wait, by reference."""
        entry, raw = QUARANTINE, RAW_RECORDS
        same = [raw.c[name] == entry.c[name] for name in ("book_id", "connection", "kind", "key", "digest")]
        query = (
            self._scope.select(entry, entry, raw.c.body, raw.c.received_at, raw.c.page, raw.c.place, raw.c.length)
            .where(*same, entry.c.released_at.is_(None))
            .order_by(entry.c.connection, entry.c.kind, entry.c.key)
        )
        if connection is not None:
            query = query.where(entry.c.connection == connection)
        rows = self._scope.rows(query)
        bodies = self._pages.bodies(rows)
        return [_entry(row, bodies[row.connection, row.kind, row.key, row.digest]) for row in rows]

    def keys(self, connection: str, kind: str) -> set[str]:
        table = RAW_RECORDS
        query = self._scope.select(table, table.c.key).where(
            table.c.connection == connection, table.c.kind == kind, CURRENT, table.c.gone_at.is_(None)
        )
        return {row.key for row in self._scope.rows(query)}

    def mark_gone(self, refs: Sequence[ExternalRef], at: datetime) -> None:
        """The records no longer exist on the other side since `at`; what waits in quarantine waits no longer."""
        for (connection, kind), keys in _by_kind(refs):
            table = RAW_RECORDS
            self._scope.run(
                self._scope.update(table)
                .where(
                    table.c.connection == connection,
                    table.c.kind == kind,
                    self._scope.among(table.c.key, keys),
                    CURRENT,
                )
                .where(table.c.gone_at.is_(None))
                .values(gone_at=at)
            )
        self._release(refs)

    def _replace(self, records: Sequence[tuple[RawRecord, str]], new: Collection[ExternalRef]) -> None:
        """`new` are those that have no version yet which could be current."""
        table = RAW_RECORDS
        for (connection, kind), keys in _by_kind([raw.ref for raw, _ in records if raw.ref not in new]):
            self._scope.run(
                self._scope.update(table)
                .where(
                    table.c.connection == connection,
                    table.c.kind == kind,
                    self._scope.among(table.c.key, keys),
                    CURRENT,
                )
                .values(is_current=False)
            )
        for page in _by_connection(records):
            self._add(page)

    def _add(self, records: Sequence[tuple[RawRecord, str]]) -> None:
        """New current versions of records of one connection."""
        places: Sequence[Place | tuple[None, None, None]] = [(None, None, None)] * len(records)
        bodies = [raw.body for raw, _ in records]
        if len(records) >= FEWEST:
            places = self._pages.keep(records[0][0].ref.connection, [raw for raw, _ in records])
            bodies = [b""] * len(records)
        page, place, length = zip(*places, strict=True)
        columns: dict[str, Sequence[Any]] = {
            "connection": [raw.ref.connection for raw, _ in records],
            "kind": [raw.ref.kind for raw, _ in records],
            "key": [raw.ref.key for raw, _ in records],
            "digest": [raw.digest for raw, _ in records],
            "is_current": [True] * len(records),
            "spec": [spec for _, spec in records],
            "body": bodies,
            "received_at": [raw.received_at for raw, _ in records],
            "gone_at": [None] * len(records),
            "page": page,
            "place": place,
            "length": length,
        }
        kept = ["body", "page", "place", "length"]  # the digest is part of the key: the same digest is the same bytes
        if len(records) >= WORTH:
            upsert_columns(self._scope, RAW_RECORDS, columns, keep=kept)
        else:
            rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
            self._scope.upsert(RAW_RECORDS, rows, keep=kept)

    def _quarantine(self, records: Sequence[tuple[RawRecord, Quarantined]]) -> None:
        table = QUARANTINE
        dialect = postgresql if self._scope.connection.dialect.name == "postgresql" else sqlite
        new: Any = dialect.insert(table)
        changed = {c.name: new.excluded[c.name] for c in table.c if not c.primary_key}
        # one that waits already has waited since its first day
        changed["since"] = case((table.c.released_at.is_(None), table.c.since), else_=new.excluded.since)
        rows = [
            {
                "book_id": self._scope.book,
                **_where(raw.ref),
                "digest": raw.digest,
                "since": raw.received_at,
                "spec": reason.spec,
                "rule": reason.rule,
                "target": reason.column,
                "reason": encode_open(reason.reason),
                "value": reason.value,
                "released_at": None,
            }
            for raw, reason in records
        ]
        self._scope.run(new.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed), rows)

    def _release(self, refs: Sequence[ExternalRef]) -> None:
        table = QUARANTINE
        for (connection, kind), keys in _by_kind(refs):
            self._scope.run(
                self._scope.update(table)
                .where(table.c.connection == connection, table.c.kind == kind, self._scope.among(table.c.key, keys))
                .where(table.c.released_at.is_(None))
                .values(released_at=self._scope.clock.now())
            )


def _raw(item: Pulled[Any]) -> RawRecord:
    if item.raw is None:
        raise ValueError(f"{item.ref} comes without its raw record")
    return item.raw


def _by_connection(records: Sequence[tuple[RawRecord, str]]) -> Iterable[list[tuple[RawRecord, str]]]:
    found: dict[str, list[tuple[RawRecord, str]]] = defaultdict(list)
    for record in records:
        found[record[0].ref.connection].append(record)
    return found.values()


def _where(ref: ExternalRef) -> dict[str, str]:
    return {"connection": ref.connection, "kind": ref.kind, "key": ref.key}


def _by_kind(refs: Iterable[ExternalRef]) -> list[tuple[tuple[str, str], list[str]]]:
    """Keys in pages by (connection, kind), so that a statement names at most a page of them."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for ref in refs:
        keys[ref.connection, ref.kind].append(ref.key)
    return [(where, page) for where, found in keys.items() for page in pages(found)]


def _entry(row: Any, body: bytes) -> QuarantineEntry:
    ref = ExternalRef(row.connection, row.kind, row.key)
    return QuarantineEntry(
        ref=ref,
        raw=RawRecord(ref, body, row.received_at, row.digest),
        reason=Quarantined(row.spec, row.rule, row.target, decode_open(row.reason), row.value),
        since=row.since,
    )
