"""The daily comparison as a use case: rows that carry on, block the settlement, are explained or overruled, and are logged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.reference import load_calendar
from hedge_core.errors import RuleBroken
from hedge_core.model.broker import FundsAnswer, Position
from hedge_core.model.futures import AccountStatement, Fill
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.broker_queries import PositionsAnswer, Road
from hedge_core.reconciliation import BankTransfer, Cause, ReconciliationRow, RowState
from hedge_core.use_cases.reconcile_day import ReconciledDay, reconcile_day
from hedge_core.use_cases.review_differences import assign_difference, explain_difference, overrule_difference
from hedge_core.use_cases.settle import settle
from tests.support.company import ALUMINIUM, CLERK, COPPER, DAYS, Company, statement_name
from tests.support.fake_erp import FakeErp
from tests.support.posting import BOOK

D = Decimal
FIRST, SECOND, LAST = DAYS
CHIEF = Actor("chief")
QTP = "ctp"


def run(company: Company, day: date, erp: FakeErp | None = None) -> ReconciledDay:
    app = company.app
    return reconcile_day(app.store, BOOK, day, app.products, CLERK, app.clock, load_calendar(), erp)


def imported(company: Company, day: date = FIRST) -> AccountStatement:
    """Prices and statements of a day; answers that of the copper account."""
    company.prices(day)
    for number in (COPPER, ALUMINIUM):
        company.statement(statement_name(number, day))
    return statement(company, day)


def statement(company: Company, day: date, account: str = COPPER) -> AccountStatement:
    with company.store.read(BOOK) as uow:
        stored = uow.statements.current(account, day)
        assert stored is not None
        return stored.statement


def answered(
    company: Company, stated: AccountStatement, *, fills: list[Fill] | None = None, more_lots: int = 0
) -> None:
    """What the broker's queries say after the close: the statement's figures, with what a test changes."""
    at = datetime.combine(stated.trading_day, datetime.min.time(), UTC) + timedelta(hours=9)
    positions = [
        Position(stated.account, stated.trading_day, row.instrument, row.direction, row.hedge_flag, 0, row.lots)
        for row in stated.positions
    ]
    positions[0] = replace(positions[0], history_lots=positions[0].history_lots + more_lots)
    with company.store.begin(BOOK, CLERK) as uow:
        told = list(stated.fills) if fills is None else fills
        uow.broker_queries.save_fills(QTP, told, Road.QUERY, at, ("fee", "realised_mtm"))
        uow.broker_queries.save_positions(
            QTP, PositionsAnswer(stated.account, stated.trading_day, at, tuple(positions))
        )
        uow.broker_queries.save_funds(QTP, FundsAnswer(stated.account, stated.trading_day, at, stated.funds))


def only(rows: list[ReconciliationRow]) -> ReconciliationRow:
    (row,) = rows
    return row


def test_a_clean_day_has_no_open_difference_and_is_settled(new_company: Company) -> None:
    answered(new_company, imported(new_company))
    done = run(new_company, FIRST)
    assert done.blocking == []
    assert done.sources == ("ours", "query", "statement")
    assert new_company.settle(FIRST).state == "settled"


def test_an_unexplained_difference_keeps_the_day_open_until_another_person_approves_overruling_it(
    new_company: Company,
) -> None:
    answered(new_company, imported(new_company), more_lots=3)
    rows = run(new_company, FIRST).blocking
    assert {(row.subject, row.left, row.right, abs(row.difference)) for row in rows} == {
        ("lots", "ours", "query", D(3)), ("lots", "query", "statement", D(3)),
    }  # fmt: skip
    held = new_company.settle(FIRST, overrule="the broker says it is fine")
    assert held.state == "open"
    assert {broken.rule for broken in held.broken} == {"unreconciled"}
    with pytest.raises(RuleBroken, match="else than demo-clerk"):
        overrule_difference(new_company.store, BOOK, rows[0].row_id, "known", CLERK, CLERK.name)
    with pytest.raises(RuleBroken, match="reason"):
        overrule_difference(new_company.store, BOOK, rows[0].row_id, "  ", CLERK, "chief")
    for row in rows:
        overrule_difference(new_company.store, BOOK, row.row_id, "counter was restarted", CLERK, "chief")
    again = run(new_company, FIRST)
    assert again.blocking == [], "what a person decided stays while the figure stays"
    assert new_company.settle(FIRST).state == "settled"
    with new_company.store.read(BOOK) as uow:
        said = [json.loads(body) for _, body, _ in uow.audit.events()]
    logged = [event["details"] for event in said if event["kind"] == "reconciliation.overruled"]
    assert [(one["reason"], one["approved_by"]) for one in logged] == [("counter was restarted", "chief")] * 2


def test_only_those_named_may_overrule(new_company: Company) -> None:
    answered(new_company, imported(new_company), more_lots=1)
    row = run(new_company, FIRST).blocking[0]
    with new_company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**uow.book.settings, "reconcile_overrulers": "chief, auditor"})
    with pytest.raises(RuleBroken) as refused:
        overrule_difference(new_company.store, BOOK, row.row_id, "known", CLERK, "chief")
    assert refused.value.rule == "overrule_right"
    assert (
        overrule_difference(new_company.store, BOOK, row.row_id, "known", CHIEF, "auditor").state is RowState.OVERRULED
    )


def test_an_overruled_figure_that_changes_is_a_new_question(new_company: Company) -> None:
    stated = imported(new_company)
    answered(new_company, stated, more_lots=1)
    for row in run(new_company, FIRST).blocking:
        overrule_difference(new_company.store, BOOK, row.row_id, "known", CLERK, "chief")
    answered(new_company, stated, more_lots=2)
    assert {row.state for row in run(new_company, FIRST).blocking} == {RowState.OPEN}


def test_a_person_explains_part_by_part_until_nothing_is_left(new_company: Company) -> None:
    answered(new_company, imported(new_company), more_lots=3)
    row = next(row for row in run(new_company, FIRST).blocking if row.left == "ours")
    store, key = new_company.store, row.row_id
    part = explain_difference(store, BOOK, key, Cause.NIGHT_SESSION, row.difference / 3, "fill 77", CLERK)
    assert (part.state, part.remainder, part.owner) == (RowState.OPEN, row.difference * 2 / 3, CLERK.name)
    with pytest.raises(RuleBroken, match="nearer to zero"):
        explain_difference(store, BOOK, key, Cause.DELIVERY, -row.difference, "wrong way", CLERK)
    with pytest.raises(RuleBroken, match="approve"):
        explain_difference(store, BOOK, key, Cause.DELIVERY, None, "receipt 9", CLERK)
    whole = explain_difference(store, BOOK, key, Cause.DELIVERY, None, "receipt 9", CLERK, "chief")
    assert (whole.state, whole.remainder) == (RowState.EXPLAINED, D(0))
    assert [(step.cause, step.by) for step in whole.steps] == [
        (Cause.NIGHT_SESSION, CLERK.name), (Cause.DELIVERY, CLERK.name),
    ]  # fmt: skip
    again = next(row for row in run(new_company, FIRST).rows if row.row_id == key)
    assert (again.state, again.steps) == (RowState.EXPLAINED, whole.steps)


def test_owner_and_age_go_on_from_day_to_day_and_what_is_gone_is_resolved(new_company: Company) -> None:
    first = imported(new_company)
    answered(new_company, first, more_lots=2)
    row = next(row for row in run(new_company, FIRST).blocking if row.right == "statement")
    assert assign_difference(new_company.store, BOOK, row.row_id, "wang", CLERK).owner == "wang"
    second = imported(new_company, SECOND)
    answered(new_company, second, more_lots=2)
    later = [one for one in run(new_company, SECOND).rows if one.row_id == row.row_id]
    assert [(one.owner, one.age(SECOND)) for one in later] == [("wang", 1)]
    answered(new_company, replace(second, fills=second.fills), more_lots=0)
    gone = [one for one in run(new_company, SECOND).rows if one.row_id == row.row_id]
    assert [one.state for one in gone] == [RowState.RESOLVED]


def test_a_night_fill_that_the_query_dates_a_day_early_explains_itself(new_company: Company) -> None:
    stated = imported(new_company, FIRST)
    moved = stated.fills[0]
    early = replace(moved, trading_day=FIRST - timedelta(days=1))
    answered(new_company, stated, fills=[*stated.fills[1:], early])
    rows = [row for row in run(new_company, FIRST).rows if row.subject == "fill"]
    assert rows and {row.state for row in rows} == {RowState.EXPLAINED}
    assert {step.cause for row in rows for step in row.steps} == {Cause.NIGHT_SESSION}


def test_answers_from_before_the_close_are_left_out_and_that_is_said(new_company: Company) -> None:
    stated = imported(new_company)
    at = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(hours=6)
    with new_company.store.begin(BOOK, CLERK) as uow:
        uow.broker_queries.save_positions(QTP, PositionsAnswer(COPPER, FIRST, at, ()))
        uow.broker_queries.save_funds(QTP, FundsAnswer(COPPER, FIRST, at, replace(stated.funds, balance_bf=D(1))))
    done = run(new_company, FIRST)
    assert done.blocking == []
    assert [note.id for note in done.notes] == ["reconciliation.asked_early"] * 2


def test_without_a_statement_what_there_is_is_compared_and_the_rest_is_said(new_company: Company) -> None:
    imported(new_company)
    with new_company.store.begin(BOOK, CLERK) as uow:
        at = datetime(2026, 3, 5, 9, tzinfo=UTC)
        fill = replace(statement(new_company, FIRST).fills[0], trading_day=SECOND)
        uow.broker_queries.save_fills(QTP, [fill], Road.PUSH, at)
    done = run(new_company, SECOND)
    assert "reconciliation.no_statement" in {note.id for note in done.notes}
    assert done.sources == ("query",)


def test_a_book_that_asks_for_it_settles_no_day_that_has_not_been_compared(new_company: Company) -> None:
    imported(new_company)
    with new_company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**uow.book.settings, "reconcile": "required"})
    assert [broken.rule for broken in new_company.settle(FIRST).broken] == ["not_reconciled"]
    run(new_company, FIRST)
    assert new_company.settle(FIRST).state == "settled"


def test_a_closed_day_is_not_settled_unless_a_broker_says_that_it_traded(new_company: Company) -> None:
    app = new_company.app
    sunday = date(2026, 3, 8)
    held = settle(app.store, BOOK, sunday, app.products, CLERK, calendar=load_calendar())
    assert [broken.rule for broken in held.broken] == ["no_trading_day"]
    stated = imported(new_company)
    with new_company.store.begin(BOOK, CLERK) as uow:
        fill = replace(stated.fills[0], trading_day=sunday)
        uow.broker_queries.save_fills(QTP, [fill], Road.PUSH, datetime(2026, 3, 8, tzinfo=UTC))
    held = settle(app.store, BOOK, sunday, app.products, CLERK, calendar=load_calendar())
    assert "no_trading_day" not in {broken.rule for broken in held.broken}


# --- bank, ledger, ERP ------------------------------------------------------------------------------------------------


def test_a_transfer_in_the_night_is_under_way_then_ages_into_a_question(new_company: Company) -> None:
    imported(new_company)
    sent = BankTransfer("B1", COPPER, "CNY", FIRST, D(12345))
    with new_company.store.begin(BOOK, CLERK) as uow:
        assert uow.reconciliation.save_transfers([sent]) == 1
    row = only([row for row in run(new_company, FIRST).rows if row.subject == "transfer"])
    assert (row.state, [step.cause for step in row.steps]) == (RowState.EXPLAINED, [Cause.DEPOSIT_OTHER_DAY])
    imported(new_company, SECOND)
    row = only([row for row in run(new_company, SECOND).blocking if row.subject == "transfer"])
    assert (row.age(SECOND), row.left_value, row.right_value) == (1, D(12345), None)


def test_the_margin_account_of_the_ledger_is_the_brokers_balance(company: Company) -> None:
    assert company.make_vouchers(LAST).problems == ()
    done = run(company, LAST)
    assert "ledger" in done.sources
    assert [row for row in done.rows if row.subject == "ledger"] == []
    (fee, *_) = [one for one in company.vouchers() if one.voucher.kind == "fee"]
    with company.store.begin(BOOK, CLERK) as uow:
        lines = tuple(replace(line, debit=line.debit * 2, credit=line.credit * 2) for line in fee.voucher.lines)
        uow.results.replace_draft(replace(fee, voucher=replace(fee.voucher, lines=lines)))
    row = only([row for row in run(company, LAST).blocking if row.subject == "ledger"])
    assert row.account in (COPPER, ALUMINIUM)
    assert row.difference == fee.voucher.total
    assert row.key == LAST.isoformat()


def test_vouchers_are_compared_with_the_documents_in_the_erp(company: Company) -> None:
    company.make_vouchers(LAST)
    erp = FakeErp()
    with company.store.begin(BOOK, CLERK) as uow:
        drafts = [stored.voucher for stored in uow.results.vouchers()]
        for voucher in drafts[:4]:
            uow.results.set_voucher(voucher.voucher_id, VoucherStatus.DELIVERED)
        uow.results.set_voucher(drafts[4].voucher_id, VoucherStatus.QUEUED)
    same, twice, other, missing = drafts[:4]
    erp.push_vouchers([same, twice, other])
    (document,) = erp.documents[twice.key]
    erp.documents[twice.key] = [document, replace(document, number="V-99")]
    (document,) = erp.documents[other.key]
    erp.documents[other.key] = [replace(document, total=other.total + 1, posting_date=date(2026, 3, 31))]
    done = run(company, LAST, erp)
    assert "erp" in done.sources
    rows = {(row.subject, row.key): row for row in done.blocking if row.right == "erp"}
    assert {key: (row.left_value, row.right_value) for key, row in rows.items()} == {
        ("voucher_documents", twice.voucher_id): (D(1), D(2)),
        ("voucher_documents", missing.voucher_id): (D(1), D(0)),
        ("voucher_sum", other.voucher_id): (other.total, other.total + 1),
        ("voucher_date", other.voucher_id): (D(f"{other.posting_date:%Y%m%d}"), D(20260331)),
    }


def test_the_one_sided_rule_is_understood_however_a_broker_applies_it(company: Company) -> None:
    """The stand-in broker takes the larger side per contract and hedge flag; on this day that is not the product's."""
    imported(company, date(2026, 3, 9))
    done = run(company, date(2026, 3, 9))
    margins = [row for row in done.rows if row.subject == "margin"]
    assert [(row.state, row.remainder) for row in margins] == [(RowState.EXPLAINED, D(0))] * 2
    assert {step.cause for row in margins for step in row.steps} == {Cause.ONE_SIDED_MARGIN}
    assert done.blocking == []
    with company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**uow.book.settings, "reconcile_without": "margin, available"})
    assert {row.state for row in run(company, date(2026, 3, 9)).rows} == {RowState.RESOLVED}
