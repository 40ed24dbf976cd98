"""Exposure by formula and by proof; what moves it and what never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core.exposure import STOCK, Exposure, ExposureRow, Handover, exposure, lots_to_hedge
from hedge_core.exposure_views import exposure_by_book, exposure_by_partner, goods_by_owner, planned_rows
from hedge_core.matching import spot_legs
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, LineStatus, LotKind, PricingKind, Side
from hedge_core.model.terms import PlannedVolume

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


# --- partly priced, on the way, elsewhere -----------------------------------------------------------------------------


def test_a_part_that_is_priced_is_exposed_and_the_rest_is_not() -> None:
    part = line(1, PURCHASE, FLOATING, 500, 200, priced=Decimal(300))
    row = total(exposure(BOOK, [part], [stock(1, 200)], [], PRODUCTS, VAT))
    assert (row.priced_purchases, row.unpriced_purchases, row.arrived_unpriced, row.exposure) == (100, 200, 0, 300)
    early = line(1, PURCHASE, FLOATING, 500, 200, priced=Decimal(150))
    row = total(exposure(BOOK, [early], [stock(1, 200)], [], PRODUCTS, VAT))
    assert (row.priced_purchases, row.unpriced_purchases, row.arrived_unpriced, row.exposure) == (0, 300, 50, 150)


@settings(max_examples=100, deadline=None)
@any_of(
    st.lists(st.tuples(st.sampled_from(list(Side)), st.sampled_from(list(PricingKind)), *[quantities] * 4), max_size=6),
    st.data(),
)
def test_receipt_delivery_return_invoice_and_transfer_never_change_a_partly_priced_exposure(
    made: list[tuple[Side, PricingKind, Decimal, Decimal, Decimal, Decimal]], data: st.DataObject
) -> None:
    lines = [
        line(n, side, kind, ordered + done, done, priced=min(priced, ordered + done), closed_rest=min(rest, ordered))
        for n, (side, kind, ordered, done, priced, rest) in enumerate(made)
    ]
    goods = Decimal(100000)
    legs = spot_legs(lines, [stock(1, goods)], {}, VAT)
    before = total_or_none(lines, [stock(1, goods)])
    assert sum(leg.quantity for leg in legs) == before, "the legs add up to the exposure"
    moved = []
    for row in lines:
        gone = data.draw(st.decimals(0, row.open_quantity, places=3))
        back = data.draw(st.decimals(0, row.delivered + gone - row.returned, places=3))
        invoiced = data.draw(st.decimals(0, 500, places=3))
        out = replace(row, delivered=row.delivered + gone, returned=row.returned + back, invoiced=invoiced)
        moved.append(out)
        goods += (gone - back) if row.side is PURCHASE else -(gone - back)
    assert total_or_none(moved, [stock(1, goods - 40), stock(2, 40, warehouse="W2")]) == before


def test_goods_on_their_way_count_once() -> None:
    on_water = replace(stock(2, 60), transit_line="k3:contract_line:1")
    lines = [line(1, PURCHASE, PRICED, 100, 0, shipped=Decimal(60)), line(2, SALE, PRICED, 80, 20, shipped=Decimal(50))]
    row = total(exposure(BOOK, lines, [stock(1, 10), on_water], [], PRODUCTS, VAT))
    assert (row.priced_purchases, row.inventory, row.in_transit) == (100, 10 + 30, 60 + 30)
    assert row.exposure == 100 + 40 - 60
    legs = spot_legs(lines, [stock(1, 10), on_water], {}, VAT)
    assert sum(leg.quantity for leg in legs) == row.exposure
    assert len({leg.ref for leg in legs}) == len(legs)


def test_goods_at_a_processor_are_ours_and_tolling_goods_of_others_are_not() -> None:
    goods = [stock(1, 10), replace(stock(2, 25), holder="smelter"), stock(3, 99, ours=False)]
    row = total(exposure(BOOK, [], goods, [], PRODUCTS, VAT))
    assert (row.inventory, row.at_processors, row.others_goods, row.exposure) == (35, 25, 99, 35)
    assert [(one.owner, one.holder, one.ours, one.quantity) for one in goods_by_owner(goods)] == [
        ("jinhe", "", True, 10),
        ("jinhe", "smelter", True, 25),
        ("other", "", False, 99),
    ]


# --- options, virtual stock, handovers --------------------------------------------------------------------------------


def test_options_count_by_delta_and_without_one_they_are_named() -> None:
    """20 bought puts × 5 t × −0.4 = −40 t against 850 − 810 of the facts' example with 162 short lots."""
    put = replace(short(20, "SHFE.cu2605P70000"), lot_id="put", direction=Direction.BUY)
    products = {**PRODUCTS, "SHFE.cu2605P70000": CU}
    given = (BOOK, EXAMPLE_LINES, [stock(1, 1000)], [short(162), put], products, VAT)
    row = total(exposure(*given, deltas={"SHFE.cu2605P70000": Decimal("-0.4")}))
    assert (row.exposure, row.futures, row.options, row.net, row.hedge_ratio) == (850, -810, -40, 0, 1)
    assert [one.rule for one in exposure(*given).broken] == ["delta_missing"]


def test_virtual_stock_is_shown_beside_the_goods_and_counted_once() -> None:
    long = replace(short(10), lot_id="virtual", direction=Direction.BUY)
    row = total(exposure(BOOK, [], [stock(1, 100)], [long], PRODUCTS, VAT, virtual={"virtual"}))
    assert (row.virtual_stock, row.futures, row.inventory, row.net) == (50, 50, 100, 150)


def test_what_another_book_hands_over_is_in_the_net_and_adds_up_to_nothing_in_the_group() -> None:
    ours = exposure(
        BOOK, [], [stock(1, 100)], [], PRODUCTS, VAT, internal=[Handover("A1", "copper", "2026-05", "t", Decimal(-100))]
    )
    theirs = exposure(
        BookId("other"),
        [],
        [],
        [short(20)],
        PRODUCTS,
        VAT,
        internal=[Handover("A1", "copper", "2026-05", "t", Decimal(100))],
    )
    rows = exposure_by_book([ours, theirs])
    assert [(row.book, row.net, row.internal) for row in rows] == [("jinhe", 0, -100), ("other", 0, 100)]


def test_counterparties_add_up_to_the_lines_and_planned_volumes_stay_apart() -> None:
    lines = [line(1, PURCHASE, PRICED, 100), line(2, SALE, PRICED, 40, partner="P2")]
    parts = exposure_by_partner(BOOK, lines, VAT)
    assert {name: total(part).exposure for name, part in parts.items()} == {"P1": 100, "P2": -40}
    volumes = [
        PlannedVolume("a", "copper", PURCHASE, "2026-05", Decimal(1000), "t", Decimal("0.6")),
        PlannedVolume("b", "copper", SALE, "2026-05", Decimal(200), "t", Decimal(1)),
    ]
    (row,) = planned_rows(volumes)
    assert (row.planned, row.weighted) == (800, 400)
