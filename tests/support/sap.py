"""A running SAP stand-in with an adapter in front of it, wired as the worker wires it; books open to the tests."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
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
from sandbox.sap.command import RunningSite, SiteOptions, running_site
from sandbox.sap.server import Behaviour
from worker.systems import Wiring, system

CONNECTION = "erp"
WRONG_SECRET = "not-the-password-7f3a"
MAPS = {
    "commodities": {"1.01.CU01": "copper", "1.01.CU02": "copper", "1.02.AL01": "aluminium", "1.02.AL02": "aluminium"},
    "receipt_warehouses": {"CK91": "standard"},
}
FAULTS = {
    Fault.ANSWER_LOST: "lose_answer_after_commit",
    Fault.ANSWER_CUT: "cut_connection",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "too_frequent",
    Fault.SESSION_LOST: "token_ended",
}
PARTNER = ("broker_account", "80010001")
DEBIT, CREDIT = "1012000000", "6111010000"
PLANTED_ORDER = "1000777777"


@dataclass
class SleeplessClock:
    """The real time; waiting costs nothing and is remembered."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@cache
def specs() -> dict[str, Any]:
    """The packaged specs with the demo company's codes in the maps that a steward fills in, compiled."""
    kind = system("sap")
    compiled = {}
    for name in kind.spec_names:
        spec = load_spec(kind.default_spec(name), "yaml", name=name)
        maps = tuple(
            ValueMap(one.name, tuple(MAPS[one.name].items())) if one.name in MAPS else one for one in spec.value_maps
        )
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


@cache
def loaded_books() -> Path:
    """The demo company's books as a file, loaded once for all tests of this process; every site gets a copy."""
    path = Path(tempfile.mkdtemp(prefix="sap-books-")) / "books.sqlite"
    with running_site(SiteOptions(db=str(path))):
        return path


@dataclass
class Sap:
    """One site. `options` of the connection are those of `connection add`."""

    site: RunningSite
    clock: SleeplessClock

    def adapter(
        self, *, url: str = "", user: str = "", secret: str = "", call_seconds: float = 20, **options: Any
    ) -> Any:
        who = self.site.credentials
        oauth = options.get("login_mode") == "oauth2"
        given = {
            "url": url or self.site.url,
            "user": user or (who.client_id if oauth else who.user),
            "company_code": "1010",
            "sales_organisation": "1010",
            "chart_of_accounts": "YCOA",
            "created_by": "HEDGE",
            "sap_client": "100",
            "dimensions": {"broker_account": "AssignmentReference"},
            "hedge_texts": {"sale_line": "ZHDG", "purchase_line": "F05"},
            **options,
        }
        secrets = {"password": secret or (who.client_secret if oauth else who.password)}
        if "journal_password" in given:
            secrets["journal_password"] = given.pop("journal_password")
        connection = Connection(CONNECTION, book_id("demo"), "sap", given, secrets)
        return system("sap").build(Wiring(connection, secrets, specs(), self.clock, call_seconds))

    def fault(self, text: str) -> None:
        """Switch on `NAME=RATE[@SCOPE][:SECONDS]`."""
        self.site.site.faults.arm_text(text)

    @property
    def books(self) -> Any:
        return self.site.site.books

    def calls(self) -> Mapping[str, int]:
        """How often each resource was called."""
        return dict(self.site.site.log.calls)

    def queries(self, resource: str) -> list[str]:
        """The query strings with which a resource was read."""
        return [one["query"] for one in self.site.site.log.recent if one["path"].endswith("/" + resource)]

    def documents(self, key: str) -> list[Booked]:
        """Documents in the ledger that carry this reference."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.books.rows("A_OperationalAcctgDocItemCube", DocumentReferenceID=key):
            found.setdefault(row["AccountingDocument"], []).append(row)
        return [
            Booked(
                number,
                Stage.POSTED,
                rows[0]["PostingDate"],
                tuple(
                    BookedLine(
                        row["GLAccount"],
                        max(row["AmountInTransactionCurrency"], Decimal(0)),
                        max(-row["AmountInTransactionCurrency"], Decimal(0)),
                    )
                    for row in sorted(rows, key=lambda row: row["AccountingDocumentItem"])
                ),
            )
            for number, rows in sorted(found.items())
        ]

    def add_sale(
        self, number: str = PLANTED_ORDER, header: Mapping[str, Any] | None = None, **item: Any
    ) -> ExternalRef:
        """A sales order of one item as the system's users would have left it."""
        day = date(2026, 3, 12)
        head = {
            "SalesOrder": number, "SalesOrganization": "1010", "SoldToParty": "C001", "TransactionCurrency": "CNY",
            "SalesOrderDate": day, "OverallSDProcessStatus": "A",
            "LastChangeDateTime": datetime(2026, 3, 12, 2, 30, tzinfo=UTC), **(header or {}),
        }  # fmt: skip
        line = {
            "Material": "1.01.CU01", "RequestedQuantity": Decimal(25), "RequestedQuantityUnit": "TO",
            "NetAmount": Decimal("1765486.75"), "TransactionCurrency": "CNY", "SDProcessStatus": "A", **item,
        }  # fmt: skip
        keys = {"SalesOrder": number, "SalesOrderItem": "10"}
        with self.books.transaction():
            self.books.add("A_SalesOrder", **head)
            self.books.add("A_SalesOrderItem", **keys, **line)
            self.books.add(
                "A_SalesOrderScheduleLine", **keys, ScheduleLine="1", RequestedDeliveryDate=date(2026, 4, 20),
                OrderQuantityUnit=line["RequestedQuantityUnit"], ScheduleLineOrderQuantity=line["RequestedQuantity"],
            )  # fmt: skip
        return ExternalRef(CONNECTION, "sale_line", f"{number}/10")


@contextmanager
def serving(*, behaviour: Behaviour | None = None, **options: Any) -> Iterator[Sap]:
    """A site with its own copy of the demo company's books. Other keywords: `SiteOptions`."""
    with tempfile.TemporaryDirectory(prefix="sap-test-") as scratch:
        copy = Path(scratch) / "books.sqlite"
        shutil.copy(loaded_books(), copy)
        with running_site(SiteOptions(db=str(copy), behaviour=behaviour or Behaviour(), **options)) as site:
            yield Sap(site, SleeplessClock())
            assert list(site.site.log.crashes) == []


def voucher(number: int = 1, amount: Decimal = Decimal("70619.47"), day: date = date(2026, 3, 31)) -> Voucher:
    """A voucher that the demo company's ledger takes."""
    return sample_voucher(number, amount, day, debit=DEBIT, credit=CREDIT, dimensions=(PARTNER,))


class SapUnderTest:
    """SAP for the conformance suite, with basic authentication: small pages, so that next links and key ranges matter."""

    name = "sap"
    may_write = True
    login: Mapping[str, str] = {}
    not_applicable: Mapping[str, str] = {
        "E06_extra_field": "every read names its columns with $select, so no other can arrive",
        "E08": "basic authentication has no session or token that could be lost",
    }

    def __enter__(self) -> SapUnderTest:
        self._stack = ExitStack()
        self._sap = self._stack.enter_context(serving(behaviour=Behaviour(most_rows=40)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def secrets(self) -> Sequence[str]:
        who = self._sap.site.credentials
        pairs = ((who.user, who.password), (who.client_id, who.client_secret), (who.user, WRONG_SECRET))
        encoded = [base64.b64encode(f"{user}:{secret}".encode()).decode() for user, secret in pairs]
        return (who.password, who.client_secret, WRONG_SECRET, *encoded)

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        return self._sap.adapter(
            url="http://127.0.0.1:9/" if access is Access.UNREACHABLE else "",
            secret=WRONG_SECRET if access is Access.WRONG_SECRET else "",
            call_seconds=call_seconds,
            page_rows=60,
            **self.login,
        )

    def fault(self, fault: Fault, on: On, times: int) -> None:
        self._sap.fault(f"{FAULTS[fault]}={times}x@{on.value}:{STALL_SECONDS}")

    def clear(self) -> None:
        self._sap.site.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        changes: dict[Planted, dict[str, Any]] = {
            Planted.EXACT_LINE: {"RequestedQuantity": Decimal("12345.678"), "NetAmount": Decimal("987654321.123")},
            Planted.UNKNOWN_VALUE: {"RequestedQuantityUnit": "BDL"},
            Planted.MISSING_VALUE: {"header": {"SalesOrderDate": None}},
        }
        ref = self._sap.add_sale(**changes[what])
        # 12345.678 x 80000 leaves 81.123 of the amount, and 81.123 / 12345.678 is 0.0065709…
        expected = {"ordered": Decimal("12345.678"), "price": Decimal("80000.006571"), "vat_rate": Decimal("0.13")}
        return Planting(ref, expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        leg = self.hedged_line()
        order, _, item = leg.key.partition("/")
        keys = {"SalesOrder": order, "SalesOrderItem": item}
        with self._sap.books.transaction():
            self._sap.books.change("A_SalesOrderItem", keys, {"RequestedQuantity": Decimal("31.5")})
            self._sap.books.change("A_SalesOrder", {"SalesOrder": order}, {})
            self._sap.books.change(
                "A_SalesOrder", {"SalesOrder": order}, {"LastChangeDateTime": datetime(2026, 4, 1, 1, 0, tzinfo=UTC)}
            )
        return leg

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return voucher(number, amount)

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("10.00"), date(2026, 3, 31), debit=DEBIT, credit="9999999999")

    def closed_period(self) -> tuple[Voucher, str]:
        with self._sap.books.transaction():
            self._sap.books.set_period(2026, 1, False)
        return voucher(501, Decimal("10.00"), date(2026, 1, 30)), "Posting period 001 2026 is not open"

    def booked(self, key: str) -> Sequence[Booked]:
        return self._sap.documents(key)

    def hedged_line(self) -> ExternalRef:
        orders = sorted(
            row["SalesOrder"]
            for row in self._sap.books.rows("A_SalesOrder")
            if row["OverallSDProcessStatus"] == "A" and not row["SalesDocApprovalStatus"]
        )
        full = [one for one in orders if len(self._sap.books.rows("A_SalesOrderItem", SalesOrder=one)) > 2]
        return ExternalRef(CONNECTION, "sale_line", f"{full[0]}/10")

    def rest_of(self, leg: ExternalRef) -> object:
        order, _, _ = leg.key.partition("/")
        types = ("A_SalesOrder", "A_SalesOrderItem", "A_SalesOrderScheduleLine", "A_SalesOrderItemText")
        return [
            row
            for one in types
            for row in self._sap.books.rows(one, SalesOrder=order)
            if row.get("LongTextID") != "ZHDG"
        ]


class SapOAuthUnderTest(SapUnderTest):
    """The same with OAuth2 client credentials, so that a token can end."""

    login: Mapping[str, str] = {"login_mode": "oauth2"}
    not_applicable: Mapping[str, str] = {
        "E06_extra_field": "every read names its columns with $select, so no other can arrive",
    }
