"""The invented JSON ERP with an adapter in front of it, wired as the worker wires it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from types import TracebackType
from typing import Any

from conformance import STALL_SECONDS, Access, Fault, NotSwitchable, On, Planted, Planting, sample_voucher
from hedge_core.model.identity import ExternalRef, book_id
from hedge_core.model.vouchers import Stage, Voucher
from hedge_core.ports.storage import Connection
from mapping import SCHEMAS, ValueMap, compile_spec, load_spec
from sandbox.company.facts import MATERIALS
from sandbox.generic.books import Books
from sandbox.generic.command import RunningSite, running_site
from sandbox.generic.server import Credentials
from worker.generic_json import build_generic_json
from worker.systems import Wiring

SPECS = "adapters/erp/generic_json/specs"
WRONG = "wrong-secret-5f1d7c"
NAMES = ("sale_line", "purchase_line", "stock", "material", "partner", "account")
LISTS = dict(zip(NAMES, ("sale-lines", "purchase-orders", "stock", "materials", "partners", "accounts"), strict=True))
STYLES: dict[str, dict[str, Any]] = {
    "offset": {"prefix": "api/offset", "pages": "offset", "rows": "data.list"},
    "page": {"prefix": "api/page", "pages": "page", "rows": "items"},
    "link": {"prefix": "api/link", "pages": "next_link", "rows": "results", "next": "next"},
    "header": {"prefix": "api/header", "pages": "next_link"},
    "keys": {"prefix": "api/keys", "pages": "keyset", "key": "id"},
    "odata": {
        "prefix": "odata", "pages": "odata_skip", "rows": "value",
        "since_param": "$filter", "since_format": "updatedAt ge {value}",
    },
    "odata_keys": {
        "prefix": "odata", "pages": "keyset", "rows": "value", "key": "id", "start_param": "$filter",
        "key_format": "id gt {value}", "limit_param": "$top", "since_param": "$filter",
        "since_format": "updatedAt ge {value}",
    },
}  # fmt: skip
SALE = {
    "orderNo": "S777777", "customer": {"code": "C001"}, "state": "OPEN", "currency": "CNY", "orderDate": "2026-03-12",
    "lineNo": 1, "material": {"code": "1.01.CU01"}, "unit": "t", "quantity": Decimal(25), "delivered": Decimal(0),
    "returned": Decimal(0), "deliveryDate": "2026-04-20",
    "pricing": {"kind": "FIXED", "unit": "t", "taxPrice": Decimal(79800), "premium": 0, "taxPercent": 13, "month": None},
}  # fmt: skip


class NoClock:
    """Waiting costs nothing."""

    def now(self) -> datetime:
        return datetime(2026, 4, 1, 8, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        return None


@cache
def specs() -> dict[str, Any]:
    """The packaged specs with the demo company's materials mapped, compiled."""
    compiled = {}
    for name in NAMES:
        spec = load_spec(f"{SPECS}/{name}.yaml")
        known = ValueMap("commodities", tuple((row[0], row[2]) for row in MATERIALS))
        maps = tuple(known if one.name == "commodities" else one for one in spec.value_maps)
        compiled[name] = compile_spec(replace(spec, value_maps=maps), SCHEMAS[spec.kind], "Asia/Shanghai")
    return compiled


def kinds(style: str, **changes: Any) -> dict[str, Any]:
    """The option `kinds` for every list of the site in a style."""
    how = dict(STYLES[style])
    prefix = how.pop("prefix")
    common = {"id": ["id"], "modified": "updatedAt", "since_param": "updated_since", "page_rows": 60, **how, **changes}
    made = {kind: {**common, "path": f"{prefix}/{name}"} for kind, name in LISTS.items()}
    made["purchase_line"] |= {"lines": "lines", "id": ["id", "lines.lineNo"]}
    return made


def build(url: str, credentials: Credentials, style: str = "keys", *, seconds: float = 20, **options: Any) -> Any:
    """An adapter of a connection with these options."""
    secret = options.pop("secret", credentials.token)
    given = {"url": url, "auth": "bearer", "kinds": kinds(style), "envelope": {"code": "code"}, **options}
    connection = Connection("erp", book_id("demo"), "generic_json", given, {})
    return build_generic_json(Wiring(connection, {"secret": secret} if secret else {}, specs(), NoClock(), seconds))


class GenericJsonUnderTest:
    """The generic JSON adapter for the pulling cases of the conformance suite."""

    name = "generic_json"
    may_write = True
    style = "keys"
    not_applicable: Mapping[str, str] = {
        "E07_throttled_write": "this adapter only reads, so no write can be throttled",
        "E08": "each call carries its secret, so there is no session to lose or renew",
    }

    def __enter__(self) -> GenericJsonUnderTest:
        self._stack = ExitStack()
        self._running: RunningSite = self._stack.enter_context(running_site())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def secrets(self) -> Sequence[str]:
        return (self._running.credentials.token, WRONG)

    @property
    def books(self) -> Books:
        return self._running.site.books

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        url = "http://127.0.0.1:9/" if access is Access.UNREACHABLE else self._running.url
        secret = WRONG if access is Access.WRONG_SECRET else self._running.credentials.token
        return build(url, self._running.credentials, self.style, seconds=call_seconds, secret=secret)

    def fault(self, fault: Fault, on: On, times: int) -> None:
        names = {Fault.ANSWER_CUT: "cut_connection", Fault.STALLED: "stall", Fault.TOO_FREQUENT: "too_frequent"}
        if fault not in names or on is On.WRITES:
            raise NotSwitchable("this system is only read from")
        self._running.site.faults.arm(names[fault], count=times, seconds=STALL_SECONDS)

    def clear(self) -> None:
        self._running.site.faults.clear()

    def plant(self, what: Planted) -> Planting:
        priced = {**SALE["pricing"], "taxPrice": Decimal("90123.456789")}  # type: ignore[dict-item]
        changes: dict[str, Any] = {
            Planted.EXACT_LINE: {"quantity": Decimal("12345.678901"), "pricing": priced},
            Planted.UNKNOWN_VALUE: {"unit": "KUN"},
            Planted.MISSING_VALUE: {"orderDate": None},
            Planted.EXTRA_FIELD: {"surprise": {"deep": [1, {"er": True}]}},
        }[what]
        number = self.books.add("sale-lines", {**SALE, **changes})
        net = (Decimal("90123.456789") / Decimal("1.13")).quantize(Decimal("0.000001"), ROUND_HALF_UP)
        expected = {"ordered": Decimal("12345.678901"), "price": net, "vat_rate": Decimal("0.13")}
        ref = ExternalRef("erp", "sale_line", str(number))
        return Planting(ref, expected if what is Planted.EXACT_LINE else {})

    def change_line(self) -> ExternalRef:
        row = next(
            row for row in self.books.rows("sale-lines") if '"delivered":0,' in row.body and '"OPEN"' in row.body
        )
        self.books.change(row.id, '"delivered":0,', '"delivered":1.5,', "2026-04-01T01:00:00Z")
        return ExternalRef("erp", "sale_line", str(row.id))

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return sample_voucher(number, amount, datetime(2026, 3, 31, tzinfo=UTC).date(), debit="3101", credit="6101")

    def refused_voucher(self) -> Voucher:
        return self.voucher(500, Decimal("10.00"))

    def closed_period(self) -> tuple[Voucher, str]:
        raise NotSwitchable("this system is only read from")

    def booked(self, key: str) -> Sequence[Any]:
        return []

    def hedged_line(self) -> ExternalRef:
        return ExternalRef("erp", "sale_line", str(self.books.rows("sale-lines")[0].id))

    def rest_of(self, leg: ExternalRef) -> object:
        return self.books.rows("sale-lines")
