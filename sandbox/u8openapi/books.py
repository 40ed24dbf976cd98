"""The stand-in's books: one SQLite database with orders, lists, accounts, periods and vouchers, every number as exact text."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sandbox.u8openapi.answers import encode

_TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, code TEXT UNIQUE, head TEXT, lines TEXT);
CREATE TABLE IF NOT EXISTS listed (id INTEGER PRIMARY KEY AUTOINCREMENT, resource TEXT, fields TEXT);
CREATE TABLE IF NOT EXISTS accounts (
    code TEXT PRIMARY KEY, name TEXT, leaf INTEGER, forbidden INTEGER, stock_controlled INTEGER, required TEXT);
CREATE TABLE IF NOT EXISTS auxiliaries (slot TEXT, code TEXT, PRIMARY KEY (slot, code));
CREATE TABLE IF NOT EXISTS periods (period TEXT PRIMARY KEY, is_open INTEGER);
CREATE TABLE IF NOT EXISTS vouchers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT, biz_id TEXT, period TEXT, number INTEGER, day TEXT, maker TEXT,
    checked TEXT, posted TEXT, void INTEGER DEFAULT 0, road TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS vouchers_reference ON vouchers (reference) WHERE reference <> '';
CREATE TABLE IF NOT EXISTS voucher_lines (
    id INTEGER PRIMARY KEY AUTOINCREMENT, voucher INTEGER, number INTEGER, account TEXT, debit TEXT, credit TEXT,
    digest TEXT, auxiliary TEXT);
"""


class Books:
    """One account set. One writer at a time; every call of the API is one transaction."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)

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

    def add_order(self, kind: str, head: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
        """A `saleorder` or `purchaseorder`, without any check, so also broken on purpose."""
        self.run(
            "INSERT INTO orders (kind, code, head, lines) VALUES (?, ?, ?, ?)",
            (kind, head["code"], encode(head), encode(list(lines))),
        )

    def change_line(self, code: str, place: int, changes: Mapping[str, Any]) -> None:
        """Change one line (counted from 0) the way a user would."""
        lines = json.loads(self.one("SELECT lines FROM orders WHERE code = ?", (code,)))
        lines[place] |= changes
        self.run("UPDATE orders SET lines = ? WHERE code = ?", (encode(lines), code))

    def add_row(self, resource: str, fields: Mapping[str, Any]) -> None:
        """A row of a list."""
        self.run("INSERT INTO listed (resource, fields) VALUES (?, ?)", (resource, encode(fields)))

    def set_period(self, period: str, is_open: bool) -> None:
        """Open or close a period, `2026-03`."""
        self.run("INSERT OR REPLACE INTO periods VALUES (?, ?)", (period, int(is_open)))
