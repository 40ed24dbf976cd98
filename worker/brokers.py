"""Which brokers there are and how a stored connection becomes a broker adapter. Options: docs/connections/{ctp,diff}.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.broker.ctp import CtpAdapter, CtpOptions
from adapters.broker.diff import DiffAdapter, DiffOptions
from adapters.market.broker_prices import BrokerPrices, diff_look
from adapters.reference import load_calendar, load_products
from connectors.ctp import CtpLogin, CtpSession, load_ctp, new_trader_api
from connectors.diff import DiffAddress, DiffLogin, DiffQuotes, DiffSession, connect
from hedge_core.errors import InvalidInput
from hedge_core.ports.broker import BrokerAdapter, MarketData
from messages import Message
from worker.systems import System, Wiring, system


@dataclass(frozen=True, slots=True)
class BrokerSystem:
    """One kind of broker: its secret options, those it needs, how to build its adapter and its prices. No mapping specs."""

    secrets: tuple[str, ...]
    required: tuple[str, ...]
    build: Callable[[Wiring], BrokerAdapter]
    market: Callable[[Wiring, BrokerAdapter], MarketData]
    optional_secrets: tuple[str, ...] = ()
    spec_names: tuple[str, ...] = ()

    def default_spec(self, name: str) -> bytes:
        raise KeyError(name)


def build_ctp(wiring: Wiring) -> BrokerAdapter:
    """The vendor's library is loaded here, when a connection of this kind is used, and nowhere before."""
    library: Any = load_ctp()
    name = wiring.connection.name
    folder = Path(str(wiring.option("flow_folder", f"var/ctp/{wiring.connection.book}-{name}")))
    api = new_trader_api(library, folder, bool(wiring.option("production", True)))
    login = CtpLogin(
        front=str(wiring.option("front")),
        broker=str(wiring.option("broker_id")),
        user=str(wiring.option("user")),
        password=wiring.secrets["password"],
        app_id=str(wiring.option("app_id", "")),
        auth_code=wiring.secrets.get("auth_code", ""),
        investor=str(wiring.option("investor", "")),
    )
    session = CtpSession(
        api, library, login, now=time.monotonic, wait=wiring.clock.sleep, call_seconds=wiring.call_seconds
    )
    options = CtpOptions(
        orders=wiring.option("orders", False) is True,
        confirm_settlement=wiring.option("confirm_settlement", False) is True,
    )
    return CtpAdapter(name, session, load_products(), load_calendar(), options, wiring.clock.now)


def build_diff(wiring: Wiring) -> BrokerAdapter:
    name = wiring.connection.name
    address = _address(wiring, str(wiring.option("url")))
    login = DiffLogin(
        broker=str(wiring.option("bid", "")),
        user=str(wiring.option("user")),
        password=wiring.secrets["password"],
        app_id=str(wiring.option("client_app_id", "")),
        system_info=wiring.secrets.get("client_system_info", ""),
    )
    session = DiffSession(
        lambda seconds: connect(address, seconds), login, now=time.monotonic, call_seconds=wiring.call_seconds
    )
    options = DiffOptions(orders=wiring.option("orders", False) is True, broker=str(wiring.option("broker", "")))
    return DiffAdapter(name, session, load_products(), load_calendar(), options, wiring.clock.now)


def _ctp_prices(wiring: Wiring, adapter: BrokerAdapter) -> MarketData:
    if not isinstance(adapter, CtpAdapter):
        raise TypeError("CTP prices come from a CTP connection")
    return BrokerPrices(f"ctp {wiring.connection.name}", adapter.quotes)


def _diff_prices(wiring: Wiring, adapter: BrokerAdapter) -> MarketData:
    """Many gateways serve quotes at an address of their own: option `quotes_url`."""
    address = _address(wiring, str(wiring.option("quotes_url", wiring.option("url"))))
    quotes = DiffQuotes(lambda seconds: connect(address, seconds), now=time.monotonic, call_seconds=wiring.call_seconds)
    return BrokerPrices(f"diff {wiring.connection.name}", diff_look(quotes))


def _address(wiring: Wiring, url: str) -> DiffAddress:
    given = wiring.connection.options
    address = DiffAddress(
        url,
        allow_private=given.get("allow_private") is True,
        allow_plain=given.get("allow_plain") is True,
        ca_file=str(given["ca_file"]) if given.get("ca_file") else None,
    )
    address.check()
    return address


BROKERS: Final[Mapping[str, BrokerSystem]] = {
    "ctp": BrokerSystem(
        secrets=("password",),
        required=("front", "broker_id", "user"),
        build=build_ctp,
        market=_ctp_prices,
        optional_secrets=("auth_code",),
    ),
    "diff": BrokerSystem(
        secrets=("password",),
        required=("url", "user"),
        build=build_diff,
        market=_diff_prices,
        optional_secrets=("client_system_info",),
    ),
}


def check_broker_address(options: Mapping[str, object]) -> bool:
    """Whether `options` hold a websocket address, which is checked then: ValueError for one that is never opened."""
    url = str(options.get("url") or "")
    if not url.startswith(("ws:", "wss:")):
        return False
    private, plain = (options.get(name) is True for name in ("allow_private", "allow_plain"))
    DiffAddress(url, private, plain).check()
    return True


def is_broker(name: str) -> bool:
    """Whether connections of this system are a broker's."""
    return name in BROKERS


def known_system(name: str) -> System | BrokerSystem:
    """The ERP or broker system of that name, or a sentence with all there are."""
    if name in BROKERS:
        return BROKERS[name]
    try:
        return system(name)
    except InvalidInput as error:
        if error.reason.id != "connection.unknown_system":
            raise
        known = ", ".join(sorted([*str(error.reason.params["known"]).split(", "), *BROKERS]))
        message = Message("connection.unknown_system", {"system": name, "known": known})
        raise InvalidInput("connection", 0, "system", message) from None


def build_broker(kind: BrokerSystem, wiring: Wiring) -> BrokerAdapter:
    """The adapter; what a constructor refuses was typed by a person and is answered as such."""
    try:
        return kind.build(wiring)
    except (ValueError, TypeError) as error:
        name = wiring.connection.name
        message = Message("connection.options_refused", {"connection": name, "reason": str(error)})
        raise InvalidInput(name, 0, "", message) from error
