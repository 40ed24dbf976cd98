"""How a stored generic JSON connection becomes an adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from adapters.erp.generic_json import SPEC_NAMES, GenericJsonAdapter, GenericJsonOptions
from connectors.http import HttpTransport
from connectors.json_pages import Access, Auth, Envelope, JsonClient, Source
from hedge_core.errors import InvalidInput
from hedge_core.ports.erp import ErpAdapter
from messages import Message

if TYPE_CHECKING:
    from worker.systems import Wiring

REQUIRED: Final = ("url", "kinds")
SYSTEM: Final = "JSON"
T = TypeVar("T")


def build_generic_json(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection. Options: see `docs/connections/generic-json.md`."""
    transport = HttpTransport(
        wiring.origin(),
        str(wiring.option("label", SYSTEM)),
        call_seconds=wiring.call_seconds,
        ca_file=wiring.connection.options.get("ca_file") or None,  # type: ignore[arg-type]
        answered_statuses=frozenset(),
    )
    kinds = _read(wiring, "kinds", wiring.option("kinds"), dict[str, Source])
    unknown = sorted(set(kinds) - set(SPEC_NAMES))
    if unknown or not kinds:
        raise _refused(wiring, "kinds", f"{', '.join(unknown) or '-'}; {', '.join(SPEC_NAMES)}")
    access = Access(
        auth=_read(wiring, "auth", wiring.option("auth", Auth.NONE.value), Auth),
        user=str(wiring.option("user", "")),
        secret=wiring.secrets.get("secret", ""),
        header=str(wiring.option("api_key_header", "X-API-Key")),
    )
    if access.auth is not Auth.NONE and not access.secret:
        message = Message(
            "connection.secret_missing",
            {"connection": wiring.connection.name, "option": "secret", "variable": "HEDGEBRIDGE_SECRET_SECRET"},
        )
        raise InvalidInput(wiring.connection.name, 0, "secret", message)
    envelope = _read(wiring, "envelope", wiring.option("envelope", {}), Envelope)
    clock = wiring.clock
    client = JsonClient(transport, access, envelope, wait=clock.sleep)
    defaults = GenericJsonOptions()
    options = GenericJsonOptions(kinds, int(wiring.option("overlap_minutes", defaults.overlap_minutes)))
    return GenericJsonAdapter(wiring.connection.name, client, wiring.specs, options, clock.now)


def _read(wiring: Wiring, option: str, value: Any, shape: type[T]) -> T:
    """An option in its typed form; InvalidInput says where it is wrong."""
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, ValueError) as error:
        raise _refused(wiring, option, str(error)) from None


def _refused(wiring: Wiring, option: str, reason: str) -> InvalidInput:
    message = Message("generic_json.option", {"option": option, "reason": reason})
    return InvalidInput(wiring.connection.name, 0, option, message)
