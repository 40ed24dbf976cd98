"""The back door for tests: look into the books, switch faults, close a period, end tokens, post or void a voucher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.back_door import TOKEN_HEADER, BackDoor
from sandbox.cosmic.answers import parse

if TYPE_CHECKING:
    from sandbox.cosmic.server import CosmicSite


class Control(BackDoor):
    """Answers `/control/...`."""

    def __init__(self, site: CosmicSite, token: str) -> None:
        self._site = site
        reads = {"vouchers": self.vouchers, "orders": self._orders, "requests": self._requests}
        writes = {"tokens": self._end_tokens, "status": self._set_status}
        super().__init__(site.books, site.faults, token, reads, writes)

    def vouchers(self) -> list[dict[str, Any]]:
        """Every voucher with its lines, amounts as text."""
        lines = "SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY line"
        return self.with_lines("SELECT * FROM vouchers ORDER BY number", lines, "number")

    def _orders(self) -> list[Any]:
        return [parse(row["bill"]) for row in self._site.books.rows("SELECT bill FROM orders ORDER BY number")]

    def _requests(self) -> dict[str, Any]:
        log = self._site.log
        failures = dict(self._site.gate.failures)
        return {
            "calls": dict(log.calls),
            "keys": list(log.keys),
            "crashes": list(log.crashes),
            "auth_failures": failures,
        }

    def _end_tokens(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        self._site.gate.forget_tokens()
        return {"ended": True}

    def _set_status(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"id", "status": "C", "posted": true, "void": false}`: what a person does in the ledger."""
        self._site.books.run(
            "UPDATE vouchers SET status = ?, posted = ?, void = ? WHERE id = ?",
            (str(body["status"]), int(body.get("posted", False)), int(body.get("void", False)), str(body["id"])),
        )
        return dict(body)


__all__ = ["TOKEN_HEADER", "Control"]
