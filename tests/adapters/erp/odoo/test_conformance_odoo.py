"""The public conformance suite for Odoo: over JSON-2, over XML-RPC, and with our module installed."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from types import TracebackType
from typing import Any, ClassVar

from adapters.erp.odoo import OdooAdapter, OdooOptions
from conformance import (
    Access,
    Booked,
    BookedLine,
    ErpConformance,
    ErpUnderTest,
    Fault,
    NotSwitchable,
    On,
    Planted,
    Planting,
    sample_voucher,
)
from connectors.http import HttpTransport, Origin
from connectors.odoo import ANSWERED_STATUSES, Json2Client, OdooLogin, XmlRpcClient
from hedge_core.model.identity import ExternalRef
from hedge_core.model.vouchers import Stage, Voucher
from hedge_core.ports.erp import ErpAdapter
from sandbox.odoo.books import plain
from sandbox.odoo.command import RunningSite, running_site
from tests.support.odoo import NOW, ROUTES, specs

WRONG_KEY = "f" * 40
FAULTS = {
    Fault.ANSWER_LOST: "lose_answer_after_commit",
    Fault.ANSWER_CUT: "cut_connection",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "too_frequent",
}
STAGES = {"draft": Stage.SAVED, "posted": Stage.POSTED}


class OdooUnderTest:
    """A fresh stand-in per entry. The books are looked into behind the API."""

    route: ClassVar[str] = "json2"
    name = "odoo"
    may_write = True
    not_applicable: Mapping[str, str] = {"E08": "there is no session: the API key travels with every single call"}

    def __init__(self) -> None:
        self._open = ExitStack()
        self._site: RunningSite

    def __enter__(self) -> OdooUnderTest:
        self._site = self._open.enter_context(running_site(ROUTES[self.route]))
        self._books.add(
            "account.account", code="9001", name="代管物资", account_type="off_balance", **self._of_our_company()
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None:
        crashes = list(self._site.site.log.crashes)
        self._open.close()
        assert crashes == []

    @property
    def secrets(self) -> Sequence[str]:
        who = self._site.credentials
        return (who.api_key, who.password, who.reader_key, who.admin_key, WRONG_KEY)

    def adapter(
        self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None
    ) -> ErpAdapter:
        url = f"http://127.0.0.1:{_unused_port()}" if access is Access.UNREACHABLE else self._site.url
        http = HttpTransport(Origin(url), "Odoo", call_seconds=call_seconds, answered_statuses=ANSWERED_STATUSES)
        who = self._site.credentials
        key = WRONG_KEY if access is Access.WRONG_SECRET else who.api_key
        kind = Json2Client if self._site.site.books.release.series >= 19 else XmlRpcClient
        client = kind(http, OdooLogin(who.database, who.user, key, 1), wait=lambda _: None)
        options = OdooOptions(
            company_id=1, journal="HEDG", target_stage=target or Stage.POSTED, dimensions={"broker_account": "partner"},
            page_rows=150,
        )  # fmt: skip
        return OdooAdapter("erp", client, specs(), options, lambda: NOW)

    def fault(self, fault: Fault, on: On, times: int) -> None:
        if fault not in FAULTS:
            raise NotSwitchable("Odoo's API has no session")
        seconds = 90 if fault is Fault.STALLED else 1
        self._site.site.faults.arm_text(f"{FAULTS[fault]}={times}x@{on.value}:{seconds}")

    def clear(self) -> None:
        self._site.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        values: dict[str, Any] = {
            "order_id": self._first("sale.order", "state = 'sale'"),
            "name": "planted",
            "product_id": 1,
            "product_uom_qty": Decimal("123.456"),
            "price_unit": Decimal("70619.469027"),
            self._unit: self._first("uom.uom", "name = 'Ton'"),
        }
        values |= {
            Planted.EXACT_LINE: {},
            Planted.UNKNOWN_VALUE: {self._unit: self._first("uom.uom", "name = 'Bundle'")},
            Planted.MISSING_VALUE: {"product_id": None},
            Planted.EXTRA_FIELD: {"qty_invoiced": Decimal(1)},
        }[what]
        line = self._books.add("sale.order.line", **values)
        exact = {"ordered": Decimal("123.456"), "price": Decimal("70619.469027"), "vat_rate": Decimal(0)}
        return Planting(ExternalRef("erp", "sale_line", str(line)), exact)

    def change_line(self) -> ExternalRef:
        line = self._first("sale.order.line", "product_uom_qty > 0 AND product_id = 1")
        with self._books.transaction():
            self._books.update("sale.order.line", line, {"product_uom_qty": 777_000_000})
        return ExternalRef("erp", "sale_line", str(line))

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return self._voucher(number, amount, date(2026, 3, 31))

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("12.30"), date(2026, 3, 31), debit="9001", credit="6101")

    def closed_period(self) -> tuple[Voucher, str]:
        """Odoo has no words for it: it would move the entry to another date. Ours name the date up to which it is locked."""
        with self._books.transaction():
            self._books.update("res.company", 1, {"fiscalyear_lock_date": "2026-02-28"})
        return self._voucher(600, Decimal("10.00"), date(2026, 2, 27)), "2026-02-28"

    def booked(self, key: str) -> Sequence[Booked]:
        codes = {row["id"]: row["code"] for row in self._books.rows('SELECT id, code FROM "account.account"')}
        return [
            Booked(
                move["name"] or "",
                STAGES[move["state"]],
                date.fromisoformat(move["date"]),
                tuple(
                    BookedLine(codes[line["account_id"]], plain(line["debit"]), plain(line["credit"]))
                    for line in self._books.rows(
                        'SELECT * FROM "account.move.line" WHERE move_id = ? ORDER BY id', (move["id"],)
                    )
                ),
            )
            for move in self._books.rows('SELECT * FROM "account.move" WHERE ref = ?', (key,))
        ]

    def hedged_line(self) -> ExternalRef:
        many = 'SELECT order_id FROM "sale.order.line" GROUP BY order_id HAVING COUNT(*) > 1'
        order = self._first("sale.order", f"state = 'sale' AND id IN ({many})")
        return ExternalRef("erp", "sale_line", str(self._first("sale.order.line", f"order_id = {order}")))

    def rest_of(self, leg: ExternalRef) -> object:
        order = self._books.one('SELECT order_id FROM "sale.order.line" WHERE id = ?', (leg.key,))
        rows = self._books.rows('SELECT * FROM "sale.order" WHERE id = ?', (order,))
        rows += self._books.rows('SELECT * FROM "sale.order.line" WHERE order_id = ? ORDER BY id', (order,))
        return [dict(row) for row in rows]

    @property
    def _books(self) -> Any:
        return self._site.site.books

    @property
    def _unit(self) -> str:
        return "product_uom_id" if self._books.release.series >= 19 else "product_uom"

    def _of_our_company(self) -> dict[str, Any]:
        release = self._books.release
        active = {"active": True} if release.series >= 19 else {"deprecated": False}
        return {**active, **({"company_ids": [1]} if release.series >= 18 else {"company_id": 1})}

    def _first(self, model: str, where: str) -> int:
        return int(self._books.one(f'SELECT id FROM "{model}" WHERE {where} ORDER BY id LIMIT 1'))

    def _voucher(self, number: int, amount: Decimal, day: date) -> Voucher:
        dimensions = (("broker_account", "80010001"),)
        return sample_voucher(number, amount, day, debit="3101", credit="6101", dimensions=dimensions)


class OverXmlRpc(OdooUnderTest):
    route = "xmlrpc"


class WithTheModule(OdooUnderTest):
    route = "module"


def _unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class TestConformanceOdooJson2(ErpConformance):
    under_test: ClassVar[type[ErpUnderTest]] = OdooUnderTest


class TestConformanceOdooXmlRpc(ErpConformance):
    under_test: ClassVar[type[ErpUnderTest]] = OverXmlRpc


class TestConformanceOdooModule(ErpConformance):
    under_test: ClassVar[type[ErpUnderTest]] = WithTheModule
