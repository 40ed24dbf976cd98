"""Raw records with every version received, pull cursors, and the quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from adapters.storage.codec import decode_open
from adapters.storage.pages import RawPages
from adapters.storage.raw_rows import RawRows
from adapters.storage.schema import CURRENT, CURSORS, QUARANTINE, RAW_RECORDS
from adapters.storage.scope import Scope
from hedge_core.model.identity import ExternalRef
from hedge_core.model.record_pages import PageToKeep, RecordPage
from hedge_core.model.records import Cursor, Gone, Mapped, Pulled, Quarantined, RawRecord
from hedge_core.ports.storage import QuarantineEntry

MAX_CURSOR_BYTES: Final = 4096


class Records:
    """`hedge_core.ports.storage.RecordStore` of one book."""

    def __init__(self, scope: Scope, rows: RawRows) -> None:
        self._scope = scope
        self._rows = rows
        self._pages = RawPages(scope)

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
        return self._rows.known(connection, kind, keys)

    def save_raw(self, items: Sequence[Pulled[Any]]) -> None:
        """As the port says; of two items with one reference the later counts. `Seen` says nothing new, `Gone` marks the
        record gone. ValueError for a mapped or quarantined item without its raw record: nothing may be lost."""
        latest = {item.ref: item for item in items}
        read = [item for item in latest.values() if isinstance(item.outcome, Mapped | Quarantined)]
        by_source: dict[tuple[str, str, str | None, datetime], list[Pulled[Any]]] = defaultdict(list)
        for item in read:
            by_source[item.ref.connection, item.ref.kind, item.spec, _raw(item).received_at].append(item)
        self._rows.keep([_as_page(of_source) for of_source in by_source.values()])
        self._rows.gone([i.ref for i in latest.values() if isinstance(i.outcome, Gone)], self._scope.clock.now())

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

    def mark_gone(self, refs: Sequence[ExternalRef], at: datetime) -> None:
        """The records no longer exist on the other side since `at`; what waits in quarantine waits no longer."""
        self._rows.gone(refs, at)

    def keys(self, connection: str, kind: str) -> set[str]:
        table = RAW_RECORDS
        query = self._scope.select(table, table.c.key).where(
            table.c.connection == connection, table.c.kind == kind, CURRENT, table.c.gone_at.is_(None)
        )
        return {row.key for row in self._scope.rows(query)}


def _raw(item: Pulled[Any]) -> RawRecord:
    if item.raw is None:
        raise ValueError(f"{item.ref} comes without its raw record")
    return item.raw


def _as_page(items: Sequence[Pulled[Any]]) -> PageToKeep:
    """Items of one connection, kind and mapping, received at one moment."""
    first, raws = items[0], [_raw(item) for item in items]
    outcomes = [item.outcome for item in items]
    page: RecordPage[Any] = RecordPage(
        first.ref.connection,
        first.ref.kind,
        first.spec or "",
        [item.ref.key for item in items],
        [raw.body for raw in raws],
        [raw.digest for raw in raws],
        raws[0].received_at,
        first.cursor,
        items[-1].cursor,
        lambda places: [outcomes[place] for place in places],  # type: ignore[misc]
    )
    held = [(place, outcome) for place, outcome in enumerate(outcomes) if isinstance(outcome, Quarantined)]
    return PageToKeep(page, range(len(items)), held)


def _entry(row: Any, body: bytes) -> QuarantineEntry:
    ref = ExternalRef(row.connection, row.kind, row.key)
    return QuarantineEntry(
        ref=ref,
        raw=RawRecord(ref, body, row.received_at, row.digest),
        reason=Quarantined(row.spec, row.rule, row.target, decode_open(row.reason), row.value),
        since=row.since,
    )
