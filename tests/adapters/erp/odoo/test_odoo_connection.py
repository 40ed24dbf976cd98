"""A stored connection becomes the right client and an adapter that works with the packaged mappings."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from connectors.odoo import Json2Client, XmlRpcClient
from hedge_core.errors import InvalidInput
from hedge_core.model.vouchers import Stage
from hedge_core.ports.storage import Connection
from mapping import SCHEMAS, check_spec, compile_spec, load_spec
from sandbox.odoo.command import SiteOptions, running_site
from worker.odoo import REQUIRED
from worker.systems import SYSTEMS, Wiring


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def wiring(site, **changes) -> Wiring:
    told = site.announcement()
    system = SYSTEMS["odoo"]
    options = {name: told[name] for name in (*REQUIRED, "series")} | changes
    connection = Connection.__new__(Connection)
    object.__setattr__(connection, "name", "erp")
    object.__setattr__(connection, "options", options)
    specs = {name: load_spec(system.default_spec(name), "yaml", name) for name in system.spec_names}
    compiled = {name: compile_spec(spec, SCHEMAS[spec.kind], "Asia/Shanghai") for name, spec in specs.items()}
    return Wiring(connection, {"api_key": told["api_key"]}, compiled, RealClock(), 10)


@pytest.mark.parametrize(("series", "kind"), [(14, XmlRpcClient), (18, XmlRpcClient), (19, Json2Client)])
def test_the_release_decides_the_protocol(series: int, kind: type) -> None:
    with running_site(SiteOptions(series=series)) as site:
        adapter = SYSTEMS["odoo"].build(wiring(site, target_stage="saved"))
        assert adapter.check().ok, [str(step.finding) for step in adapter.check().steps if not step.ok]
        assert adapter.capabilities.default_stage is Stage.SAVED
        assert isinstance(adapter._check._client, kind)  # type: ignore[attr-defined]
        assert len(list(adapter.pull_inventory(None))) == 60
        assert len(list(adapter.pull_contracts(None))) == 400


def test_a_connection_without_a_journal_says_so() -> None:
    with running_site() as site, pytest.raises(InvalidInput):
        SYSTEMS["odoo"].build(wiring(site, journal=None))


@pytest.mark.parametrize("name", SYSTEMS["odoo"].spec_names)
def test_the_packaged_mappings_have_no_findings(name: str) -> None:
    spec = load_spec(SYSTEMS["odoo"].default_spec(name), "yaml", name)
    assert check_spec(spec, SCHEMAS[spec.kind]) == []
