"""The stand-in's books: one SQLite database with orders, lists, accounts, periods and vouchers, numbers exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.cosmic.answers import encode, parse
from sandbox.sqlite_books import SqliteBooks

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


class Books(SqliteBooks):
    """One organisation with one account book. One writer at a time; every call of the API is one transaction."""

    tables = _TABLES

    def add_order(self, kind: str, key: str, day: str, bill: Mapping[str, Any]) -> None:
        """A `sale` or `purchase` order, as its list shows it; without any check, so also broken on purpose."""
        self.run(
            "INSERT INTO orders (kind, id, day, modified, status, bill) VALUES (?, ?, ?, ?, ?, ?)",
            (kind, key, day, bill["modifytime"], bill["billstatus"], encode(bill)),
        )

    def change_line(self, key: str, line: str, changes: Mapping[str, Any], modified: str) -> None:
        """Change one line the way a user would: the document gets a new `modifytime`."""
        bill = parse(self.one("SELECT bill FROM orders WHERE id = ?", (key,)))
        for one in bill["billentry"]:
            if one["id"] == line:
                one |= changes
        self.replace_order(key, bill, modified)

    def replace_order(self, key: str, bill: dict[str, Any], modified: str) -> None:
        """Keep a changed document under a new `modifytime`."""
        bill["modifytime"] = modified
        self.run("UPDATE orders SET modified = ?, bill = ? WHERE id = ?", (modified, encode(bill), key))

    def add_row(self, kind: str, fields: Mapping[str, Any]) -> None:
        """A row of stock or of a master list."""
        self.run("INSERT INTO list_rows (kind, fields) VALUES (?, ?)", (kind, encode(fields)))
