"""How a stored NC Cloud connection becomes an adapter. Options: see `docs/connections/nccloud.md`."""

from __future__ import annotations

from typing import Final

from adapters.erp.nccloud import SPEC_NAMES, NcCloudAdapter, NcCloudOptions
from connectors.http import HttpTransport
from connectors.nccloud import NcCloudClient, NcCloudLogin, Signals
from hedge_core.ports.erp import ErpAdapter
from worker.note_files import note_files
from worker.systems import System, Wiring

REQUIRED: Final = ("url", "client_id", "public_key", "biz_center", "account_book", "voucher_type", "maker")
_WORDS: Final = ("token_words", "login_words", "busy_words", "unsure_words")


def build_nccloud(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection."""
    given = wiring.connection.options
    clock = wiring.clock
    transport = HttpTransport(
        wiring.origin(),
        "NC Cloud",
        call_seconds=wiring.call_seconds,
        ca_file=given.get("ca_file") or None,  # type: ignore[arg-type]
    )
    login = NcCloudLogin(
        client_id=str(wiring.option("client_id")),
        app_secret=wiring.secrets["app_secret"],
        public_key=str(wiring.option("public_key")),
        biz_center=str(wiring.option("biz_center")),
    )
    default = Signals()
    words = {name: tuple(map(str.lower, wiring.option(name, getattr(default, name)))) for name in _WORDS}
    client = NcCloudClient(
        transport,
        login,
        now=lambda: clock.now().timestamp(),
        wait=clock.sleep,
        signals=Signals(**words),
        level=str(wiring.option("secret_level", "")),
        token_seconds=int(wiring.option("token_seconds", 3600)),
    )
    options = NcCloudOptions(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
            if name in NcCloudOptions.__dataclass_fields__
        }  # type: ignore[arg-type]
    )
    return NcCloudAdapter(wiring.connection.name, client, wiring.specs, options, clock.now, note_files(wiring))


SYSTEM: Final = System(
    secrets=("app_secret",),
    required=REQUIRED,
    spec_names=SPEC_NAMES,
    spec_package="adapters.erp.nccloud",
    build=build_nccloud,
)
"""Offered under the entry point group `hedgebridge.erp`."""
