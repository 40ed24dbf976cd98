"""How a stored U8+ connection becomes an adapter. Options: see `docs/connections/u8openapi.md`."""

from __future__ import annotations

from typing import Final

from adapters.erp.u8openapi import SPEC_NAMES, U8Adapter, U8Options
from connectors.http import HttpTransport
from connectors.u8openapi import EaiClient, Signals, U8Client, U8Login
from hedge_core.ports.erp import ErpAdapter
from worker.note_files import note_files
from worker.systems import System, Wiring

REQUIRED: Final = ("url", "from_account", "to_account", "app_key", "voucher_type", "maker")
_SETS: Final = ("token_codes", "busy_codes", "unsure_codes")
_WORDS: Final = ("token_words", "busy_words", "unsure_words")


def build_u8openapi(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection. The relay and, where vouchers go by EAI, the U8 server each get a transport bound to their
    own origin, under the same rules."""
    given = wiring.connection.options
    clock = wiring.clock
    login = U8Login(
        from_account=str(wiring.option("from_account")),
        to_account=str(wiring.option("to_account")),
        app_key=str(wiring.option("app_key")),
        app_secret=wiring.secrets["app_secret"],
        data_source=str(wiring.option("data_source", "")),
    )
    client = U8Client(
        _transport(wiring, str(wiring.option("url"))),
        login,
        now=lambda: clock.now().timestamp(),
        wait=clock.sleep,
        signals=_signals(wiring),
        token_seconds=int(wiring.option("token_seconds", 6900)),
    )
    eai = None
    if wiring.option("eai_url", ""):
        eai = EaiClient(
            _transport(wiring, str(wiring.option("eai_url"))),
            path=str(wiring.option("eai_path", "u8eai/import.asp")),
            sender=str(wiring.option("eai_sender")),
            receiver=str(wiring.option("eai_receiver", "u8")),
            encoding=str(wiring.option("eai_encoding", "UTF-8")),
        )
    options = U8Options(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
            if name in U8Options.__dataclass_fields__
        }  # type: ignore[arg-type]
    )
    return U8Adapter(wiring.connection.name, client, eai, wiring.specs, options, clock.now, note_files(wiring))


def _transport(wiring: Wiring, url: str) -> HttpTransport:
    return HttpTransport(
        wiring.origin(url),
        "U8+",
        call_seconds=wiring.call_seconds,
        ca_file=wiring.connection.options.get("ca_file") or None,  # type: ignore[arg-type]
    )


def _signals(wiring: Wiring) -> Signals:
    """What codes and words of a refusal mean: the defaults, replaced where the connection says so."""
    default = Signals()
    codes = {name: frozenset(map(str, wiring.option(name, getattr(default, name)))) for name in _SETS}
    words = {name: tuple(map(str.lower, wiring.option(name, getattr(default, name)))) for name in _WORDS}
    return Signals(**codes, **words)  # type: ignore[arg-type]


SYSTEM: Final = System(
    secrets=("app_secret",),
    required=REQUIRED,
    spec_names=SPEC_NAMES,
    spec_package="adapters.erp.u8openapi",
    build=build_u8openapi,
)
"""Offered under the entry point group `hedgebridge.erp`."""
