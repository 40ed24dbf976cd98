"""A running YonBIP stand-in with an adapter in front of it, wired as the worker wires it; books open to the tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from conformance import STALL_SECONDS, Access, Booked, BookedLine, Fault, On, Planted, Planting, sample_voucher
from hedge_core.model.identity import ExternalRef, book_id
from hedge_core.model.vouchers import Stage, Voucher
from hedge_core.ports.storage import Connection
from mapping import SCHEMAS, ValueMap, compile_spec, load_spec
from sandbox.company.erp import STANDARD_WAREHOUSE, Order, OrderLine
from sandbox.company.facts import MATERIALS
from sandbox.yonbip.answers import parse
from sandbox.yonbip.command import RunningSite, SiteOptions, running_site
from sandbox.yonbip.demo import (
    AUXILIARY_TYPES,
    BOOK,
    FIRST_ID,
    FREE_ITEM,
    UNIT_IDS,
    VOUCHER_TYPE,
    WAREHOUSE_IDS,
    order_rows,
)
from sandbox.yonbip.server import Behaviour
from worker.systems import Wiring, system

CONNECTION = "erp"
HEDGE_NOTE = {
    kind: {"field": FREE_ITEM, "read_from": f"bodyItem.{FREE_ITEM}"} for kind in ("sale_line", "purchase_line")
}
WRONG_SECRET = "not-the-secret-91c2"
COMMODITIES = tuple((row[0], row[2]) for row in MATERIALS)
FILLED_IN = {
    "commodities": COMMODITIES,
    "receipt_warehouses": ((WAREHOUSE_IDS[STANDARD_WAREHOUSE], "standard"),),
}
UNIT_FACTORS = ((UNIT_IDS["t"], "1"), (UNIT_IDS["kg"], "0.001"))
FAULTS = {
    Fault.ANSWER_LOST: "lose_answer_after_commit",
    Fault.ANSWER_CUT: "cut_connection",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "too_frequent",
    Fault.SESSION_LOST: "token_ended",
}
STAGES = {"01": Stage.SAVED, "03": Stage.AUDITED, "04": Stage.POSTED}
PLANTED_DOCUMENT = FIRST_ID + 777_777


class MonthEndClock:
    """The morning after the demo company's last day; waiting costs nothing and is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 4, 1, 8, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@cache
def specs() -> dict[str, Any]:
    """The packaged specs with the demo company's codes in the maps that a steward fills in, compiled."""
    kind = system("yonbip")
    compiled = {}
    for name in kind.spec_names:
        spec = load_spec(kind.default_spec(name), "yaml", name=name)
        filled = FILLED_IN | ({"tonnes_per_unit": UNIT_FACTORS} if name == "stock" else {})
        maps = tuple(ValueMap(one.name, filled.get(one.name, one.entries)) for one in spec.value_maps)
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


@cache
def loaded_books() -> Path:
    """The demo company's books as a file, loaded once for all tests of this process; every site gets a copy."""
    path = Path(tempfile.mkdtemp(prefix="yonbip-books-")) / "books.sqlite"
    with running_site(SiteOptions(db=str(path))):
        return path


@dataclass
class YonBip:
    """One site. `options` of the connection are those of `connection add`."""

    site: RunningSite
    clock: MonthEndClock

    def adapter(
        self, *, url: str = "", key: str = "", secret: str = "", call_seconds: float = 20, **options: Any
    ) -> Any:
        who = self.site.credentials
        given = {
            "url": url or self.site.url,
            "tenant_id": who.tenant_id,
            "app_key": key or who.app_key,
            "account_book": BOOK,
            "voucher_type": VOUCHER_TYPE,
            "maker_mobile": "13800000000",
            "dimensions": {"broker_account": AUXILIARY_TYPES["broker_account"]},
            "hedge_note": HEDGE_NOTE,
            **options,
        }
        secrets = {"app_secret": secret or who.app_secret}
        connection = Connection(CONNECTION, book_id("demo"), "yonbip", given, secrets)
        return system("yonbip").build(Wiring(connection, secrets, specs(), self.clock, call_seconds))

    def fault(self, text: str) -> None:
        """Switch on `NAME=RATE[@SCOPE][:SECONDS]`."""
        self.site.site.faults.arm_text(text)

    @property
    def books(self) -> Any:
        return self.site.site.books

    def vouchers(self, key: str) -> list[Booked]:
        """Documents in the ledger under this business id."""
        found = []
        for head in self.books.rows("SELECT * FROM vouchers WHERE business_id = ? ORDER BY id", (key,)):
            lines = self.books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number", (head["id"],))
            booked = tuple(BookedLine(one["account"], Decimal(one["debit"]), Decimal(one["credit"])) for one in lines)
            day = date.fromisoformat(head["make_time"])
            found.append(Booked(str(head["bill_code"]), STAGES[head["status"]], day, booked))
        return found

    def add_sale(self, line: Mapping[str, Any], document: int = PLANTED_DOCUMENT) -> ExternalRef:
        """A sales order of one line as the tenant's users would have left it."""
        modified = datetime(2026, 3, 12, 10, 30, tzinfo=UTC)
        good = OrderLine("1.01.CU01", "t", Decimal(25), "t", Decimal(79800), date(2026, 4, 20))
        (row,) = order_rows(Order("XSDD777777", "sale", "C001", date(2026, 3, 12), modified, (good,)), document)
        with self.books.transaction():
            self.books.add_order_row("sale", {**row, **line})
        return ExternalRef(CONNECTION, "sale_line", f"{document}/10")


@contextmanager
def serving(*, behaviour: Behaviour | None = None, **options: Any) -> Iterator[YonBip]:
    """A site with its own copy of the demo company's books. Other keywords: `SiteOptions`."""
    with tempfile.TemporaryDirectory(prefix="yonbip-test-") as scratch:
        copy = Path(scratch) / "books.sqlite"
        shutil.copy(loaded_books(), copy)
        with running_site(SiteOptions(db=str(copy), behaviour=behaviour or Behaviour(), **options)) as site:
            yield YonBip(site, MonthEndClock())
            assert list(site.site.log.crashes) == []


def voucher(number: int = 1, amount: Decimal = Decimal("70619.47"), day: date = date(2026, 3, 31)) -> Voucher:
    """A voucher that the demo company's ledger takes."""
    dimensions = (("broker_account", "80010001"),)
    return sample_voucher(number, amount, day, debit="3101", credit="6101", dimensions=dimensions)


class YonBipUnderTest:
    """YonBIP for the conformance suite: small pages, so that orders are split between them."""

    name = "yonbip"
    may_write = True
    behaviour = Behaviour()
    not_applicable: Mapping[str, str] = {}

    def __enter__(self) -> YonBipUnderTest:
        self._stack = ExitStack()
        self._yonbip = self._stack.enter_context(serving(behaviour=self.behaviour))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def secrets(self) -> Sequence[str]:
        return (self._yonbip.site.credentials.app_secret, WRONG_SECRET, *self._yonbip.site.site.gate.issued)

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        return self._yonbip.adapter(
            url="http://127.0.0.1:9/" if access is Access.UNREACHABLE else "",
            secret=WRONG_SECRET if access is Access.WRONG_SECRET else "",
            call_seconds=call_seconds,
            page_rows=60,
        )

    def fault(self, fault: Fault, on: On, times: int) -> None:
        self._yonbip.fault(f"{FAULTS[fault]}={times}x@{on.value}:{STALL_SECONDS}")

    def clear(self) -> None:
        self._yonbip.site.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        changes: dict[Planted, dict[str, Any]] = {
            Planted.EXACT_LINE: {"qty": Decimal("12345.678901"), "oriUnitPrice": Decimal("90123.456789")},
            Planted.UNKNOWN_VALUE: {"productUnitName": "捆"},
            Planted.MISSING_VALUE: {"sendDate": None},
            Planted.EXTRA_FIELD: {"bodyFreeItem": {"whatever": [1, 2]}, "unheardOf": "x"},
        }
        ref = self._yonbip.add_sale(changes[what])
        expected = {
            "ordered": Decimal("12345.678901"),
            "price": Decimal("90123.456789"),
            "vat_rate": Decimal("0.13"),
        }
        return Planting(ref, expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        leg = self.hedged_line()
        document, _, line = leg.key.partition("/")
        changes = {"totalOutStockQuantity": Decimal("1.5")}
        with self._yonbip.books.transaction():
            self._yonbip.books.change_order_row("sale", int(document), int(line), changes, "2026-04-01 09:00:00")
        return leg

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return voucher(number, amount)

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("10.00"), date(2026, 3, 31), debit="3101", credit="9999.99")

    def closed_period(self) -> tuple[Voucher, str]:
        self._yonbip.books.set_period("2026-01", False)
        return voucher(501, Decimal("10.00"), date(2026, 1, 30)), "会计期间2026-01已结账"

    def booked(self, key: str) -> Sequence[Booked]:
        return self._yonbip.vouchers(key)

    def hedged_line(self) -> ExternalRef:
        row = self._yonbip.books.rows(
            "SELECT doc FROM order_rows WHERE kind = 'sale' AND fields LIKE '%DELIVERGOODS%' "
            "GROUP BY doc HAVING COUNT(*) > 2 ORDER BY doc"
        )[0]
        return ExternalRef(CONNECTION, "sale_line", f"{row['doc']}/10")

    def rest_of(self, leg: ExternalRef) -> object:
        document, _, _ = leg.key.partition("/")
        rows = self._yonbip.books.rows("SELECT fields FROM order_rows WHERE doc = ? ORDER BY line", (int(document),))
        lines = [parse(row["fields"]) for row in rows]
        own = next(line for line in lines if str(line["lineno"]) == leg.key.partition("/")[2])
        own["bodyItem"].pop(FREE_ITEM)
        return [{name: value for name, value in line.items() if name != "pubts"} for line in lines]


class YonBipNumericUnderTest(YonBipUnderTest):
    """The same where codes are numbers and a token that ended is told as plain text."""

    behaviour = Behaviour(numeric_codes=True)

    def fault(self, fault: Fault, on: On, times: int) -> None:
        name = "token_ended_text" if fault is Fault.SESSION_LOST else FAULTS[fault]
        self._yonbip.fault(f"{name}={times}x@{on.value}:{STALL_SECONDS}")


__all__ = ["YonBip", "YonBipNumericUnderTest", "YonBipUnderTest", "serving", "specs", "voucher"]
