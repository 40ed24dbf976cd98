"""Limits against their figures: each kind with one worked example, its proposal, and what cannot be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from hedge_core.limits import check, problems
from hedge_core.model.futures import Direction, Offset
from hedge_core.model.limits import (
    AccountView,
    Breach,
    Holding,
    LimitInputs,
    LimitKind,
    LimitRule,
    LotsSide,
    Moment,
    SpotView,
    View,
    YearView,
)

D = Decimal
AT = datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
TODAY = date(2026, 3, 4)


def held(short: int = 170, long: int = 0, **changes: Any) -> Holding:
    """Copper of May at 69,000, margin 10 %, sold unless told otherwise."""
    sample = Holding(
        "80010001", "SHFE.cu2605", "SHFE.cu", "copper", "2026-05", 5, long, short, D(69000), TODAY, D("0.10")
    )  # fmt: skip
    return replace(sample, **changes)


def given(*holdings: Holding, **changes: Any) -> LimitInputs:
    spot = {"copper": SpotView(D(850), D("752.212389"))}
    return replace(LimitInputs(AT, TODAY, holdings or (held(),), spot), **changes)


def rule(kind: LimitKind, **changes: Any) -> LimitRule:
    return replace(LimitRule("r", kind, commodity="copper"), **changes)


def one(found: tuple[Breach, ...]) -> Breach:
    (breach,) = found
    return breach


def test_a_position_at_any_time_within_the_exposure_is_fine_and_beyond_it_is_not() -> None:
    """Facts 3.14: exposure 850 t, short 900 t breaks the point-in-time rule: ten lots of 5 t have to go."""
    soe = rule(LimitKind.SOE_POINT, high=D(1), view=View.PHYSICAL)
    assert check([soe], given(held(170)), Moment.DAY) == ()
    found = one(check([soe], given(held(180)), Moment.DAY))
    assert found.figure == D("1.058824")
    proposal = found.proposal
    assert proposal is not None
    assert (proposal.direction, proposal.offset, proposal.lots, proposal.lots_left) == (
        Direction.BUY, Offset.CLOSE, 10, 170,
    )  # fmt: skip
    assert (proposal.instrument, proposal.exposure_after) == ("SHFE.cu2605", D(0))


def test_a_hedge_on_the_exposures_own_side_or_without_exposure_breaks_the_state_owned_rule() -> None:
    soe = rule(LimitKind.SOE_POINT, high=D(1), view=View.PHYSICAL)
    wrong = one(check([soe], given(held(0, 10)), Moment.DAY))
    assert (wrong.message.id, wrong.figure) == ("limit.soe_side", D("-0.058824"))
    assert wrong.proposal is not None
    assert (wrong.proposal.direction, wrong.proposal.lots) == (Direction.SELL, 10)
    bare = one(check([soe], given(held(10), spot={}), Moment.DAY))
    assert (bare.message.id, bare.figure) == ("limit.ratio_no_exposure", None)


def test_the_two_views_of_a_ratio_are_two_figures_and_the_rule_says_which() -> None:
    """850 t hedged by 150 lots is 88 % physically and 99.7 % without VAT (facts 3.4)."""
    band = rule(LimitKind.HEDGE_RATIO, low=D("0.9"), high=D("1.1"), view=View.VAT)
    assert check([band], given(held(150)), Moment.DAY) == ()
    found = one(check([replace(band, view=View.PHYSICAL)], given(held(150)), Moment.DAY))
    assert found.figure == D("0.882353")
    assert found.proposal is not None
    assert (found.proposal.direction, found.proposal.lots, found.proposal.exposure_after) == (Direction.SELL, 3, D(85))
    too_little = one(
        check([replace(band, view=View.PHYSICAL)], given(held(0, 0), held(140, month="2026-06")), Moment.DAY)
    )
    assert too_little.proposal is not None
    assert too_little.proposal.lots == 13


def test_a_band_that_names_a_target_is_brought_back_to_it() -> None:
    band = rule(LimitKind.HEDGE_RATIO, low=D("0.9"), high=D("1.1"), target=D(1), view=View.PHYSICAL)
    found = one(check([band], given(held(190)), Moment.DAY))
    assert found.proposal is not None
    assert (found.proposal.lots, found.proposal.exposure_after) == (20, D(0))


@pytest.mark.parametrize(
    ("side", "lots"), [(LotsSide.NET, 60), (LotsSide.GROSS, 100), (LotsSide.LONG, 20), (LotsSide.SHORT, 80)]
)
def test_lots_are_counted_on_the_side_that_the_rule_names(side: LotsSide, lots: int) -> None:
    limit = rule(LimitKind.LOTS, high=D(lots - 1), side=side)
    both = held(80, 20)
    assert one(check([limit], given(both), Moment.DAY)).figure == lots
    assert check([replace(limit, high=D(lots))], given(both), Moment.DAY) == ()


def test_a_star_looks_at_each_and_nothing_at_all_of_them_together() -> None:
    lots = [held(30), held(30, account="66880002"), held(30, month="2026-06", instrument="SHFE.cu2606")]
    total = rule(LimitKind.LOTS, high=D(50))
    assert one(check([total], given(*lots), Moment.DAY)).figure == 90
    each = check([replace(total, account="*", high=D(29))], given(*lots), Moment.DAY)
    assert [(b.subject, b.figure) for b in each] == [("66880002/copper", 30), ("80010001/copper", 60)]
    assert check([replace(total, month="2026-06")], given(*lots), Moment.DAY) == ()
    assert [b.subject for b in check([replace(total, month="*", high=D(40))], given(*lots), Moment.DAY)] == [
        "copper/2026-05"
    ]


def test_the_risk_degree_is_margin_by_equity_and_its_proposal_brings_it_down() -> None:
    """Facts 3.12: 621,000 ÷ 1,000,000 is 62.1 %; 18 lots at 34,500 margin each, so four of them free 138,000."""
    money = (AccountView("80010001", D(1_000_000), D(621_000), D(0)),)
    limit = LimitRule("r", LimitKind.RISK_DEGREE, high=D("0.5"), account="*")
    found = one(check([limit], given(held(18), accounts=money), Moment.DAY))
    assert (found.subject, found.figure) == ("80010001", D("0.621"))
    assert found.proposal is not None
    assert (found.proposal.lots, found.proposal.lots_left, found.proposal.exposure_after) == (4, 14, D(780))
    ruined = (AccountView("80010001", D(0), D(1), D(0)),)
    assert one(check([limit], given(accounts=ruined), Moment.DAY)).message.id == "limit.risk_degree_no_equity"


def test_margin_is_the_brokers_for_accounts_and_counted_for_a_commodity() -> None:
    money = (AccountView("80010001", D(1_000_000), D(621_000), D(0)),)
    account = LimitRule("r", LimitKind.MARGIN, high=D(600_000), account="80010001")
    assert one(check([account], given(accounts=money), Moment.DAY)).figure == D(621_000)
    copper = rule(LimitKind.MARGIN, high=D(600_000))
    assert one(check([copper], given(held(18)), Moment.DAY)).figure == D("621000.00")


def test_losses_are_of_the_day_and_since_go_live() -> None:
    money = (AccountView("1", D(100), D(0), D(-60), D(-500)), AccountView("2", D(100), D(0), D(10), D(100)))
    day = LimitRule("r", LimitKind.DAY_LOSS, high=D(49))
    assert one(check([day], given(accounts=money), Moment.DAY)).figure == 50
    total = LimitRule("r", LimitKind.TOTAL_LOSS, high=D(400), account="*")
    found = one(check([total], given(accounts=money), Moment.DAY))
    assert (found.subject, found.figure) == ("1", 500)
    unknown = (AccountView("1", D(100), D(0), D(0)),)
    assert one(check([total], given(accounts=unknown), Moment.DAY)).message.id == "limit.no_result"


def test_near_delivery_lots_are_few_and_in_multiples() -> None:
    """Copper in its delivery month goes by 25 t: 12 lots have to become 10."""
    near = rule(LimitKind.DELIVERY_MONTH, multiple=5, days=5)
    april = date(2026, 4, 26)
    assert check([near], given(held(12), today=date(2026, 4, 25)), Moment.DAY) == ()
    found = one(check([near], given(held(12), today=april), Moment.DAY))
    assert (found.figure, found.high) == (12, 10)
    assert found.proposal is not None
    assert (found.proposal.direction, found.proposal.lots) == (Direction.BUY, 2)
    none_left = one(check([replace(near, high=D(0))], given(held(12), today=april), Moment.DAY))
    assert none_left.proposal is not None
    assert none_left.proposal.lots == 12


def test_a_tenor_beyond_the_limit_is_told_with_the_contract() -> None:
    far = held(3, instrument="SHFE.cu2704", month="2027-04")
    found = one(check([rule(LimitKind.TENOR, high=D(12))], given(held(), far), Moment.DAY))
    assert (found.subject, found.figure) == ("copper/SHFE.cu2704", 13)


def test_the_years_share_counts_rolls_only_where_the_rule_says_so() -> None:
    """Facts 3.14: 100,000 t traded allow 80,000 t hedged a year."""
    share = rule(LimitKind.SOE_YEAR, high=D("0.8"), volume=D(100_000))
    years = {"copper": YearView(D(90_000), D(15_000))}
    assert check([share], given(years=years), Moment.DAY) == ()
    found = one(check([replace(share, rolls_count=True)], given(years=years), Moment.DAY))
    assert found.figure == D("0.9")
    blind = one(check([replace(share, volume=None)], given(years=years), Moment.DAY))
    assert blind.message.id == "limit.soe_no_volume"


def test_basis_and_prices_are_watched_and_what_is_missing_is_said() -> None:
    band = rule(LimitKind.BASIS, low=D(-100), high=D(100))
    assert check([band], given(basis={"copper": D(-50)}), Moment.DAY) == ()
    assert one(check([band], given(basis={"copper": D(-150)}), Moment.DAY)).figure == -150
    assert one(check([band], given(basis={}), Moment.DAY)).figure is None
    age = LimitRule("r", LimitKind.PRICE_AGE, high=D(1))
    assert check([age], given(price_ages={"SHFE.cu2605": 1}), Moment.DAY) == ()
    assert one(check([age], given(price_ages={"SHFE.cu2605": 2}), Moment.DAY)).figure == 2
    assert one(check([age], given(price_ages={}), Moment.DAY)).message.id == "limit.no_price"


def test_since_when_is_kept_from_the_alert_that_is_open() -> None:
    limit = rule(LimitKind.LOTS, high=D(1))
    assert one(check([limit], given(), Moment.DAY)).since == AT
    earlier = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert one(check([limit], given(known_since={("r", "copper"): earlier}), Moment.DAY)).since == earlier


def test_a_rule_is_looked_at_in_its_moments_and_a_roles_at_its_orders_only() -> None:
    limit = rule(LimitKind.LOTS, high=D(1), day=False)
    assert [bool(check([limit], given(), moment)) for moment in Moment] == [True, False, True]
    role = rule(LimitKind.LOTS, high=D(1), role="junior")
    assert [bool(check([role], given(), moment, frozenset({"junior"}))) for moment in Moment] == [True, False, False]
    assert check([role], given(), Moment.ORDER, frozenset({"senior"})) == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rule(LimitKind.LOTS), "limit_bounds"),
        (rule(LimitKind.LOTS, low=D(1)), "limit_bounds"),
        (rule(LimitKind.HEDGE_RATIO, low=D(2), high=D(1), view=View.VAT), "limit_order"),
        (rule(LimitKind.SOE_POINT, high=D(1)), "limit_view"),
        (rule(LimitKind.LOTS, high=D(-1)), "limit_sign"),
        (rule(LimitKind.LOTS, high=D(1), rule_id="a/b"), "limit_name"),
        (rule(LimitKind.LOTS, high=D(1), role="x", order=False), "limit_role"),
        (rule(LimitKind.LOTS, high=D(1), month="2605"), "limit_month"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_named(wrong: LimitRule, said: str) -> None:
    assert said in [problem.rule for problem in problems(wrong)]
