"""A running Odoo stand-in with a client and an adapter in front of it, for the tests of the Odoo system."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.erp.odoo import SPEC_NAMES, OdooAdapter, OdooOptions
from connectors.http import HttpTransport, Origin
from connectors.odoo import ANSWERED_STATUSES, Json2Client, OdooClient, OdooLogin, XmlRpcClient
from mapping import SCHEMAS, ValueMap, compile_spec, load_spec
from sandbox.company.erp import STANDARD_WAREHOUSE
from sandbox.company.facts import MATERIALS
from sandbox.odoo.command import RunningSite, SiteOptions, running_site

SPECS = Path(__file__).parents[2] / "adapters/erp/odoo/specs"
NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
ROUTES = {
    "json2": SiteOptions(series=19),
    "xmlrpc": SiteOptions(series=16),
    "module": SiteOptions(series=19, addon=True),
}


@dataclass
class Odoo:
    """One site, one client, one adapter; `control` reaches behind the API."""

    site: RunningSite
    client: OdooClient
    adapter: OdooAdapter

    def control(self, name: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self.site.control_url + name,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Control-Token": self.site.control_token},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, text: str) -> None:
        self.control("faults", {"fault": text})

    def moves(self) -> list[dict[str, Any]]:
        return self.control("vouchers")

    def calls(self) -> dict[str, int]:
        return self.control("requests")["methods"]

    def rows(self, model: str) -> list[dict[str, Any]]:
        return self.control(f"records?model={model}")


STEWARDS_CODES = {
    "commodities": tuple((row[0], row[2]) for row in MATERIALS),
    "receipt_warehouses": ((STANDARD_WAREHOUSE, "standard"),),
}


def _filled_in(value_map: ValueMap) -> ValueMap:
    return replace(value_map, entries=STEWARDS_CODES.get(value_map.name, value_map.entries))


def specs() -> dict[str, Any]:
    """The packaged specs, with the demo company's codes in the value maps that a steward fills in."""
    loaded = {name: load_spec(SPECS / f"{name}.yaml") for name in SPEC_NAMES}
    loaded = {name: replace(spec, value_maps=tuple(map(_filled_in, spec.value_maps))) for name, spec in loaded.items()}
    return {name: compile_spec(spec, SCHEMAS[spec.kind], "Asia/Shanghai") for name, spec in loaded.items()}


@contextmanager
def serving(
    options: SiteOptions, *, key: str = "", user: str = "", seconds: float = 10, **chosen: Any
) -> Iterator[Odoo]:
    with running_site(options) as site:
        yield connected(site, key=key, user=user, seconds=seconds, **chosen)
        assert list(site.site.log.crashes) == []


def connected(site: RunningSite, *, key: str = "", user: str = "", seconds: float = 10, **chosen: Any) -> Odoo:
    transport = HttpTransport(Origin(site.url), "Odoo", call_seconds=seconds, answered_statuses=ANSWERED_STATUSES)
    who = site.credentials
    login = OdooLogin(who.database, user or who.user, key or who.api_key, 1)
    kind = Json2Client if site.site.books.release.series >= 19 else XmlRpcClient
    client = kind(transport, login, wait=lambda _: None)
    given = {"company_id": 1, "journal": "HEDG", "dimensions": {"broker_account": "partner", "desk": "label"}, **chosen}
    return Odoo(site, client, OdooAdapter("erp", client, specs(), OdooOptions(**given), lambda: NOW))
