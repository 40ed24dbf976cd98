"""How a stored SAP connection becomes an adapter: OData and SOAP with a transport and, where needed, a logon each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.erp.sap import SapAdapter, SapOptions
from adapters.erp.sap.vendor import CONTRACT_SOURCES
from connectors.http import HttpTransport
from connectors.sap import JournalEntryService, ODataClient, SapLogon
from connectors.sap.journal import DEFAULT_PATH
from connectors.sap.logon import DEFAULT_TOKEN_PATH, Authorisation
from hedge_core.errors import InvalidInput
from hedge_core.ports.erp import ErpAdapter
from messages import Message

if TYPE_CHECKING:
    from worker.systems import Wiring

REQUIRED: Final = ("url", "user", "company_code", "created_by")
OPTIONAL_SECRETS: Final = ("journal_password",)
"""Posting may log on in another way than reading: the journal entry service knows no OAuth2."""

_NUMBERS: Final = ("page_rows", "overlap_minutes", "bulk")
_SOAP_ANSWERS: Final = frozenset({500})
"""A SOAP fault comes with HTTP 500; for OData a 500 is no answer."""


def build_sap(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection. Options: see `docs/connections/sap.md`."""
    url, clock = str(wiring.option("url")), wiring.clock
    token_url = str(wiring.option("token_url", ""))
    tokens = _transport(wiring, token_url) if token_url else None
    client = ODataClient(
        _transport(wiring, url),
        _logon(wiring, ""),
        now=lambda: clock.now().timestamp(),
        wait=clock.sleep,
        tokens=tokens,
    )
    soap = _transport(wiring, url, _SOAP_ANSWERS)
    wsdl = str(wiring.option("journal_wsdl", ""))
    journal = JournalEntryService(
        soap,
        Authorisation(_logon(wiring, "journal_"), soap, lambda: clock.now().timestamp(), tokens),
        path=str(wiring.option("journal_path", DEFAULT_PATH)),
        client=str(wiring.option("sap_client", "")),
        wsdl=Path(wsdl) if wsdl else None,
    )
    return SapAdapter(wiring.connection.name, client, journal, wiring.specs, _options(wiring), clock.now)


def _transport(wiring: Wiring, url: str, answered: frozenset[int] = frozenset()) -> HttpTransport:
    certificate = str(wiring.option("client_certificate", ""))
    return HttpTransport(
        wiring.origin(url),
        "SAP",
        call_seconds=wiring.call_seconds,
        ca_file=wiring.connection.options.get("ca_file") or None,  # type: ignore[arg-type]
        answered_statuses=answered,
        client_certificate=(certificate, str(wiring.option("client_key"))) if certificate else None,
    )


def _logon(wiring: Wiring, prefix: str) -> SapLogon:
    return SapLogon(
        mode=wiring.option(f"{prefix}login_mode", wiring.option("login_mode", "basic")),
        user=str(wiring.option(f"{prefix}user", wiring.option("user"))),
        secret=wiring.secrets.get(f"{prefix}password") or wiring.secrets["password"],
        client=str(wiring.option("sap_client", "")),
        language=str(wiring.option("language", "EN")),
        token_path=str(wiring.option("token_path", DEFAULT_TOKEN_PATH)),
    )


def _options(wiring: Wiring) -> SapOptions:
    """The adapter's options: those of the connection that it knows, lists as tuples and numbers as numbers."""
    given: dict[str, Any] = {}
    for name, value in wiring.connection.options.items():
        if name in SapOptions.__dataclass_fields__:
            given[name] = tuple(value) if isinstance(value, list) else int(str(value)) if name in _NUMBERS else value
    options = SapOptions(**given)
    for source in options.sources:
        if source not in CONTRACT_SOURCES:
            known = ", ".join(CONTRACT_SOURCES)
            message = Message("sap.unknown_source", {"source": source, "known": known})
            raise InvalidInput(wiring.connection.name, 0, "sources", message)
    return options
