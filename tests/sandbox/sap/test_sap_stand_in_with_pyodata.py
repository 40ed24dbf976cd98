"""Second opinion: SAP's own Python OData client (pyodata) works against the stand-in. It cannot read V4 metadata."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyodata
import pytest
import requests

from sandbox.sap.command import RunningSite, SiteOptions, running_site
from sandbox.sap.schema import SERVICES
from sandbox.sap.server import Behaviour

V2_SERVICES = [service.name for service in SERVICES if service.version == 2]


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    logging.getLogger("pyodata").setLevel(logging.ERROR)
    with running_site(SiteOptions(behaviour=Behaviour(most_rows=5000))) as running:
        yield running


def service(site: RunningSite, name: str, *, token: bool = False) -> Any:
    session = requests.Session()
    session.auth = (site.credentials.user, site.credentials.password)
    path = next(one.path for one in SERVICES if one.name == name)
    address = site.url.rstrip("/") + path
    if token:
        answer = session.get(address, headers={"x-csrf-token": "Fetch"}, timeout=10)
        session.headers["x-csrf-token"] = answer.headers["x-csrf-token"]
    return pyodata.Client(address, session)


@pytest.mark.parametrize("name", V2_SERVICES)
def test_every_v2_metadata_document_is_understood(site: RunningSite, name: str) -> None:
    sets = {one.name for one in service(site, name).schema.entity_sets}
    assert sets == set(next(one for one in SERVICES if one.name == name).views)


def test_orders_are_filtered_ordered_and_expanded(site: RunningSite) -> None:
    orders = service(site, "API_SALES_ORDER_SRV").entity_sets.A_SalesOrder
    found = (
        orders.get_entities().filter("SoldToParty eq 'C001' and TotalNetAmount gt 1000M").order_by("SalesOrder desc")
        .expand("to_Item").top(5).execute()
    )  # fmt: skip
    numbers = [order.SalesOrder for order in found]
    assert numbers and numbers == sorted(numbers, reverse=True)
    for order in found:
        assert order.SoldToParty == "C001"
        total = sum(Decimal(item.NetAmount) for item in order.to_Item)
        assert total == Decimal(order.TotalNetAmount)


def test_one_entity_is_read_by_key_with_its_moments(site: RunningSite) -> None:
    orders = service(site, "API_SALES_ORDER_SRV").entity_sets.A_SalesOrder
    order = orders.get_entity("1000000001").execute()
    assert order.SalesOrder == "1000000001"
    assert order.LastChangeDateTime.tzinfo is not None
    assert order.LastChangeDateTime < datetime(2026, 4, 1, tzinfo=UTC)


def test_a_set_is_counted(site: RunningSite) -> None:
    stock = service(site, "API_MATERIAL_STOCK_SRV").entity_sets.A_MatlStkInAcctMod
    assert stock.get_entities().count().execute() == 60


def test_a_text_is_created_and_updated_with_a_csrf_token(site: RunningSite) -> None:
    texts = service(site, "API_SALES_ORDER_SRV", token=True).entity_sets.A_SalesOrderItemText
    keys = {"SalesOrder": "1000000002", "SalesOrderItem": "10", "Language": "EN", "LongTextID": "ZHDG"}
    texts.create_entity().set(**keys, LongText="first").execute()
    texts.update_entity(**keys).set(LongText="second").execute()
    assert texts.get_entity(**keys).execute().LongText == "second"


def test_a_write_without_a_token_is_refused(site: RunningSite) -> None:
    texts = service(site, "API_SALES_ORDER_SRV").entity_sets.A_SalesOrderItemText
    keys = {"SalesOrder": "1000000003", "SalesOrderItem": "10", "Language": "EN", "LongTextID": "ZHDG"}
    with pytest.raises(pyodata.exceptions.HttpError) as refused:
        texts.create_entity().set(**keys, LongText="first").execute()
    assert refused.value.response.status_code == 403
