"""The stand-in's books: one SQLite database with order rows, stock rows, accounts, periods and vouchers, numbers exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.sqlite_books import SqliteBooks
from sandbox.yonbip.answers import encode, parse

_TABLES = """
CREATE TABLE IF NOT EXISTS order_rows (
    line INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, doc INTEGER, pubts TEXT, vouchdate TEXT, code TEXT, fields TEXT);
CREATE INDEX IF NOT EXISTS order_rows_doc ON order_rows (kind, doc, line);
CREATE TABLE IF NOT EXISTS stock_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, fields TEXT);
CREATE TABLE IF NOT EXISTS master_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, fields TEXT);
CREATE TABLE IF NOT EXISTS accounts (
    code TEXT PRIMARY KEY, name TEXT, leaf INTEGER, forbidden INTEGER, stock_controlled INTEGER, required TEXT);
CREATE TABLE IF NOT EXISTS auxiliaries (type TEXT, code TEXT, name TEXT, PRIMARY KEY (type, code));
CREATE TABLE IF NOT EXISTS periods (period TEXT PRIMARY KEY, is_open INTEGER);
CREATE TABLE IF NOT EXISTS vouchers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, business_id TEXT UNIQUE, period TEXT, bill_code INTEGER, status TEXT,
    make_time TEXT, description TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS voucher_lines (
    voucher INTEGER, number INTEGER, account TEXT, debit TEXT, credit TEXT, description TEXT, auxiliary TEXT);
"""


class Books(SqliteBooks):
    """One account book and its orders. One writer at a time; every call of the API is one transaction."""

    tables = _TABLES

    def add_order_row(self, kind: str, fields: Mapping[str, Any]) -> None:
        """One line of a `sale` or `purchase` order, as its list shows it; without any check, so also broken on purpose."""
        self.run(
            "INSERT INTO order_rows (kind, doc, pubts, vouchdate, code, fields) VALUES (?, ?, ?, ?, ?, ?)",
            (kind, int(fields["id"]), fields["pubts"], fields["vouchdate"], fields["code"], encode(fields)),
        )

    def change_order_row(self, kind: str, document: int, line: int, changes: Mapping[str, Any], pubts: str) -> None:
        """Change one line the way a user would: the whole document gets a new `pubts`."""
        for row in self.rows("SELECT * FROM order_rows WHERE kind = ? AND doc = ?", (kind, document)):
            fields = {**parse(row["fields"]), "pubts": pubts}
            if fields["lineno"] == line:
                fields |= changes
            self.run("UPDATE order_rows SET pubts = ?, fields = ? WHERE line = ?", (pubts, encode(fields), row["line"]))
