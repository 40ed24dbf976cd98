"""The back door for tests: look into the books, switch faults, close a period, end tokens, audit or void a voucher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.back_door import TOKEN_HEADER, BackDoor
from sandbox.yonbip.answers import parse

if TYPE_CHECKING:
    from sandbox.yonbip.server import YonBipSite


class Control(BackDoor):
    """Answers `/control/...`."""

    def __init__(self, site: YonBipSite, token: str) -> None:
        self._site = site
        reads = {"vouchers": self.vouchers, "orders": self._orders, "requests": self._requests}
        writes = {"tokens": self._end_tokens, "status": self._set_status}
        super().__init__(site.books, site.faults, token, reads, writes)

    def vouchers(self) -> list[dict[str, Any]]:
        """Every voucher with its lines, amounts as text."""
        lines = "SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number"
        return self.with_lines("SELECT * FROM vouchers ORDER BY id", lines, "id")

    def _orders(self) -> list[Any]:
        return [parse(row["fields"]) for row in self._site.books.rows("SELECT fields FROM order_rows ORDER BY line")]

    def _requests(self) -> dict[str, Any]:
        log = self._site.log
        return {"calls": dict(log.calls), "crashes": list(log.crashes)} | {
            "auth_failures": dict(self._site.gate.failures)
        }

    def _end_tokens(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        self._site.gate.forget_tokens()
        return {"ended": True}

    def _set_status(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"business_id", "status": "03"}`: what a person does in the ledger: audit, post, void."""
        self._site.books.run(
            "UPDATE vouchers SET status = ? WHERE business_id = ?", (str(body["status"]), str(body["business_id"]))
        )
        return dict(body)


__all__ = ["TOKEN_HEADER", "Control"]
