"""Roles, charts, settings and designations: what a book chooses, and what is refused with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.accounting.charts import AccountMap, AccountMapping, AccountTarget
from hedge_core.accounting.events import product_of
from hedge_core.accounting.option_value import TimeValue, TimeValueHedge, time_value_reserve
from hedge_core.accounting.relationships import HedgedItem, HedgeRelationship, HedgeType, InstrumentShare, ItemKind
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, FuturesCash, Post, RuleSet, Variation
from hedge_core.errors import RuleBroken
from hedge_core.rounding import share_out
from messages import LANGUAGES, all_texts, say

D = Decimal
DAY = date(2026, 3, 31)
R = AccountRole


def code(accounts: AccountMap, role: AccountRole, on: date = DAY, **where: Any) -> str:
    target = accounts.resolve(role, on, **where)
    assert isinstance(target, AccountTarget)
    return target.account


def test_every_role_has_a_name_in_both_languages() -> None:
    for role in AccountRole:
        assert role.label.id in all_texts()
        assert all(say(role.label, language) for language in LANGUAGES)
    assert say(R.HEDGING_INSTRUMENT.label, "zh") == "套期工具"


def test_usual_codes_differ_by_rule_set() -> None:
    cas, small = AccountMap.usual(RuleSet.NONE), AccountMap.usual(RuleSet.SMALL_ENTERPRISE)
    assert [code(cas, role) for role in (R.MARGIN_ACCOUNT, R.DERIVATIVE, R.CLOSING_RESULT, R.FEE)] == [
        "1012",
        "3101",
        "6111.01",
        "6111.02",
    ]
    assert [code(small, role) for role in (R.MARGIN_ACCOUNT, R.CLOSING_RESULT, R.FEE, R.PENALTY)] == [
        "1012",
        "5111",
        "5603",
        "5711",
    ]
    assert code(small, R.DERIVATIVE) == "1101"  # the premium of an option, at cost
    assert isinstance(small.resolve(R.FAIR_VALUE_RESULT, DAY), RuleBroken)
    assert isinstance(AccountMap.usual(RuleSet.IFRS9).resolve(R.BANK, DAY), RuleBroken)


def test_an_unmapped_role_is_named_with_the_remedy_in_both_languages() -> None:
    problem = AccountMap.usual(RuleSet.IFRS9).resolve(R.HEDGE_RESULT, DAY)
    assert isinstance(problem, RuleBroken)
    assert problem.record == "hedge_result"
    assert "套期损益" in say(problem.message, "zh")
    assert "Hedge gains and losses" in say(problem.message, "en")


def test_a_books_own_row_wins_from_its_date_and_the_more_exact_row_wins_over_both() -> None:
    accounts = AccountMap.usual(
        RuleSet.NONE,
        [
            AccountMapping(R.DERIVATIVE, AccountTarget("3101.01"), date(2026, 1, 1)),
            AccountMapping(R.DERIVATIVE, AccountTarget("3101.02"), date(2026, 4, 1)),
            AccountMapping(R.DERIVATIVE, AccountTarget("3101.cu"), product="SHFE.cu"),
            AccountMapping(
                R.DERIVATIVE,
                AccountTarget("3101.A", (("broker_account", "{broker_account}"), ("material", "{product}")), "CF7"),
                broker_account="80010001",
            ),
        ],
    )
    assert code(accounts, R.DERIVATIVE, date(2025, 12, 31)) == "3101"
    assert code(accounts, R.DERIVATIVE, DAY) == "3101.01"
    assert code(accounts, R.DERIVATIVE, date(2026, 4, 1)) == "3101.02"
    assert code(accounts, R.DERIVATIVE, DAY, product="SHFE.cu") == "3101.cu"
    exact = accounts.resolve(R.DERIVATIVE, DAY, broker_account="80010001", product="SHFE.al")
    assert exact == AccountTarget("3101.A", (("broker_account", "80010001"), ("material", "SHFE.al")), "CF7")
    bare = accounts.resolve(R.DERIVATIVE, DAY, broker_account="80010001")
    assert isinstance(bare, AccountTarget)
    assert bare.dimensions == (("broker_account", "80010001"),)


def test_rows_of_the_account_map_are_read_from_texts() -> None:
    row = AccountMapping.read(
        {
            "role": "margin_account",
            "account": "1012.03",
            "dimensions": "broker_account={broker_account}; department=D03",
            "cash_flow_item": "CF7",
            "effective_from": "2026-01-01",
            "broker_account": "80010001",
        }
    )
    target = AccountTarget("1012.03", (("broker_account", "{broker_account}"), ("department", "D03")), "CF7")
    assert row == AccountMapping(R.MARGIN_ACCOUNT, target, date(2026, 1, 1), "80010001")
    assert AccountMapping.read({"role": "fee", "account": "6603"}) == AccountMapping(R.FEE, AccountTarget("6603"))


@pytest.mark.parametrize(
    ("column", "value"),
    [("role", "cash box"), ("account", " "), ("effective_from", "1 March"), ("dimensions", "department")],
)
def test_a_row_that_cannot_be_read_names_the_column(column: str, value: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        AccountMapping.read({"role": "fee", "account": "6603", column: value})
    assert f"column {column}" in str(caught.value)


def test_settings_are_read_from_texts_and_a_wrong_value_names_the_allowed_ones() -> None:
    book = BookSettings.read({"variation": "keep", "futures_cash": "bank", "post": "day", "colour": "red"})
    assert (book.variation, book.futures_cash, book.post) == (Variation.KEEP, FuturesCash.BANK, Post.DAY)
    assert BookSettings.read({}) == BookSettings()
    with pytest.raises(RuleBroken, match="sweep, keep") as caught:
        BookSettings.read({"variation": "both"})
    assert caught.value.record == "variation"


def test_the_small_enterprise_standard_is_refused_inside_a_group() -> None:
    inside = BookSettings.read({"rule_set": "small_enterprise", "in_group": "yes"})
    assert [problem.rule for problem in inside.problems("demo")] == ["rule_set_group"]
    assert replace(inside, in_group=False).problems("demo") == []
    assert BookSettings(in_group=True).problems("demo") == []


def designation(**changes: object) -> HedgeRelationship:
    hedge = HedgeRelationship(
        "R1",
        RuleSet.CAS24,
        HedgedItem(ItemKind.INVENTORY, "copper", D(100), D(6100000), D(62000)),
        (InstrumentShare("lot-1", 18, date(2026, 3, 5)),),
        date(2026, 3, 5),
        "approver",
        date(2026, 3, 4),
    )
    return replace(hedge, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({}, []),
        ({"approved_on": date(2026, 3, 6)}, ["designation_backdated"]),
        ({"approved_by": ""}, ["designation_approval"]),
        ({"rule_set": RuleSet.NONE}, ["designation_rule_set"]),
        ({"instruments": ()}, ["designation_instrument"]),
        ({"instruments": (InstrumentShare("lot-1", 0, date(2026, 3, 5)),)}, ["designation_lots"]),
        ({"instruments": (InstrumentShare("lot-1", 1, date(2026, 3, 4)),)}, ["designation_backdated"]),
        ({"instruments": (InstrumentShare("lot-1", 1, date(2026, 3, 5)),) * 2}, ["designation_lots"]),
        ({"item": HedgedItem(ItemKind.INVENTORY, "copper", D(0), D(0), D(1))}, ["designation_quantity"]),
    ],
)
def test_a_designation_is_refused_with_the_rule_it_breaks(changes: dict[str, object], rules: list[str]) -> None:
    problems = designation(**changes).problems()
    assert [problem.rule for problem in problems] == rules
    for problem in problems:
        assert all("{" not in say(problem.message, language) for language in LANGUAGES)


def test_the_kind_of_item_decides_the_type_of_hedge() -> None:
    assert designation().hedge_type is HedgeType.FAIR_VALUE
    assert ItemKind.FIRM_SALE.hedge_type is HedgeType.FAIR_VALUE
    assert ItemKind.FORECAST_PURCHASE.hedge_type is HedgeType.CASH_FLOW
    assert [kind.sign for kind in ItemKind] == [1, 1, -1, -1, 1]


@pytest.mark.parametrize(
    ("instrument", "product"),
    [("SHFE.cu2605", "SHFE.cu"), ("CZCE.SR2605", "CZCE.SR"), ("DCE.i2609-P-750", "DCE.i"), ("odd", "odd")],
)
def test_the_product_of_an_instrument(instrument: str, product: str) -> None:
    assert product_of(instrument) == product


@pytest.mark.parametrize(
    ("start", "now", "reserve"),
    [
        ((20, 20), (13, 13), -7),
        ((20, 15), (13, 9), -6),  # dearer than aligned: the aligned change, the rest is profit or loss
        ((15, 20), (9, 13), -6),  # cheaper: the lower of the two changes
        ((15, 20), (17, 13), 0),  # the two moved apart
    ],
)
def test_time_value_in_the_cost_reserve(start: tuple[int, int], now: tuple[int, int], reserve: int) -> None:
    values = [TimeValue(D(actual), D(aligned)) for actual, aligned in (start, now)]
    assert time_value_reserve(*values) == reserve


def test_a_time_value_needs_a_period_to_be_spread_over() -> None:
    with pytest.raises(ValueError, match="one day"):
        TimeValueHedge("R1", "SHFE.cu", "", TimeValue(D(1), D(1)), DAY, DAY)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any))
def test_shares_add_up_to_the_whole_and_are_within_one_fen_of_the_proportion(units: int, weights: list[int]) -> None:
    total = D(units) / 100
    parts = share_out(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        exact = abs(total) * weight / sum(weights)
        assert abs(abs(part) - exact) < D("0.01")
        assert part == 0 or weight


def test_a_total_finer_than_a_fen_is_still_shared_completely() -> None:
    assert share_out(D("1.005"), [1, 1, 0]) == [D("0.50"), D("0.505"), 0]
    assert share_out(D(0), [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="share"):
        share_out(D(1), [0])
    with pytest.raises(ValueError, match="negative"):
        share_out(D(1), [2, -1])
