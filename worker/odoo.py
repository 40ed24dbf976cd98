"""How a stored Odoo connection becomes an adapter: XML-RPC up to 18, JSON-2 from 19 on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.erp.odoo import OdooAdapter, OdooOptions
from connectors.http import HttpTransport
from connectors.odoo import ANSWERED_STATUSES, Json2Client, OdooLogin, XmlRpcClient
from hedge_core.model.vouchers import Stage
from hedge_core.ports.erp import ErpAdapter

if TYPE_CHECKING:
    from worker.systems import Wiring

FIRST_JSON2: Final = 19
"""The first release with JSON-2."""

REQUIRED: Final = ("url", "database", "user", "company_id", "journal")


def build_odoo(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection. Options: see `docs/connections/odoo.md`."""
    transport = HttpTransport(
        wiring.origin(),
        "Odoo",
        call_seconds=wiring.call_seconds,
        ca_file=wiring.connection.options.get("ca_file") or None,  # type: ignore[arg-type]
        answered_statuses=ANSWERED_STATUSES,
    )
    company = int(wiring.option("company_id"))
    login = OdooLogin(
        database=str(wiring.option("database")),
        user=str(wiring.option("user")),
        api_key=wiring.secrets["api_key"],
        company_id=company,
    )
    kind = Json2Client if int(wiring.option("series", FIRST_JSON2)) >= FIRST_JSON2 else XmlRpcClient
    defaults = OdooOptions(company_id=company, journal="")
    options = OdooOptions(
        company_id=company,
        journal=str(wiring.option("journal")),
        target_stage=Stage(wiring.option("target_stage", defaults.target_stage.value)),
        dimensions=wiring.option("dimensions", {}),
        zone=str(wiring.option("zone", defaults.zone)),
        days_ahead=int(wiring.option("days_ahead", defaults.days_ahead)),
        names_lang=str(wiring.option("names_lang", defaults.names_lang)),
        quantity_digits=int(wiring.option("quantity_digits", defaults.quantity_digits)),
        page_rows=int(wiring.option("page_rows", defaults.page_rows)),
        overlap_minutes=int(wiring.option("overlap_minutes", defaults.overlap_minutes)),
    )
    clock = wiring.clock
    client = kind(transport, login, wait=clock.sleep)
    return OdooAdapter(wiring.connection.name, client, wiring.specs, options, clock.now)
