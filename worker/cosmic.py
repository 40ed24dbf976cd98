"""How a stored Cosmic connection becomes an adapter. Options: see `docs/connections/cosmic.md`."""

from __future__ import annotations

from typing import Any, Final

from adapters.erp.cosmic import SPEC_NAMES, CosmicAdapter, CosmicOptions
from connectors.cosmic import CosmicClient, CosmicLogin, Headers
from connectors.cosmic.envelope import RefusalTexts
from connectors.http import HttpTransport
from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpAdapter
from worker.note_files import note_files
from worker.systems import System, Wiring


def build_cosmic(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection."""
    given = wiring.connection.options
    transport = HttpTransport(
        wiring.origin(),
        "Cosmic",
        call_seconds=wiring.call_seconds,
        ca_file=given.get("ca_file") or None,  # type: ignore[arg-type]
    )
    login = CosmicLogin(
        client_id=str(wiring.option("client_id")),
        client_secret=wiring.secrets["client_secret"],
        user=str(wiring.option("user")),
        account_id=str(wiring.option("account_id")),
        gateway_identity=wiring.secrets.get("gateway_identity", ""),
        language=str(wiring.option("language", "zh_CN")),
    )
    names, texts = Headers(), RefusalTexts()
    headers = Headers(
        token=str(wiring.option("token_header", names.token)),
        gateway=str(wiring.option("gateway_header", names.gateway)),
        idempotency=str(wiring.option("idempotency_header", names.idempotency)),
        timestamp=str(wiring.option("timestamp_style", names.timestamp)),
        zone=str(wiring.option("zone", names.zone)),
    )
    clock = wiring.clock
    client = CosmicClient(
        transport,
        login,
        now=lambda: clock.now().timestamp(),
        wait=clock.sleep,
        headers=headers,
        texts=RefusalTexts(
            busy=tuple(wiring.option("busy_texts", list(texts.busy))),
            unsure=tuple(wiring.option("unsure_texts", list(texts.unsure))),
        ),
    )
    return CosmicAdapter(wiring.connection.name, client, wiring.specs, _options(given), clock.now, note_files(wiring))


def _options(given: Any) -> CosmicOptions:
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name in CosmicOptions.__dataclass_fields__
    }
    if "target_stage" in known:
        known["target_stage"] = Stage(known["target_stage"])
    return CosmicOptions(**known)


COSMIC: Final = System(
    secrets=("client_secret",),
    required=("url", "client_id", "user", "account_id", "org", "account_book", "voucher_type"),
    spec_names=SPEC_NAMES,
    spec_package="adapters.erp.cosmic",
    build=build_cosmic,
    optional_secrets=("gateway_identity",),
)
"""Found by its entry point `cosmic` of the group `hedgebridge.erp`."""
