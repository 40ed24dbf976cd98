"""The rows of raw records: versions of which one is current, what is known of them, and what of them waits in quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, Select, Text, case, func, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite

from adapters.storage.bulk import WORTH, upsert_columns
from adapters.storage.codec import encode_open
from adapters.storage.known_pages import KnownPages
from adapters.storage.pages import FEWEST, Place, RawPages
from adapters.storage.schema import CURRENT, QUARANTINE, RAW_RECORDS
from adapters.storage.scope import Scope, pages
from hedge_core.model.identity import ExternalRef
from hedge_core.model.record_pages import PageToKeep, RecordPage
from hedge_core.model.records import Quarantined

_COLUMNS: Final = (
    "connection", "kind", "key", "digest", "is_current", "spec", "body", "received_at", "gone_at", "page", "place", "length",
)  # fmt: skip


class RawRows:
    """Those of one book, for one unit of work."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._pages = RawPages(scope)
        self.known_pages = KnownPages(scope)
        self._new: set[tuple[str, str, str]] = set()  # asked for in this unit, and nothing was there

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

    def keep(self, kept: Sequence[PageToKeep]) -> list[str | None]:
        """Current versions of the records at the places of pages, none of them twice; the raw page of each in which they all
        lie, None where they keep their bytes themselves or may lie where a version of before does."""
        rows: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        parts: list[str | None] = []
        waited: list[ExternalRef] = []
        for one in kept:
            page, places = one.page, one.places
            keys, digests, bodies = _at(page.keys, places), _at(page.digests, places), _at(page.bodies, places)
            count = len(keys)
            new = self._taken(page.connection, page.kind, keys)
            if len(new) < count:
                self._retire(page.connection, page.kind, [key for key in keys if key not in new])
            where: Sequence[Place | tuple[None, None, None]] = [(None, None, None)] * count
            if count >= FEWEST:
                where = self._pages.keep(page.connection, digests, bodies)
                bodies = [b""] * count
            parts.append(where[0][0] if len(new) == count and count else None)
            columns = (
                [page.connection] * count, [page.kind] * count, keys, digests, [True] * count, [page.spec] * count, bodies,
                [page.received_at] * count, [None] * count, *zip(*where, strict=True),
            )  # fmt: skip
            for name, values in zip(_COLUMNS, columns, strict=False):
                rows[name] += values
            held = {page.keys[place] for place, _ in one.held} if one.held else ()
            known = [key for key in keys if key not in new and key not in held] if len(new) < count else ()
            waited += [ExternalRef(page.connection, page.kind, key) for key in known]
        self._add(rows)
        self._quarantine([(one.page, *each) for one in kept for each in one.held])
        self._release(waited)
        return parts

    def parts(self, connection: str, kind: str, keys: Sequence[str]) -> set[str | None]:
        """The raw pages in which the current versions of records lie; None among them for what lies elsewhere, is gone or is
        not there at all."""
        table = RAW_RECORDS
        query = self._scope.select(table, table.c.key, table.c.page, table.c.gone_at).where(
            table.c.connection == connection, table.c.kind == kind, CURRENT
        )
        rows = [row for page in pages(keys) for row in self._scope.rows(self._one_by_one(query, page))]
        found = {None if row.gone_at is not None else row.page for row in rows}
        return found if len(rows) == len(set(keys)) else {*found, None}

    def gone(self, refs: Sequence[ExternalRef], at: datetime) -> None:
        """The records no longer exist on the other side since `at`; what waits in quarantine waits no longer."""
        for (connection, kind), keys in _by_kind(refs):
            table = RAW_RECORDS
            gone = self._scope.rows(
                self._scope.update(table)
                .where(
                    table.c.connection == connection,
                    table.c.kind == kind,
                    self._scope.among(table.c.key, keys),
                    CURRENT,
                )
                .where(table.c.gone_at.is_(None))
                .values(gone_at=at)
                .returning(table.c.page)
            )
            self.known_pages.forget(connection, [row.page for row in gone])
        self._release(refs)

    def _taken(self, connection: str, kind: str, keys: Sequence[str]) -> Collection[str]:
        """Those of the keys that have no version yet which could be current; from now on they have one."""
        if not self._new:
            return frozenset()
        new = {key for key in keys if (connection, kind, key) in self._new}
        self._new.difference_update([(connection, kind, key) for key in new])
        return new

    def _retire(self, connection: str, kind: str, retired: Sequence[str]) -> None:
        table = RAW_RECORDS
        for keys in pages(retired):
            before = self._scope.rows(
                self._scope.update(table)
                .where(
                    table.c.connection == connection,
                    table.c.kind == kind,
                    self._scope.among(table.c.key, keys),
                    CURRENT,
                )
                .values(is_current=False)
                .returning(table.c.page)
            )
            self.known_pages.forget(connection, [row.page for row in before])

    def _add(self, columns: dict[str, list[Any]]) -> None:
        """New current versions."""
        kept = ["body", "page", "place", "length"]  # the digest is part of the key: the same digest is the same bytes
        if len(columns["key"]) >= WORTH:
            upsert_columns(self._scope, RAW_RECORDS, columns, keep=kept)
        else:
            rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
            self._scope.upsert(RAW_RECORDS, rows, keep=kept)

    def _quarantine(self, records: Sequence[tuple[RecordPage[Any], int, Quarantined]]) -> None:
        table = QUARANTINE
        dialect = postgresql if self._scope.connection.dialect.name == "postgresql" else sqlite
        new: Any = dialect.insert(table)
        changed = {c.name: new.excluded[c.name] for c in table.c if not c.primary_key}
        # one that waits already has waited since its first day
        changed["since"] = case((table.c.released_at.is_(None), table.c.since), else_=new.excluded.since)
        rows = [
            {
                "book_id": self._scope.book,
                "connection": page.connection,
                "kind": page.kind,
                "key": page.keys[place],
                "digest": page.digests[place],
                "since": page.received_at,
                "spec": reason.spec,
                "rule": reason.rule,
                "target": reason.column,
                "reason": encode_open(reason.reason),
                "value": reason.value,
                "released_at": None,
            }
            for page, place, reason in records
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


def _at(column: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return list(column) if len(places) == len(column) else [column[place] for place in places]


def _by_kind(refs: Iterable[ExternalRef]) -> list[tuple[tuple[str, str], list[str]]]:
    """Keys in pages by (connection, kind), so that a statement names at most a page of them."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for ref in refs:
        keys[ref.connection, ref.kind].append(ref.key)
    return [(where, page) for where, found in keys.items() for page in pages(found)]
