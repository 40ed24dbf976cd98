"""The demo company's ERP side: the same on every run, of a believable size, and exposed about as much as it hedges."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from sandbox.company.erp import CUSTOMERS, FLOATING, LEDGER_ACCOUNTS, PRICED, STANDARD_WAREHOUSE, SUPPLIERS, company
from sandbox.company.facts import COPPER_HEDGE, MATERIALS, ORG
from sandbox.company.trading import month

COMMODITY = {row[0]: row[2] for row in MATERIALS}


def _open_tonnes(commodity: str, pricing: str) -> Decimal:
    """Purchases less sales, open lines only."""
    total = Decimal(0)
    for order in company().orders:
        if order.number in company().broken or order.state != "approved" or order.closed or order.cancelled:
            continue
        for line in order.lines:
            if COMMODITY[line.material] == commodity and line.pricing == pricing:
                rest = (line.quantity - line.delivered + line.returned) / (1000 if line.unit == "kg" else 1)
                total += rest if order.side == "purchase" else -rest
    return total


def _own_stock(commodity: str) -> Decimal:
    return sum(
        (lot.quantity for lot in company().stock if lot.owner == ORG and COMMODITY[lot.material] == commodity),
        Decimal(0),
    )


def test_same_company_on_every_run():
    assert company.__wrapped__() == company()


def test_sizes_are_those_of_the_story():
    assert company().lines == 400
    assert len(company().stock) == 60
    assert len({lot.lot for lot in company().stock}) == 60
    assert len({order.number for order in company().orders}) == len(company().orders)


def test_both_sides_both_kinds_and_every_state_occur():
    orders = [order for order in company().orders if order.number not in company().broken]
    lines = [line for order in orders for line in order.lines]
    assert {order.side for order in orders} == {"purchase", "sale"}
    assert Counter(line.pricing for line in lines)[FLOATING] > 60
    assert {line.price_unit for line in lines} == {line.unit for line in lines} == {"t", "kg"}
    assert {order.state for order in orders} == {"draft", "created", "submitted", "approved"}
    assert any(order.closed for order in orders)
    assert any(order.cancelled for order in orders)
    assert any(0 < line.delivered < line.quantity for line in lines)
    assert any(line.returned for line in lines)


def test_a_floating_line_has_no_price_and_a_reference_month_and_a_priced_one_the_reverse():
    for order in company().orders:
        for line in order.lines:
            if line.pricing == FLOATING:
                assert (line.tax_price, line.reference_month[:5]) == (0, "2026-")
            else:
                assert line.pricing == PRICED
                assert line.tax_price > 0
                assert (line.reference_month, line.premium) == ("", 0)


def test_modify_dates_spread_over_february_and_march():
    months = Counter(order.modified.month for order in company().orders)
    assert set(months) == {2, 3}
    assert min(months.values()) > 40
    assert len({order.modified.date() for order in company().orders}) > 30


@pytest.mark.parametrize(("commodity", "account"), [("copper", "80010001"), ("aluminium", "66880002")])
def test_physical_exposure_is_about_what_the_futures_cover(commodity, account):
    physical = _own_stock(commodity) + _open_tonnes(commodity, PRICED)
    days = month()[account]
    short = [
        sum((one.lot.lots if one.lot.side == "sell" else -one.lot.lots) * 5 for one in day.positions)
        for day in (days[0], days[-1])
    ]
    assert min(short) * Decimal("0.8") <= physical <= max(short) * Decimal("1.2")


def test_stock_under_hedge_is_there_and_some_of_it_is_on_warrants_and_some_is_not_ours():
    hedged = [lot for lot in company().stock if lot.material == COPPER_HEDGE.material and lot.owner == ORG]
    assert sum(lot.quantity for lot in hedged) >= COPPER_HEDGE.tonnes
    assert any(lot.warehouse == STANDARD_WAREHOUSE for lot in company().stock)
    owners = {lot.owner for lot in company().stock if lot.owner != ORG}
    assert owners <= {number for number, _ in (*CUSTOMERS, *SUPPLIERS)}
    assert len(owners) == 5


def test_every_kind_of_broken_record_is_planted_once():
    assert sorted(company().broken.values()) == [
        "duplicated_line",
        "missing_date",
        "negative_quantity",
        "unknown_material",
        "unknown_unit",
    ]


def test_chart_of_accounts_has_what_hedge_accounting_needs():
    by_number = {one.number: one for one in LEDGER_ACCOUNTS}
    needed = "1002 1012 1403 1405 1405.99 2221 3101 3201 3202 6001 6101 6102 6111 6111.01 6111.02 6401 6603 6711"
    assert set(needed.split()) <= set(by_number)
    assert by_number["1012"].dimensions == (("broker_account", True),)
    parents = {number.rsplit(".", 1)[0] for number in by_number if "." in number}
    assert {number for number, one in by_number.items() if not one.leaf} == parents
