"""The morning sheet of the demo company: figures found again from the records they came from, every tie shown to notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from hedge_core.errors import InvalidInput
from hedge_core.margin_stress import MarginedPosition, cash_needed
from hedge_core.model.futures import SettlementPrice
from hedge_core.model.physical import PricingKind, Side
from hedge_core.model.terms import LineTerms
from hedge_core.morning import DeliveryRule, MorningSheet, broken_ties, near_delivery
from hedge_core.snapshot import decode
from hedge_core.use_cases.morning import morning_sheet
from messages import LANGUAGES, say
from tests.support.company import ALUMINIUM, BOOK_SETTINGS, CLERK, COPPER, DAYS, Company
from tests.support.posting import BOOK
from tests.support.samples import contract_line, inventory_lot, quarantined, ref

LAST = DAYS[-1]
MONDAY = date(2026, 3, 9)
D = Decimal
STATED = {**BOOK_SETTINGS, "limit_rate": "0.05", "margin_rate.SHFE.cu": "0.09", "margin_rate.SHFE.al": "0.10"}


@pytest.fixture
def trader(company: Company) -> Company:
    """Goods on the Monday after the last settled day: 50 t of stock, a priced purchase, a sale priced by Thursday and a
    purchase priced in three weeks, a spot quote, and one record that nobody has mapped."""
    company.app.clock._now = datetime(2026, 3, 9, 0, 30, tzinfo=UTC)  # type: ignore[attr-defined]
    lines = [
        contract_line(ref=ref("1/1"), contract_no="CG-1", commodity="copper", side=Side.PURCHASE, ordered=D(300),
                      delivered=D(100), pricing=PricingKind.PRICED, price=D(70000)),
        contract_line(ref=ref("2/1"), contract_no="XS-2", commodity="copper", side=Side.SALE, ordered=D(120),
                      delivered=D(20), pricing=PricingKind.FLOATING),
        contract_line(ref=ref("3/1"), contract_no="CG-3", commodity="copper", side=Side.PURCHASE, ordered=D(80),
                      delivered=D(0), pricing=PricingKind.FLOATING),
    ]  # fmt: skip
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines(lines)
        uow.physical.save_inventory([inventory_lot(commodity="copper", quantity=D(50))], company.app.clock.now())
        for line, last in (("XS-2/1", date(2026, 3, 12)), ("CG-3/1", date(2026, 3, 30))):
            terms = LineTerms(line, PricingKind.FLOATING, "SHFE.cu2605", date(2026, 3, 2), last)
            uow.commodity.add_terms(terms, date(2026, 3, 2))
        uow.broker.save_prices([SettlementPrice("spot", "copper", LAST, D(79500), "CNY", "smm")])
        uow.records.save_raw([quarantined()])
        uow.save_settings(STATED)
    return company


def sheet_of(company: Company) -> MorningSheet:
    sheet, broken = morning_sheet(company.store, BOOK, company.app.products, company.app.clock)
    assert broken == ()
    return sheet


def test_goods_and_what_is_due_come_from_the_lines(trader: Company) -> None:
    sheet = sheet_of(trader)
    assert (sheet.today, sheet.day) == (MONDAY, LAST)
    copper = next(row for row in sheet.commodities if row.commodity == "copper")
    assert (copper.stock, copper.priced_in, copper.priced_out) == (50, 200, 0)
    assert (copper.unpriced_in, copper.unpriced_out, copper.delivered_unpriced) == (80, 100, 20)
    assert copper.spot_exposure == 50 + 200 + 20
    assert [(one.line, one.quantity, one.days_left) for one in sheet.due] == [("XS-2/1", 120, 3)]
    assert (copper.due_in, copper.due_out) == (0, 120)


def test_futures_results_and_funds_are_those_of_the_last_snapshot(trader: Company) -> None:
    sheet = sheet_of(trader)
    with trader.store.read(BOOK) as uow:
        stored = uow.results.snapshot(LAST)
        prices = uow.broker.prices("settlement", LAST)
    assert stored is not None
    figures = decode(stored.body).figures
    for row in sheet.commodities:
        mine = [lot for lot in figures.lots() if lot.instrument.startswith(f"SHFE.{row.commodity[:2]}")]
        mine = mine if row.commodity != "copper" else [lot for lot in figures.lots() if ".cu" in lot.instrument]
        assert row.futures == sum(lot.direction.sign * lot.end * 5 for lot in mine)
        assert row.results == {"CNY": sum((lot.realised_mtm + lot.holding_mtm for lot in mine), D(0))}
    for funds in figures.funds():
        line = next(one for one in sheet.accounts if one.account == funds.account)
        assert (line.equity, line.margin, line.fee) == (funds.equity, funds.margin, funds.fee)
        assert line.available == funds.equity - funds.margin - funds.delivery_margin
        assert line.risk_degree == funds.margin / funds.equity
        assert line.result - line.fee + funds.deposits == funds.balance - funds.balance_before
        positions = [
            MarginedPosition(lot.instrument, D(lot.direction.sign * lot.end * 5), prices[lot.instrument].price,
                             D("0.09") if ".cu" in lot.instrument else D("0.10"), D("0.05"))
            for lot in figures.lots() if lot.account == funds.account and lot.end
        ]  # fmt: skip
        assert (line.limit_days, line.cash_needed) == (3, cash_needed(funds.equity, positions, 3))
    assert sheet.equity == sum(row.equity for row in sheet.accounts)
    copper = next(row for row in sheet.commodities if row.commodity == "copper")
    assert copper.basis is not None
    assert copper.basis.futures == prices[copper.basis.instrument].price
    assert copper.basis.basis == 79500 - copper.basis.futures


def test_lists_say_what_waits(trader: Company) -> None:
    sheet = sheet_of(trader)
    assert [(one.connection, one.count) for one in sheet.unmapped] == [("k3", 1)]
    assert sheet.stale == ()
    assert sheet.near_delivery
    assert {one.lots_off for one in sheet.near_delivery} == {None}
    with trader.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**STATED, "delivery_lots.SHFE.cu": "5/5", "delivery_lots.SHFE.al": "5/5"})
        known = uow.broker.prices("spot", LAST)["copper"]
        uow.physical.save_inventory(
            [inventory_lot(ref=ref("w1/Z", "inventory"), commodity="zinc", quantity=D(5))], trader.app.clock.now()
        )
    again, _ = morning_sheet(trader.store, BOOK, trader.app.products, trader.app.clock)
    for one in again.near_delivery:
        assert one.lots_off == (one.lots if one.lots < 5 else one.lots % 5)
    assert [(one.kind, one.subject, one.latest) for one in again.stale] == [("spot", "zinc", None)]
    assert known.price == 79500


def test_without_a_limit_rate_the_cash_is_not_known_and_a_wrong_one_is_named(trader: Company) -> None:
    with trader.store.begin(BOOK, CLERK) as uow:
        uow.save_settings(BOOK_SETTINGS)
    assert {row.cash_needed for row in sheet_of(trader).accounts} == {None}
    for name in ("limit_rate", "delivery_lots.SHFE.cu"):
        with trader.store.begin(BOOK, CLERK) as uow:
            uow.save_settings({**BOOK_SETTINGS, name: "many"})
        with pytest.raises(InvalidInput, match=r"many|limit_rate"):
            sheet_of(trader)


def test_a_book_without_a_settled_day_has_a_sheet_of_its_goods(new_company: Company) -> None:
    sheet = sheet_of(new_company)
    assert (sheet.day, sheet.accounts) == (None, ())
    assert sheet.positions, "the opening state's lots are held"


def off(sheet: MorningSheet, table: str, **changes: Any) -> MorningSheet:
    """The sheet with the first row of a table changed: a number is added to what is there."""
    rows = list(getattr(sheet, table))
    found = {name: getattr(rows[0], name) + by for name, by in changes.items()}
    return replace(sheet, **{table: (replace(rows[0], **found), *rows[1:])})


TIES = [
    # the figure that is one off, and the ties that notice
    ("commodities", "stock", {"tie_exposure"}),
    ("commodities", "priced_in", {"tie_exposure"}),
    ("commodities", "priced_out", {"tie_exposure"}),
    ("commodities", "arrived_unpriced", {"tie_exposure"}),
    ("commodities", "delivered_unpriced", {"tie_exposure"}),
    ("commodities", "spot_exposure", {"tie_exposure", "tie_net"}),
    ("commodities", "futures", {"tie_months", "tie_net"}),
    ("commodities", "options", {"tie_net"}),
    ("commodities", "internal", {"tie_net"}),
    ("commodities", "net", {"tie_net"}),
    ("commodities", "spot_exposure_vat", {"tie_net_vat"}),
    ("commodities", "hedge_vat", {"tie_net_vat"}),
    ("commodities", "net_vat", {"tie_net_vat"}),
    ("commodities", "due_in", {"tie_due"}),
    ("commodities", "due_out", {"tie_due", "tie_unpriced"}),
    ("accounts", "balance", {"tie_equity"}),
    ("accounts", "pledge", {"tie_equity"}),
    ("accounts", "equity", {"tie_equity", "tie_available"}),
    ("accounts", "margin", {"tie_available"}),
    ("accounts", "delivery_margin", {"tie_available"}),
    ("accounts", "available", {"tie_available"}),
    ("accounts", "result", {"tie_result"}),
    ("positions", "long", {"tie_lots"}),
    ("positions", "short", {"tie_lots"}),
    ("due", "quantity", {"tie_due"}),
    ("near_delivery", "lots", {"tie_near"}),
]


def test_every_figure_ties_to_the_others(trader: Company) -> None:
    """Each figure of the sheet one off, and exactly the ties of the table notice; the sentences read in both languages."""
    sheet = sheet_of(trader)
    copper = next(row for row in sheet.commodities if row.commodity == "copper")
    sheet = replace(sheet, commodities=(copper, *(row for row in sheet.commodities if row is not copper)))
    for table, figure, expected in TIES:
        broken = broken_ties(off(sheet, table, **{figure: 1}))
        assert {rule.reason.id.removeprefix("morning.") for rule in broken} >= expected, (table, figure)
        allowed = expected | {"tie_near"} if table == "positions" else expected
        assert {rule.reason.id.removeprefix("morning.") for rule in broken} <= allowed, (table, figure)
        assert all("{" not in say(rule.message, lang) for rule in broken for lang in LANGUAGES)
    months = replace(copper, futures_by_month={**copper.futures_by_month, "2027-01": D(5)})
    found = broken_ties(replace(sheet, commodities=(months, *sheet.commodities[1:])))
    assert {rule.reason.id for rule in found} == {"morning.tie_months", "morning.tie_lots"}
    assert copper.basis is not None
    wrong = replace(copper, basis=replace(copper.basis, spot=copper.basis.spot + 1))
    found = broken_ties(replace(sheet, commodities=(wrong, *sheet.commodities[1:])))
    assert {rule.reason.id for rule in found} == {"morning.tie_basis"}
    shifted = replace(copper, results={"CNY": copper.results["CNY"] + 1})
    found = broken_ties(replace(sheet, commodities=(shifted, *sheet.commodities[1:])))
    assert {rule.reason.id for rule in found} == {"morning.tie_result"}


@pytest.mark.parametrize(("lots", "off_by"), [(0, 0), (4, 4), (5, 0), (7, 2), (10, 0)])
def test_the_delivery_month_asks_for_a_minimum_and_a_multiple(lots: int, off_by: int) -> None:
    assert DeliveryRule(5, 5).lots_off(lots) == off_by


def test_lots_are_near_when_their_month_is_and_an_option_is_none() -> None:
    held = [
        (COPPER, "SHFE.cu2604", "sell", 3), (COPPER, "SHFE.cu2604", "sell", 4), (ALUMINIUM, "SHFE.al2605", "buy", 2),
        (COPPER, "SHFE.cu2604C70000", "buy", 2), (COPPER, "SHFE.cu2603", "buy", 6),
    ]  # fmt: skip
    found = near_delivery(held, {"SHFE.cu": DeliveryRule(5, 5)}, MONDAY, 30)
    assert [(one.instrument, one.lots, one.days_left, one.lots_off) for one in found] == [
        ("SHFE.cu2603", 6, -8, 1),
        ("SHFE.cu2604", 7, 23, 2),
    ]
