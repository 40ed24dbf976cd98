"""A real system for the conformance suite, given by environment variables; faults come from the cutting proxy in between.

For the system NAME (`ODOO`, `KINGDEE`, …):
    HEDGEBRIDGE_TEST_NAME_URL               its address; without it the suite does not run against it
    HEDGEBRIDGE_TEST_NAME_OPTIONS           the connection's other options, a JSON object
    HEDGEBRIDGE_TEST_NAME_SECRET_<SECRET>   its secrets, e.g. HEDGEBRIDGE_TEST_ODOO_SECRET_API_KEY
    HEDGEBRIDGE_TEST_NAME_ACCOUNTS          two accounts that may be posted to: debit,credit
    HEDGEBRIDGE_TEST_NAME_DIMENSIONS        what the debit line needs, a JSON object (optional)
    HEDGEBRIDGE_TEST_NAME_DATE              a posting date in an open period
    HEDGEBRIDGE_TEST_NAME_CLOSED            a posting date in a closed period | words of its refusal (optional)
    HEDGEBRIDGE_TEST_NAME_MAPS              value maps by name, a JSON object of objects (optional)
    HEDGEBRIDGE_TEST_WRITE=1                allows the cases that leave something behind
What only a user of the ERP can do (plant a line, change one) is skipped. Documents are seen through the adapter's own eyes:
number, stage, date; their lines are not.
"""

from __future__ import annotations

import json
import secrets as random_secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import TracebackType
from typing import Any, Final

import pytest

from conformance import STALL_SECONDS, Access, Booked, Fault, NotSwitchable, On, Planted, Planting, sample_voucher
from hedge_core.model.identity import ExternalRef, book_id
from hedge_core.model.vouchers import Stage, Voucher
from hedge_core.ports.storage import Connection
from mapping import SCHEMAS, ValueMap, compile_spec, load_spec
from sandbox.proxy.command import running_proxy
from sandbox.proxy.relay import Relay
from tests.support.kingdee import TestClock
from worker.systems import Wiring, system

_ODOO_WRITES = "create|write|load|action_post|hedge_create_and_post|message_post"
WRITES: Final[Mapping[str, str]] = {
    "kingdee": r"\.(Save|BatchSave|Submit|Audit|AttachmentUpload)\.common",
    "odoo": rf"/json/2/[^/]+/({_ODOO_WRITES})\b|<string>({_ODOO_WRITES})</string>",
    "sap": r"^(PATCH|MERGE) |/sap/bc/srt/",
    "yonbip": r"voucher/addVoucher",
    "u8cloud": r"gl/voucher/insert",
    "u8openapi": r"/api/voucher[a-z_]*/add",
    "nccloud": r"gl/voucher/insert",
    "cosmic": r"/(save|submit|audit)\b",
}
"""What a write looks like on the way: the first line of the request, then its body."""
LOGINS: Final[Mapping[str, str]] = {
    "kingdee": r"AuthService",
    "odoo": r"<string>authenticate</string>|/xmlrpc/2/common",
}
FAULTS: Final = {
    Fault.ANSWER_LOST: "lose",
    Fault.ANSWER_CUT: "cut",
    Fault.STALLED: "stall",
    Fault.TOO_FREQUENT: "refuse",
}
NOT_APPLICABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "odoo": {"E08": "there is no session: the API key travels with every single call"},
    "kingdee": {"E06_extra_field": "a query answers the fields it names and nothing else, so no other can arrive"},
    "sap": {"E06_extra_field": "every read names its columns with $select, so no other can arrive"},
}


class RealSystem:
    """One system behind a proxy of its own, for one test."""

    sees_lines = False

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._environment = environment
        self._open = ExitStack()
        self._url = ""
        self._relay: Relay
        self._run = random_secrets.token_hex(4)

    @property
    def may_write(self) -> bool:
        return self._environment.get("HEDGEBRIDGE_TEST_WRITE") == "1"

    @property
    def not_applicable(self) -> Mapping[str, str]:
        return NOT_APPLICABLE.get(self.name, {})

    @property
    def secrets(self) -> Sequence[str]:
        return [*self._secrets().values(), *(_wrong(one) for one in self._secrets().values())]

    def __enter__(self) -> RealSystem:
        options = self._json("OPTIONS")
        self._url, self._relay = self._open.enter_context(
            running_proxy(
                self._given("URL"),
                WRITES[self.name],
                LOGINS.get(self.name, ""),
                ca_file=str(options.get("ca_file", "")),
            )
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None:
        self._open.close()

    def adapter(self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None) -> Any:
        url = "http://127.0.0.1:9/" if access is Access.UNREACHABLE else self._url
        options = {**self._json("OPTIONS"), "url": url, **({"target_stage": target.value} if target else {})}
        options.pop("ca_file", None)  # between the proxy and the system, not before it
        given = {n: _wrong(s) if access is Access.WRONG_SECRET else s for n, s in self._secrets().items()}
        connection = Connection("erp", book_id("demo"), self.name, options, given)
        return system(self.name).build(Wiring(connection, given, self._specs(), TestClock(), call_seconds))

    def fault(self, fault: Fault, on: On, times: int) -> None:
        if fault not in FAULTS:
            raise NotSwitchable("a proxy cannot end a session")
        self._relay.faults.arm_text(f"{FAULTS[fault]}={times}x@{on.value}:{STALL_SECONDS}")

    def clear(self) -> None:
        self._relay.faults.clear()

    def plant(self, what: Planted) -> Planting:
        pytest.skip(f"{self.name}: a line can be planted only by a user of the system")

    def change_line(self) -> ExternalRef:
        pytest.skip(f"{self.name}: a line can be changed only by a user of the system")

    def hedged_line(self) -> ExternalRef:
        pytest.skip(f"{self.name}: no line is named whose note may be written over")

    def rest_of(self, leg: ExternalRef) -> object:
        raise NotImplementedError("never asked: no line is named")

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        return self._voucher(number, amount, date.fromisoformat(self._given("DATE")))

    def refused_voucher(self) -> Voucher:
        made = self.voucher(500, Decimal("12.30"))
        return replace(made, lines=(made.lines[0], replace(made.lines[1], account="9999.99")))

    def closed_period(self) -> tuple[Voucher, str]:
        day, _, words = self._environment.get(self._variable("CLOSED"), "").partition("|")
        if not words:
            pytest.skip(f"{self.name}: no closed period is named")
        return self._voucher(501, Decimal("10.00"), date.fromisoformat(day)), words

    def booked(self, key: str) -> Sequence[Booked]:
        found = self.adapter().find_vouchers([key]).get(key, [])
        return [Booked(one.number, one.stage, one.posting_date, ()) for one in found]

    # --- the environment ---

    def _variable(self, name: str) -> str:
        return f"HEDGEBRIDGE_TEST_{self.name.upper()}_{name}"

    def _given(self, name: str) -> str:
        return self._environment[self._variable(name)]

    def _json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._environment.get(self._variable(name), "{}"))
        return found

    def _secrets(self) -> dict[str, str]:
        start = self._variable("SECRET_")
        return {
            name.removeprefix(start).lower(): text for name, text in self._environment.items() if name.startswith(start)
        }

    def _voucher(self, number: int, amount: Decimal, day: date) -> Voucher:
        """Another key in every test: what one test has booked stays there."""
        debit, credit = self._given("ACCOUNTS").split(",")
        dimensions = tuple(sorted(self._json("DIMENSIONS").items()))
        made = sample_voucher(number, amount, day, debit=debit, credit=credit, dimensions=dimensions)
        return replace(made, voucher_id=f"{self._run}{number:05d}")

    def _specs(self) -> dict[str, Any]:
        kind, maps = system(self.name), self._json("MAPS")
        compiled = {}
        for name in kind.spec_names:
            spec = load_spec(kind.default_spec(name), "yaml", name=name)
            own = tuple(
                ValueMap(one.name, tuple(maps[one.name].items())) if one.name in maps else one
                for one in spec.value_maps
            )
            compiled[name] = compile_spec(replace(spec, value_maps=own), SCHEMAS[spec.kind], "Asia/Shanghai")
        return compiled


def _wrong(secret: str) -> str:
    return "f" * len(secret) if secret != "f" * len(secret) else "e" * len(secret)
