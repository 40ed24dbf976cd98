"""The stand-in's books: one SQLite database with orders, stock rows, accounts, periods and vouchers, numbers exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.nccloud.answers import encode, parse
from sandbox.sqlite_books import SqliteBooks

_TABLES = """
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, key TEXT UNIQUE, document TEXT);
CREATE TABLE IF NOT EXISTS stock_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, fields TEXT);
CREATE TABLE IF NOT EXISTS master_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, fields TEXT);
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


class Books(SqliteBooks):
    """One accounting book and its orders. One writer at a time; every call of the API is one transaction."""

    tables = _TABLES

    def add_order(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """An order of kind `sale` or `purchase`, whole, without any check, so also broken on purpose."""
        self.run("INSERT INTO orders (kind, key, document) VALUES (?, ?, ?)", (kind, key, encode(document)))

    def change_line(self, key: str, place: int, changes: Mapping[str, Any], stamp: str) -> None:
        """Change one line (counted from 0) of a sales order the way a user would: the document gets a new `ts`."""
        document = parse(self.one("SELECT document FROM orders WHERE key = ?", (key,)))
        document["so_saleorder"]["ts"] = stamp
        document["so_saleorder_b"][place] |= changes
        self.replace_order(key, document)

    def replace_order(self, key: str, document: Mapping[str, Any]) -> None:
        """Keep a changed document."""
        self.run("UPDATE orders SET document = ? WHERE key = ?", (encode(document), key))
