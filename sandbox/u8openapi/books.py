"""The stand-in's books: one SQLite database with orders, lists, accounts, periods and vouchers, every number as exact text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.sqlite_books import SqliteBooks
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


class Books(SqliteBooks):
    """One account set. One writer at a time; every call of the API is one transaction."""

    tables = _TABLES

    def add_order(self, kind: str, head: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
        """A `saleorder` or `purchaseorder`, without any check, so also broken on purpose."""
        self.run(
            "INSERT INTO orders (kind, code, head, lines) VALUES (?, ?, ?, ?)",
            (kind, head["code"], encode(head), encode(list(lines))),
        )

    def change_line(self, code: str, place: int, changes: Mapping[str, Any]) -> None:
        """Change one line (counted from 0) the way a user would."""
        (row,) = self.rows("SELECT head, lines FROM orders WHERE code = ?", (code,))
        head, lines = json.loads(row["head"]), json.loads(row["lines"])
        lines[place] |= changes
        head["ufts"] = str(int(head["ufts"]) + 1)
        self.run("UPDATE orders SET head = ?, lines = ? WHERE code = ?", (encode(head), encode(lines), code))

    def add_row(self, resource: str, fields: Mapping[str, Any]) -> None:
        """A row of a list."""
        self.run("INSERT INTO listed (resource, fields) VALUES (?, ?)", (resource, encode(fields)))
