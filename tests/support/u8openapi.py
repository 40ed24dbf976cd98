"""A running U8+ stand-in with an adapter in front of it, wired as the worker wires it; books open to the tests."""

from __future__ import annotations

import json
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
from sandbox.u8openapi.books import Books
from sandbox.u8openapi.command import RunningSite, SiteOptions, running_site
from sandbox.u8openapi.demo import EAI_SENDER, FREE_ITEM, ITEM_CLASS, MAKER, SLOTS, VOUCHER_TYPE, order_document
from sandbox.u8openapi.server import Behaviour
from worker.systems import Wiring, system

CONNECTION = "erp"
HEDGE_NOTE = {
    kind: {
        "path": f"api/{resource}/edit", "shape": "document", "holder": resource, "document": "code", "lines": "entry",
        "line": line, "field": FREE_ITEM, "head_values": {"ufts": "=head_ufts"},
    }
    for kind, resource, line in (
        ("sale_line", "saleorder", "rowno"), ("purchase_line", "purchaseorder", "ivouchrowno"),
    )
}  # fmt: skip
WRONG_SECRET = "not-the-secret-91c2"
COMMODITIES = tuple((row[0], row[2]) for row in MATERIALS)
FILLED_IN = {"commodities": COMMODITIES, "receipt_warehouses": ((STANDARD_WAREHOUSE, "standard"),)}
FAULTS = {
    Fault.ANSWER_LOST: "lose_answer_after_commit",
    Fault.ANSWER_CUT: "cut_connection",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "too_frequent",
    Fault.SESSION_LOST: "token_ended",
}
PLANTED_CODE = "XSDD777777"
KEPT_ORDERS = 14
"""Of each kind, in the tests' books: each document is a call of its own."""


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
    kind = system("u8openapi")
    compiled = {}
    for name in kind.spec_names:
        spec = load_spec(kind.default_spec(name), "yaml", name=name)
        maps = tuple(ValueMap(one.name, FILLED_IN.get(one.name, one.entries)) for one in spec.value_maps)
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


@cache
def loaded_books() -> Path:
    """Part of the demo company's books as a file, loaded once for all tests of this process; every site gets a copy."""
    path = Path(tempfile.mkdtemp(prefix="u8openapi-books-")) / "books.sqlite"
    with running_site(SiteOptions(db=str(path))) as site:
        books = site.site.books
        for kind in ("saleorder", "purchaseorder"):
            books.run(
                "DELETE FROM orders WHERE kind = ? AND code NOT LIKE '%DD9%' AND id NOT IN "
                "(SELECT id FROM orders WHERE kind = ? ORDER BY id LIMIT ?)",
                (kind, kind, KEPT_ORDERS),
            )
    return path


@dataclass
class U8:
    """One site. `options` of the connection are those of `connection add`."""

    site: RunningSite
    clock: MonthEndClock

    def adapter(
        self, *, url: str = "", key: str = "", secret: str = "", call_seconds: float = 20, **options: Any
    ) -> Any:
        who = self.site.credentials
        given = {
            "url": url or self.site.url,
            "from_account": who.from_account,
            "to_account": who.to_account,
            "app_key": key or who.app_key,
            "voucher_type": VOUCHER_TYPE,
            "maker": MAKER,
            "item_class": ITEM_CLASS,
            "dimensions": {"broker_account": SLOTS["broker_account"]},
            "hedge_note": HEDGE_NOTE,
            **options,
        }
        if given.get("voucher_road") == "eai":
            given = {"eai_url": given["url"], "eai_sender": EAI_SENDER, **given}
        secrets = {"app_secret": secret or who.app_secret}
        connection = Connection(CONNECTION, book_id("demo"), "u8openapi", given, secrets)
        return system("u8openapi").build(Wiring(connection, secrets, specs(), self.clock, call_seconds))

    def fault(self, text: str) -> None:
        """Switch on `NAME=RATE[@SCOPE][:SECONDS]`."""
        self.site.site.faults.arm_text(text)

    @property
    def books(self) -> Books:
        return self.site.site.books

    def vouchers(self, key: str) -> list[Booked]:
        """Documents in the ledger under this external number."""
        found = []
        for head in self.books.rows("SELECT * FROM vouchers WHERE reference = ? ORDER BY id", (key,)):
            lines = self.books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number", (head["id"],))
            booked = tuple(BookedLine(one["account"], Decimal(one["debit"]), Decimal(one["credit"])) for one in lines)
            stage = Stage.POSTED if head["posted"] else Stage.AUDITED if head["checked"] else Stage.SAVED
            found.append(Booked(str(head["number"]), stage, date.fromisoformat(head["day"]), booked))
        return found

    def add_sale(self, line: Mapping[str, Any], code: str = PLANTED_CODE) -> ExternalRef:
        """A sales order of one line as the customer's users would have left it."""
        at = datetime(2026, 3, 12, 10, 30, tzinfo=UTC)
        good = OrderLine("1.01.CU01", "t", Decimal(25), "t", Decimal("79800"), date(2026, 4, 20))
        head, (fields,) = order_document(Order(code, "sale", "C001", date(2026, 3, 12), at, (good,)))
        with self.books.transaction():
            self.books.add_order("saleorder", head, [{**fields, **line}])
        return ExternalRef(CONNECTION, "sale_line", f"{code}/1")


@contextmanager
def serving(*, behaviour: Behaviour | None = None, **options: Any) -> Iterator[U8]:
    """A site on a copy of the demo company's books, with a clock that stands still. It must not have crashed."""
    with tempfile.TemporaryDirectory(prefix="u8openapi-") as scratch:
        copy = Path(scratch) / "books.sqlite"
        shutil.copy(loaded_books(), copy)
        with running_site(SiteOptions(db=str(copy), behaviour=behaviour or Behaviour(), **options)) as site:
            yield U8(site, MonthEndClock())
            assert list(site.site.log.crashes) == []


def voucher(number: int = 1, amount: Decimal = Decimal("70619.47"), day: date = date(2026, 3, 31)) -> Voucher:
    """A voucher that the demo company's ledger takes."""
    dimensions = (("broker_account", "80010001"),)
    return sample_voucher(number, amount, day, debit="3101", credit="6101", dimensions=dimensions)


class U8UnderTest:
    """U8+ for the conformance suite: small pages, vouchers by the relay."""

    name = "u8openapi"
    may_write = True
    behaviour = Behaviour()
    road = "openapi"
    not_applicable: Mapping[str, str] = {}

    def __enter__(self) -> U8UnderTest:
        self._stack = ExitStack()
        self._u8 = self._stack.enter_context(serving(behaviour=self.behaviour))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def secrets(self) -> Sequence[str]:
        return (self._u8.site.credentials.app_secret, WRONG_SECRET, *self._u8.site.site.gate.issued)

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        return self._u8.adapter(
            url="http://127.0.0.1:9/" if access is Access.UNREACHABLE else "",
            secret=WRONG_SECRET if access is Access.WRONG_SECRET else "",
            call_seconds=call_seconds,
            page_rows=6,
            voucher_road=self.road,
        )

    def fault(self, fault: Fault, on: On, times: int) -> None:
        self._u8.fault(f"{FAULTS[fault]}={times}x@{on.value}:{STALL_SECONDS}")

    def clear(self) -> None:
        self._u8.site.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        changes: dict[Planted, dict[str, Any]] = {
            Planted.EXACT_LINE: {"quantity": "12345.678901", "unitprice": "90123.456789"},
            Planted.UNKNOWN_VALUE: {"unitname": "捆"},
            Planted.MISSING_VALUE: {"predate": None},
            Planted.EXTRA_FIELD: {"batch": {"whatever": [1, 2]}, "unheardOf": "x"},
        }
        ref = self._u8.add_sale(changes[what])
        expected = {
            "ordered": Decimal("12345.678901"),
            "price": Decimal("90123.456789"),
            "vat_rate": Decimal("0.13"),
        }
        return Planting(ref, expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        leg = self.hedged_line()
        code, _, _ = leg.key.partition("/")
        with self._u8.books.transaction():
            self._u8.books.change_line(code, 0, {"fhquantity": "1.500000"})
        return leg

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return voucher(number, amount)

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("10.00"), date(2026, 3, 31), debit="3101", credit="9999.99")

    def closed_period(self) -> tuple[Voucher, str]:
        self._u8.books.set_period("2026-01", False)
        return voucher(501, Decimal("10.00"), date(2026, 1, 30)), "会计期间2026-01已结账"

    def booked(self, key: str) -> Sequence[Booked]:
        return self._u8.vouchers(key)

    def hedged_line(self) -> ExternalRef:
        for row in self._u8.books.rows("SELECT code, head, lines FROM orders WHERE kind = 'saleorder' ORDER BY code"):
            head = json.loads(row["head"])
            if len(json.loads(row["lines"])) > 2 and head["verifier"] and not head["closer"]:
                return ExternalRef(CONNECTION, "sale_line", f"{row['code']}/1")
        raise LookupError("no sales order of three lines")

    def rest_of(self, leg: ExternalRef) -> object:
        code, _, _ = leg.key.partition("/")
        (row,) = self._u8.books.rows("SELECT head, lines FROM orders WHERE code = ?", (code,))
        head, lines = json.loads(row["head"]), json.loads(row["lines"])
        head.pop("ufts")
        next(line for line in lines if line["rowno"] == leg.key.partition("/")[2]).pop(FREE_ITEM)
        return head, lines


class U8EaiUnderTest(U8UnderTest):
    """The same where vouchers go by EAI, as XML."""

    road = "eai"


__all__ = ["U8", "U8EaiUnderTest", "U8UnderTest", "serving", "specs", "voucher"]
