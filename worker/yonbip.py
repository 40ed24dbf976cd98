"""How a stored YonBIP connection becomes an adapter. Options: see `docs/connections/yonbip.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.erp.yonbip import YonBipAdapter, YonBipOptions
from connectors.http import HttpTransport
from connectors.yonbip import YonBipClient, YonBipLogin
from hedge_core.ports.erp import ErpAdapter
from worker.note_files import note_files

if TYPE_CHECKING:
    from worker.systems import Wiring

REQUIRED: Final = ("url", "tenant_id", "app_key", "account_book", "voucher_type")


def build_yonbip(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection. Gateway and token service are named by the data-centre look-up; each gets a transport
    bound to its own origin, under the same rules as the configured address."""
    given = wiring.connection.options

    def connect(url: str) -> HttpTransport:
        return HttpTransport(
            wiring.origin(url),
            "YonBIP",
            call_seconds=wiring.call_seconds,
            ca_file=given.get("ca_file") or None,  # type: ignore[arg-type]
        )

    login = YonBipLogin(
        tenant_id=str(wiring.option("tenant_id")),
        app_key=str(wiring.option("app_key")),
        app_secret=wiring.secrets["app_secret"],
    )
    clock = wiring.clock
    client = YonBipClient(
        str(wiring.option("url")),
        connect,
        login,
        now=lambda: clock.now().timestamp(),
        wait=clock.sleep,
        trusted_domains=tuple(wiring.option("trusted_domains", ["yonyoucloud.com"])),
    )
    options = YonBipOptions(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
            if name in YonBipOptions.__dataclass_fields__
        }  # type: ignore[arg-type]
    )
    return YonBipAdapter(wiring.connection.name, client, wiring.specs, options, clock.now, note_files(wiring))
