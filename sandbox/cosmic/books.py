"""The stand-in's books: one SQLite database with orders, lists, accounts, periods and vouchers, numbers exact."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sandbox.cosmic.answers import encode, parse

_TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, id TEXT UNIQUE, day TEXT, modified TEXT, status TEXT, bill TEXT);
CREATE TABLE IF NOT EXISTS list_rows (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, fields TEXT);
CREATE TABLE IF NOT EXISTS accounts (
    code TEXT PRIMARY KEY, name TEXT, leaf INTEGER, forbidden INTEGER, stock_controlled INTEGER, required TEXT);
CREATE TABLE IF NOT EXISTS auxiliaries (type TEXT, code TEXT, name TEXT, PRIMARY KEY (type, code));
CREATE TABLE IF NOT EXISTS periods (period TEXT PRIMARY KEY, is_open INTEGER);
CREATE TABLE IF NOT EXISTS vouchers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, billno TEXT, day TEXT, status TEXT, posted INTEGER, void INTEGER,
    summary TEXT, attachments INTEGER);
CREATE TABLE IF NOT EXISTS voucher_lines (
    voucher INTEGER, line INTEGER, account TEXT, debit TEXT, credit TEXT, text TEXT, reference TEXT, auxiliary TEXT);
"""


class Books:
    """One organisation with one account book. One writer at a time; every call of the API is one transaction."""

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
        """One statement that changes something; the number of an inserted row."""
        with self.lock:
            return int(self._db.execute(sql, parameters).lastrowid or 0)

    def add_order(self, kind: str, key: str, day: str, bill: Mapping[str, Any]) -> None:
        """A `sale` or `purchase` order, as its list shows it; without any check, so also broken on purpose."""
        self.run(
            "INSERT INTO orders (kind, id, day, modified, status, bill) VALUES (?, ?, ?, ?, ?, ?)",
            (kind, key, day, bill["modifytime"], bill["billstatus"], encode(bill)),
        )

    def change_line(self, key: str, line: str, changes: Mapping[str, Any], modified: str) -> None:
        """Change one line the way a user would: the document gets a new `modifytime`."""
        bill = parse(self.one("SELECT bill FROM orders WHERE id = ?", (key,)))
        bill["modifytime"] = modified
        for one in bill["billentry"]:
            if one["id"] == line:
                one |= changes
        self.run("UPDATE orders SET modified = ?, bill = ? WHERE id = ?", (modified, encode(bill), key))

    def add_row(self, kind: str, fields: Mapping[str, Any]) -> None:
        """A row of stock or of a master list."""
        self.run("INSERT INTO list_rows (kind, fields) VALUES (?, ?)", (kind, encode(fields)))

    def set_period(self, period: str, is_open: bool) -> None:
        """Open or close a period, `2026-03`."""
        self.run("INSERT OR REPLACE INTO periods VALUES (?, ?)", (period, int(is_open)))
