"""How a stored U8 Cloud connection becomes an adapter. Options: see `docs/connections/u8cloud.md`."""

from __future__ import annotations

from typing import Final

from adapters.erp.u8cloud import SPEC_NAMES, U8CloudAdapter, U8CloudOptions
from connectors.http import HttpTransport
from connectors.u8cloud import U8CloudClient, U8CloudLogin
from connectors.u8cloud.envelope import RefusalTexts
from hedge_core.ports.erp import ErpAdapter
from worker.note_files import note_files
from worker.systems import System, Wiring


def build_u8cloud(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection."""
    given = wiring.connection.options
    transport = HttpTransport(
        wiring.origin(),
        "U8 Cloud",
        call_seconds=wiring.call_seconds,
        ca_file=given.get("ca_file") or None,  # type: ignore[arg-type]
    )
    login = U8CloudLogin(
        user=str(wiring.option("user")),
        password=wiring.secrets["password"],
        system_code=str(wiring.option("system_code")),
    )
    options = U8CloudOptions(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
            if name in U8CloudOptions.__dataclass_fields__
        }  # type: ignore[arg-type]
    )
    defaults = RefusalTexts()
    client = U8CloudClient(
        transport,
        login,
        wait=wiring.clock.sleep,
        texts=RefusalTexts(
            login=tuple(wiring.option("login_texts", list(defaults.login))),
            busy=tuple(wiring.option("busy_texts", list(defaults.busy))),
            unsure=tuple(wiring.option("unsure_texts", list(defaults.unsure))),
        ),
        total_field=options.name("list.total"),
        translate=str(wiring.option("translate", "code")),
    )
    return U8CloudAdapter(wiring.connection.name, client, wiring.specs, options, wiring.clock.now, note_files(wiring))


U8CLOUD: Final = System(
    secrets=("password",),
    required=("url", "user", "system_code", "corp", "account_book", "voucher_type", "maker"),
    spec_names=SPEC_NAMES,
    spec_package="adapters.erp.u8cloud",
    build=build_u8cloud,
)
"""Found by its entry point `u8cloud` of the group `hedgebridge.erp`."""
