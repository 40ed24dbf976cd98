"""A running Cosmic stand-in with an adapter in front of it, wired as the worker wires it; books open to the tests."""

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
from sandbox.cosmic.answers import parse
from sandbox.cosmic.command import RunningSite, SiteOptions, running_site
from sandbox.cosmic.demo import BOOK, DIMENSIONS, FIRST_ID, FREE_FIELD, ORG, VOUCHER_TYPE, add_order
from sandbox.cosmic.server import Behaviour
from worker.systems import System, Wiring, system

CONNECTION = "erp"
HEDGE_NOTE = {
    "sale_line": {"field": FREE_FIELD, "read_from": f"line.{FREE_FIELD}", "find": "id"},
    "purchase_line": {
        "field": FREE_FIELD, "read_from": f"line.{FREE_FIELD}", "head_values": {"modifytime": "=head.modifytime"},
    },
}  # fmt: skip
WRONG_SECRET = "not-the-secret-91c2"
COMMODITIES = tuple((row[0], row[2]) for row in MATERIALS)
FILLED_IN = {
    "commodities": COMMODITIES,
    "receipt_warehouses": ((STANDARD_WAREHOUSE, "standard"),),
}
FAULTS = {
    Fault.ANSWER_LOST: "lose_answer_after_commit",
    Fault.ANSWER_CUT: "cut_connection",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "too_frequent",
    Fault.SESSION_LOST: "token_ended",
}
STAGES = {"A": Stage.SAVED, "B": Stage.SUBMITTED, "C": Stage.AUDITED}
PLANTED = FIRST_ID + 777_777_000


class MonthEndClock:
    """The morning after the demo company's last day; waiting costs nothing and is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 4, 1, 8, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@cache
def wired() -> System:
    """The system as its entry point offers it, looked up once: reading the lists of installed packages takes time."""
    return system("cosmic")


@cache
def specs() -> dict[str, Any]:
    """The packaged specs with the demo company's codes in the maps that a steward fills in, compiled."""
    kind = wired()
    compiled = {}
    for name in kind.spec_names:
        spec = load_spec(kind.default_spec(name), "yaml", name=name)
        maps = tuple(ValueMap(one.name, FILLED_IN.get(one.name, one.entries)) for one in spec.value_maps)
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


@cache
def loaded_books() -> Path:
    """The demo company's books as a file, loaded once for all tests of this process; every site gets a copy."""
    path = Path(tempfile.mkdtemp(prefix="cosmic-books-")) / "books.sqlite"
    with running_site(SiteOptions(db=str(path))):
        return path


@dataclass
class Cosmic:
    """One site. `options` of the connection are those of `connection add`."""

    site: RunningSite
    clock: MonthEndClock

    def adapter(
        self, *, url: str = "", user: str = "", secret: str = "", call_seconds: float = 20, **options: Any
    ) -> Any:
        who, gate = self.site.credentials, self.site.site.gate
        given = {
            "url": url or self.site.url,
            "client_id": who.client_id,
            "user": user or who.user,
            "account_id": who.account_id,
            "org": ORG,
            "account_book": BOOK,
            "voucher_type": VOUCHER_TYPE,
            "token_header": gate.token_header,
            "history_from": "2025-10-01",
            "dimensions": {"broker_account": DIMENSIONS["broker_account"]},
            "hedge_note": HEDGE_NOTE,
            **options,
        }
        secrets = {"client_secret": secret or who.client_secret}
        if who.gateway_identity:
            secrets["gateway_identity"] = who.gateway_identity
        connection = Connection(CONNECTION, book_id("demo"), "cosmic", given, secrets)
        return wired().build(Wiring(connection, secrets, specs(), self.clock, call_seconds))

    def fault(self, text: str) -> None:
        """Switch on `NAME=RATE[@SCOPE][:SECONDS]`."""
        self.site.site.faults.arm_text(text)

    @property
    def books(self) -> Any:
        return self.site.site.books

    def vouchers(self, key: str) -> list[Booked]:
        """Documents in the ledger whose lines carry this reference."""
        found = []
        for head in self.books.rows("SELECT * FROM vouchers ORDER BY number"):
            lines = self.books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY line", (head["number"],))
            if key not in {one["reference"] for one in lines}:
                continue
            stage = Stage.POSTED if head["posted"] else STAGES[head["status"]]
            booked = tuple(BookedLine(one["account"], Decimal(one["debit"]), Decimal(one["credit"])) for one in lines)
            found.append(Booked(head["billno"], stage, date.fromisoformat(head["day"]), booked))
        return found

    def add_sale(self, changes: Mapping[str, Any], number: int = PLANTED, day: date = date(2026, 3, 12)) -> ExternalRef:
        """A sales order of one line as the site's users would have left it."""
        modified = datetime(2026, 3, 12, 10, 30, tzinfo=UTC)
        good = OrderLine("1.01.CU01", "t", Decimal(25), "t", Decimal(79800), date(2026, 4, 20))
        with self.books.transaction():
            add_order(self.books, Order("XSDD777777", "sale", "C001", day, modified, (good,)), number, dict(changes))
        return ExternalRef(CONNECTION, "sale_line", f"{number}/{number + 1}")


@contextmanager
def serving(*, behaviour: Behaviour | None = None, **options: Any) -> Iterator[Cosmic]:
    """A site with its own copy of the demo company's books. Other keywords: `SiteOptions`."""
    with tempfile.TemporaryDirectory(prefix="cosmic-test-") as scratch:
        copy = Path(scratch) / "books.sqlite"
        shutil.copy(loaded_books(), copy)
        clock = MonthEndClock()
        given = {"tokens_per_minute": 0, "now": lambda: clock.now().timestamp(), **options}
        with running_site(SiteOptions(db=str(copy), behaviour=behaviour or Behaviour(), **given)) as site:
            yield Cosmic(site, clock)
            assert list(site.site.log.crashes) == []


def voucher(number: int = 1, amount: Decimal = Decimal("70619.47"), day: date = date(2026, 3, 31)) -> Voucher:
    """A voucher that the demo company's ledger takes."""
    dimensions = (("broker_account", "80010001"),)
    return sample_voucher(number, amount, day, debit="3101", credit="6101", dimensions=dimensions)


class CosmicUnderTest:
    """Cosmic for the conformance suite: small pages, so that ranges of dates are split."""

    name = "cosmic"
    may_write = True
    behaviour = Behaviour()
    site_options: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {"page_rows": 40}
    not_applicable: Mapping[str, str] = {}

    def __enter__(self) -> CosmicUnderTest:
        self._stack = ExitStack()
        self._cosmic = self._stack.enter_context(serving(behaviour=self.behaviour, **self.site_options))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def secrets(self) -> Sequence[str]:
        who, issued = self._cosmic.site.credentials, self._cosmic.site.site.gate.issued
        return tuple(filter(None, (who.client_secret, who.gateway_identity, WRONG_SECRET, *issued)))

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        return self._cosmic.adapter(
            url="http://127.0.0.1:9/" if access is Access.UNREACHABLE else "",
            secret=WRONG_SECRET if access is Access.WRONG_SECRET else "",
            call_seconds=call_seconds,
            **({"target_stage": target.value} if target else {}),
            **self.options,
        )

    def fault(self, fault: Fault, on: On, times: int) -> None:
        self._cosmic.fault(f"{FAULTS[fault]}={times}x@{on.value}:{STALL_SECONDS}")

    def clear(self) -> None:
        self._cosmic.site.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        changes: dict[Planted, dict[str, Any]] = {
            Planted.EXACT_LINE: {"qty": Decimal("12345.678901"), "price": Decimal("90123.456789")},
            Planted.UNKNOWN_VALUE: {"unit_number": "KUN"},
            Planted.MISSING_VALUE: {"deliverydate": None},
            Planted.EXTRA_FIELD: {"freeitems": {"whatever": [1, 2]}, "unheardof": "x"},
        }
        ref = self._cosmic.add_sale(changes[what])
        expected = {
            "ordered": Decimal("12345.678901"),
            "price": Decimal("90123.456789"),
            "vat_rate": Decimal("0.13"),
        }
        return Planting(ref, expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        leg = self.hedged_line()
        document, _, line = leg.key.partition("/")
        with self._cosmic.books.transaction():
            changes = {"totaloutqty": Decimal("1.5")}
            self._cosmic.books.change_line(document, line, changes, "2026-04-01 09:00:00")
        return leg

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return voucher(number, amount)

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("10.00"), date(2026, 3, 31), debit="3101", credit="9999.99")

    def closed_period(self) -> tuple[Voucher, str]:
        self._cosmic.books.set_period("2026-01", False)
        return voucher(501, Decimal("10.00"), date(2026, 1, 30)), "会计期间2026-01已结账"

    def booked(self, key: str) -> Sequence[Booked]:
        return self._cosmic.vouchers(key)

    def hedged_line(self) -> ExternalRef:
        for row in self._cosmic.books.rows("SELECT * FROM orders WHERE kind = 'sale' AND status = 'C' ORDER BY number"):
            bill = parse(row["bill"])
            if len(bill["billentry"]) > 2 and bill["closestatus"] == bill["cancelstatus"] == "A":
                return ExternalRef(CONNECTION, "sale_line", f"{row['id']}/{bill['billentry'][0]['id']}")
        raise AssertionError("the company has no such order")

    def rest_of(self, leg: ExternalRef) -> object:
        document, _, _ = leg.key.partition("/")
        bill = parse(self._cosmic.books.one("SELECT bill FROM orders WHERE id = ?", (document,)))
        bill.pop("modifytime")
        next(line for line in bill["billentry"] if line["id"] == leg.key.partition("/")[2]).pop(FREE_FIELD)
        return bill


class CosmicGatewayUnderTest(CosmicUnderTest):
    """The same behind a gateway, below a path, with conditions as text, no counts, pages cut silently, and times of zone zero."""

    behaviour = Behaviour(root="/ierp", most_rows=60, filter_text=True, counts=False)
    site_options: Mapping[str, Any] = {"gateway": True, "token_header": "access_token"}
    options: Mapping[str, Any] = {"page_rows": 200, "filter_in": "text", "timestamp_style": "utc"}


__all__ = ["Cosmic", "CosmicGatewayUnderTest", "CosmicUnderTest", "serving", "specs", "voucher"]
