"""The back door for tests: look into the books, switch faults, close a period, end tokens, check, post or void a voucher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.back_door import TOKEN_HEADER, BackDoor
from sandbox.nccloud.answers import parse

if TYPE_CHECKING:
    from sandbox.nccloud.server import NcCloudSite


class Control(BackDoor):
    """Answers `/control/...`."""

    def __init__(self, site: NcCloudSite, token: str) -> None:
        self._site = site
        reads = {"vouchers": self.vouchers, "orders": self._orders, "requests": self._requests}
        writes = {"tokens": self._end_tokens, "state": self._set_state}
        super().__init__(site.books, site.faults, token, reads, writes)

    def vouchers(self) -> list[dict[str, Any]]:
        """Every voucher with its lines, amounts as text."""
        lines = "SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number"
        return self.with_lines("SELECT * FROM vouchers ORDER BY id", lines, "id")

    def _orders(self) -> list[Any]:
        return [parse(row["document"]) for row in self._site.books.rows("SELECT document FROM orders ORDER BY id")]

    def _requests(self) -> dict[str, Any]:
        log = self._site.log
        return {"calls": dict(log.calls), "crashes": list(log.crashes)} | {
            "auth_failures": dict(self._site.gate.failures)
        }

    def _end_tokens(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        self._site.gate.forget_tokens()
        return {"ended": True}

    def _set_state(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"reference", "state": "checked" | "posted" | "void"}`: what a person does in the ledger."""
        columns = {"checked": "checked = 'demo'", "posted": "checked = 'demo', posted = 'demo'", "void": "void = 1"}
        change = columns[str(body["state"])]
        carriers = "SELECT voucher FROM voucher_lines WHERE reference = ?"
        sql = f"UPDATE vouchers SET {change} WHERE id IN ({carriers})"  # noqa: S608 - both are constants of this file
        self._site.books.run(sql, (str(body["reference"]),))
        return dict(body)


__all__ = ["TOKEN_HEADER", "Control"]
