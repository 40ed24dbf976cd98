"""A running NC Cloud stand-in with an adapter in front of it, wired as the worker wires it; books open to the tests."""

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
from sandbox.nccloud.books import Books
from sandbox.nccloud.command import RunningSite, SiteOptions, running_site
from sandbox.nccloud.demo import AUXILIARY_TYPES, BOOK, FREE_ITEM, MAKER, UNIT_CODES, VOUCHER_TYPE, order_document
from sandbox.nccloud.server import Behaviour
from worker.systems import Wiring, system

CONNECTION = "erp"
HEDGE_NOTE = {
    "sale_line": {
        "path": "nccloud/api/so/saleorder/update", "shape": "heads", "head": "so_saleorder", "lines": "so_saleorder_b",
        "document": "csaleorderid", "line": "csaleorderbid", "field": FREE_ITEM, "find": "csaleorderid",
        "head_values": {"ts": "=head_ts"},
    },
    "purchase_line": {
        "path": "nccloud/api/pu/order/update", "shape": "heads", "head": "po_order", "lines": "po_order_b",
        "document": "pk_order", "line": "pk_order_b", "field": FREE_ITEM,
    },
}  # fmt: skip
WRONG_SECRET = "not-the-secret-91c2"
COMMODITIES = tuple((row[0], row[2]) for row in MATERIALS)
FILLED_IN = {
    "commodities": COMMODITIES,
    "receipt_warehouses": ((STANDARD_WAREHOUSE, "standard"),),
    "tonnes_per_unit": ((UNIT_CODES["t"], "1"), (UNIT_CODES["kg"], "0.001")),
}
FAULTS = {
    Fault.ANSWER_LOST: "lose_answer_after_commit",
    Fault.ANSWER_CUT: "cut_connection",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "too_frequent",
    Fault.SESSION_LOST: "token_ended",
}
PLANTED_KEY = "1001A1HEDGE999999999"
KEPT_ORDERS = 14
"""Of each kind, in the tests' books: every pull reads them all."""


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
    kind = system("nccloud")
    compiled = {}
    for name in kind.spec_names:
        spec = load_spec(kind.default_spec(name), "yaml", name=name)
        maps = tuple(ValueMap(one.name, FILLED_IN.get(one.name, one.entries)) for one in spec.value_maps)
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


@cache
def loaded_books() -> Path:
    """Part of the demo company's books as a file, loaded once for all tests of this process; every site gets a copy."""
    path = Path(tempfile.mkdtemp(prefix="nccloud-books-")) / "books.sqlite"
    with running_site(SiteOptions(db=str(path))) as site:
        books = site.site.books
        for kind in ("sale", "purchase"):
            books.run(
                "DELETE FROM orders WHERE kind = ? AND document NOT LIKE '%DD9%' AND id NOT IN "
                "(SELECT id FROM orders WHERE kind = ? ORDER BY id LIMIT ?)",
                (kind, kind, KEPT_ORDERS),
            )
    return path


@dataclass
class NcCloud:
    """One site. `options` of the connection are those of `connection add`."""

    site: RunningSite
    clock: MonthEndClock

    def adapter(
        self, *, url: str = "", key: str = "", secret: str = "", call_seconds: float = 20, **options: Any
    ) -> Any:
        who = self.site.credentials
        given = {
            "url": url or self.site.url,
            "client_id": key or who.client_id,
            "public_key": who.public_key,
            "biz_center": who.biz_center,
            "account_book": BOOK,
            "voucher_type": VOUCHER_TYPE,
            "maker": MAKER,
            "dimensions": {"broker_account": AUXILIARY_TYPES["broker_account"]},
            "hedge_note": HEDGE_NOTE,
            **options,
        }
        secrets = {"app_secret": secret or who.app_secret}
        connection = Connection(CONNECTION, book_id("demo"), "nccloud", given, secrets)
        return system("nccloud").build(Wiring(connection, secrets, specs(), self.clock, call_seconds))

    def fault(self, text: str) -> None:
        """Switch on `NAME=RATE[@SCOPE][:SECONDS]`."""
        self.site.site.faults.arm_text(text)

    @property
    def books(self) -> Books:
        return self.site.site.books

    def vouchers(self, key: str) -> list[Booked]:
        """Documents in the ledger whose lines carry this reference."""
        found = []
        carriers = "SELECT voucher FROM voucher_lines WHERE reference = ?"
        for head in self.books.rows(f"SELECT * FROM vouchers WHERE id IN ({carriers}) ORDER BY id", (key,)):
            lines = self.books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number", (head["id"],))
            booked = tuple(BookedLine(one["account"], Decimal(one["debit"]), Decimal(one["credit"])) for one in lines)
            stage = Stage.POSTED if head["posted"] else Stage.AUDITED if head["checked"] else Stage.SAVED
            found.append(Booked(str(head["number"]), stage, date.fromisoformat(head["day"]), booked))
        return found

    def add_sale(self, line: Mapping[str, Any], key: str = PLANTED_KEY) -> ExternalRef:
        """A sales order of one line as the company's users would have left it."""
        at = datetime(2026, 3, 12, 10, 30, tzinfo=UTC)
        good = OrderLine("1.01.CU01", "t", Decimal(25), "t", Decimal("79800"), date(2026, 4, 20))
        document = order_document(Order("XSDD777777", "sale", "C001", date(2026, 3, 12), at, (good,)), key)
        document["so_saleorder_b"][0] |= line
        with self.books.transaction():
            self.books.add_order("sale", key, document)
        return ExternalRef(CONNECTION, "sale_line", f"{key}/{document['so_saleorder_b'][0]['csaleorderbid']}")


@contextmanager
def serving(*, behaviour: Behaviour | None = None, **options: Any) -> Iterator[NcCloud]:
    """A site on a copy of the demo company's books, with a clock that stands still. It must not have crashed."""
    with tempfile.TemporaryDirectory(prefix="nccloud-") as scratch:
        copy = Path(scratch) / "books.sqlite"
        shutil.copy(loaded_books(), copy)
        with running_site(SiteOptions(db=str(copy), behaviour=behaviour or Behaviour(), **options)) as site:
            yield NcCloud(site, MonthEndClock())
            assert list(site.site.log.crashes) == []


def voucher(number: int = 1, amount: Decimal = Decimal("70619.47"), day: date = date(2026, 3, 31)) -> Voucher:
    """A voucher that the demo company's ledger takes."""
    dimensions = (("broker_account", "80010001"),)
    return sample_voucher(number, amount, day, debit="3101", credit="6101", dimensions=dimensions)


class NcCloudUnderTest:
    """U8+ for the conformance suite: small pages with a total."""

    name = "nccloud"
    may_write = True
    behaviour = Behaviour()
    level = "L0"
    not_applicable: Mapping[str, str] = {}

    def __enter__(self) -> NcCloudUnderTest:
        self._stack = ExitStack()
        self._nc = self._stack.enter_context(serving(behaviour=self.behaviour, level=self.level))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def secrets(self) -> Sequence[str]:
        return (self._nc.site.credentials.app_secret, WRONG_SECRET, *self._nc.site.site.gate.issued)

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        return self._nc.adapter(
            url="http://127.0.0.1:9/" if access is Access.UNREACHABLE else "",
            secret=WRONG_SECRET if access is Access.WRONG_SECRET else "",
            call_seconds=call_seconds,
            page_rows=6,
        )

    def fault(self, fault: Fault, on: On, times: int) -> None:
        self._nc.fault(f"{FAULTS[fault]}={times}x@{on.value}:{STALL_SECONDS}")

    def clear(self) -> None:
        self._nc.site.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        changes: dict[Planted, dict[str, Any]] = {
            Planted.EXACT_LINE: {"nastnum": Decimal("12345.678901"), "nqtorigprice": Decimal("90123.456789")},
            Planted.UNKNOWN_VALUE: {"castunitid": UNIT_CODES["KUN"]},
            Planted.MISSING_VALUE: {"dreceivedate": None},
            Planted.EXTRA_FIELD: {"batch": {"whatever": [1, 2]}, "unheardOf": "x"},
        }
        ref = self._nc.add_sale(changes[what])
        expected = {
            "ordered": Decimal("12345.678901"),
            "price": Decimal("90123.456789"),
            "vat_rate": Decimal("0.13"),
        }
        return Planting(ref, expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        leg = self.hedged_line()
        key, _, _ = leg.key.partition("/")
        with self._nc.books.transaction():
            self._nc.books.change_line(key, 0, {"ntotaloutnum": Decimal("1.5")}, "2026-04-01 09:00:00")
        return leg

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return voucher(number, amount)

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("10.00"), date(2026, 3, 31), debit="3101", credit="9999.99")

    def closed_period(self) -> tuple[Voucher, str]:
        self._nc.books.set_period("2026-01", False)
        return voucher(501, Decimal("10.00"), date(2026, 1, 30)), "会计期间2026-01已结账"

    def booked(self, key: str) -> Sequence[Booked]:
        return self._nc.vouchers(key)

    def hedged_line(self) -> ExternalRef:
        for row in self._nc.books.rows("SELECT key, document FROM orders WHERE kind = 'sale' ORDER BY key"):
            document = json.loads(row["document"])
            lines = document["so_saleorder_b"]
            if len(lines) > 2 and document["so_saleorder"]["fstatusflag"] == 2:
                return ExternalRef(CONNECTION, "sale_line", f"{row['key']}/{lines[0]['csaleorderbid']}")
        raise LookupError("no sales order of three lines")

    def rest_of(self, leg: ExternalRef) -> object:
        key, _, _ = leg.key.partition("/")
        document = json.loads(self._nc.books.one("SELECT document FROM orders WHERE key = ?", (key,)))
        document["so_saleorder"].pop("ts")
        line = leg.key.partition("/")[2]
        next(one for one in document["so_saleorder_b"] if one["csaleorderbid"] == line).pop(FREE_ITEM)
        return document


class NcCloudCompressedUnderTest(NcCloudUnderTest):
    """The same where bodies are compressed (L2) and lists are plain arrays that name no total."""

    behaviour = Behaviour(plain_lists=True)
    level = "L2"


__all__ = ["NcCloud", "NcCloudCompressedUnderTest", "NcCloudUnderTest", "serving", "specs", "voucher"]
