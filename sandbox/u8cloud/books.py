"""The stand-in's books: one SQLite database with orders, lists, accounts, periods and vouchers, numbers exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.sqlite_books import SqliteBooks
from sandbox.u8cloud.answers import encode, parse

_TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, id TEXT UNIQUE, day TEXT, ts TEXT, status TEXT, bill TEXT);
CREATE TABLE IF NOT EXISTS list_rows (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, fields TEXT);
CREATE TABLE IF NOT EXISTS accounts (
    code TEXT PRIMARY KEY, name TEXT, leaf INTEGER, forbidden INTEGER, stock_controlled INTEGER, required TEXT);
CREATE TABLE IF NOT EXISTS auxiliaries (type TEXT, code TEXT, name TEXT, PRIMARY KEY (type, code));
CREATE TABLE IF NOT EXISTS periods (period TEXT PRIMARY KEY, is_open INTEGER);
CREATE TABLE IF NOT EXISTS unique_keys (unique_key TEXT PRIMARY KEY, answer TEXT);
CREATE TABLE IF NOT EXISTS vouchers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, no INTEGER, day TEXT, maker TEXT, attachments INTEGER,
    audited_by TEXT, posted_by TEXT, void TEXT);
CREATE TABLE IF NOT EXISTS voucher_lines (
    voucher INTEGER, line INTEGER, account TEXT, debit TEXT, credit TEXT, text TEXT, reference TEXT, auxiliary TEXT);
"""


class Books(SqliteBooks):
    """One company with one account book. One writer at a time; every call of the API is one transaction."""

    tables = _TABLES

    def add_order(self, kind: str, key: str, day: str, bill: Mapping[str, Any]) -> None:
        """A `sale` or `purchase` order, as its list shows it; without any check, so also broken on purpose."""
        head = bill["parentvo"]
        status = str(head.get("fstatus", head.get("forderstatus")))
        self.run(
            "INSERT INTO orders (kind, id, day, ts, status, bill) VALUES (?, ?, ?, ?, ?, ?)",
            (kind, key, day, head["ts"], status, encode(bill)),
        )

    def change_line(self, key: str, line: str, changes: Mapping[str, Any], ts: str) -> None:
        """Change one line the way a user would: the document gets a new `ts`."""
        bill = parse(self.one("SELECT bill FROM orders WHERE id = ?", (key,)))
        for one in bill["childrenvo"]:
            if one["corder_bid"] == line:
                one |= changes
        self.replace_order(key, bill, ts)

    def replace_order(self, key: str, bill: dict[str, Any], ts: str) -> None:
        """Keep a changed document under a new `ts`."""
        bill["parentvo"]["ts"] = ts
        self.run("UPDATE orders SET ts = ?, bill = ? WHERE id = ?", (ts, encode(bill), key))

    def add_row(self, kind: str, fields: Mapping[str, Any]) -> None:
        """A row of stock or of a master list."""
        self.run("INSERT INTO list_rows (kind, fields) VALUES (?, ?)", (kind, encode(fields)))
