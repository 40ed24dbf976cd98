"""A book's settings, its connections, and configuration documents with all their versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select, update

from adapters.storage.codec import decode_open, encode_open
from adapters.storage.schema import BOOKS, CONNECTIONS, CURSORS, DOCUMENTS, OUTBOX, RAW_RECORDS
from adapters.storage.scope import Scope
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.ports.storage import Book, Connection
from messages import Message

LIMITS: Final = ("concurrency", "per_minute", "batch")
"""Options of a connection that a dispatcher obeys: calls at the same time, calls per minute, vouchers per call."""

_WORKED: Final = (
    update(CONNECTIONS)
    .where(
        CONNECTIONS.c.book_id == bindparam("book"),
        CONNECTIONS.c.name == bindparam("place"),
        or_(CONNECTIONS.c.failures_in_a_row != 0, CONNECTIONS.c.circuit_open_until.is_not(None)),
    )
    .values(failures_in_a_row=0, circuit_open_until=None)
)
_CONNECTION: Final = select(CONNECTIONS).where(
    CONNECTIONS.c.book_id == bindparam("book"), CONNECTIONS.c.name == bindparam("place")
)


class Configuration:
    """The configuration methods of `hedge_core.ports.storage.UnitOfWork`, for one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._book: Book | None = None
        """Read once per unit of work: a batch of vouchers asks for its settings once for each of them."""

    def book(self) -> Book:
        if self._book is None:
            self._book = book_of(self._scope.connection.execute(self._scope.select(BOOKS)).one())
        return self._book

    def save_settings(self, settings: Mapping[str, str]) -> None:
        """Replaces all of them."""
        body = encode_open(dict(settings))
        self._scope.run(update(BOOKS).where(BOOKS.c.book_id == self._scope.book).values(settings=body))
        self._book = None

    def connection(self, name: str) -> Connection | None:
        found = self._scope.connection.execute(_CONNECTION, {"book": self._scope.book, "place": name}).first()
        return None if found is None else _connection(found)

    def connections(self) -> list[Connection]:
        """By name."""
        query = self._scope.select(CONNECTIONS).order_by(CONNECTIONS.c.name)
        return [_connection(row) for row in self._scope.rows(query)]

    def save_connection(self, connection: Connection) -> None:
        """New or replaced as a whole, pause and circuit included. ValueError for one of another book."""
        if connection.book != self._scope.book:
            raise ValueError(f"connection {connection.name} belongs to book {connection.book}, not {self._scope.book}")
        row = {
            "name": connection.name,
            "system": connection.system,
            "options": encode_open(connection.options),
            "secrets": encode_open(connection.secrets),
            "paused": connection.paused,
            "paused_reason": connection.paused_reason,
            "circuit_open_until": connection.circuit_open_until,
            "failures_in_a_row": connection.failures_in_a_row,
            "throttled_until": connection.throttled_until,
            "max_batch": 1,
            **{name: _limit(connection, name) for name in LIMITS},
        }
        self._scope.upsert(CONNECTIONS, [row], keep=("max_batch",))

    def remove_connection(self, name: str) -> bool:
        """False when there is none. RuleBroken while outbox rows or records name it: their history would lose its place."""
        used = (
            (OUTBOX, Message("storage.connection_has_rows", {"connection": name})),
            (RAW_RECORDS, Message("storage.connection_has_records", {"connection": name})),
        )
        for table, reason in used:
            query = self._scope.select(table, table.c.connection).where(table.c.connection == name).limit(1)
            if self._scope.first(query) is not None:
                raise RuleBroken("connection_used", name, reason)
        self._scope.run(self._scope.delete(CURSORS).where(CURSORS.c.connection == name))
        return bool(self._scope.run(self._scope.delete(CONNECTIONS).where(CONNECTIONS.c.name == name)))

    def connection_worked(self, name: str) -> None:
        """The other side answered: nothing in a row any more, the circuit closed."""
        self._scope.connection.execute(_WORKED, {"book": self._scope.book, "place": name})

    def note_batch(self, name: str, most: int) -> None:
        """How many vouchers the adapter takes in one call, for the dispatcher."""
        other = (CONNECTIONS.c.name == name, CONNECTIONS.c.max_batch != most)
        self._scope.run(self._scope.update(CONNECTIONS).where(*other).values(max_batch=most))

    def document_versions(self, kind: str, prefix: str) -> tuple[tuple[str, int], ...]:
        """(name, newest version) of the documents whose names begin with `prefix`: cheaper than reading them, where only
        the question is whether they are still the same."""
        table = DOCUMENTS
        newest = func.max(table.c.version).label("newest")
        mine = (table.c.kind == kind, table.c.name.startswith(prefix, autoescape=True))
        query = self._scope.select(table, table.c.name, newest).where(*mine).group_by(table.c.name)
        return tuple((row.name, row.newest) for row in self._scope.rows(query.order_by(table.c.name)))

    def document(self, kind: str, name: str, version: int | None = None) -> bytes | None:
        found = self._newest(kind, name, version)
        return None if found is None else bytes(found.body)

    def save_document(self, kind: str, name: str, body: bytes) -> int:
        digest = hashlib.sha256(body).hexdigest()
        newest = self._newest(kind, name)
        if newest is not None and newest.digest == digest:
            return int(newest.version)
        version = 1 if newest is None else newest.version + 1
        row = {
            "kind": kind,
            "name": name,
            "version": version,
            "digest": digest,
            "body": body,
            "saved_at": self._scope.clock.now(),
            "saved_by": self._scope.actor.name,
        }
        self._scope.insert(DOCUMENTS, [row])
        return int(version)

    def documents(self, kind: str) -> list[str]:
        """The names, in order."""
        table = DOCUMENTS
        query = self._scope.select(table, table.c.name).where(table.c.kind == kind).distinct().order_by(table.c.name)
        return [row.name for row in self._scope.rows(query)]

    def _newest(self, kind: str, name: str, version: int | None = None) -> Any | None:
        table = DOCUMENTS
        query = self._scope.select(table).where(table.c.kind == kind, table.c.name == name)
        if version is not None:
            query = query.where(table.c.version == version)
        return self._scope.first(query.order_by(table.c.version.desc()).limit(1))


def book_of(row: Any) -> Book:
    """A row of `books` as the port's dataclass."""
    return Book(BookId(row.book_id), row.name, row.currency, decode_open(row.settings))


def _connection(row: Any) -> Connection:
    return Connection(
        name=row.name,
        book=BookId(row.book_id),
        system=row.system,
        options=decode_open(row.options),
        secrets=decode_open(row.secrets),
        paused=row.paused,
        paused_reason=row.paused_reason,
        circuit_open_until=row.circuit_open_until,
        failures_in_a_row=row.failures_in_a_row,
        throttled_until=row.throttled_until,
    )


def _limit(connection: Connection, name: str) -> int:
    """A limit among a connection's options; InvalidInput unless it is a whole number of at least 0."""
    given = connection.options.get(name, 0)
    text = str(given or 0)
    if not text.isascii() or not text.isdecimal():
        raise InvalidInput(connection.name, 0, name, Message("storage.no_limit", {"value": text}))
    return int(text)
