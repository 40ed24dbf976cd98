"""A book's settings, its connections, and configuration documents with all their versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from adapters.storage.codec import decode_open, encode_open
from adapters.storage.schema import BOOKS, CONNECTIONS, DOCUMENTS
from adapters.storage.scope import Scope
from hedge_core.model.identity import BookId
from hedge_core.ports.storage import Book, Connection


class Configuration:
    """The configuration methods of `hedge_core.ports.storage.UnitOfWork`, for one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def book(self) -> Book:
        return book_of(self._scope.connection.execute(self._scope.select(BOOKS)).one())

    def save_settings(self, settings: Mapping[str, str]) -> None:
        """Replaces all of them."""
        body = encode_open(dict(settings))
        self._scope.run(update(BOOKS).where(BOOKS.c.book_id == self._scope.book).values(settings=body))

    def connection(self, name: str) -> Connection | None:
        found = self._scope.first(self._scope.select(CONNECTIONS).where(CONNECTIONS.c.name == name))
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
        }
        self._scope.upsert(CONNECTIONS, [row])

    def document(self, kind: str, name: str) -> bytes | None:
        found = self._newest(kind, name)
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

    def _newest(self, kind: str, name: str) -> Any | None:
        table = DOCUMENTS
        query = self._scope.select(table).where(table.c.kind == kind, table.c.name == name)
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
    )
