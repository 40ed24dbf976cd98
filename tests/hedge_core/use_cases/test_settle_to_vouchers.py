"""Settling days, matching, vouchers and reconciliation on the demo company's first business days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import CashMovement
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.vouchers import PostingReceipt, Stage, VoucherStatus
from hedge_core.ports.storage import Connection, UnitOfWork
from hedge_core.snapshot import decode
from hedge_core.use_cases.match import match, release_breaks
from hedge_core.use_cases.post import approve_vouchers
from hedge_core.use_cases.reconcile import Reconciliation, reconcile
from hedge_core.use_cases.settle import accept_proposal
from tests.support.company import ACCOUNTANT, ALUMINIUM, CLERK, COPPER, DAYS, Company, finals, inbox, statement_name
from tests.support.fake_erp import FakeErp
from tests.support.posting import BOOK, ERP
from tests.support.samples import contract_line, inventory_lot

FIRST, SECOND, LAST = DAYS
NEXT = date(2026, 3, 9)


# --- settle -----------------------------------------------------------------------------------------------------------


def test_settling_again_with_the_same_inputs_changes_nothing(company: Company) -> None:
    before = company.log()
    results = [company.settle(day) for day in DAYS]
    assert [result.state for result in results] == ["unchanged"] * 3
    assert company.log() == before


def test_each_snapshot_names_the_one_before_it(company: Company) -> None:
    chain = [(one.previous_digest, one.digest) for one in company.snapshots()]
    assert [previous for previous, _ in chain] == ["", *(digest for _, digest in chain[:-1])]


def test_the_same_days_in_another_store_give_the_same_bytes(company: Company, new_company: Company) -> None:
    for day in DAYS:
        new_company.business_day(day)
    for day in DAYS:
        with company.store.read(BOOK) as one, new_company.store.read(BOOK) as other:
            left, right = one.results.snapshot(day), other.results.snapshot(day)
        assert left is not None
        assert right is not None
        assert left.body == right.body


def _newer_statement(company: Company, day: date) -> None:
    """A new version of a statement behind the day's back, as a restored or older database may hold it."""
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.statements.current(COPPER, day)
        assert stored is not None
        uow.statements.add(replace(stored, version=stored.version + 1, digest="0" * 64), b"newer")


def test_other_inputs_are_proposed_beside_the_final_version_and_a_person_decides(company: Company) -> None:
    _newer_statement(company, SECOND)
    proposed = company.settle(SECOND)
    assert (proposed.state, proposed.version) == ("proposed", 2)
    assert finals(company.snapshots()) == [(FIRST, 1), (SECOND, 1), (LAST, 1)]
    accept_proposal(company.store, BOOK, SECOND, 2, "corrected by the broker", ACCOUNTANT, CLERK.name)
    assert finals(company.snapshots()) == [(FIRST, 1), (SECOND, 2)]
    assert company.settle(LAST).state == "settled"
    assert finals(company.snapshots()) == [(FIRST, 1), (SECOND, 2), (LAST, 2)]


@pytest.mark.parametrize("version", [1, 9])
def test_only_a_proposal_can_be_accepted(company: Company, version: int) -> None:
    before = company.log()
    with pytest.raises(RuleBroken) as broken:
        accept_proposal(company.store, BOOK, SECOND, version, "because", ACCOUNTANT, CLERK.name)
    assert broken.value.rule == "snapshot_proposal"
    assert company.log() == before


def test_a_day_on_which_the_brokers_figures_differ_stays_open_until_it_is_overruled_with_a_reason(
    company: Company,
) -> None:
    company.prices(NEXT)
    for number in (COPPER, ALUMINIUM):
        company.statement(statement_name(number, NEXT))
    with company.store.begin(BOOK, CLERK) as uow:
        known = uow.broker.prices("settlement", NEXT)
        held = decode(_final(uow, LAST)).figures.lots_after()
        name = next(lot.instrument for lot in held if lot.account == COPPER)
        uow.broker.save_prices([replace(known[name], price=known[name].price + 50)])
    before = company.log()
    result = company.settle(NEXT)
    assert result.state == "differs"
    assert result.differences
    assert company.log() == before
    assert company.settle(NEXT, overrule="broker's price is wrong, ticket 17").state == "settled"
    with company.store.read(BOOK) as uow:
        assert any(b"ticket 17" in body for _, body, _ in uow.audit.events())


def _final(uow: UnitOfWork, day: date) -> bytes:
    stored = uow.results.snapshot(day)
    assert stored is not None
    return stored.body


# --- vouchers ---------------------------------------------------------------------------------------------------------


def test_vouchers_are_made_once(company: Company) -> None:
    made = company.make_vouchers(LAST)
    assert made.problems == ()
    assert made.made
    before = company.log()
    again = company.make_vouchers(LAST)
    assert (again.made, again.renewed, again.withdrawn, again.outdated) == ((), 0, 0, ())
    assert company.log() == before
    assert len(company.vouchers()) == len(made.made)


def test_days_may_be_accounted_one_by_one_or_together(company: Company) -> None:
    one_by_one = [voucher for day in DAYS for voucher in company.make_vouchers(day).made]
    keys = {voucher.key: voucher.content_hash for voucher in one_by_one}
    stored = {one.voucher.key: one.voucher.content_hash for one in company.vouchers()}
    assert stored == keys
    assert company.make_vouchers(LAST).made == ()


def _change_a_fee(company: Company) -> None:
    """The broker corrects a fee of the second day; the day and what follows are settled again."""
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.statements.current(COPPER, SECOND)
        assert stored is not None
        first, *others = stored.statement.fills
        fills = (replace(first, fee=first.fee + Decimal("4.00")), *others)
        changed = replace(stored.statement, fills=fills)
        uow.statements.add(replace(stored, statement=changed, version=2, digest="1" * 64), b"corrected")
        for snapshot in uow.results.snapshots():
            if snapshot.trading_day >= SECOND:
                uow.results.set_snapshot_status(snapshot.trading_day, snapshot.version, "superseded")
    for day in (SECOND, LAST):
        assert company.settle(day, overrule="fee corrected").state == "settled"


def test_drafts_follow_their_inputs(company: Company) -> None:
    company.make_vouchers(LAST)
    before = {one.voucher.voucher_id: one.voucher for one in company.vouchers()}
    _change_a_fee(company)
    result = company.make_vouchers(LAST)
    assert result.renewed >= 1
    assert (result.made, result.outdated) == ((), ())
    after = {one.voucher.voucher_id: one.voucher for one in company.vouchers()}
    changed = [name for name in before if before[name].content_hash != after[name].content_hash]
    assert len(changed) == result.renewed
    assert sum(after[name].total - before[name].total for name in changed) != 0


def test_an_approved_voucher_is_never_changed_but_named_as_outdated(company: Company) -> None:
    company.make_vouchers(LAST)
    before = {one.voucher.voucher_id: one.voucher.content_hash for one in company.vouchers()}
    assert approve_vouchers(company.store, BOOK, list(before), ACCOUNTANT) == []
    _change_a_fee(company)
    result = company.make_vouchers(LAST)
    assert result.renewed == 0
    assert result.outdated
    assert {one.voucher.voucher_id: one.voucher.content_hash for one in company.vouchers()} == before


def test_a_draft_whose_day_was_reopened_is_withdrawn_and_comes_back_with_the_day(company: Company) -> None:
    company.make_vouchers(LAST)
    count = len(company.vouchers(VoucherStatus.DRAFT))
    path = statement_name(COPPER, LAST)
    company.statement(path, inbox()[path] + b"\r\n", reopen="resent", approved_by="chief")
    withdrawn = company.make_vouchers(LAST).withdrawn
    assert withdrawn > 0
    assert len(company.vouchers(VoucherStatus.DRAFT)) == count - withdrawn
    assert company.settle(LAST).state == "settled"
    assert len(company.make_vouchers(LAST).made) == withdrawn
    assert len(company.vouchers(VoucherStatus.DRAFT)) == count
    assert company.make_vouchers(LAST).made == ()


def test_accounting_an_earlier_day_again_leaves_later_vouchers_alone(company: Company) -> None:
    company.make_vouchers(LAST)
    before = company.log()
    result = company.make_vouchers(FIRST)
    assert (result.withdrawn, result.outdated) == (0, ())
    assert company.log() == before


def test_a_money_movement_nobody_knows_keeps_every_voucher_from_being_made(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.statements.current(COPPER, LAST)
        assert stored is not None
        odd = CashMovement(LAST, "不明款项", Decimal("12.00"), Decimal(0), "CNY")
        changed = replace(stored.statement, cash=(*stored.statement.cash, odd))
        uow.statements.add(replace(stored, statement=changed, version=2, digest="3" * 64), b"odd")
    before = company.log()
    result = company.make_vouchers(LAST)
    assert ["不明款项" in str(problem) for problem in result.problems] == [True]
    assert company.vouchers() == []
    assert company.log() == before


# --- match ------------------------------------------------------------------------------------------------------------


def _physical(company: Company) -> None:
    """A connection with a place for notes, copper in stock and an open copper order."""
    line = contract_line(
        ref=ExternalRef(ERP, "sale_line", "100/1"),
        commodity="copper",
        contract_date=date(2026, 2, 1),
        ordered=Decimal(50),
        delivered=Decimal(0),
        returned=Decimal(0),
        price=Decimal(70000),
    )
    stock = inventory_lot(ref=ExternalRef(ERP, "stock", "lot-1"), commodity="copper", quantity=Decimal(40))
    with company.store.begin(BOOK, CLERK) as uow:
        options = {"hedge_fields": {"sale_line": "F_HB_Hedge"}}
        uow.save_connection(Connection(ERP, BOOK, "kingdee", options, {}))
        uow.physical.save_contract_lines([line])
        uow.physical.save_inventory([stock], company.app.clock.now())


def _match(company: Company, **more: Any) -> Any:
    return match(company.store, BOOK, company.app.products, CLERK, company.app.clock, **more)


def _hedge_rows(company: Company) -> list[str]:
    with company.store.read(BOOK) as uow:
        return [row.subject for row in uow.outbox.rows() if row.kind == "hedges"]


def test_a_dry_run_shows_the_matching_and_keeps_nothing(company: Company) -> None:
    _physical(company)
    before = company.log()
    shown = _match(company, dry_run=True)
    assert shown.matching.new
    assert company.log() == before
    kept = _match(company)
    assert kept.matching.new == shown.matching.new
    with company.store.read(BOOK) as uow:
        assert uow.results.matches() == list(kept.matching.new)


def test_matching_again_finds_nothing_new_and_queues_no_note(company: Company) -> None:
    _physical(company)
    first = _match(company)
    before = company.log()
    again = _match(company)
    assert (again.matching.new, again.notes_queued) == ((), 0)
    assert company.log() == before
    hedged = [m.leg for m in first.matching.new if m.leg.kind == "sale_line"]
    assert first.notes_queued == len(set(hedged)) == len(_hedge_rows(company))


def test_a_match_whose_goods_are_gone_is_ended_with_a_reason_and_its_id_never_given_again(company: Company) -> None:
    _physical(company)
    first = _match(company)
    ids = {one.match_id for one in first.matching.new}
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.zero_vanished(ERP, set(), company.app.clock.now())
        uow.physical.remove_contract_lines([ExternalRef(ERP, "sale_line", "100/1")])
    ended = release_breaks(company.store, BOOK, company.app.products, "delivered", CLERK, company.app.clock)
    assert ended == len(ids)
    with company.store.read(BOOK) as uow:
        assert uow.results.matches() == []
        assert uow.results.ended_match_ids() == ids
    _physical(company)
    again = _match(company)
    assert again.matching.new
    assert not ids & {one.match_id for one in again.matching.new}


def test_without_any_position_there_is_nothing_to_match_with(store: SqlStore, new_company: Company) -> None:
    with pytest.raises(RuleBroken) as broken:
        match(store, BookId("cu01"), new_company.app.products, CLERK, new_company.app.clock)
    assert broken.value.rule == "match_without_positions"


# --- reconcile --------------------------------------------------------------------------------------------------------


@pytest.fixture
def delivered(company: Company, erp: FakeErp) -> Company:
    """Every voucher of the days delivered to the fake ERP."""
    company.make_vouchers(LAST)
    ids = [one.voucher.voucher_id for one in company.vouchers()]
    approve_vouchers(company.store, BOOK, ids, ACCOUNTANT)
    with company.store.begin(BOOK, CLERK) as uow:
        for name in ids:
            stored = uow.results.voucher(name)
            assert stored is not None
            one = stored.voucher
            there = PostingReceipt(one.key, name, name, Stage.SUBMITTED, one.posting_date, one.total)
            erp.documents[one.key] = [there]
            uow.results.set_voucher(name, VoucherStatus.DELIVERED, receipt=there)
    return company


def _reconcile(company: Company, erp: FakeErp) -> Reconciliation:
    return reconcile(company.store, BOOK, erp, CLERK)  # type: ignore[arg-type]


def test_everything_ties_out(delivered: Company, erp: FakeErp) -> None:
    result = _reconcile(delivered, erp)
    assert result.breaks == ()
    assert result.duplicates_in_erp == 0
    assert (result.vouchers_compared, result.days_compared) == (len(delivered.vouchers()), len(DAYS))


def _deleted(documents: list[PostingReceipt]) -> list[PostingReceipt]:
    return []


def _twice(documents: list[PostingReceipt]) -> list[PostingReceipt]:
    return documents * 2


def _other_sum(documents: list[PostingReceipt]) -> list[PostingReceipt]:
    return [replace(documents[0], total=(documents[0].total or Decimal(0)) + Decimal("0.01"))]


def _other_day(documents: list[PostingReceipt]) -> list[PostingReceipt]:
    return [replace(documents[0], posting_date=date(2026, 3, 31))]


@pytest.mark.parametrize(
    ("edit", "subject", "duplicates"),
    [
        (_deleted, "voucher_documents", 0),
        (_twice, "voucher_documents", 1),
        (_other_sum, "voucher_sum", 0),
        (_other_day, "voucher_date", 0),
    ],
)
def test_a_voucher_changed_in_the_erp_is_found(
    delivered: Company, erp: FakeErp, edit: Callable[..., list[PostingReceipt]], subject: str, duplicates: int
) -> None:
    stored = delivered.vouchers()[0].voucher
    erp.documents[stored.key] = edit(erp.documents[stored.key])
    result = _reconcile(delivered, erp)
    assert [(one.subject, one.key) for one in result.breaks] == [(subject, stored.voucher_id)]
    assert result.duplicates_in_erp == duplicates


def _change_statement(company: Company, **funds: Decimal) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        stored = uow.statements.current(COPPER, LAST)
        assert stored is not None
        changed = replace(stored.statement, funds=replace(stored.statement.funds, **funds)) if funds else None
        if changed is None:
            first, *others = stored.statement.positions
            changed = replace(stored.statement, positions=(replace(first, lots=first.lots + 1), *others))
        uow.statements.add(replace(stored, statement=changed, version=2, digest="2" * 64), b"changed")


def test_a_lot_that_differs_from_the_brokers_is_found(delivered: Company, erp: FakeErp) -> None:
    _change_statement(delivered)
    breaks = _reconcile(delivered, erp).breaks
    assert breaks
    assert all(LAST.isoformat() in one.key and COPPER in one.key for one in breaks)
    assert "lots" in {one.subject for one in breaks}


def test_funds_that_differ_from_the_brokers_are_found(delivered: Company, erp: FakeErp) -> None:
    _change_statement(delivered, balance_cf=Decimal("1.00"))
    breaks = _reconcile(delivered, erp).breaks
    assert {one.subject for one in breaks} == {"balance"}
    assert {one.theirs for one in breaks} == {"1.00"}
