"""Journal entries: balance, companies, numbering per journal and month, lock dates that move an entry, no edit once posted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sandbox.odoo.books import Books
from sandbox.odoo.records import Caller, Records
from sandbox.odoo.refusals import UserError, ValidationError
from sandbox.odoo.texts import say

_NUMBER = re.compile(r"^(.*?)(\d+)$")
LOCKS = ("fiscalyear_lock_date", "hard_lock_date", "period_lock_date")


class Moves:
    """The rules of `account.move` and its lines."""

    def __init__(self, books: Books, records: Records) -> None:
        self.books = books
        self.records = records
        self.move = books.model("account.move")
        self.line = books.model("account.move.line")

    def create(self, caller: Caller, values: Mapping[str, Any]) -> int:
        """One draft entry with its lines (`(0, 0, {...})` commands)."""
        self.records.require(caller, self.move, write=True)
        if values.get("state") == "posted":
            raise UserError(say("state_in_create", caller.lang))
        head = {key: value for key, value in values.items() if key != "line_ids"}
        kept = self.records.to_store(self.move, head)
        journal = self._journal(caller, kept.get("journal_id"))
        kept = {
            "move_type": "entry", "state": "draft", "date": date.today().isoformat(), **kept,  # noqa: DTZ011
            "journal_id": journal["id"], "company_id": journal["company_id"],
            "currency_id": self._currency(journal["company_id"]),
        }  # fmt: skip
        record = self.books.insert("account.move", kept)
        self.records.require_filled(self.move, record, caller.lang)
        for command in values.get("line_ids") or []:
            self._line_command(caller, record, command)
        self.checked(caller, record)
        return record

    def write(self, caller: Caller, ids: Sequence[int], values: Mapping[str, Any]) -> bool:
        """Change drafts; a posted entry refuses its date, journal and lines."""
        self.records.require(caller, self.move, write=True)
        self.records.exists(self.move, ids, caller.lang)
        for one in ids:
            row = self.books.row("account.move", one)
            locked = [name for name in values if name in ("line_ids", "date", "journal_id", "name")]
            if row["state"] == "posted" and locked:
                raise UserError(say("readonly", caller.lang, fields=", ".join(locked)))
            head = {key: value for key, value in values.items() if key != "line_ids"}
            self.books.update("account.move", one, self.records.to_store(self.move, head))
            for command in values.get("line_ids") or []:
                self._line_command(caller, one, command)
            self.checked(caller, one)
        return True

    def unlink(self, caller: Caller, ids: Sequence[int]) -> bool:
        """Delete drafts."""
        self.records.require(caller, self.move, write=True)
        self.records.exists(self.move, ids, caller.lang)
        for one in ids:
            if self.books.row("account.move", one)["state"] == "posted":
                raise UserError(say("delete_posted", caller.lang))
            for line in self.lines(one):
                self.books.delete("account.move.line", line["id"])
            self.books.delete("account.move", one)
        return True

    def post(self, caller: Caller, ids: Sequence[int]) -> bool:
        """action_post: all or none; answers False."""
        self.records.require(caller, self.move, write=True)
        self.records.exists(self.move, ids, caller.lang)
        for one in ids:
            row = self.books.row("account.move", one)
            if row["state"] != "draft":
                raise UserError(say("not_draft", caller.lang, name=row["name"] or "/", id=one))
            if not self.lines(one):
                raise UserError(say("empty_move", caller.lang))
            day = self.accounting_date(row)
            name = row["name"] or self._next_name(row, day)
            taken = 'SELECT 1 FROM "account.move" WHERE name = ? AND journal_id = ? AND state = ? AND id <> ?'
            if self.books.one(taken, (name, row["journal_id"], "posted", one)):
                raise ValidationError(say("same_name", caller.lang))
            self.books.update("account.move", one, {"state": "posted", "name": name, "date": day})
        return False

    def draft(self, caller: Caller, ids: Sequence[int]) -> None:
        """button_draft: back to draft; answers nothing, which XML-RPC cannot say."""
        self.records.require(caller, self.move, write=True)
        self.records.exists(self.move, ids, caller.lang)
        for one in ids:
            self.books.update("account.move", one, {"state": "draft"})

    def lines(self, record: int) -> list[Any]:
        """The stored lines of an entry."""
        return self.books.rows('SELECT * FROM "account.move.line" WHERE move_id = ? ORDER BY id', (record,))

    def put_line(self, caller: Caller, record: int, values: Mapping[str, Any], line: int | None = None) -> int:
        """Add or change one line, without the balance check."""
        kept = self.records.to_store(self.line, values)
        debit, credit = kept.get("debit"), kept.get("credit")
        if debit is not None or credit is not None or line is None:
            kept |= {"debit": debit or 0, "credit": credit or 0}
            kept["balance"] = kept["amount_currency"] = kept["debit"] - kept["credit"]
        if line is not None:
            self.books.update("account.move.line", line, kept)
            return line
        kept["move_id"] = record
        made = self.books.insert("account.move.line", kept)
        self.records.require_filled(self.line, made, caller.lang)
        return made

    def checked(self, caller: Caller, record: int) -> None:
        """Balance, companies and accounts of an entry; its total."""
        lines = self.lines(record)
        if sum(line["balance"] or 0 for line in lines):
            raise UserError(say("unbalanced", caller.lang))
        company = self.books.row("account.move", record)["company_id"]
        for line in lines:
            account = self.books.row("account.account", line["account_id"])
            owners = account["company_ids"] if "company_ids" in account.keys() else f"[{account['company_id']}]"  # noqa: SIM118
            if str(company) not in owners.strip("[]").replace(" ", "").split(","):
                raise UserError(say("company_mismatch", caller.lang))
            idle = account["deprecated"] if "deprecated" in account.keys() else not account["active"]  # noqa: SIM118
            if idle:
                raise UserError(say("inactive_account", caller.lang, code=account["code"]))
        kinds = {self.books.row("account.account", line["account_id"])["account_type"] for line in lines}
        if "off_balance" in kinds and len(kinds) > 1:
            raise UserError(say("off_balance", caller.lang))
        total = sum(line["debit"] or 0 for line in lines)
        self.books.update("account.move", record, {"amount_total": total})

    def accounting_date(self, row: Any) -> str:
        """The date an entry is posted under: its own, or, before a lock date, another one, without a word: the first day
        after the lock in a journal numbered by year, today where the journal numbers by month."""
        company = self.books.row("res.company", row["company_id"])
        locks = [company[name] for name in LOCKS if name in company.keys() and company[name]]  # noqa: SIM118
        lock = max(locks, default="")
        if not lock or row["date"] > lock:
            return str(row["date"])
        if self._numbered_by_month(row["journal_id"]):
            return date.today().isoformat()  # noqa: DTZ011
        return (date.fromisoformat(lock) + timedelta(days=1)).isoformat()

    def _numbered_by_month(self, journal: int) -> bool:
        last = self._last_name(journal)
        return last is not None and re.match(r"^.+/\d{4}/\d\d/\d+$", last) is not None

    def _last_name(self, journal: int) -> str | None:
        sql = 'SELECT name FROM "account.move" WHERE journal_id = ? AND name IS NOT NULL ORDER BY write_date DESC, id DESC'
        found: str | None = self.books.one(sql + " LIMIT 1", (journal,))
        return found

    def _next_name(self, row: Any, day: str) -> str:
        """`MISC/2026/03/0001`; after an explicit name, whatever follows that one: it has taken the journal's numbering."""
        code = self.books.row("account.journal", row["journal_id"])["code"]
        prefix = f"{code}/{day[:4]}/{day[5:7]}/"
        last = self._last_name(row["journal_id"])
        if last is not None and not re.match(rf"^{re.escape(code)}/\d{{4}}/\d\d/\d+$", last):
            prefix = _NUMBER.match(last).group(1) if _NUMBER.match(last) else f"{last}/"  # type: ignore[union-attr]
        sql = 'SELECT name FROM "account.move" WHERE journal_id = ? AND name LIKE ?'
        used = [_NUMBER.match(found[0]) for found in self.books.rows(sql, (row["journal_id"], f"{prefix}%"))]
        highest = max((int(found.group(2)) for found in used if found), default=0)
        return f"{prefix}{highest + 1:04d}"

    def _journal(self, caller: Caller, journal: int | None) -> Any:
        if journal is None:
            sql = 'SELECT id FROM "account.journal" WHERE company_id = ? AND type = ? ORDER BY id LIMIT 1'
            journal = self.books.one(sql, (caller.companies[0], "general"))
        row = self.books.row("account.journal", int(journal or 0))
        if row is None or row["company_id"] not in caller.companies:
            raise UserError(say("company_mismatch", caller.lang))
        return row

    def _currency(self, company: int) -> int:
        return int(self.books.row("res.company", company)["currency_id"])

    def _line_command(self, caller: Caller, record: int, command: Any) -> None:
        kind = command[0] if isinstance(command, list | tuple) and command else None
        if kind == 0:
            self.put_line(caller, record, command[2])
        elif kind == 1:
            self.put_line(caller, record, command[2], int(command[1]))
        elif kind == 2:
            self.books.delete("account.move.line", int(command[1]))
        else:
            raise UserError(say("company_mismatch", caller.lang))
