"""Each limit of the issue, looked at before an order, during the day and at settlement: one broken figure for each kind, which
says rule, since when and what would put it right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from hedge_core.limits import check
from hedge_core.model.futures import Direction, Offset
from hedge_core.model.limits import (
    ORDER_KINDS,
    AccountView,
    Breach,
    Holding,
    LimitInputs,
    LimitKind,
    LimitRule,
    Moment,
    SpotView,
    View,
    YearView,
)
from hedge_core.order_checks import OrderVerdict, check_order
from messages import LANGUAGES, say
from tests.support.limited import order_proposal
from tests.support.samples import ACCOUNT

D = Decimal
AT = datetime(2026, 4, 28, 7, 0, tzinfo=UTC)
SINCE = datetime(2026, 4, 27, 1, 0, tzinfo=UTC)
TODAY = date(2026, 4, 28)
TICK = D(10)
GENEROUS = tuple(
    LimitRule(kind.value, kind, high=high)
    for kind, high in (
        (LimitKind.ORDER_LOTS, D(500)),
        (LimitKind.ORDER_NOTIONAL, D(10**9)),
        (LimitKind.PRICE_BAND, D("0.1")),
    )
)

KINDS: dict[LimitKind, tuple[dict[str, Any], str]] = {
    # kind: what the rule says, and the figure it finds: short 180 lots of copper for May against 850 t, five days before May
    LimitKind.LOTS: ({"high": D(170)}, "180"),
    LimitKind.HEDGE_RATIO: ({"high": D("1.1"), "view": View.VAT}, "1.196471"),  # 900 ÷ 752.212389
    LimitKind.MARGIN: ({"high": D(6_000_000)}, "6210000.00"),  # 180 × 5 × 69,000 × 10 %
    LimitKind.RISK_DEGREE: ({"high": D("0.5"), "commodity": "", "account": ACCOUNT}, "0.621000"),  # facts 3.12
    LimitKind.DAY_LOSS: ({"high": D(50_000), "commodity": "", "account": ACCOUNT}, "60000"),
    LimitKind.TOTAL_LOSS: ({"high": D(400_000), "commodity": "", "account": ACCOUNT}, "500000"),
    LimitKind.BASIS: ({"low": D(-100), "high": D(100)}, "-150"),
    LimitKind.TENOR: ({"high": D(0)}, "1"),
    LimitKind.DELIVERY_MONTH: ({"days": 5, "high": D(100), "multiple": 5}, "180"),
    LimitKind.PRICE_AGE: ({"high": D(1)}, "3"),
    LimitKind.SOE_POINT: ({"high": D(1), "view": View.PHYSICAL}, "1.058824"),  # facts 3.14: 900 t against 850 t
    LimitKind.SOE_YEAR: ({"high": D("0.8")}, "0.900000"),  # 90,000 t of 100,000 t
}
WITHOUT_PROPOSAL = {LimitKind.BASIS, LimitKind.PRICE_AGE, LimitKind.SOE_YEAR}
"""No number of lots brings back a market's basis, a price that nobody sent, or what the year has hedged already."""


def rule(kind: LimitKind) -> LimitRule:
    says, _ = KINDS[kind]
    return replace(LimitRule(f"the-{kind.value}", kind, commodity="copper"), **says)


def place(short: int = 180) -> Holding:
    return Holding(ACCOUNT, "SHFE.cu2605", "SHFE.cu", "copper", "2026-05", 5, 0, short, D(69000), TODAY, D("0.10"))


def inputs(short: int = 180, **changes: Any) -> LimitInputs:
    given = LimitInputs(
        AT, TODAY, (place(short),), {"copper": SpotView(D(850), D("752.212389"))},
        (AccountView(ACCOUNT, D(10_000_000), D(6_210_000), D(-60_000), D(-500_000)),),
        {"copper": D(-150)}, {"copper": YearView(D(90_000), D(0), D(100_000))}, {"SHFE.cu2605": 3},
    )  # fmt: skip
    return replace(given, **changes)


def test_every_kind_of_limit_stands_in_the_table() -> None:
    assert KINDS.keys() | ORDER_KINDS == set(LimitKind)


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("kind", list(KINDS))
def test_each_limit_is_looked_at_in_each_moment_and_not_where_its_rule_says_so(kind: LimitKind, moment: Moment) -> None:
    one, (_, figure) = rule(kind), KINDS[kind]
    subject = found(check([one], inputs(), moment))[0].subject
    known = inputs(known_since={(one.rule_id, subject): SINCE})
    (breach,) = check([one], known, moment)
    assert (breach.rule_id, breach.figure, breach.since) == (f"the-{kind.value}", D(figure), SINCE)
    assert all(one.rule_id in say(breach.message, lang) for lang in LANGUAGES)
    assert (breach.proposal is None) is (kind in WITHOUT_PROPOSAL)
    if breach.proposal is not None:
        assert (breach.proposal.instrument, breach.proposal.direction) == ("SHFE.cu2605", Direction.BUY)
        assert breach.proposal.lots > 0
        after = D(-50) + 5 * breach.proposal.lots
        if one.view is View.VAT:
            after = D("752.212389") - 900 + 5 * breach.proposal.lots
        assert breach.proposal.exposure_after == after
    assert check([replace(one, **{moment.value: False})], known, moment) == ()


def found(breaches: tuple[Breach, ...]) -> tuple[Breach, ...]:
    assert len(breaches) == 1
    return breaches


def verdict(one: LimitRule, given: LimitInputs, offset: Offset = Offset.OPEN, lots: int = 2) -> OrderVerdict:
    direction = Direction.SELL if offset is Offset.OPEN else Direction.BUY
    order = order_proposal(direction=direction, offset=offset, lots=lots)
    held = next(holding for holding in given.holdings if holding.instrument == "SHFE.cu2605")
    return check_order(order, held, TICK, (*GENEROUS, one), given, D(69000))


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_order_that_opens_more_is_held_back_by_each_limit_and_one_that_closes_is_not(kind: LimitKind) -> None:
    one = rule(kind)
    stopped = verdict(one, inputs())
    assert [breach.rule_id for breach in stopped.breaches] == [one.rule_id]
    assert stopped.breaches[0].blocks
    assert not verdict(one, inputs(), Offset.CLOSE).breaches


@pytest.mark.parametrize(
    ("kind", "short", "lots", "passes"),
    [
        (LimitKind.LOTS, 168, 2, True), (LimitKind.LOTS, 168, 3, False),
        # the state-owned rule: 850 t are 170 lots
        (LimitKind.SOE_POINT, 168, 2, True), (LimitKind.SOE_POINT, 168, 3, False),
        # 1.1 × 752.212389 = 827.4 t: 165 lots
        (LimitKind.HEDGE_RATIO, 163, 2, True), (LimitKind.HEDGE_RATIO, 163, 3, False),
    ],
)  # fmt: skip
def test_an_order_is_measured_with_itself_filled(kind: LimitKind, short: int, lots: int, passes: bool) -> None:
    assert (not verdict(rule(kind), inputs(short), lots=lots).breaches) is passes


def test_the_order_itself_counts_in_the_years_share() -> None:
    """Facts 3.14: 100,000 t of trade allow 80,000 t: after 79,990 t two lots of 5 t are the last."""
    years = {"copper": YearView(D(79_990), D(0), D(100_000))}
    one = rule(LimitKind.SOE_YEAR)
    assert verdict(one, inputs(170, years=years), lots=2).passes
    (breach,) = verdict(one, inputs(170, years=years), lots=3).breaches
    assert breach.figure == D("0.80005").quantize(D("0.000001"))
