"""Which systems there are and how a stored connection becomes an adapter: one entry per system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import Any, Final

from adapters.erp.file_drop import SPEC_NAMES as FILE_DROP_SPEC_NAMES
from adapters.erp.generic_json import SPEC_NAMES as GENERIC_JSON_SPEC_NAMES
from adapters.erp.kingdee import KingdeeAdapter, KingdeeOptions
from adapters.erp.kingdee.adapter import SPEC_NAMES
from adapters.erp.odoo import SPEC_NAMES as ODOO_SPEC_NAMES
from adapters.erp.sap import SPEC_NAMES as SAP_SPEC_NAMES
from adapters.erp.yonbip import SPEC_NAMES as YONBIP_SPEC_NAMES
from connectors.http import HttpTransport, Origin
from connectors.kingdee import KingdeeClient, KingdeeLogin
from hedge_core.errors import InvalidInput
from hedge_core.model.vouchers import Stage
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.storage import Connection
from messages import Message
from worker.file_drop import REQUIRED as FILE_DROP_REQUIRED
from worker.file_drop import build_file_drop
from worker.generic_json import REQUIRED as GENERIC_JSON_REQUIRED
from worker.generic_json import build_generic_json
from worker.odoo import REQUIRED as ODOO_REQUIRED
from worker.odoo import build_odoo
from worker.sap import OPTIONAL_SECRETS as SAP_OPTIONAL_SECRETS
from worker.sap import REQUIRED as SAP_REQUIRED
from worker.sap import build_sap
from worker.yonbip import REQUIRED as YONBIP_REQUIRED
from worker.yonbip import build_yonbip


@dataclass(frozen=True, slots=True)
class Wiring:
    """What an adapter is built from: the stored connection, its secrets in the clear, compiled specs, clock, deadline."""

    connection: Connection
    secrets: Mapping[str, str]
    specs: Mapping[str, Any]
    clock: Clock
    call_seconds: float

    def option(self, name: str, default: Any = None) -> Any:
        """A connection option; without a default it is required."""
        value = self.connection.options.get(name, default)
        if value is None:
            message = Message("connection.option_missing", {"option": name, "connection": self.connection.name})
            raise InvalidInput(self.connection.name, 0, name, message)
        return value

    def origin(self, url: str = "") -> Origin:
        """Where this connection may go: `url` (its own where none is given) with the options `allow_private` and
        `allowed_hosts` (names, addresses, networks; a list or a text with commas)."""
        given = self.option("allowed_hosts", [])
        hosts = given.split(",") if isinstance(given, str) else list(given)
        listed = tuple(str(one).strip() for one in hosts if str(one).strip())
        return Origin(url or str(self.option("url")), bool(self.option("allow_private", False)), listed)


@dataclass(frozen=True, slots=True)
class System:
    """One kind of system: its secret options (those it needs, and those it takes where given), its mapping specs by record
    kind, and how to build its adapter."""

    secrets: tuple[str, ...]
    required: tuple[str, ...]
    spec_names: tuple[str, ...]
    spec_package: str
    build: Callable[[Wiring], ErpAdapter]
    optional_secrets: tuple[str, ...] = ()

    def default_spec(self, name: str) -> bytes:
        """The packaged mapping spec a new connection starts with."""
        return files(self.spec_package).joinpath("specs", f"{name}.yaml").read_bytes()


def _kingdee(wiring: Wiring) -> ErpAdapter:
    transport = HttpTransport(
        wiring.origin(),
        "Kingdee",
        call_seconds=wiring.call_seconds,
        ca_file=wiring.connection.options.get("ca_file") or None,  # type: ignore[arg-type]
    )
    login = KingdeeLogin(
        acct_id=str(wiring.option("acct_id")),
        user=str(wiring.option("user")),
        app_id=str(wiring.option("app_id")),
        app_secret=wiring.secrets["app_secret"],
        lcid=int(wiring.option("lcid", 2052)),
        org=str(wiring.option("org")),
        mode=wiring.option("login_mode", "signed"),
    )
    clock = wiring.clock
    client = KingdeeClient(transport, login, now=lambda: clock.now().timestamp(), wait=clock.sleep)
    defaults = KingdeeOptions(account_book="", org="")
    options = KingdeeOptions(
        account_book=str(wiring.option("account_book")),
        org=str(wiring.option("org")),
        voucher_group=wiring.option("voucher_group", defaults.voucher_group),
        rate_type=wiring.option("rate_type", defaults.rate_type),
        red_letter=wiring.option("red_letter", defaults.red_letter),
        currencies=wiring.option("currencies", defaults.currencies),
        dimensions=wiring.option("dimensions", {}),
        reference_field=wiring.option("reference_field", defaults.reference_field),
        number_field=wiring.option("number_field", defaults.number_field),
        hedge_fields=wiring.option("hedge_fields", {}),
        target_stage=Stage(wiring.option("target_stage", defaults.target_stage.value)),
        stock_key=tuple(wiring.option("stock_key", defaults.stock_key)),
        page_rows=int(wiring.option("page_rows", defaults.page_rows)),
        overlap_minutes=int(wiring.option("overlap_minutes", defaults.overlap_minutes)),
        cash_flow_field=str(wiring.option("cash_flow_field", defaults.cash_flow_field)),
        amount_digits_field=str(wiring.option("amount_digits_field", defaults.amount_digits_field)),
        after_audit_member=str(wiring.option("after_audit_member", defaults.after_audit_member)),
        contract_forms=tuple(wiring.option("contract_forms", [])),
        attachment_list={**defaults.attachment_list, **wiring.option("attachment_list", {})},
    )
    return KingdeeAdapter(wiring.connection.name, client, wiring.specs, options, clock.now)


SYSTEMS: Final[Mapping[str, System]] = {
    "kingdee": System(
        secrets=("app_secret",),
        required=("url", "acct_id", "user", "app_id", "org", "account_book"),
        spec_names=SPEC_NAMES,
        spec_package="adapters.erp.kingdee",
        build=_kingdee,
    ),
    "odoo": System(
        secrets=("api_key",),
        required=ODOO_REQUIRED,
        spec_names=ODOO_SPEC_NAMES,
        spec_package="adapters.erp.odoo",
        build=build_odoo,
    ),
    "file_drop": System(
        secrets=(),
        required=FILE_DROP_REQUIRED,
        spec_names=FILE_DROP_SPEC_NAMES,
        spec_package="adapters.erp.file_drop",
        build=build_file_drop,
    ),
    "generic_json": System(
        secrets=(),
        required=GENERIC_JSON_REQUIRED,
        spec_names=GENERIC_JSON_SPEC_NAMES,
        spec_package="adapters.erp.generic_json",
        build=build_generic_json,
        optional_secrets=("secret",),
    ),
    "sap": System(
        secrets=("password",),
        required=SAP_REQUIRED,
        spec_names=SAP_SPEC_NAMES,
        spec_package="adapters.erp.sap",
        build=build_sap,
        optional_secrets=SAP_OPTIONAL_SECRETS,
    ),
    "yonbip": System(
        secrets=("app_secret",),
        required=YONBIP_REQUIRED,
        spec_names=YONBIP_SPEC_NAMES,
        spec_package="adapters.erp.yonbip",
        build=build_yonbip,
    ),
}

LATER: Final[Mapping[str, str]] = {
    "cosmic": "worker.cosmic:COSMIC",
    "nccloud": "worker.nccloud:SYSTEM",
    "u8cloud": "worker.u8cloud:U8CLOUD",
    "u8openapi": "worker.u8openapi:SYSTEM",
}
"""Further packaged systems by where they stand; each is loaded when it is asked for."""


ENTRY_POINTS: Final = "hedgebridge.erp"
"""The group under which an installed package offers a `System` of its own; see docs/writing-an-adapter.md."""


def system(name: str) -> System:
    """The system of that name: a packaged one, else one that another package brings; or a sentence with those there are."""
    found: object = _packaged(name)
    # looked for only where it is needed: reading the lists of every installed package takes longer than a delivery
    offered = {} if found else {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in offered:
        found = _loaded(offered[name])
    elif found is None:
        known = ", ".join(sorted({*SYSTEMS, *LATER, *offered}))
        raise _refused(Message("connection.unknown_system", {"system": name, "known": known}))
    if not isinstance(found, System):
        raise _refused(Message("connection.not_a_system", {"system": name, "package": offered[name].value}))
    return replace(found, build=_checked(found.build))


def packaged() -> dict[str, System]:
    """Every system that HedgeBridge itself brings, by name; all of them get loaded."""
    return {name: system(name) for name in sorted({*SYSTEMS, *LATER})}


def _packaged(name: str) -> object:
    if name in SYSTEMS or name not in LATER:
        return SYSTEMS.get(name)
    module, _, attribute = LATER[name].partition(":")
    return getattr(import_module(module), attribute)


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        details = {"system": point.name, "package": point.value, "reason": str(error)}
        raise _refused(Message("connection.system_not_loaded", details)) from error


def _checked(build: Callable[[Wiring], ErpAdapter]) -> Callable[[Wiring], ErpAdapter]:
    """What a constructor refuses was typed by a person: an address, an id, a number. It is an answer, not a crash."""

    def built(wiring: Wiring) -> ErpAdapter:
        try:
            return build(wiring)
        except (ValueError, TypeError) as error:
            name = wiring.connection.name
            message = Message("connection.options_refused", {"connection": name, "reason": str(error)})
            raise InvalidInput(name, 0, "", message) from error

    return built


def _refused(message: Message) -> InvalidInput:
    return InvalidInput("connection", 0, "system", message)
