"""Money movements: known words, the book's own words, and a finding for every word that nobody has said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.accounting.inputs import CashKind
from hedge_core.cash_kinds import WORDS, MovementKind, movement_kind, unknown_movements
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import CashMovement
from hedge_core.statement_findings import Severity
from hedge_core.use_cases import accounting_days
from messages import say
from tests.support import samples

D = Decimal


def movement(kind: str, note: str = "") -> CashMovement:
    return CashMovement(date(2026, 3, 3), kind, D(0), D("12.50"), "CNY", note)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("银期转账", MovementKind.TRANSFER),
        ("利息归本", MovementKind.INTEREST),
        ("手续费返还", MovementKind.REBATE),
        ("罚款", MovementKind.PENALTY),
        ("交割货款", MovementKind.DELIVERY),
    ],
)
def test_brokers_words_are_known_in_the_kind_or_in_the_note(word: str, kind: MovementKind) -> None:
    assert movement_kind(movement(f" {word} "), {}) is kind
    assert movement_kind(movement("其他", word), {}) is kind


def test_a_books_own_word_wins_over_the_table() -> None:
    assert movement_kind(movement("利息"), {"cash_kind.利息": "rebate"}) is MovementKind.REBATE
    assert movement_kind(movement("仓单充抵"), {"cash_kind.仓单充抵": "transfer"}) is MovementKind.TRANSFER


def test_a_setting_that_names_no_kind_says_nothing() -> None:
    assert movement_kind(movement("仓单充抵"), {"cash_kind.仓单充抵": "whatever"}) is None
    assert movement_kind(movement(""), {"cash_kind.": "transfer"}) is None


def test_an_unknown_word_is_a_finding_with_amount_and_note_that_a_person_can_answer() -> None:
    statement = replace(samples.statement(), cash=(movement("银期转账"), movement("杂项", "三月")))
    (found,) = unknown_movements(statement, {})
    assert (found.severity, found.identity) == (Severity.WARN, "cash_kind_unknown")
    assert "杂项" in say(found.message, "zh") and "-12.50" in say(found.message, "zh")
    assert unknown_movements(statement, {"cash_kind.杂项": "penalty"}) == []


def test_accounting_posts_each_kind_or_says_why_it_cannot() -> None:
    rows = tuple(movement(word) for word in ("银期转账", "利息", "罚款", "手续费返还", "交割货款", "杂项"))
    problems: list[RuleBroken] = []
    rebates, flows = accounting_days._cash([replace(samples.statement(), cash=rows)], {}, problems)
    assert [flow.kind for flow in flows] == [
        CashKind.TRANSFER,
        CashKind.INTEREST,
        CashKind.PENALTY,
        CashKind.DELIVERY,
    ]
    assert [fee.amount for fee in rebates] == [D("12.50")]
    assert [problem.reason.id for problem in problems] == ["account.cash_kind"]
    assert "杂项" in say(problems[0].reason, "zh") and "{" not in say(problems[0].reason, "en")


@given(st.text(max_size=8))
def test_parts_of_words_are_never_guessed(word: str) -> None:
    known = movement_kind(movement(word), {})
    assert (known is None) == (word.strip() not in WORDS)
