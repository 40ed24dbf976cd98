"""Checks that know what a document does not say: silence proves nothing, and the rest is checked as always."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from adapters.broker.ctp_statement import read_statements
from adapters.reference import load_products
from hedge_core.model.futures import AccountStatement, CashMovement
from hedge_core.statement_checks import check_statement
from hedge_core.statement_findings import Finding, Severity
from hedge_core.statement_form_checks import RESTS_ON, check_any_statement, two_view_findings
from messages import all_texts
from tests.support import ctp_text

CENT = Decimal("0.01")


def whole_day() -> AccountStatement:
    (statement,) = read_statements("day.txt", ctp_text.statement(ctp_text.trading_day()))
    return statement


def found(statement: AccountStatement, previous: AccountStatement | None = None) -> list[Finding]:
    return check_any_statement(statement, previous, load_products())


def identities(statement: AccountStatement) -> set[str]:
    return {finding.identity for finding in found(statement)}


def test_a_brokers_own_statement_is_checked_as_before() -> None:
    statement = whole_day()
    off = replace(statement, funds=replace(statement.funds, equity=statement.funds.equity + CENT))
    assert found(statement) == []
    assert found(off) == check_statement(off, None, load_products()) != []


@pytest.mark.parametrize(
    ("unknown", "field", "identity"),
    [
        ("funds.available", "available", "available"),
        ("funds.margin", "margin", "margin"),
        ("funds.margin_call", "margin_call", "margin_call"),
        ("funds.deposit_withdrawal", "deposit_withdrawal", "cash"),
    ],
)
def test_a_figure_that_is_not_printed_proves_nothing(unknown: str, field: str, identity: str) -> None:
    statement = whole_day()
    off = replace(statement, funds=replace(statement.funds, **{field: getattr(statement.funds, field) + CENT}))
    assert identity in identities(off)
    assert identity not in identities(replace(off, unknown=(unknown,)))


def test_what_the_day_before_did_not_say_does_not_have_to_roll() -> None:
    today = whole_day()
    before = replace(
        today,
        trading_day=today.trading_day - timedelta(days=1),
        first_day=today.trading_day - timedelta(days=1),
        funds=replace(today.funds, balance_cf=today.funds.balance_bf),
        unknown=("positions", "positions.previous_settlement", "closed"),
    )
    assert not {finding.identity for finding in found(today, before)} & {"roll_lots", "roll_price"}


def test_charges_listed_apart_complete_the_sum_of_fees_exactly() -> None:
    statement = whole_day()
    charge = CashMovement(date(2026, 3, 3), "申报费", Decimal(0), Decimal("2.50"), "CNY")
    funds = replace(
        statement.funds,
        fee=statement.funds.fee + Decimal("2.50"),
        balance_cf=statement.funds.balance_cf - Decimal("2.50"),
    )
    charged = replace(statement, funds=funds, other_charges=(charge,))
    assert "fees" not in identities(charged)
    assert "fees" in identities(replace(charged, other_charges=(replace(charge, amount_out=Decimal("2.51")),)))


def test_a_balance_gap_that_charges_explain_warns_and_any_other_refuses() -> None:
    statement = whole_day()
    charge = CashMovement(date(2026, 3, 3), "交割手续费", Decimal(0), Decimal(3), "CNY")

    def severity(gap: str) -> Severity:
        funds = replace(statement.funds, balance_cf=statement.funds.balance_cf - Decimal(gap))
        off = replace(statement, funds=funds, other_charges=(charge,))
        return next(finding.severity for finding in found(off) if finding.identity == "balance")

    assert (severity("3"), severity("3.01")) == (Severity.WARN, Severity.REFUSE)


def test_refusals_stand_before_warnings() -> None:
    statement = whole_day()
    funds = replace(statement.funds, equity=statement.funds.equity + CENT, available=statement.funds.available + 1)
    order = [finding.severity for finding in found(replace(statement, funds=funds))]
    assert order == sorted(order, key=lambda one: one is not Severity.REFUSE)


def test_two_statements_that_are_no_two_views_of_a_day_are_a_callers_mistake() -> None:
    statement = whole_day()
    with pytest.raises(ValueError, match="mark-to-market"):
        two_view_findings(statement, statement)
    with pytest.raises(ValueError, match="one account"):
        two_view_findings(statement, replace(statement, account="other", view="trade"))


def test_lots_that_differ_between_the_views_are_found() -> None:
    statement = whole_day()
    fewer = replace(statement, view="trade", positions=statement.positions[1:])
    assert [finding.identity for finding in two_view_findings(statement, fewer)] == ["two_views"]


def test_every_message_a_rule_names_exists() -> None:
    assert RESTS_ON.keys() <= all_texts().keys()
