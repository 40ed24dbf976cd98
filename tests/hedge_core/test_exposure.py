"""Exposure by formula and by proof; what moves it and what never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core.exposure import STOCK, Exposure, ExposureRow, exposure, lots_to_hedge
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, LineStatus, LotKind, PricingKind, Side

BOOK = BookId("jinhe")
VAT = {"copper": Decimal("0.13")}
CU = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
BC = Product("INE", "bc", "copper", 5, Decimal(10), "t", date(2020, 1, 1), vat_included=False)
PRODUCTS = {"SHFE.cu2605": CU, "SHFE.cu2606": CU, "INE.bc2605": BC}
PURCHASE, SALE, PRICED, FLOATING = Side.PURCHASE, Side.SALE, PricingKind.PRICED, PricingKind.FLOATING


def line(
    number: int, side: Side, pricing: PricingKind, ordered: int | str, delivered: int | str = 0, **changes: object
) -> ContractLine:
    made = ContractLine(
        ref=ExternalRef("k3", "contract_line", str(number)),
        contract_no=f"HT{number}",
        line_no=1,
        side=side,
        partner="P1",
        material="CU01",
        commodity="copper",
        contract_date=date(2026, 3, 1),
        delivery_date=None,
        delivery_month="2026-05",
        unit="t",
        ordered=Decimal(ordered),
        delivered=Decimal(delivered),
        returned=Decimal(0),
        status=LineStatus.OPEN,
        pricing=pricing,
        price=Decimal(61000) if pricing is PRICED else None,
        premium=None,
        reference=None,
        currency="CNY",
        vat_rate=Decimal("0.13"),
        modified_at=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def stock(
    number: int, quantity: int | str, *, ours: bool = True, unit: str = "t", warehouse: str = "W1"
) -> InventoryLot:
    ref = ExternalRef("k3", "inventory", str(number))
    return InventoryLot(
        ref,
        "CU01",
        "copper",
        warehouse,
        str(number),
        "jinhe" if ours else "other",
        ours,
        LotKind.NON_STANDARD,
        unit,
        Decimal(quantity),
    )


def short(lots: int, instrument: str = "SHFE.cu2605") -> PositionLot:
    return PositionLot(
        f"opening/{instrument}",
        "A",
        instrument,
        Direction.SELL,
        HedgeFlag.HEDGE,
        date(2026, 3, 2),
        Decimal(70000),
        lots,
    )


EXAMPLE_LINES = [
    line(1, PURCHASE, PRICED, 800, 300),  # 500 to come
    line(2, PURCHASE, FLOATING, 500, 200),  # 200 arrived and unpriced, 300 to come
    line(3, SALE, PRICED, 600),
    line(4, SALE, FLOATING, 400, 150),  # 150 gone and unpriced, 250 to go
]


def total(result: Exposure) -> ExposureRow:
    assert result.broken == ()
    (row,) = result.totals
    return row


def test_example_of_the_facts_850_and_170_short_lots_leave_nothing() -> None:
    row = total(exposure(BOOK, EXAMPLE_LINES, [stock(1, 1000)], [short(170)], PRODUCTS, VAT))
    assert (row.inventory, row.arrived_unpriced, row.priced_purchases, row.priced_sales) == (1000, 200, 500, 600)
    assert (row.delivered_unpriced, row.unpriced_purchases, row.unpriced_sales) == (150, 300, 250)
    assert (row.exposure, row.physical, row.futures, row.net) == (850, 950, -850, 0)
    assert row.hedge_ratio == 1
    assert row.exposure_vat == Decimal("752.212389")
    assert row.net_vat == Decimal("752.212389") - 850
    assert row.hedge_ratio_vat == Decimal("1.13")


def test_vat_adjusted_lots_of_the_facts_150() -> None:
    assert lots_to_hedge(Decimal(850), 5, Decimal("0.13")) == -150
    assert lots_to_hedge(Decimal(850), 5) == -170
    assert lots_to_hedge(Decimal(-850), 5) == 170


def test_rows_are_by_delivery_month_and_stock_has_its_own() -> None:
    lines = [line(1, PURCHASE, PRICED, 100), line(2, SALE, PRICED, 40, delivery_month="2026-06")]
    result = exposure(BOOK, lines, [stock(1, 10)], [short(2, "SHFE.cu2606")], PRODUCTS, VAT)
    assert [(row.month, row.exposure, row.futures) for row in result.rows] == [
        ("2026-05", 100, 0),
        ("2026-06", -40, -10),
        (STOCK, 10, 0),
    ]
    assert sum(row.net for row in result.rows) == total(result).net
    assert sum(row.net_vat for row in result.rows) == total(result).net_vat


def test_a_line_that_is_not_open_has_no_open_quantity_but_delivered_unpriced_goods_still_count() -> None:
    for status in (LineStatus.CLOSED, LineStatus.CANCELLED):
        lines = [line(1, SALE, FLOATING, 400, 150, status=status), line(2, PURCHASE, PRICED, 90, 10, status=status)]
        row = total(exposure(BOOK, lines, [], [], PRODUCTS, VAT))
        assert (row.delivered_unpriced, row.unpriced_sales, row.priced_purchases, row.exposure) == (150, 0, 0, 150)


def test_returned_goods_are_open_again() -> None:
    row = total(exposure(BOOK, [line(1, SALE, FLOATING, 400, 150, returned=Decimal(50))], [], [], PRODUCTS, VAT))
    assert (row.delivered_unpriced, row.unpriced_sales) == (100, 300)


def test_goods_of_another_owner_are_shown_and_never_counted() -> None:
    row = total(exposure(BOOK, [], [stock(1, 10), stock(2, 99, ours=False)], [], PRODUCTS, VAT))
    assert (row.others_goods, row.inventory, row.exposure, row.physical) == (99, 10, 10, 10)


def test_net_quoted_futures_are_divided_by_the_same_vat_as_the_goods() -> None:
    row = total(exposure(BOOK, [], [stock(1, 113)], [short(10, "INE.bc2605")], PRODUCTS, VAT))
    assert (row.net, row.exposure_vat, row.futures_vat) == (63, 100, Decimal("-44.247788"))


def test_a_commodity_without_goods_needs_no_vat_rate_and_has_no_ratio() -> None:
    row = total(exposure(BOOK, [], [], [short(2)], PRODUCTS, {}))
    assert (row.net, row.hedge_ratio, row.hedge_ratio_vat) == (-10, None, None)


def test_what_cannot_be_counted_is_named() -> None:
    cases = {
        "negative_quantity": ([line(1, SALE, PRICED, -1)], [], []),
        "units_differ": ([line(1, SALE, PRICED, 1)], [stock(1, 1000, unit="kg")], []),
        "unknown_instrument": ([], [], [short(1, "SHFE.zz2605")]),
        "vat_rate_missing": ([line(1, SALE, PRICED, 1, commodity="tin")], [], []),
    }
    for rule, (lines, inventory, lots) in cases.items():
        result = exposure(BOOK, lines, inventory, lots, PRODUCTS, VAT)
        assert [broken.rule for broken in result.broken] == [rule]
    assert [b.rule for b in exposure(BOOK, [], [stock(1, -1)], [], PRODUCTS, VAT).broken] == ["negative_quantity"]


quantities = st.decimals(0, 500, places=3)
contracts = st.lists(
    st.tuples(st.sampled_from(list(Side)), st.sampled_from(list(PricingKind)), quantities, quantities), max_size=8
)


@settings(max_examples=150, deadline=None)
@any_of(contracts, st.data())
def test_receipt_delivery_and_transfer_never_change_the_exposure(
    made: list[tuple[Side, PricingKind, Decimal, Decimal]], data: st.DataObject
) -> None:
    lines = [line(n, side, kind, ordered + done, done) for n, (side, kind, ordered, done) in enumerate(made)]
    goods = Decimal(100000)
    before = total_or_none(lines, [stock(1, goods)])
    moved = []
    for row in lines:
        quantity = data.draw(st.decimals(0, row.open_quantity, places=3))
        moved.append(replace(row, delivered=row.delivered + quantity))
        goods += quantity if row.side is PURCHASE else -quantity
    transferred = data.draw(st.decimals(0, 100, places=3))
    split = [stock(1, goods - transferred), stock(2, transferred, warehouse="W2")]
    assert total_or_none(moved, split) == before


def total_or_none(lines: list[ContractLine], inventory: list[InventoryLot]) -> Decimal:
    return total(exposure(BOOK, lines, inventory, [], PRODUCTS, VAT)).exposure
