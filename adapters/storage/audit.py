"""The book's audit log: events wait in the unit of work and enter the Merkle tree together when it commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, insert, select, text, update

from adapters.storage.schema import AUDIT_EVENTS, AUDIT_HEADS
from adapters.storage.scope import Scope, pages
from hedge_core.audit.events import AuditEvent, event_bytes
from hedge_core.audit.tree import Frontier, leaf_hash
from hedge_core.model.identity import BookId

_READ_AT_A_TIME: Final = 1000

_HEAD: Final = select(AUDIT_HEADS).where(AUDIT_HEADS.c.book_id == bindparam("book")).with_for_update()
_SET_HEAD: Final = (
    update(AUDIT_HEADS)
    .where(AUDIT_HEADS.c.book_id == bindparam("book"))
    .values(size=bindparam("new_size"), root=bindparam("new_root"), frontier=bindparam("new_frontier"))
)
_INSERT: Final = insert(AUDIT_EVENTS)

_APPEND: Final = text(
    "WITH head AS (UPDATE audit_heads SET size = :new_size, root = :new_root, frontier = :new_frontier "
    "WHERE book_id = :book AND size = :size AND root = :root RETURNING book_id) "
    "INSERT INTO audit_events (book_id, sequence, body, leaf_hash) "
    "SELECT :book, given.* FROM unnest(CAST(:sequences AS bigint[]), CAST(:bodies AS bytea[]), CAST(:leaves AS bytea[])) "
    "AS given WHERE EXISTS (SELECT FROM head)"
)
"""PostgreSQL's way to append in one round trip: nothing happens unless the head is still the one that was meant."""

Heads = dict[BookId, Frontier]
"""The head that this process wrote last, by book: a guess at where the log stands, which the database checks."""


class Audit:
    """`hedge_core.ports.storage.AuditLog` of one book. What was appended in this unit is not in `head` and `events` yet."""

    def __init__(self, scope: Scope, heads: Heads | None = None) -> None:
        self._scope = scope
        self._heads: Heads = {} if heads is None else heads
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
        other as briefly as possible; on PostgreSQL first by a guess where the log stands, which saves two round trips."""
        if not self._waiting:
            return
        guess = self._heads.get(self._scope.book)
        guessing = guess is not None and self._scope.connection.dialect.name == "postgresql"
        if not (guessing and self._append(guess, guess.root())):
            self._append_locked()
        self._waiting.clear()

    def _append_locked(self) -> None:
        database, book = self._scope.connection, self._scope.book
        head = database.execute(_HEAD, {"book": book}).first()
        if head is None:
            raise LookupError(f"book {book} has no audit head")
        known = Frontier.from_bytes(head.size, head.frontier)
        if database.dialect.name == "postgresql":
            self._append(known, bytes(head.root))  # locked: it is this one
            return
        bodies, leaves, frontier = self._after(known)
        for page in pages(enumerate(zip(bodies, leaves, strict=True), head.size)):
            rows = [{"book_id": book, "sequence": n, "body": body, "leaf_hash": leaf} for n, (body, leaf) in page]
            database.execute(_INSERT, rows)
        root = {"new_size": frontier.size, "new_root": frontier.root(), "new_frontier": frontier.to_bytes()}
        database.execute(_SET_HEAD, {"book": book, **root})

    def _append(self, known: Frontier, root: bytes) -> bool:
        """Append behind `known`, whose root stands in the head row; False, and nothing is written, when the head of the log
        is another one."""
        bodies, leaves, frontier = self._after(known)
        given = {
            "book": self._scope.book, "size": known.size, "root": root, "new_size": frontier.size,
            "new_root": frontier.root(), "new_frontier": frontier.to_bytes(), "bodies": bodies, "leaves": leaves,
            "sequences": list(range(known.size, frontier.size)),
        }  # fmt: skip
        written = self._scope.connection.execute(_APPEND, given).rowcount
        if written:
            self._heads[self._scope.book] = frontier  # after a rollback the next guess is wrong, and asks
        return bool(written)

    def _after(self, known: Frontier) -> tuple[list[bytes], list[bytes], Frontier]:
        """The events that wait, numbered behind `known`, their leaves, and the log's frontier with them."""
        bodies = [event_bytes(self._event(known.size + n, *waiting)) for n, waiting in enumerate(self._waiting)]
        leaves = [leaf_hash(body) for body in bodies]
        return bodies, leaves, known.extend(leaves)

    def _event(self, sequence: int, at: datetime, kind: str, subject: str, details: Mapping[str, object]) -> AuditEvent:
        actor = self._scope.actor
        return AuditEvent(self._scope.book, sequence, at, actor.name, actor.authenticated, kind, subject, details)
