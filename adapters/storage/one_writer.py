"""One writer at a time within a process on SQLite: threads queue for a lock instead of asking the file again and again.

SQLite itself lets one writer in and has the others sleep and ask, up to 100 ms at a time: the more threads, the longer the
writer's place stands empty. Other processes are still kept out, and waited for, by the file's own lock.
"""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import Connection, Engine

from hedge_core.errors import Unavailable


class OneWriter:
    """The lock of one engine. It is given back by the commit or rollback of the connection that took it, whoever calls it:
    the unit of work, the pool that takes a connection back, or the one that throws it away."""

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._holder: object = None
        dialect: Any = engine.dialect
        self._commit, self._rollback, self._close = dialect.do_commit, dialect.do_rollback, dialect.do_close
        dialect.do_commit, dialect.do_rollback, dialect.do_close = self._committed, self._rolled_back, self._closed

    def begin(self, connection: Connection, seconds: float) -> None:
        """Begin a writing transaction; `Unavailable` when the writer before it takes longer than `seconds`."""
        if not self._lock.acquire(timeout=seconds):
            raise Unavailable("database is locked", system="database")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        self._holder = _driver(connection.connection)

    def _committed(self, connection: Any) -> None:
        self._commit(connection)  # where it fails a rollback follows
        self._let_go(connection)

    def _rolled_back(self, connection: Any) -> None:
        try:
            self._rollback(connection)
        finally:
            self._let_go(connection)

    def _closed(self, connection: Any) -> None:
        try:
            self._close(connection)
        finally:
            self._let_go(connection)

    def _let_go(self, connection: Any) -> None:
        if self._holder is not None and self._holder is _driver(connection):
            self._holder = None
            self._lock.release()


def _driver(connection: Any) -> object:
    """The driver's connection below the pool's."""
    return getattr(connection, "dbapi_connection", connection)
