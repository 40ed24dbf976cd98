"""The designation file: what may stand in it, what is refused by name, and what accounting gets from it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.documents import read_designation
from adapters.report import designation_page
from hedge_core.accounting.option_value import TimeValue
from hedge_core.accounting.relationships import HedgeType, ItemKind, RebalanceForm, Risk, StopReason
from hedge_core.errors import InvalidInput
from messages import LANGUAGES, say
from sandbox.company.designation import copper_hedge

LEG = {
    "account": "80010001",
    "trading_day": "2026-03-05",
    "exchange": "SHFE",
    "fill_id": "7",
    "direction": "buy",
    "lots": 9,
}
LEG_ID = "80010001/20260305/SHFE/7/buy"


def file(**changes: Any) -> bytes:
    plain: dict[str, Any] = {
        "relationship_id": "CFH-1",
        "designated_on": "2026-03-05",
        "approved_on": "2026-03-04",
        "approved_by": "周琳",
        "commodity": "copper",
        "quantity": "100",
        "carrying_amount_total": "0",
        "spot_price_ex_vat": "62000",
        "item": "forecast_purchase",
        "instruments": [LEG],
    }
    return json.dumps({**plain, **changes}).encode()


def refused(body: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_designation(body, "file.json")
    for language in LANGUAGES:
        assert "{" not in say(caught.value.message, language)
    return caught.value


def test_the_demo_companys_file_is_read_whole() -> None:
    made = read_designation(json.dumps(copper_hedge()).encode())
    assert made.relationship.problems() == []
    assert made.stops[0].reason is StopReason.INSTRUMENT_CLOSED
    assert {source.kind for source in made.movements[0].sources} == {"sale", "fill"}


@pytest.mark.parametrize(
    ("changes", "member", "place"),
    [
        ({"quantty": "1"}, "quantty", "-"),
        ({"sales": [{"sold_on": "2026-03-18", "quantity": "1", "price": "5"}]}, "price", "sales"),
        ({"instruments": [{**LEG, "hands": 1}]}, "hands", "instruments"),
        ({"discontinued": {"discontinued_on": "2026-03-31", "why": "x"}}, "why", "discontinued"),
    ],
)
def test_an_unknown_member_is_refused_by_name_and_place(changes: dict[str, Any], member: str, place: str) -> None:
    error = refused(file(**changes))
    assert error.field == member
    sentence = say(error.message, "en")
    assert f"“{member}”" in sentence
    assert place in sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"discontinued": {"discontinued_on": "2026-03-31", "reason": "felt like it"}},
        {"carrying_amount": "3", "carrying_amount_total": "301"},
        {"rebalancing": [{"day": "2026-03-09", "form": "more_instrument", "reason": "basis", "quantity": "5"}]},
        {"rebalancing": [{"day": "2026-03-09", "form": "less_item", "reason": "basis", "instrument": LEG}]},
        {"quantity": "many"},
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(changes: dict[str, Any]) -> None:
    refused(file(**changes))


def test_everything_accounting_needs_arrives() -> None:
    made = read_designation(
        file(
            instruments=[LEG, {**LEG, "trading_day": "2026-04-10"}],
            roll_policy="next month, five days before delivery",
            sales=[{"sold_on": "2026-04-20", "quantity": "40", "net_amount": "1", "vat": "0.13", "delivery": True,
                    "erp_cost": "9", "contract_line": "k3:purchase_line:7/1"}],
            rebalancing=[{"day": "2026-03-09", "form": "less_instrument", "reason": "basis", "instrument": LEG}],
            reserve_losses=[{"day": "2026-03-31", "amount": "500", "reason": "market"}],
            excluded={"element": "time_value", "related": "transaction", "actual": "60", "aligned": "60",
                      "first_day": "2026-03-05", "last_day": "2026-06-05",
                      "values": [{"day": "2026-03-31", "actual": "20", "aligned": "20"}]},
            forecast={"first_day": "2026-04-01", "last_day": "2026-06-30", "quantity": "100", "why_probable": "plan"},
            discontinued={"discontinued_on": "2026-05-01", "reason": "objective_changed",
                          "no_longer_expected_on": "2026-06-01"},
        )
    )  # fmt: skip
    relationship = made.relationship
    assert relationship.problems() == []
    assert [share.from_day for share in relationship.instruments] == [date(2026, 3, 5), date(2026, 4, 10)]
    assert relationship.forecast_end == date(2026, 6, 30)
    (sale,) = made.movements
    assert (sale.delivery, sale.booked_cost) == (True, Decimal(9))
    assert [(source.kind, source.key) for source in sale.sources][1] == ("contract_line", "k3:purchase_line:7/1")
    assert [(r.form, r.lot_id, r.lots) for r in made.rebalances] == [(RebalanceForm.LESS_INSTRUMENT, LEG_ID, 9)]
    assert made.excluded == {date(2026, 3, 31): TimeValue(Decimal(20), Decimal(20))}
    assert [(stop.day, stop.expected) for stop in made.stops] == [(date(2026, 5, 1), True), (date(2026, 6, 1), False)]
    assert made.losses[0].amount == 500


def test_a_later_leg_without_a_documented_roll_is_a_broken_rule() -> None:
    made = read_designation(file(instruments=[LEG, {**LEG, "trading_day": "2026-04-10"}]))
    assert [problem.rule for problem in made.relationship.problems()] == ["designation_roll"]


def test_currency_and_net_positions_are_read() -> None:
    made = read_designation(
        file(
            commodity="USD",
            item="forecast_sale",
            risk="currency",
            quantity="200000",
            net_position=[
                {"name": "sales", "item": "forecast_sale", "quantity": "300000", "price": "7"},
                {"name": "purchases", "item": "forecast_purchase", "quantity": "100000", "price": "7"},
            ],
        )
    )
    assert made.relationship.problems() == []
    assert next(member.kind for member in made.relationship.item.members) is ItemKind.FORECAST_SALE
    firm = read_designation(file(item="firm_purchase", risk="currency", hedge_type="cash_flow", commodity="USD"))
    assert (firm.relationship.hedge_type, firm.relationship.item.risk) == (HedgeType.CASH_FLOW, Risk.CURRENCY)
    assert firm.relationship.problems() == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_printed_page_has_the_documentation_and_escapes_it(lang: str) -> None:
    made = read_designation(file(strategy="buy <low> & hedge", credit_risk="exchange cleared"))
    page = designation_page("示例 & Co", made, None, None, lang).decode()
    assert page.startswith("<!DOCTYPE html>")
    assert "buy &lt;low&gt; &amp; hedge" in page
    assert "CFH-1" in page
    assert LEG_ID in page
    assert "<script" not in page
    assert "http" not in page
