"""What must hold inside one statement: each broken sum is found, named with its figures, and graded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.broker.ctp_statement import read_statements
from adapters.reference import load_products
from hedge_core.model.futures import AccountStatement, Product
from hedge_core.statement_checks import Finding, Severity, check_statement
from messages import say
from tests.support import ctp_text
from tests.support.ctp_text import CLOSED, FILLS, POSITIONS, SUMMARY, Day

REFUSE, WARN = Severity.REFUSE, Severity.WARN
CENT = Decimal("0.01")


def whole_day(layout: str = "short", **shape: str) -> AccountStatement:
    (statement,) = read_statements("day.txt", ctp_text.statement(ctp_text.trading_day(), layout=layout, **shape))
    return statement


def read(day: Day, **shape: str) -> AccountStatement:
    (statement,) = read_statements("day.txt", ctp_text.statement(day, **shape))
    return statement


def found(statement: AccountStatement) -> list[Finding]:
    findings = check_statement(statement, None, load_products())
    for finding in findings:
        for lang in ("en", "zh"):
            assert "{" not in say(finding.message, lang), finding
    return findings


def named(statement: AccountStatement) -> set[tuple[Severity, str]]:
    return {(finding.severity, finding.identity) for finding in found(statement)}


def with_funds(**figures: Decimal) -> AccountStatement:
    statement = whole_day()
    changed = {name: getattr(statement.funds, name) + difference for name, difference in figures.items()}
    return replace(statement, funds=replace(statement.funds, **changed))


@pytest.mark.parametrize("layout", ["short", "long"])
def test_a_whole_day_has_no_findings(layout: str) -> None:
    assert found(whole_day(layout)) == []


def test_an_order_left_resting_freezes_money_and_warns_with_the_figure() -> None:
    available = Decimal(ctp_text.figures(ctp_text.trading_day())["Fund Avail."]) - Decimal("3300.00")
    day = ctp_text.trading_day()
    day.funds["Fund Avail."] = str(available)
    (finding,) = found(read(day))
    assert (finding.severity, finding.identity) == (WARN, "available")
    assert finding.difference == Decimal("-3300.00")
    assert "-3300.00 off" in str(finding.message)


@pytest.mark.parametrize(
    ("field", "identities"),
    [
        ("balance_bf", {(REFUSE, "balance")}),
        ("deposit_withdrawal", {(REFUSE, "balance"), (REFUSE, "cash")}),
        ("realised_mtm", {(REFUSE, "balance"), (REFUSE, "realised")}),
        ("holding_mtm", {(REFUSE, "balance"), (REFUSE, "holding")}),
        ("fee", {(REFUSE, "balance"), (REFUSE, "fees")}),
        ("balance_cf", {(REFUSE, "balance"), (REFUSE, "equity")}),
        ("equity", {(REFUSE, "equity"), (WARN, "available"), (WARN, "market_equity")}),
        ("market_equity", {(WARN, "market_equity")}),
        ("available", {(WARN, "available")}),
        ("margin", {(WARN, "available"), (WARN, "margin")}),
        ("margin_call", {(WARN, "margin_call")}),
        ("option_value_long", {(WARN, "market_equity"), (WARN, "option_value")}),
    ],
)
def test_one_cent_in_any_figure_of_the_account_is_found(field: str, identities: set[tuple[Severity, str]]) -> None:
    statement = with_funds(**{field: CENT})
    assert named(statement) == identities
    assert {abs(finding.difference or 0) for finding in found(statement)} == {CENT}


@given(st.decimals("-1000000", "1000000", places=2).filter(bool))
def test_the_difference_is_what_is_printed_less_what_is_expected(amount: Decimal) -> None:
    finding = found(with_funds(balance_cf=amount))[0]
    assert finding.identity == "balance"
    assert finding.found is not None
    assert finding.expected is not None
    assert finding.found - finding.expected == finding.difference == amount


def test_refusals_stand_before_warnings() -> None:
    severities = [finding.severity for finding in found(with_funds(equity=CENT, available=CENT))]
    assert severities == sorted(severities, key=[REFUSE, WARN].index)
    assert set(severities) == {REFUSE, WARN}


def test_the_risk_degree_may_be_rounded_or_cut_but_not_something_else() -> None:
    statement = whole_day()  # 115420 / 1051120 is 10.9806…%
    for printed, fine in (("0.1098", True), ("0.1099", False), ("0.1097", False)):
        changed = replace(statement, funds=replace(statement.funds, risk_degree=Decimal(printed)))
        assert (named(changed) == set()) is fine
    cut = replace(statement.funds, margin=Decimal("100.00"), equity=Decimal("150.00"), risk_degree=Decimal("0.6666"))
    assert (WARN, "risk_degree") not in named(replace(statement, funds=cut))
    ruined = replace(statement.funds, equity=Decimal(0), risk_degree=Decimal(0))
    assert (WARN, "risk_degree") not in named(replace(statement, funds=ruined))


@pytest.mark.parametrize(
    "term", ["premium_received", "premium_paid", "exercise_result", "delivery_fee", "fx_pledge_in"]
)
def test_a_gap_that_an_unproven_term_explains_only_warns(term: str) -> None:
    assert (WARN, "balance") in named(with_funds(**{term: Decimal(700)}))


def test_an_unproven_term_does_not_excuse_another_gap() -> None:
    assert (REFUSE, "balance") in named(with_funds(premium_paid=Decimal(700), fee=Decimal(3)))


def test_a_pledge_is_part_of_the_equity_and_only_warns_when_it_is_not() -> None:
    assert "equity" not in {name for _, name in named(with_funds(pledge=Decimal(50), equity=Decimal(50)))}
    assert (WARN, "equity") in named(with_funds(pledge=Decimal(50)))


@pytest.mark.parametrize(
    ("section", "change", "identities"),
    [
        ("fills", {"fee": CENT}, {"section_total", "fees"}),
        ("fills", {"turnover": CENT}, {"section_total", "turnover"}),
        ("fills", {"price": CENT}, {"turnover"}),
        ("fills", {"realised_mtm": CENT}, {"section_total", "realised"}),
        ("closed", {"realised_mtm": CENT}, {"section_total", "realised", "closed_result"}),
        ("closed", {"close_price": CENT}, {"closed_result"}),
        ("closed", {"previous_settlement": CENT}, {"closed_result"}),
        ("closed", {"lots": 1}, {"section_total", "closed_result", "closed_lots"}),
        ("positions", {"holding_mtm": CENT}, {"section_total", "holding", "holding_result"}),
        ("positions", {"floating": CENT}, {"section_total", "floating_result"}),
        ("positions", {"open_price": CENT}, {"floating_result", "holding_result"}),
        ("positions", {"margin": CENT}, {"section_total"}),
        (
            "positions",
            {"lots": 1},
            {"section_total", "summary_lots", "floating_result", "holding_result"},
        ),
        ("summary", {"long_lots": 1}, {"section_total", "summary_lots"}),
        ("cash", {"amount_in": CENT}, {"section_total", "cash"}),
    ],
)
def test_a_change_in_any_row_refuses_the_statement(
    section: str, change: dict[str, Decimal | int], identities: set[str]
) -> None:
    statement = whole_day("long")
    first, *others = getattr(statement, section)
    first = replace(first, **{name: getattr(first, name) + by for name, by in change.items()})
    assert named(replace(statement, **{section: (first, *others)})) == {(REFUSE, name) for name in identities}


@pytest.mark.parametrize(
    ("section", "identities"),
    [
        ("fills", {"section_total", "fees", "realised", "closed_lots"}),
        ("closed", {"section_total", "realised", "closed_lots"}),
        ("positions", {"section_total", "holding", "summary_lots"}),
        ("summary", {"section_total", "summary_lots"}),
        ("cash", {"section_total", "cash"}),
    ],
)
def test_a_section_that_is_gone_refuses_even_without_its_total_row(section: str, identities: set[str]) -> None:
    statement = replace(whole_day(), **{section: ()})
    assert {name for severity, name in named(statement) if severity is REFUSE} == identities
    assert REFUSE in {severity for severity, _ in named(replace(statement, totals=()))}


def test_margin_without_any_position_is_a_cut_file() -> None:
    assert (REFUSE, "margin") in named(replace(whole_day(), positions=(), summary=(), totals=()))


def test_a_lot_opened_today_counts_from_its_open_price_and_an_older_one_from_yesterdays_settlement() -> None:
    older = ctp_text.position("cu2605", "20260227", "投", "卖", 2, "79900.000", "3000.00", "-1000.00", "88000.00")
    line = ctp_text.summarised("cu2605", "投", 0, "0.000", 2, "79900.000", "-1000.00", "88000.00")
    statement = read(Day(tables={POSITIONS: [older], SUMMARY: [line]}))
    assert found(statement) == []
    (row,) = statement.positions
    today = replace(statement, positions=(replace(row, open_date=date(2026, 3, 4)),))
    assert named(today) == {(REFUSE, "holding_result")}


def test_a_lot_opened_in_last_nights_session_may_print_the_evenings_date() -> None:
    evening = [ctp_text.fill("1", "cu2605", "买", "开", 1, "79550.000", date="20260303")]
    lot = ctp_text.position("cu2605", "20260303", "投", "买", 1, "79550.000", "250.00", "250.00", "43780.00")
    line = ctp_text.summarised("cu2605", "投", 1, "79550.000", 0, "0.000", "250.00", "43780.00")
    assert found(read(Day(tables={FILLS: evening, POSITIONS: [lot], SUMMARY: [line]}))) == []
    assert (REFUSE, "holding_result") in named(read(Day(tables={POSITIONS: [lot], SUMMARY: [line]})))


def test_the_trade_by_trade_view_counts_from_the_open_price_and_adds_the_floating_result() -> None:
    day = ctp_text.trading_day()
    day.tables[FILLS][0]["平仓盈亏"] = day.tables[CLOSED][0]["平仓盈亏"] = "1000.00"  # 79600 − 79400, not − 79500
    day.funds["Balance c/f"] = f"{Decimal(ctp_text.figures(day)['Client Equity']) - 700:.2f}"
    text = ctp_text.text(day, view="逐笔")
    text = text.replace("持仓盯市盈亏 MTM P/L：   ", "浮动盈亏 Accum. P/L：      ", 1)
    (statement,) = read_statements("day.txt", text.encode("gb18030"))
    assert found(statement) == []
    assert named(replace(statement, view="mtm")) >= {(REFUSE, "closed_result")}


def test_a_month_is_checked_without_the_sums_that_have_no_rows() -> None:
    statement = whole_day(date="20260302-20260304")
    assert found(statement) == []
    more = Decimal(999)
    funds = replace(
        statement.funds,
        holding_mtm=statement.funds.holding_mtm + more,
        balance_bf=statement.funds.balance_bf - more,
    )
    assert found(replace(statement, funds=funds)) == []


def test_an_unknown_product_is_said_and_its_rows_are_not_guessed() -> None:
    statement = whole_day()
    (finding,) = check_statement(statement, None, [])
    assert (finding.severity, finding.identity) == (WARN, "unknown_product")
    assert finding.message.params["product"] == "cu"


def test_a_wrong_contract_size_is_noticed() -> None:
    ten = Product("SHFE", "cu", "copper", 10, Decimal(10), "t", date(2020, 1, 1))
    identities = {finding.identity for finding in check_statement(whole_day(), None, [ten])}
    assert identities == {"turnover", "closed_result", "holding_result", "floating_result"}


def test_rows_of_options_only_warn() -> None:
    day = Day(tables={FILLS: [ctp_text.fill("1", "cu2605C80000", "买", "开", 1, "900.00", premium="-4500.00")]})
    statement = read(day)
    assert found(statement) == []
    (fill,) = statement.fills
    broken = replace(statement, fills=(replace(fill, turnover=Decimal(1)),), totals=())
    assert named(broken) == {(WARN, "turnover")}
    dearer = replace(statement, fills=(replace(fill, premium=Decimal(-4501)),), totals=())
    assert named(dearer) == {(WARN, "premium")}


def test_order_fees_of_the_financial_exchange_only_warn() -> None:
    fills = [ctp_text.fill("1", "IF2606", "买", "开", 1, "4000.0", size=300, exchange="中金所", fee="28.00")]
    day = Day(tables={FILLS: fills}, funds={"Commission": "29.00"})
    day.funds |= dict.fromkeys(("Balance c/f", "Client Equity", "Fund Avail.", "Market value(equity)"), "999971.00")
    assert named(read(day)) == {(WARN, "fees")}
    day.funds["Commission"] = "27.00"
    assert (REFUSE, "fees") in named(read(day))


def test_an_unread_section_is_a_warning() -> None:
    assert named(replace(whole_day(), unread_sections=("Other Items",))) == {(WARN, "unread_section")}
