"""The book's audit log: events wait in the unit of work and enter the Merkle tree together when it commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from adapters.storage.schema import AUDIT_EVENTS, AUDIT_HEADS
from adapters.storage.scope import Scope
from hedge_core.audit.events import AuditEvent, event_bytes
from hedge_core.audit.tree import Frontier, leaf_hash

_READ_AT_A_TIME = 1000


class Audit:
    """`hedge_core.ports.storage.AuditLog` of one book. What was appended in this unit is not in `head` and `events` yet."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._waiting: list[tuple[datetime, str, str, Mapping[str, object]]] = []

    def append(self, kind: str, subject: str, details: Mapping[str, object]) -> None:
        """Errors of `AuditEvent` and of canonical bytes come here, where the caller is, and not at the commit."""
        waiting = (self._scope.clock.now(), kind, subject, dict(details))
        event_bytes(self._event(0, *waiting))
        self._waiting.append(waiting)

    def head(self) -> tuple[int, str]:
        found = self._scope.first(self._scope.select(AUDIT_HEADS))
        return (0, Frontier().root().hex()) if found is None else (found.size, found.root.hex())

    def events(self, first: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        table = AUDIT_EVENTS
        query = self._scope.select(table).order_by(table.c.sequence).limit(_READ_AT_A_TIME)
        while rows := self._scope.rows(query.where(table.c.sequence >= first)):
            for row in rows:
                yield row.sequence, bytes(row.body), bytes(row.leaf_hash)
            first = rows[-1].sequence + 1

    def write(self) -> None:
        """Append what waits. The head row is locked here, at the end of the unit, so that writers of one book wait for each
        other as briefly as possible."""
        if not self._waiting:
            return
        head = self._scope.first(self._scope.select(AUDIT_HEADS).with_for_update())
        if head is None:
            raise LookupError(f"book {self._scope.book} has no audit head")
        bodies = [event_bytes(self._event(head.size + n, *waiting)) for n, waiting in enumerate(self._waiting)]
        leaves = [leaf_hash(body) for body in bodies]
        frontier = Frontier.from_bytes(head.size, head.frontier).extend(leaves)
        self._scope.insert(
            AUDIT_EVENTS,
            (
                {"sequence": head.size + n, "body": body, "leaf_hash": leaf}
                for n, (body, leaf) in enumerate(zip(bodies, leaves, strict=True))
            ),
        )
        self._scope.run(
            self._scope.update(AUDIT_HEADS).values(
                size=frontier.size, root=frontier.root(), frontier=frontier.to_bytes()
            )
        )
        self._waiting.clear()

    def _event(self, sequence: int, at: datetime, kind: str, subject: str, details: Mapping[str, object]) -> AuditEvent:
        actor = self._scope.actor
        return AuditEvent(self._scope.book, sequence, at, actor.name, actor.authenticated, kind, subject, details)
