"""The optional module `hedge_bridge` as the stand-in knows it: one call that creates and posts, idempotent by `hedge_ref`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sandbox.odoo.books import Books, plain
from sandbox.odoo.moves import Moves
from sandbox.odoo.records import Caller
from sandbox.odoo.refusals import ValidationError
from sandbox.odoo.texts import say


class HedgeAddon:
    """`account.move.hedge_create_and_post`."""

    def __init__(self, books: Books, moves: Moves) -> None:
        self.books = books
        self.moves = moves

    def create_and_post(
        self, caller: Caller, vouchers: Sequence[Mapping[str, Any]], *, post: bool
    ) -> list[dict[str, Any]]:
        """All or none. What is there already is answered as it is; the same reference with other content is refused."""
        return [self._one(caller, voucher, post) for voucher in vouchers]

    def _one(self, caller: Caller, voucher: Mapping[str, Any], post: bool) -> dict[str, Any]:
        reference = str(voucher["hedge_ref"])
        record = self.books.one('SELECT id FROM "account.move" WHERE hedge_ref = ?', (reference,))
        created = record is None
        if record is None:
            head = {name: voucher[name] for name in ("date", "journal_id", "ref", "hedge_ref")}
            record = self.moves.create(caller, {**head, "line_ids": [(0, 0, line) for line in voucher["lines"]]})
        elif not self._same(record, voucher):
            raise ValidationError(say("other_content", caller.lang, ref=reference))
        row = self.books.row("account.move", record)
        if post and row["state"] == "draft":
            self.moves.post(caller, [record])
            row = self.books.row("account.move", record)
        if row["date"] != voucher["date"]:
            raise ValidationError(say("date_moved", caller.lang, ref=reference, date=row["date"]))
        return {
            "hedge_ref": reference, "id": record, "name": row["name"] or False, "date": row["date"],
            "state": row["state"], "created": created,
        }  # fmt: skip

    def _same(self, record: int, voucher: Mapping[str, Any]) -> bool:
        row = self.books.row("account.move", record)
        ours: dict[int, Decimal] = {}
        for line in voucher["lines"]:
            account = int(line["account_id"])
            ours[account] = ours.get(account, Decimal(0)) + Decimal(line["debit"]) - Decimal(line["credit"])
        theirs: dict[int, Decimal] = {}
        lines = self.moves.lines(record)
        for line in lines:
            theirs[line["account_id"]] = theirs.get(line["account_id"], Decimal(0)) + plain(line["balance"])
        return row["date"] == voucher["date"] and len(lines) == len(voucher["lines"]) and ours == theirs
