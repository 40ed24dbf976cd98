"""The ERP's import of voucher files: takes each file once, checks it as a ledger does, books it, and answers in `ack/`.

Message texts are invented; no vendor's wording is used."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sandbox.company.erp import LEDGER_ACCOUNTS
from sandbox.file_drop.lists import table

FOLDERS = ("in", "out", "ack", "sent")
TAKEN = "taken"
ACK_HEADINGS = ("参考号", "状态", "凭证号", "说明", "记账日期", "借方合计")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
  number TEXT PRIMARY KEY, reference TEXT NOT NULL, posting_date TEXT NOT NULL, state TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS lines (
  number TEXT NOT NULL, line INTEGER NOT NULL, account TEXT NOT NULL, debit TEXT NOT NULL, credit TEXT NOT NULL,
  summary TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (record TEXT PRIMARY KEY, note TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS closed (period TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class Refusal(Exception):
    """The import says no to a voucher, in words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a voucher file."""

    account: str
    debit: Decimal
    credit: Decimal
    summary: str


class Importer:
    """One company's ledger and the folder it watches. `books` is a SQLite file."""

    def __init__(self, folder: Path, books: str = ":memory:") -> None:
        self._folder = folder
        self._books = sqlite3.connect(books, check_same_thread=False)
        self._books.executescript(_SCHEMA)
        self._accounts = {one.number: one for one in LEDGER_ACCOUNTS}
        for name in (*FOLDERS, TAKEN):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Close the books."""
        self._books.close()

    def run_once(self) -> int:
        """Import everything that lies in `out/` now; how many files that was."""
        files = sorted(path for path in (self._folder / "out").iterdir() if path.suffix == ".csv")
        answers = [answer for path in files if (answer := self._file(path)) is not None]
        if answers:
            number = self._next("ack")
            draft = self._folder / "ack" / f".ack_{number:06d}.csv"
            draft.write_bytes(table(ACK_HEADINGS, answers))
            os.replace(draft, draft.with_name(draft.name[1:]))
        return len(files)

    def close_period(self, period: str) -> str:
        """Close a month (`2026-01`); the words with which vouchers in it are refused."""
        self._books.execute("INSERT OR IGNORE INTO closed VALUES (?)", (period,))
        return _closed(period)

    def documents(self, reference: str) -> list[tuple[str, str, str, list[Entry]]]:
        """(number, state, posting date, lines) of every document that carries a reference."""
        found = self._books.execute(
            "SELECT number, state, posting_date FROM documents WHERE reference = ? ORDER BY number", (reference,)
        ).fetchall()
        return [(number, state, day, self._lines(number)) for number, state, day in found]

    def note(self, record: str) -> str | None:
        """The hedge note of a record."""
        row = self._books.execute("SELECT note FROM notes WHERE record = ?", (record,)).fetchone()
        return None if row is None else str(row[0])

    def _lines(self, number: str) -> list[Entry]:
        rows = self._books.execute(
            "SELECT account, debit, credit, summary FROM lines WHERE number = ? ORDER BY line", (number,)
        )
        return [Entry(account, Decimal(debit), Decimal(credit), summary) for account, debit, credit, summary in rows]

    def _file(self, path: Path) -> tuple[str, ...] | None:
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
        os.replace(path, self._folder / TAKEN / path.name)
        if path.name.startswith("hedge_"):
            with self._books:
                for row in rows:
                    self._books.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (row["单据"], row["套保备注"]))
            return None
        return self._voucher(rows)

    def _voucher(self, rows: list[dict[str, str]]) -> tuple[str, ...]:
        reference, day = rows[0]["参考号"], rows[0]["记账日期"]
        try:
            entries = [
                Entry(row["科目编码"], Decimal(row["借方金额"]), Decimal(row["贷方金额"]), row["摘要"]) for row in rows
            ]
            self._check(reference, day, entries)
        except Refusal as refusal:
            return (reference, "失败", "", str(refusal), "", "")
        number = f"记-{self._next('voucher'):04d}"
        with self._books:
            self._books.execute("INSERT INTO documents VALUES (?, ?, ?, 'saved')", (number, reference, day))
            self._books.executemany(
                "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, at, entry.account, str(entry.debit), str(entry.credit), entry.summary)
                    for at, entry in enumerate(entries, 1)
                ],
            )
        return (reference, "已保存", number, "", day, str(sum(entry.debit for entry in entries)))

    def _check(self, reference: str, day: str, entries: Iterable[Entry]) -> None:
        if self._books.execute("SELECT 1 FROM documents WHERE reference = ?", (reference,)).fetchone():
            raise Refusal(f"参考号 {reference} 已导入，不能重复")
        if self._books.execute("SELECT 1 FROM closed WHERE period = ?", (day[:7],)).fetchone():
            raise Refusal(_closed(day[:7]))
        difference = Decimal(0)
        for entry in entries:
            account = self._accounts.get(entry.account)
            if account is None or account.forbidden or not account.leaf:
                raise Refusal(f"科目 {entry.account} 不存在或不可记账")
            difference += entry.debit - entry.credit
        if difference:
            raise Refusal(f"借贷不平，差额 {difference}")

    def _next(self, name: str) -> int:
        with self._books:
            self._books.execute("INSERT OR IGNORE INTO counters VALUES (?, 0)", (name,))
            self._books.execute("UPDATE counters SET value = value + 1 WHERE name = ?", (name,))
            row = self._books.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return int(row[0])


def _closed(period: str) -> str:
    return f"会计期间 {period} 已结账，不能导入"
