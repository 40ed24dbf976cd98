"""The trial balance adds up to zero and ties to the settled days and to the ERP; what does not tie is shown with both figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.errors import RuleBroken
from hedge_core.model.vouchers import PostingReceipt, Stage, VoucherStatus
from hedge_core.use_cases.trace import trace_voucher
from hedge_core.use_cases.trial_balance import Tie, TrialBalance, rounding_tolerance, trial_balance
from tests.support.company import BOOK_SETTINGS, CLERK, COPPER, DAYS, Company
from tests.support.fake_erp import FakeErp
from tests.support.posting import BOOK

FIRST, LAST = date(2026, 3, 1), DAYS[-1]


def balance(company: Company, erp: FakeErp | None = None, delivered_only: bool = False) -> TrialBalance:
    ledger = company.app.ledger(BOOK_SETTINGS)
    return trial_balance(company.store, BOOK, FIRST, LAST, ledger, erp, delivered_only=delivered_only)


def broken(result: TrialBalance) -> list[Tie]:
    return [tie for tie in result.ties if not tie.holds]


@pytest.mark.parametrize(
    ("variation", "names"),
    [("sweep", {"margin_mtm"}), ("keep", {"margin_trade", "margin_and_instruments"})],
)
def test_broker_cash_ties_to_the_snapshots_every_day(company: Company, variation: str, names: set[str]) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**BOOK_SETTINGS, "variation": variation})
    company.make_vouchers(LAST)
    result = balance(company)
    assert result.problems == ()
    days = [tie for tie in result.ties if tie.name in names]
    assert {tie.day for tie in days} == set(DAYS)
    assert {tie.name for tie in result.ties} == {*names, "vouchers"}
    assert broken(result) == []
    assert any(tie.ours for tie in days)
    assert result.total == 0


def test_a_realised_only_book_ties_to_the_trade_by_trade_balance(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**BOOK_SETTINGS, "rule_set": "small_enterprise"})
    company.make_vouchers(LAST)
    result = trial_balance(
        company.store, BOOK, FIRST, LAST, company.app.ledger({**BOOK_SETTINGS, "rule_set": "small_enterprise"})
    )
    assert {tie.name for tie in result.ties} == {"margin_trade", "vouchers"}
    assert broken(result) == []


def test_the_sub_ledger_adds_up_to_its_accounts(company: Company) -> None:
    company.make_vouchers(LAST)
    result = balance(company)
    margin = [row for row in result.sub_ledger if row.account == "1012"]
    assert {dict(row.dimensions)["broker_account"] for row in margin} >= {COPPER}
    (whole,) = [row for row in result.accounts if row.account == "1012"]
    assert sum(row.closing for row in margin) == whole.closing
    assert whole.opening + whole.debit - whole.credit == whole.closing


def test_a_voucher_that_was_changed_behind_our_back_shows_in_the_tie_of_its_accounts(company: Company) -> None:
    company.make_vouchers(LAST)
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.results.vouchers()[0]
        first, second, *rest = stored.voucher.lines
        more = Decimal("0.02")
        lines = (
            replace(first, debit=first.debit + more) if first.debit else replace(first, credit=first.credit + more),
            replace(second, debit=second.debit + more)
            if second.debit
            else replace(second, credit=second.credit + more),
            *rest,
        )
        uow.results.replace_draft(replace(stored, voucher=replace(stored.voucher, lines=lines)))
    off = broken(balance(company))
    assert {abs(tie.difference) for tie in off} == {more}
    assert {tie.name for tie in off} == {"vouchers"}


def test_the_erp_ties_by_month_and_a_document_moved_to_another_month_shows_in_both(company: Company) -> None:
    company.make_vouchers(LAST)
    erp = FakeErp()
    with company.store.begin(BOOK, CLERK) as uow:
        for stored in uow.results.vouchers():
            voucher = stored.voucher
            uow.results.set_voucher(voucher.voucher_id, VoucherStatus.DELIVERED)
            erp.documents[voucher.key] = [
                PostingReceipt(voucher.key, "1", "1", Stage.SUBMITTED, voucher.posting_date, voucher.total)
            ]
        one = uow.results.vouchers()[0].voucher
    tied = [tie for tie in balance(company, erp).ties if tie.name == "erp"]
    assert [tie.subject for tie in tied] == ["2026-03"]
    assert tied[0].holds
    assert balance(company, delivered_only=True).accounts == balance(company).accounts
    erp.documents[one.key] = [replace(erp.documents[one.key][0], posting_date=date(2026, 4, 1))]
    off = [tie for tie in broken(balance(company, erp)) if tie.name == "erp"]
    assert [(tie.subject, tie.difference) for tie in off] == [("2026-03", one.total), ("2026-04", -one.total)]


def test_the_tolerance_has_a_name_and_a_difference_within_it_is_still_shown() -> None:
    tie = Tie("margin_mtm", "a", LAST, Decimal("10.00"), Decimal("10.03"), tolerance=Decimal("0.05"))
    assert tie.holds
    assert tie.difference == Decimal("-0.03")
    assert rounding_tolerance({}) == 0
    assert rounding_tolerance({"rounding_tolerance": "0.05"}) == Decimal("0.05")
    for text in ("some", "-1", "1000"):
        with pytest.raises(RuleBroken):
            rounding_tolerance({"rounding_tolerance": text})


def test_every_posting_line_leads_to_fills_statements_and_snapshots_that_are_there(company: Company) -> None:
    made = company.make_vouchers(LAST).made
    kinds = set()
    with company.store.read(BOOK) as uow:
        for voucher in made:
            origins = trace_voucher(uow, voucher)
            assert {one.line for one in origins} == set(range(1, len(voucher.lines) + 1))
            assert all(one.found for one in origins)
            kinds |= {one.kind for one in origins}
            for one in origins:
                told = dict(one.details)
                assert "digest" in told
    assert {"fill", "position_lot", "snapshot"} <= kinds


def test_a_fill_of_the_night_session_belongs_to_the_period_of_its_trading_day(company: Company) -> None:
    made = company.make_vouchers(LAST).made
    with company.store.read(BOOK) as uow:
        fills = uow.statements.fills()
    days = {fill.key: fill.trading_day for fill in fills}
    for voucher in made:
        for line in voucher.lines:
            for source in line.sources:
                if source.kind == "fill":
                    assert voucher.posting_date == days[source.key]
