"""The back door for tests: look into the books, switch faults, close a period, audit, post or void a voucher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.back_door import TOKEN_HEADER, BackDoor
from sandbox.u8cloud.answers import parse

if TYPE_CHECKING:
    from sandbox.u8cloud.server import U8CloudSite


class Control(BackDoor):
    """Answers `/control/...`."""

    def __init__(self, site: U8CloudSite, token: str) -> None:
        self._site = site
        reads = {"vouchers": self.vouchers, "orders": self._orders, "requests": self._requests}
        writes = {"status": self._set_status}
        super().__init__(site.books, site.faults, token, reads, writes)

    def vouchers(self) -> list[dict[str, Any]]:
        """Every voucher with its lines, amounts as text."""
        lines = "SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY line"
        return self.with_lines("SELECT * FROM vouchers ORDER BY number", lines, "number")

    def _orders(self) -> list[Any]:
        return [parse(row["bill"]) for row in self._site.books.rows("SELECT bill FROM orders ORDER BY number")]

    def _requests(self) -> dict[str, Any]:
        log = self._site.log
        return {"calls": dict(log.calls), "crashes": list(log.crashes)} | {"refused_logins": log.refused_logins}

    def _set_status(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"id", "audited_by": "u1", "posted_by": "u2", "void": "Y"}`: what a person does in the ledger."""
        self._site.books.run(
            "UPDATE vouchers SET audited_by = ?, posted_by = ?, void = ? WHERE id = ?",
            (body.get("audited_by"), body.get("posted_by"), body.get("void"), str(body["id"])),
        )
        return dict(body)


__all__ = ["TOKEN_HEADER", "Control"]
