"""The control endpoints: only with the token; they change the books as other people in the ERP would."""

from __future__ import annotations

import pytest
import requests

KEYS = "FID,FSaleOrderEntry_FEntryID,FStockOutQty,FModifyDate"


def _one_line(client) -> list:
    return client.query("SAL_SaleOrder", KEYS, "FDocumentStatus='C'", OrderString="FID", Limit=1)[0]


@pytest.mark.parametrize("headers", [{}, {"X-Control-Token": "guess"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_token_nothing_is_shown_or_done(client, headers, method):
    answer = requests.request(
        method, client.running.control_url + "faults", headers=headers, json={"clear": True}, timeout=9
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("faults", {"name": "no such fault", "rate": 1}),
        ("faults", {"name": "waf"}),
        ("faults", {"name": "waf", "rate": 2}),
        ("periods", {"period": "soon", "open": True}),
        ("edit", {"form": "NO_SUCH", "id": 1, "set": {}}),
        ("edit", {"form": "SAL_SaleOrder", "id": 1, "set": {}}),
        ("edit", {"form": "SAL_SaleOrder", "number": "XSDD000001", "set": {"FNothing": 1}}),
        ("delete", {}),
        ("records", {"form": "BD_UNIT", "values": {"FNothing": 1}}),
    ],
)
def test_a_bad_control_request_says_what_is_wrong_and_changes_nothing(client, name, body):
    answer = requests.post(
        client.running.control_url + name,
        json=body,
        headers={"X-Control-Token": client.running.control_token},
        timeout=9,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_unknown_control_is_404(client):
    headers = {"X-Control-Token": client.running.control_token}
    assert requests.get(client.running.control_url + "nothing", headers=headers, timeout=9).status_code == 404


def test_a_delivery_changes_the_line_and_not_the_modify_date(client):
    order, line, delivered, modified = _one_line(client)
    client.control("edit", {"form": "SAL_SaleOrder", "entry_id": line, "set": {"FStockOutQty": delivered + 1.5}})
    row = next(one for one in client.query("SAL_SaleOrder", KEYS, f"FID={order}") if one[1] == line)
    assert row[2:] == [delivered + 1.5, modified]


def test_an_edit_may_touch_the_modify_date(client):
    order, line, _, modified = _one_line(client)
    client.control("edit", {"form": "SAL_SaleOrder", "entry_id": line, "set": {"FQty": 1}, "touch": True})
    assert all(row[3] > modified for row in client.query("SAL_SaleOrder", KEYS, f"FID={order}"))


def test_a_line_and_an_order_can_disappear(client):
    order, line, _, _ = _one_line(client)
    client.control("delete", {"form": "SAL_SaleOrder", "entry_id": line})
    assert line not in [row[1] for row in client.query("SAL_SaleOrder", KEYS, f"FID={order}")]
    client.control("delete", {"form": "SAL_SaleOrder", "id": order})
    assert client.query("SAL_SaleOrder", KEYS, f"FID={order}") == []


def test_records_can_be_added_even_broken_ones(client):
    client.control("records", {"form": "BD_UNIT", "values": {"FNumber": "lb", "FName": "磅"}})
    added = client.control(
        "records",
        {
            "form": "SAL_SaleOrder",
            "values": {"FBillNo": "XSDD-NEW", "FDocumentStatus": "C", "FModifyDate": "2026-04-01T08:00:00"},
            "lines": [{"FMaterialId": "no such material", "FUnitID": "lb", "FQty": -3}],
        },
    )
    assert added["SaleOrderEntry"][0]["UnitID"]["Number"] == "lb"
    rows = client.query("SAL_SaleOrder", "FMaterialId,FUnitID.FNumber,FQty,FDate", "FBillNo='XSDD-NEW'")
    assert rows == [[0, "lb", -3.0, None]]


def test_periods_and_requests_are_shown(client):
    assert [one["period"] for one in client.control("periods")] == [f"2026-{month:02d}" for month in range(1, 13)]
    client.query("BD_UNIT", "FNumber")
    shown = client.control("requests")
    assert shown["services"] == {"ValidateUser": 1, "ExecuteBillQuery": 1}
    assert [one["http_status"] for one in shown["recent"]] == [200, 200]


def test_orders_and_inventory_are_shown_as_json(client):
    orders = client.control("orders")
    assert {one["form"] for one in orders} == {"SAL_SaleOrder", "PUR_PurchaseOrder"}
    lots = client.control("inventory")
    assert len(lots) == 60
    assert lots[0]["OwnerId"]["Number"] == "100"
