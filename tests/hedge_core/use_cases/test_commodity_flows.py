"""The trader's day on a real store: terms, pricing, plans, modes of matching, rolls, results, basis, allocation, isolation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.matching_modes import Constraints
from hedge_core.model.events import Roll
from hedge_core.model.futures import SettlementPrice
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import LineStatus, PricingKind, Side
from hedge_core.model.terms import (
    BasisBand,
    ContractTemplate,
    CurrencyRate,
    HedgePlan,
    LineTerms,
    MaterialYield,
    PlannedVolume,
    PricingFormula,
    Tag,
)
from hedge_core.ports.storage import Book
from hedge_core.price_notes import Document
from hedge_core.products import products_by_instrument
from hedge_core.use_cases import rolls
from hedge_core.use_cases.allocation import agree_allocation, allocations, group_exposure, propose_allocation
from hedge_core.use_cases.basis import alerts_now, basis_of_day, basis_series, keep_basis
from hedge_core.use_cases.exposure import exposure_now
from hedge_core.use_cases.match import Mode, account_findings, match, match_hand, unmatch
from hedge_core.use_cases.plans import approve_plan, fill_findings, plans_now, propose_plan, tie_fill
from hedge_core.use_cases.pricing import cancel_pricing, desk, finish_price, force_pricings, price
from hedge_core.use_cases.result import result_now
from hedge_core.use_cases.rolls import find_rolls, keep_rolls, roll_chains
from hedge_core.use_cases.terms import apply_template, save_terms
from tests.support.company import ACCOUNTANT, CLERK, DAYS, Company
from tests.support.posting import BOOK
from tests.support.samples import contract_line, inventory_lot, ref

MARCH = date(2026, 3, 4)
FLOATING = contract_line(
    ref=ref("7/1"), contract_no="CG-7", line_no=1, side=Side.PURCHASE, commodity="copper", ordered=Decimal(500),
    delivered=Decimal(200), premium=None, reference="SHFE.cu2605", invoiced=Decimal(200), contract_date=MARCH,
)  # fmt: skip
TERMS = LineTerms("CG-7/1", PricingKind.FLOATING, "SHFE.cu2605", MARCH, date(2026, 4, 6), Decimal(120), Decimal(69500))


@pytest.fixture
def trader(company: Company) -> Company:
    """The company with one floating purchase and its terms, and stock of ours."""
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines([FLOATING])
        lot = inventory_lot(ref=ref("W1/L1", "inventory"), commodity="copper", material="CU", quantity=Decimal(300))
        uow.physical.save_inventory([lot], company.app.clock.now())
    save_terms(company.store, BOOK, [(MARCH, TERMS)], "signed", CLERK)
    return company


def spot(company: Company, commodity: str = "copper") -> Decimal:
    now = exposure_now(company.store, BOOK, company.app.products, company.app.clock)
    return next(row.exposure for row in now.exposure.totals if row.commodity == commodity)


def call(company: Company, quantity: int, at: int, **options: object) -> object:
    return price(
        company.store, BOOK, "CG-7/1", Decimal(quantity), Decimal(at), company.app.products, CLERK, company.app.clock,
        on=MARCH, **options,  # type: ignore[arg-type]
    )  # fmt: skip


# --- pricing desk -----------------------------------------------------------------------------------------------------


def test_pricing_changes_exposure_at_once_and_the_final_price_reprices_what_was_invoiced(trader: Company) -> None:
    before = spot(trader)
    assert before == 300 - 200
    done = call(trader, 200, 69000)
    assert (done.spot_before, done.spot_after, done.basis) == (before, before + 200, 120)  # type: ignore[attr-defined]
    assert spot(trader) == before + 200
    (row,) = desk(trader.store, BOOK, trader.app.clock)
    assert (row.pricing.remaining, row.days_left, row.due) == (300, 6, True)
    with pytest.raises(RuleBroken, match="still has 300 to price"):
        finish_price(trader.store, BOOK, "CG-7/1", Document.NOTE, CLERK, trader.app.clock)
    call(trader, 300, 68700)
    assert spot(trader) == before + 500
    assert desk(trader.store, BOOK, trader.app.clock) == ()
    version, notes = finish_price(trader.store, BOOK, "CG-7/1", Document.NOTE, CLERK, trader.app.clock)
    assert version.price == 68940
    (note,) = notes
    assert (note.quantity, note.net + note.vat) == (200, -112_000)
    again, nothing = finish_price(trader.store, BOOK, "CG-7/1", Document.NOTE, CLERK, trader.app.clock)
    assert (again.price, nothing) == (68940, ())


def test_a_pricing_that_breaks_a_rule_keeps_nothing_and_a_dry_run_neither(trader: Company) -> None:
    log = trader.log()
    with pytest.raises(RuleBroken) as broken:
        call(trader, 501, 69000)
    assert broken.value.rule == "pricing_too_much"
    with pytest.raises(InvalidInput):
        price(trader.store, BOOK, "NOPE/1", Decimal(1), Decimal(1), trader.app.products, CLERK, trader.app.clock)
    call(trader, 100, 69000, dry_run=True)
    assert trader.log() == log
    assert spot(trader) == 100


def test_a_cancelled_pricing_is_history_and_counts_no_more(trader: Company) -> None:
    done = call(trader, 200, 69000, event_id="ours-1")
    assert done.call.event_id == "ours-1"  # type: ignore[attr-defined]
    cancel_pricing(trader.store, BOOK, "ours-1", "typed twice", CLERK)
    assert spot(trader) == 100
    with pytest.raises(InvalidInput):
        cancel_pricing(trader.store, BOOK, "ours-1", "again", CLERK)
    with pytest.raises(RuleBroken) as broken:
        call(trader, 200, 69000, event_id="ours-1")
    assert broken.value.rule == "pricing_twice", "an id is never given again"


def test_what_is_left_when_the_window_ends_is_priced_at_the_last_days_price(trader: Company) -> None:
    short = replace(TERMS, last_day=DAYS[-1])
    save_terms(trader.store, BOOK, [(MARCH, short)], "shorter window", CLERK)
    call(trader, 200, 69000)
    (forced,) = force_pricings(trader.store, BOOK, CLERK, trader.app.clock)
    with trader.store.read(BOOK) as uow:
        settled = uow.broker.prices("settlement", DAYS[-1])["SHFE.cu2605"].price
    assert (forced.quantity, forced.price, forced.on, forced.why) == (300, settled, DAYS[-1], "forced")
    assert force_pricings(trader.store, BOOK, CLERK, trader.app.clock) == ()
    assert spot(trader) == 600


def test_an_amendment_is_a_version_and_what_it_overtakes_is_told_and_never_undone(trader: Company) -> None:
    call(trader, 500, 69000)
    match(trader.store, BOOK, trader.app.products, CLERK, trader.app.clock)
    with trader.store.begin(BOOK, CLERK) as uow:
        kept = uow.results.matches()
        uow.physical.save_contract_lines([replace(FLOATING, ordered=Decimal(260), status=LineStatus.OPEN)])
    assert any(one.leg == FLOATING.ref for one in kept)
    now = exposure_now(trader.store, BOOK, trader.app.products, trader.app.clock)
    assert [one.rule for one in now.broken] == ["chain_over_priced"]
    assert spot(trader) == 300 + 60, "what is left of the line is still priced"
    done = match(trader.store, BOOK, trader.app.products, CLERK, trader.app.clock)
    with trader.store.read(BOOK) as uow:
        assert [one for one in uow.results.matches() if one in kept] == kept
    (over,) = [one for one in done.matching.breaks if one.key == str(FLOATING.ref)]
    assert (over.reason, over.available) == ("over", 60)


def test_yields_turn_material_into_metal_from_their_day_on(trader: Company) -> None:
    ore = inventory_lot(
        ref=ref("W2/ORE", "inventory"), commodity="concentrate", material="ORE25", unit="t", quantity=Decimal(1000)
    )
    with trader.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_inventory([ore], trader.app.clock.now())
    row = MaterialYield("ORE25", "copper", "t", "t", Decimal(1), Decimal("0.25"), Decimal("0.965"))
    save_terms(trader.store, BOOK, [(MARCH, row)], "assay 1", CLERK)
    assert spot(trader) == 100 + Decimal("241.25")
    save_terms(trader.store, BOOK, [(MARCH, replace(row, content=Decimal("0.24")))], "assay 2", CLERK)
    assert spot(trader) == 100 + Decimal("231.6"), "yield moves the exposure"


def test_planned_volumes_stand_beside_the_exposure_and_in_none_of_its_figures(trader: Company) -> None:
    before = spot(trader)
    plan = PlannedVolume("Q2", "copper", Side.PURCHASE, "2026-05", Decimal(1000), "t", Decimal("0.6"))
    save_terms(trader.store, BOOK, [(MARCH, plan)], "", CLERK)
    now = exposure_now(trader.store, BOOK, trader.app.products, trader.app.clock)
    assert [(row.planned, row.weighted) for row in now.planned] == [(1000, 600)]
    assert spot(trader) == before


# --- plans ------------------------------------------------------------------------------------------------------------


def hedge_plan(company: Company, **changes: object) -> HedgePlan:
    with company.store.read(BOOK) as uow:
        fill = next(fill for fill in uow.statements.fills() if fill.offset.opens)
    side = Side.PURCHASE if fill.direction.value == "buy" else Side.SALE
    plan = HedgePlan(
        "P1", "copper", "stock of March", side, Decimal(100000), Decimal(1), Decimal("0.8"), Decimal("1.2"),
        (fill.instrument,), None, None, date(2026, 3, 1), date(2026, 4, 30), Decimal(10**9), Decimal(10**9),
    )  # fmt: skip
    return replace(plan, **changes)  # type: ignore[arg-type]


def test_a_fill_without_a_plan_is_reported_on_its_day_and_one_before_its_approval_too(trader: Company) -> None:
    app = trader.app
    with trader.store.read(BOOK) as uow:
        fill = next(fill for fill in uow.statements.fills() if fill.offset.opens)
    report = fill_findings(trader.store, BOOK, app.products, app.clock, day=fill.trading_day)
    assert (fill.key, "plan_missing") in {(one.fill, one.broken.rule) for one in report}
    plan = hedge_plan(trader)
    assert propose_plan(trader.store, BOOK, plan, CLERK, app.clock) == 1
    tie_fill(trader.store, BOOK, fill.key, "P1", CLERK)
    with pytest.raises(RuleBroken) as own:
        approve_plan(trader.store, BOOK, "P1", CLERK, app.clock)
    assert own.value.rule == "plan_own_approval"
    (now,) = plans_now(trader.store, BOOK, app.products, app.clock)
    assert [one.broken.rule for one in now.findings] == ["plan_not_approved"]
    approve_plan(trader.store, BOOK, "P1", ACCOUNTANT, app.clock)
    (now,) = plans_now(trader.store, BOOK, app.products, app.clock)
    assert [one.broken.rule for one in now.findings] == ["plan_after_trade"], "trade first, plan later"
    assert now.execution.approved_by == ACCOUNTANT.name
    assert now.execution.opened > 0
    with pytest.raises(RuleBroken):
        tie_fill(trader.store, BOOK, fill.key, "P1", CLERK)


def test_a_changed_plan_has_to_be_approved_again(trader: Company) -> None:
    app = trader.app
    propose_plan(trader.store, BOOK, hedge_plan(trader), CLERK, app.clock)
    approve_plan(trader.store, BOOK, "P1", ACCOUNTANT, app.clock)
    assert propose_plan(trader.store, BOOK, hedge_plan(trader, quantity=Decimal(5)), CLERK, app.clock) == 2
    (now,) = plans_now(trader.store, BOOK, app.products, app.clock)
    assert now.execution.approved_by == ""
    with pytest.raises(RuleBroken):
        propose_plan(trader.store, BOOK, hedge_plan(trader, quantity=Decimal(0)), CLERK, app.clock)


# --- matching ---------------------------------------------------------------------------------------------------------


def test_every_mode_matches_says_why_and_leaves_history_when_it_is_undone(trader: Company) -> None:
    app = trader.app
    reasons = {}
    for mode in Mode:
        if mode is Mode.TAG:
            with trader.store.read(BOOK) as uow:
                leg, lot = next(
                    (one.leg, one.lot_id) for one in match(
                        trader.store, BOOK, app.products, CLERK, app.clock, dry_run=True
                    ).matching.new
                )  # fmt: skip
            save_terms(trader.store, BOOK, [(MARCH, Tag(str(leg), "A")), (MARCH, Tag(lot, "A"))], "", CLERK)
        done = match(trader.store, BOOK, app.products, CLERK, app.clock, mode=mode)
        assert done.matching.new, mode
        reasons[mode] = {one.why for one in done.matching.new}
        ended = unmatch(
            trader.store, BOOK, [one.match_id for one in done.matching.new], f"try {mode}", CLERK, app.clock
        )
        assert ended == len(done.matching.new)
    assert all(reasons.values())
    with trader.store.read(BOOK) as uow:
        assert uow.results.matches() == []
        history = uow.commodity.match_history()
        assert {why for _, _, why in history} == {f"try {mode}" for mode in Mode}
        assert len({one.match_id for one, _, _ in history}) == len(history), "no id is given twice"
    with pytest.raises(InvalidInput):
        unmatch(trader.store, BOOK, ["M0"], "no such match", CLERK, app.clock)


def test_a_match_by_hand_is_bounded_and_constraints_keep_accounts_apart(trader: Company) -> None:
    app = trader.app
    found = match(trader.store, BOOK, app.products, CLERK, app.clock, dry_run=True).matching.new[0]
    with pytest.raises(RuleBroken) as broken:
        match_hand(
            trader.store, BOOK, str(found.leg), found.lot_id, Decimal(10**6), None, app.products, CLERK, app.clock
        )
    assert broken.value.rule == "match_leg_free"
    with pytest.raises(RuleBroken) as broken:
        match_hand(trader.store, BOOK, "x:y:z", found.lot_id, Decimal(1), None, app.products, CLERK, app.clock)
    assert broken.value.rule == "match_no_leg"
    done = match_hand(
        trader.store, BOOK, str(found.leg), found.lot_id, Decimal(1), None, app.products, CLERK, app.clock
    )
    assert [one.why for one in done.matching.new] == ["matching.why_hand"]
    save_terms(trader.store, BOOK, [(MARCH, Tag(str(found.leg), "", "elsewhere"))], "", CLERK)
    findings = account_findings(trader.store, BOOK, app.clock)
    assert [(one.match.match_id, one.wanted) for one in findings.mismatches] == [
        (done.matching.new[0].match_id, "elsewhere")
    ]
    nothing = match(
        trader.store, BOOK, app.products, CLERK, app.clock, limits=Constraints(accounts=frozenset({"elsewhere"}))
    )
    assert nothing.matching.new == ()


# --- rolls, results, basis --------------------------------------------------------------------------------------------


def test_rolls_of_a_day_are_found_once_and_a_day_that_is_not_settled_is_refused(trader: Company) -> None:
    with pytest.raises(InvalidInput):
        find_rolls(trader.store, BOOK, date(2026, 2, 1))
    for day in DAYS:
        found = find_rolls(trader.store, BOOK, day)
        kept = keep_rolls(trader.store, BOOK, day, trader.app.products, CLERK, trader.app.clock)
        assert kept.rolls == found
        assert find_rolls(trader.store, BOOK, day) == ()
    steps = [step for chain in roll_chains(trader.store, BOOK, trader.app.products) for step in chain.steps]
    with trader.store.read(BOOK) as uow:
        assert {step.roll.event_id for step in steps} == {roll.event_id for roll in uow.commodity.events(Roll)}


def test_results_of_orders_lots_and_book_add_up_with_nothing_left_over(trader: Company) -> None:
    app = trader.app
    with trader.store.begin(BOOK, CLERK) as uow:
        uow.broker.save_prices(
            [
                SettlementPrice("spot", "copper", DAYS[-1], Decimal(79000), "CNY", "quote"),
                SettlementPrice("cost", "CU", MARCH, Decimal(69000), "CNY", "ledger", False),
            ]
        )
    call(trader, 500, 78000)
    match(trader.store, BOOK, app.products, CLERK, app.clock)
    found = result_now(trader.store, BOOK, app.products, app.clock)
    assert all(row.attribution.residual == 0 for row in found.rows)
    copper = [row for row in found.rows if row.commodity == "copper" and row.kind != "futures"]
    assert {row.kind for row in copper} >= {"stock", "purchase"}
    assert sum(row.total for row in found.rows) == sum(found.total.values())
    with trader.store.read(BOOK) as uow:
        lots, matched = uow.results.matches(), {row.subject for row in found.rows if row.futures_quantity}
    assert all(str(one.leg) in matched for one in lots if one.commodity == "copper")


def test_bases_are_kept_as_history_and_one_outside_its_band_is_an_alert(trader: Company) -> None:
    app = trader.app
    with trader.store.begin(BOOK, CLERK) as uow:
        for day, quote in zip(DAYS, (80000, 80100, 70000), strict=True):
            uow.broker.save_prices([SettlementPrice("spot", "copper", day, Decimal(quote), "CNY", "quote")])
    for day in DAYS:
        kept = keep_basis(trader.store, BOOK, day, app.products, CLERK, instrument="SHFE.cu2605")
        assert {row.basis.kind.value for row in kept.rows} >= {"market", "order"}
    (series,) = basis_series(trader.store, BOOK)
    assert len(series.points) == 3
    assert series.range is not None
    assert series.range.low == series.points[-1].point.value
    save_terms(trader.store, BOOK, [(MARCH, BasisBand("copper", Decimal(-2000), Decimal(9000), 90))], "", CLERK)
    (alert,) = alerts_now(trader.store, BOOK, app.clock)
    assert (alert.rule, alert.since) == ("basis_low", DAYS[-1])


# --- books ------------------------------------------------------------------------------------------------------------

OTHER = BookId("other2")
WANG = Actor("wang")


def test_an_internal_allocation_needs_both_books_and_adds_up_to_nothing(trader: Company) -> None:
    app, store = trader.app, trader.store
    store.add_book(Book(OTHER, "Hedging Ltd", "CNY"), CLERK)
    before = group_exposure(store, [BOOK, OTHER], app.products, app.clock)
    net = sum(row.net for row in before if row.commodity == "copper")
    made = propose_allocation(
        store, BOOK, OTHER, "SHFE.cu2605", Decimal(-100), Decimal(70000), app.products, CLERK, app.clock
    )
    again = propose_allocation(
        store, BOOK, OTHER, "SHFE.cu2605", Decimal(-100), Decimal(70000), app.products, CLERK, app.clock
    )
    assert again == made, "proposing again completes, and adds nothing"
    assert [one.state for one in allocations(store, BOOK)] == ["proposed"]
    assert spot(trader) == 100
    for book, actor in ((OTHER, CLERK), (BOOK, WANG)):
        with pytest.raises(RuleBroken) as own:
            agree_allocation(store, book, made.event_id, actor, app.clock)
        assert own.value.rule == "allocation_own"
    agree_allocation(store, OTHER, made.event_id, WANG, app.clock)
    assert [one.state for book in (BOOK, OTHER) for one in allocations(store, book)] == ["agreed", "agreed"]
    after = group_exposure(store, [BOOK, OTHER], app.products, app.clock)
    assert sum(row.net for row in after if row.commodity == "copper") == net
    internal = {row.book: row.internal for row in after if row.commodity == "copper"}
    assert internal == {BOOK: -100, OTHER: 100}


def test_no_use_case_reaches_another_books_lines_lots_matches_or_plans(trader: Company) -> None:
    """The other book tries with our ids; each attempt is refused or finds nothing, and nothing of ours changes."""
    app, store = trader.app, trader.store
    store.add_book(Book(OTHER, "Hedging Ltd", "CNY"), CLERK)
    done = match(store, BOOK, app.products, CLERK, app.clock)
    ours = done.matching.new[0]
    call(trader, 100, 69000, event_id="ours-1")
    propose_plan(store, BOOK, hedge_plan(trader), CLERK, app.clock)
    with store.read(BOOK) as uow:
        fill = next(fill for fill in uow.statements.fills() if fill.offset.opens)
    template = ContractTemplate("T1", PricingKind.FLOATING, PricingFormula.EVENTS, 30)
    save_terms(store, BOOK, [(MARCH, template), (MARCH, BasisBand("copper", Decimal(1), Decimal(2)))], "", CLERK)
    with store.begin(BOOK, CLERK) as uow:
        uow.broker.save_prices([SettlementPrice("spot", "copper", DAYS[-1], Decimal(70000), "CNY", "quote")])
    log = trader.log()
    clock, products = app.clock, app.products
    refused = (
        lambda: price(store, OTHER, "CG-7/1", Decimal(1), Decimal(1), products, WANG, clock),
        lambda: price(store, OTHER, str(FLOATING.ref), Decimal(1), Decimal(1), products, WANG, clock),
        lambda: cancel_pricing(store, OTHER, "ours-1", "x", WANG),
        lambda: finish_price(store, OTHER, "CG-7/1", Document.NOTE, WANG, clock),
        lambda: save_terms(store, OTHER, [(MARCH, TERMS)], "x", WANG),
        lambda: match(store, OTHER, products, WANG, clock),
        lambda: match_hand(store, OTHER, str(ours.leg), ours.lot_id, Decimal(1), None, products, WANG, clock),
        lambda: unmatch(store, OTHER, [ours.match_id], "x", WANG, clock),
        lambda: approve_plan(store, OTHER, "P1", WANG, clock),
        lambda: tie_fill(store, OTHER, fill.key, "P1", WANG),
        lambda: find_rolls(store, OTHER, DAYS[0]),
        lambda: keep_rolls(store, OTHER, DAYS[0], products, WANG, clock),
        lambda: result_now(store, OTHER, products, clock),
        lambda: apply_template(store, OTHER, "T1", "CG-7/1", "SHFE.cu2605", MARCH, "x", WANG),
        lambda: apply_template(store, OTHER, "T1", str(FLOATING.ref), "SHFE.cu2605", MARCH, "x", WANG),
    )
    for attempt in refused:
        with pytest.raises((InvalidInput, RuleBroken)):
            attempt()
    assert desk(store, OTHER, clock, everything=True) == ()
    assert fill_findings(store, OTHER, products, clock) == ()
    assert plans_now(store, OTHER, products, clock) == ()
    assert roll_chains(store, OTHER, products) == ()
    assert basis_series(store, OTHER) == ()
    assert alerts_now(store, OTHER, clock) == ()
    assert basis_of_day(store, OTHER, DAYS[-1], products).rows == ()
    assert force_pricings(store, OTHER, WANG, clock) == ()
    assert allocations(store, OTHER) == ()
    assert exposure_now(store, OTHER, products, clock).exposure.rows == ()
    found = account_findings(store, OTHER, clock)
    assert (found.mismatches, found.opposed) == ((), ())
    assert keep_basis(store, OTHER, DAYS[-1], products, WANG).rows == ()
    assert basis_series(store, OTHER) == ()
    assert trader.log() == log


def test_the_matches_of_a_rolled_lot_go_on_against_the_new_one_as_far_as_it_reaches(trader: Company) -> None:
    """20 lots matched to 100 t; 12 of them are rolled: 60 t go on in the far month, 40 t stay where they were."""
    app, store = trader.app, trader.store
    roll = Roll("R1", "C1", DAYS[-1], "near", "far", 12, Decimal(69100), Decimal(69260))
    old = HedgeMatch(
        "M1", FLOATING.ref, "near", "80010001", "SHFE.cu2604", "copper", Decimal(113), Decimal(100), MARCH, "fifo",
        "matching.why_fifo",
    )  # fmt: skip
    names = {"near": "SHFE.cu2604", "far": "SHFE.cu2605"}
    products = products_by_instrument(names.values(), app.products, DAYS[-1])
    with store.begin(BOOK, CLERK) as uow:
        uow.results.add_matches([old])
        made = rolls._rematch(uow, roll, names, products)
    assert [(one.lot_id, one.instrument, one.spot_quantity, one.futures_quantity) for one in made] == [
        ("far", "SHFE.cu2605", Decimal("67.8"), 60),
        ("near", "SHFE.cu2604", Decimal("45.2"), 40),
    ]
    assert made[0].why == "matching.why_rolled"
    with store.read(BOOK) as uow:
        assert {one.match_id for one in uow.results.matches()} == {one.match_id for one in made}
        ended = {one.match_id: why for one, at, why in uow.commodity.match_history() if at is not None}
    assert ended == {"M1": "rolled R1"}


def test_priced_goods_in_another_currency_are_money_of_that_currency_at_todays_rate(trader: Company) -> None:
    foreign = replace(
        FLOATING, ref=ref("8/1"), contract_no="IM-8", pricing=PricingKind.PRICED, price=Decimal(9400), currency="USD",
        ordered=Decimal(100), delivered=Decimal(0), invoiced=None,
    )  # fmt: skip
    with trader.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines([foreign])
    (row,) = exposure_now(trader.store, BOOK, trader.app.products, trader.app.clock).currencies
    assert (row[0].currency, row[0].amount, row[1]) == ("USD", -940_000, None)
    save_terms(trader.store, BOOK, [(MARCH, CurrencyRate("USD", Decimal("7.1")))], "bank", CLERK)
    (row,) = exposure_now(trader.store, BOOK, trader.app.products, trader.app.clock).currencies
    assert row[1] == -6_674_000
