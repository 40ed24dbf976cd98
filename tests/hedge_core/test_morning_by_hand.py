"""A morning sheet worked by hand: copper in yuan at home and aluminium in dollars abroad, two accounts, every figure tied.

Copper: 100 t in stock, 200 t bought and priced, 150 t sold and priced, 40 t of a sale unpriced of which 30 t are due; short 20
lots of May and 10 of June (5 t each). Aluminium: 500 t in stock, 300 t bought and unpriced; short 8 lots of 25 t.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hedge_core.morning import (
    AccountLine,
    CommodityLine,
    DuePricing,
    HeldFuture,
    MarketBasis,
    MorningSheet,
    NearDelivery,
    broken_ties,
)

D = Decimal
ZERO = D(0)

COPPER = CommodityLine(
    commodity="copper", unit="t", stock=D(100), arrived_unpriced=ZERO, priced_in=D(200), priced_out=D(150),
    delivered_unpriced=ZERO, unpriced_in=ZERO, unpriced_out=D(40), due_in=ZERO, due_out=D(30),
    spot_exposure=D(150),  # 100 + 200 − 150
    futures_by_month={"2026-05": D(-100), "2026-06": D(-50)}, futures=D(-150), options=ZERO, internal=ZERO,
    net=ZERO,  # 150 − 150
    spot_exposure_vat=D("132.743363"),  # 150 ÷ 1.13
    hedge_vat=D(-150), net_vat=D("-17.256637"), results={"CNY": D(45_000)},  # 150 t × 300
    basis=MarketBasis("SHFE.cu2605", D(68_000), D(68_050), D(-50)),
)  # fmt: skip
ALUMINIUM = CommodityLine(
    commodity="aluminium", unit="t", stock=D(500), arrived_unpriced=ZERO, priced_in=ZERO, priced_out=ZERO,
    delivered_unpriced=ZERO, unpriced_in=D(300), unpriced_out=ZERO, due_in=ZERO, due_out=ZERO,
    spot_exposure=D(500), futures_by_month={"2026-06": D(-200)}, futures=D(-200), options=ZERO, internal=ZERO,
    net=D(300), spot_exposure_vat=D(500), hedge_vat=D(-200), net_vat=D(300),
    results={"USD": D(-2_000)},  # −200 t × 10
)  # fmt: skip
HOME = AccountLine(
    "80010001", "CNY", D(990_000), D(10_000), D(1_000_000), D(621_000), ZERO, D(379_000), D("0.621"), D(45_000), D(300),
    3, None, D(1),
)  # fmt: skip
ABROAD = AccountLine(
    "U777",
    "USD",
    D(50_000),
    ZERO,
    D(50_000),
    D(20_000),
    D(1_000),
    D(29_000),
    D("0.4"),
    D(-2_000),
    D(12),
    3,
    None,
    D("7.1"),
)
SHEET = MorningSheet(
    today=date(2026, 4, 27), day=date(2026, 4, 24), currency="CNY", commodities=(ALUMINIUM, COPPER), accounts=(HOME, ABROAD),
    positions=(
        HeldFuture("LME.AH2606", "aluminium", "2026-06", 0, 8, 25),
        HeldFuture("SHFE.cu2605", "copper", "2026-05", 0, 20, 5),
        HeldFuture("SHFE.cu2606", "copper", "2026-06", 0, 10, 5),
    ),
    due=(DuePricing("copper", "XS-2/1", "sale", D(30), "t", date(2026, 4, 30), 3),),
    near_delivery=(NearDelivery("80010001", "SHFE.cu2605", "sell", 20, "2026-05", 4, 0),),
)  # fmt: skip


def test_a_sheet_of_two_commodities_accounts_and_currencies_ties_to_the_last_figure() -> None:
    assert broken_ties(SHEET) == []
    assert SHEET.equity == D(1_000_000) + D(50_000) * D("7.1") == D("1355000.0")


def test_an_equity_without_a_rate_is_no_figure() -> None:
    assert replace(SHEET, accounts=(HOME, replace(ABROAD, rate=None))).equity is None


def test_a_result_in_the_wrong_currency_is_noticed_in_both() -> None:
    """−2,000 USD of aluminium shown as yuan: 43,000 against 45,000 in one, 0 against −2,000 in the other."""
    wrong = replace(SHEET, commodities=(replace(ALUMINIUM, results={"CNY": D(-2_000)}), COPPER))
    assert [(rule.record, rule.reason.params["first"], rule.reason.params["second"]) for rule in broken_ties(wrong)] == [
        ("CNY", D(43_000), D(45_000)), ("USD", ZERO, D(-2_000)),
    ]  # fmt: skip


def test_lots_of_one_month_moved_to_another_are_noticed_though_their_sum_is_right() -> None:
    moved = replace(COPPER, futures_by_month={"2026-05": D(-50), "2026-06": D(-100)})
    found = broken_ties(replace(SHEET, commodities=(ALUMINIUM, moved)))
    assert {rule.record for rule in found} == {"copper 2026-05", "copper 2026-06"}
