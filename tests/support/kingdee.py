"""A running Kingdee stand-in with an adapter in front of it, wired as the worker wires it; books open to the tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from conformance import STALL_SECONDS, Access, Booked, BookedLine, Fault, On, Planted, Planting, sample_voucher
from hedge_core.model.identity import ExternalRef, book_id
from hedge_core.model.vouchers import Stage, Voucher
from hedge_core.ports.storage import Connection
from mapping import SCHEMAS, ValueMap, compile_spec, load_spec
from sandbox.kingdee.books import unscaled
from sandbox.kingdee.command import RunningSite, SiteOptions, running_site
from sandbox.kingdee.server import Behaviour
from worker.systems import Wiring, system

COMMODITIES = {"1.01.CU01": "copper", "1.01.CU02": "copper", "1.02.AL01": "aluminium", "1.02.AL02": "aluminium"}
CONNECTION = "erp"
WRONG_SECRET = "f" * 32
STAGES = {"Z": Stage.SAVED, "A": Stage.SAVED, "D": Stage.SAVED, "B": Stage.SUBMITTED, "C": Stage.AUDITED}
FAULTS = {
    Fault.ANSWER_LOST: "lose_answer_after_commit",
    Fault.ANSWER_CUT: "cut_connection",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "too_frequent",
    Fault.SESSION_LOST: "session_lost_object",
}
PARTNER = ("broker_account", "80010001")


class TestClock:
    """The real time for signatures; waiting costs nothing and is remembered."""

    __test__ = False

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@cache
def specs() -> dict[str, Any]:
    """The packaged specs with the demo company's materials mapped, compiled."""
    kind = system("kingdee")
    compiled = {}
    for name in kind.spec_names:
        spec = load_spec(kind.default_spec(name), "yaml", name=name)
        known = ValueMap("commodities", tuple(COMMODITIES.items()))
        maps = tuple(known if one.name == "commodities" else one for one in spec.value_maps)
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


@cache
def loaded_books() -> Path:
    """The demo company's books as a file, loaded once for all tests of this process; every site gets a copy."""
    path = Path(tempfile.mkdtemp(prefix="kingdee-books-")) / "books.sqlite"
    with running_site(SiteOptions(db=str(path))):
        return path


@dataclass
class Kingdee:
    """One site. `options` of the connection are those of `connection add`."""

    site: RunningSite
    clock: TestClock

    def adapter(
        self, *, url: str = "", secret: str = "", user: str = "", call_seconds: float = 20, **options: Any
    ) -> Any:
        who = self.site.credentials
        given = {
            "url": url or self.site.url,
            "acct_id": who.acct_id,
            "user": user or who.user,
            "app_id": who.app_id,
            "org": "100",
            "account_book": "001",
            "dimensions": {"broker_account": "FDETAILID__FF100002"},
            "hedge_fields": {"sale_line": "F_HB_Hedge", "purchase_line": "F_HB_Hedge"},
            **options,
        }
        secrets = {"app_secret": secret or who.app_secret}
        connection = Connection(CONNECTION, book_id("demo"), "kingdee", given, secrets)
        return system("kingdee").build(Wiring(connection, secrets, specs(), self.clock, call_seconds))

    def fault(self, text: str) -> None:
        """Switch on `NAME=RATE[@SCOPE][:SECONDS]`."""
        self.site.site.faults.arm_text(text)

    @property
    def books(self) -> Any:
        return self.site.site.books

    def calls(self) -> Mapping[str, int]:
        """How often each service was called."""
        return dict(self.site.site.log.services)

    def vouchers(self, key: str = "") -> list[Booked]:
        """Documents in the ledger whose entries carry this reference (all of them without one)."""
        found = []
        for head in self.books.rows("SELECT * FROM GL_VOUCHER ORDER BY id"):
            lines = self.books.rows(
                'SELECT l.*, a.FNumber AS account FROM "GL_VOUCHER.FEntity" l '
                "LEFT JOIN BD_Account a ON a.id = l.FACCOUNTID WHERE l.parent = ? ORDER BY l.id",
                (head["id"],),
            )
            if key and not any(line["FBUSNO"] == key for line in lines):
                continue
            booked = tuple(
                BookedLine(line["account"], unscaled(line["FDEBIT"]), unscaled(line["FCREDIT"])) for line in lines
            )
            day = date.fromisoformat(head["FDate"][:10])
            found.append(Booked(head["FBillNo"], STAGES[head["FDocumentStatus"]], day, booked))
        return found

    def order(self, number: str) -> tuple[str, Any, list[Any]]:
        """Form id, header and lines of an order."""
        for form_id in ("SAL_SaleOrder", "PUR_PurchaseOrder"):
            form = self.books.form(form_id)
            for record in self.books.find_all(form, number):
                return form_id, self.books.head(form, record), self.books.lines(form, record)
        raise LookupError(number)

    def sale_ref(self, number: str, line: int = 1) -> ExternalRef:
        """The reference of a line of a sales order, by its place."""
        _, head, lines = self.order(number)
        return ExternalRef(CONNECTION, "sale_line", f"{head['id']}/{lines[line - 1]['id']}")

    def add_sale(self, number: str, *lines: Mapping[str, Any], modified: str = "2026-03-12T10:30:00") -> int:
        """A sales order as the site's users would have left it."""
        head = {
            "FBillNo": number, "FBillTypeID": "XSDD01_SYS", "FDate": "2026-03-12", "FSaleOrgId": "100",
            "FCustId": "C001", "FSettleCurrId": "PRE001", "FDocumentStatus": "C", "FCloseStatus": "A",
            "FCancelStatus": "A", "FCreateDate": modified, "FModifyDate": modified,
        }  # fmt: skip
        return self.books.add("SAL_SaleOrder", head, [{**SALE_LINE, **line} for line in lines])


SALE_LINE = {
    "FMaterialId": "1.01.CU01", "FUnitID": "t", "FQty": Decimal("25"), "FPriceUnitId": "t",
    "FTaxPrice": Decimal("79800"), "FEntryTaxRate": Decimal("13"), "FDeliveryDate": "2026-04-20", "FStockOrgId": "100",
    "FMrpCloseStatus": "A", "F_HB_Pricing": "P", "F_HB_RefMonth": "", "F_HB_Premium": Decimal(0), "F_HB_Hedge": "",
}  # fmt: skip


@contextmanager
def serving(*, max_limit: int = 2000, books: Path | None = None, **options: Any) -> Iterator[Kingdee]:
    """A site with its own copy of the demo company's books. Other keywords: `SiteOptions` or `Behaviour`."""
    behaviour = Behaviour(
        max_limit=max_limit,
        **{name: options.pop(name) for name in ("string_flags", "plain_query_errors") if name in options},
    )
    with tempfile.TemporaryDirectory(prefix="kingdee-test-") as scratch:
        if options.get("empty"):
            chosen = SiteOptions(behaviour=behaviour, **options)
        else:
            copy = Path(scratch) / "books.sqlite"
            shutil.copy(books or loaded_books(), copy)
            chosen = SiteOptions(db=str(copy), behaviour=behaviour, **options)
        with running_site(chosen) as site:
            yield Kingdee(site, TestClock())


def voucher(number: int = 1, amount: Decimal = Decimal("70619.47"), day: date = date(2026, 3, 31)) -> Voucher:
    """A voucher that the demo company's ledger takes."""
    return sample_voucher(number, amount, day, debit="3101", credit="6101", dimensions=(PARTNER,))


class KingdeeUnderTest:
    """Kingdee for the conformance suite: small pages, so that orders are split between them."""

    name = "kingdee"
    may_write = True
    login_mode = "signed"
    not_applicable: Mapping[str, str] = {
        "E06_extra_field": "a query answers the fields it names and nothing else, so no other can arrive",
    }

    def __enter__(self) -> KingdeeUnderTest:
        self._stack = ExitStack()
        self._kingdee = self._stack.enter_context(serving(max_limit=60))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def secrets(self) -> Sequence[str]:
        return (self._kingdee.site.credentials.app_secret, WRONG_SECRET)

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        options: dict[str, Any] = {"login_mode": self.login_mode}
        if target is not None:
            options["target_stage"] = target.value
        return self._kingdee.adapter(
            url="http://127.0.0.1:9/k3cloud/" if access is Access.UNREACHABLE else "",
            secret=WRONG_SECRET if access is Access.WRONG_SECRET else "",
            call_seconds=call_seconds,
            **options,
        )

    def fault(self, fault: Fault, on: On, times: int) -> None:
        self._kingdee.fault(f"{FAULTS[fault]}={times}x@{on.value}:{STALL_SECONDS}")

    def clear(self) -> None:
        self._kingdee.site.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        changes: dict[Planted, dict[str, Any]] = {
            Planted.EXACT_LINE: {"FQty": Decimal("12345.678901"), "FTaxPrice": Decimal("90123.456789")},
            Planted.UNKNOWN_VALUE: {"FUnitID": "KUN"},
            Planted.MISSING_VALUE: {"FDeliveryDate": None},
        }
        self._kingdee.add_sale("XSDD777777", changes[what])
        net = (Decimal("90123.456789") / Decimal("1.13")).quantize(Decimal("0.000001"), ROUND_HALF_UP)
        expected = {"ordered": Decimal("12345.678901"), "price": net, "vat_rate": Decimal("0.13")}
        return Planting(self._kingdee.sale_ref("XSDD777777"), expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        leg = self.hedged_line()
        document, _, entry = leg.key.partition("/")
        self._kingdee.books.change("SAL_SaleOrder", int(entry), {"FStockOutQty": Decimal("1.5")}, line=True)
        self._kingdee.books.change("SAL_SaleOrder", int(document), {"FModifyDate": "2026-04-01T09:00:00"})
        return leg

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return voucher(number, amount)

    def refused_voucher(self) -> Voucher:
        return sample_voucher(500, Decimal("10.00"), date(2026, 3, 31), debit="3101", credit="9999.99")

    def closed_period(self) -> tuple[Voucher, str]:
        self._kingdee.books.run("UPDATE periods SET is_open = 0 WHERE year = 2026 AND period = 1")
        return voucher(501, Decimal("10.00"), date(2026, 1, 30)), "会计期间2026-01已结账"

    def booked(self, key: str) -> Sequence[Booked]:
        return self._kingdee.vouchers(key)

    def hedged_line(self) -> ExternalRef:
        row = self._kingdee.books.rows(
            'SELECT h.id AS head, MIN(l.id) AS line FROM SAL_SaleOrder h JOIN "SAL_SaleOrder.FSaleOrderEntry" l '
            "ON l.parent = h.id WHERE h.FDocumentStatus = 'C' AND h.FCloseStatus = 'A' AND h.FCancelStatus = 'A' "
            "GROUP BY h.id HAVING COUNT(*) > 2 ORDER BY h.id"
        )[0]
        return ExternalRef(CONNECTION, "sale_line", f"{row['head']}/{row['line']}")

    def rest_of(self, leg: ExternalRef) -> object:
        document, _, _ = leg.key.partition("/")
        form = self._kingdee.books.form("SAL_SaleOrder")
        head = dict(self._kingdee.books.head(form, int(document)))
        head.pop("FModifyDate")
        lines = [dict(line) for line in self._kingdee.books.lines(form, int(document))]
        return head, [{name: value for name, value in line.items() if name != "F_HB_Hedge"} for line in lines]


class KingdeeSessionUnderTest(KingdeeUnderTest):
    """The same by LoginBySign and a session id instead of a signature on every request."""

    login_mode = "session"
