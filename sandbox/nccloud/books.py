"""The stand-in's books: one SQLite database with orders, stock rows, accounts, periods and vouchers, numbers exact."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sandbox.nccloud.answers import encode, parse

_TABLES = """
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, key TEXT UNIQUE, document TEXT);
CREATE TABLE IF NOT EXISTS stock_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, fields TEXT);
CREATE TABLE IF NOT EXISTS accounts (
    code TEXT PRIMARY KEY, name TEXT, leaf INTEGER, forbidden INTEGER, stock_controlled INTEGER, required TEXT);
CREATE TABLE IF NOT EXISTS auxiliaries (type TEXT, code TEXT, PRIMARY KEY (type, code));
CREATE TABLE IF NOT EXISTS periods (period TEXT PRIMARY KEY, is_open INTEGER);
CREATE TABLE IF NOT EXISTS vouchers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, period TEXT, number INTEGER, day TEXT, checked TEXT, posted TEXT,
    void INTEGER DEFAULT 0, body TEXT, content TEXT);
CREATE TABLE IF NOT EXISTS voucher_lines (
    voucher INTEGER, number INTEGER, account TEXT, debit TEXT, credit TEXT, reference TEXT, fields TEXT);
"""


class Books:
    """One accounting book and its orders. One writer at a time; every call of the API is one transaction."""

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

    def add_order(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """An order of kind `sale` or `purchase`, whole, without any check, so also broken on purpose."""
        self.run("INSERT INTO orders (kind, key, document) VALUES (?, ?, ?)", (kind, key, encode(document)))

    def change_line(self, key: str, place: int, changes: Mapping[str, Any], stamp: str) -> None:
        """Change one line (counted from 0) of a sales order the way a user would: the document gets a new `ts`."""
        document = parse(self.one("SELECT document FROM orders WHERE key = ?", (key,)))
        document["so_saleorder"]["ts"] = stamp
        document["so_saleorder_b"][place] |= changes
        self.run("UPDATE orders SET document = ? WHERE key = ?", (encode(document), key))

    def set_period(self, period: str, is_open: bool) -> None:
        """Open or close a period, `2026-03`."""
        self.run("INSERT OR REPLACE INTO periods VALUES (?, ?)", (period, int(is_open)))
