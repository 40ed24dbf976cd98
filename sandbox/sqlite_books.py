"""Books of a stand-in in one SQLite file: one writer at a time, all or nothing, reads whenever they like."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar


class SqliteBooks:
    """A subclass names its tables; those of the chart of accounts and of the periods are the same everywhere."""

    tables: ClassVar[str] = ""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(self.tables)

    def close(self) -> None:
        """Close the database file."""
        with self.lock:
            self._db.close()

    @property
    def empty(self) -> bool:
        """True until something was loaded."""
        return not self.one("SELECT COUNT(*) FROM accounts")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; not nested."""
        with self.lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self.lock:
            return self._db.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """First column of the first row, or None."""
        with self.lock:
            row = self._db.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """One statement that changes something; the id of an inserted row."""
        with self.lock:
            return int(self._db.execute(sql, parameters).lastrowid or 0)

    def set_period(self, period: str, is_open: bool) -> None:
        """Open or close a period, `2026-03`."""
        self.run("INSERT OR REPLACE INTO periods VALUES (?, ?)", (period, int(is_open)))
