"""Everything ever received of a record, each version with the times it was what the other side showed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.storage.known_pages import KnownPages
from adapters.storage.pages import RawPages
from adapters.storage.schema import CURRENT, RAW_RECORDS, RECORD_STAYS
from adapters.storage.scope import Scope
from hedge_core.model.identity import ExternalRef
from hedge_core.model.records import RawRecord
from hedge_core.ports.record_versions import RecordVersion


class RecordVersions:
    """`hedge_core.ports.record_versions.RecordVersionStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._pages = RawPages(scope)

    def versions(self, connection: str, kind: str) -> Sequence[RecordVersion]:
        raw, stay = RAW_RECORDS, RECORD_STAYS
        rows = self._scope.rows(self._scope.select(raw).where(raw.c.connection == connection, raw.c.kind == kind))
        bodies = self._pages.bodies(rows)
        found = [
            _version(row, row.received_at, row.is_current, bodies[connection, kind, row.key, row.digest])
            for row in rows
        ]
        earlier = self._scope.select(stay).where(stay.c.connection == connection, stay.c.kind == kind)
        found += [
            _version(row, row.since, False, bodies[connection, kind, row.key, row.digest])
            for row in self._scope.rows(earlier)
        ]
        return sorted(found, key=lambda one: (one.raw.ref.key, one.raw.received_at, one.current))

    def read_by(self, connection: str, kind: str, spec: str) -> int:
        table = RAW_RECORDS
        changed = self._scope.update(table).where(
            table.c.connection == connection, table.c.kind == kind, CURRENT, table.c.gone_at.is_(None)
        )
        KnownPages(self._scope).forget_all(connection)
        return self._scope.run(changed.values(spec=spec))


def _version(row: Any, since: datetime, current: bool, body: bytes) -> RecordVersion:
    ref = ExternalRef(row.connection, row.kind, row.key)
    return RecordVersion(RawRecord(ref, body, since, row.digest), row.spec, row.gone_at, current)
