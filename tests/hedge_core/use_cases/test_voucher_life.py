"""From draft to reversed: tiers of approval, periods, red-letter and blue in one action, reading again what was delivered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import Rejected, RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import Voucher, VoucherStatus
from hedge_core.ports.storage import OutboxState, StoredVoucher
from hedge_core.use_cases.approvals import approve, send_back, submit, waiting_approvals
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.keep_vouchers import keep_vouchers
from hedge_core.use_cases.periods import close_period, open_period, period_history
from hedge_core.use_cases.post import queue_vouchers
from hedge_core.use_cases.reversals import blue_letter, reread_delivered, reverse
from tests.support.databases import HandClock
from tests.support.fake_erp import FakeErp, raising
from tests.support.samples import voucher

BOOK = BookId("cu01")
MAKER, FIRST, SECOND = Actor("li.na"), Actor("wang.wei"), Actor("zhou.lin")
MARCH = date(2026, 3, 31)


def draft(store: SqlStore, *made: Voucher) -> None:
    with store.begin(BOOK, MAKER) as uow:
        for one in made:
            uow.results.add_voucher(StoredVoucher(one, VoucherStatus.DRAFT, MAKER.name))


def status(store: SqlStore, voucher_id: str) -> VoucherStatus:
    with store.read(BOOK) as uow:
        stored = uow.results.voucher(voucher_id)
    assert stored is not None
    return stored.status


def settings(store: SqlStore, **texts: str) -> None:
    with store.begin(BOOK, MAKER) as uow:
        uow.save_settings({**uow.book.settings, **texts})


def push(store: SqlStore, erp: FakeErp, clock: HandClock, *ids: str) -> list[OutboxState | None]:
    """Approve, queue and deliver."""
    assert approve(store, BOOK, ids, FIRST) == []
    queue_vouchers(store, BOOK, "k3", ids, FIRST, clock)
    rows = store.queue.lease_due(clock.now(), 60, 100)
    return [deliver(store, row, lambda *_: erp, FIRST, clock) for row in rows]


# --- approval ---------------------------------------------------------------------------------------------------------


def test_a_large_sum_needs_two_people_and_neither_is_the_maker(store: SqlStore) -> None:
    settings(store, approval_tiers="0=1; 1000=2")
    draft(store, voucher(), voucher(voucher_id="small", amount="999.99"))
    assert [p.reason.id for p in approve(store, BOOK, ["v1"], MAKER)] == ["post.maker_is_checker"]
    assert approve(store, BOOK, ["v1", "small"], FIRST) == []
    assert (status(store, "v1"), status(store, "small")) == (VoucherStatus.SUBMITTED, VoucherStatus.APPROVED)
    assert [p.reason.id for p in approve(store, BOOK, ["v1"], FIRST)] == ["approval.twice"]
    with store.read(BOOK) as uow:
        stored = uow.results.voucher("v1")
        assert stored is not None
        assert waiting_approvals(uow, stored) == 1
    assert approve(store, BOOK, ["v1"], SECOND) == []
    assert status(store, "v1") is VoucherStatus.APPROVED


def test_the_second_place_is_reserved_for_the_people_named(store: SqlStore) -> None:
    settings(store, **{"approval_tiers": "0=2", "approvers.2": "chief"})
    draft(store, voucher())
    assert approve(store, BOOK, ["v1"], FIRST) == []
    assert [p.reason.id for p in approve(store, BOOK, ["v1"], SECOND)] == ["approval.not_allowed"]
    assert approve(store, BOOK, ["v1"], Actor("chief")) == []
    assert status(store, "v1") is VoucherStatus.APPROVED


@pytest.mark.parametrize("text", ["two", "0=none", "-1=1", "0=0", ""])
def test_tiers_that_cannot_be_read_are_refused_by_name(store: SqlStore, text: str) -> None:
    settings(store, approval_tiers=text)
    draft(store, voucher())
    with pytest.raises(RuleBroken) as refused:
        approve(store, BOOK, ["v1"], FIRST)
    assert refused.value.record == "approval_tiers"


def test_a_submitted_voucher_follows_its_inputs_no_more_and_one_sent_back_loses_its_approvals(store: SqlStore) -> None:
    settings(store, approval_tiers="0=2")
    draft(store, voucher())
    assert submit(store, BOOK, ["v1"], MAKER) == []
    changed = voucher(amount="77.00")
    with store.begin(BOOK, MAKER) as uow:
        assert keep_vouchers(uow, [changed], MARCH, MAKER).outdated == ("v1",)
    assert approve(store, BOOK, ["v1"], FIRST) == []
    send_back(store, BOOK, "v1", "wrong amount", SECOND)
    assert status(store, "v1") is VoucherStatus.DRAFT
    with store.begin(BOOK, MAKER) as uow:
        assert keep_vouchers(uow, [changed], MARCH, MAKER).renewed == 1
    assert approve(store, BOOK, ["v1"], SECOND) == []
    assert status(store, "v1") is VoucherStatus.SUBMITTED  # one of two: the approval before does not count


def test_an_approval_does_not_carry_over_to_a_draft_that_followed_its_inputs(store: SqlStore) -> None:
    settings(store, approval_tiers="0=2")
    draft(store, voucher())
    assert approve(store, BOOK, ["v1"], FIRST) == []
    send_back(store, BOOK, "v1", "again", SECOND)
    assert approve(store, BOOK, ["v1"], FIRST) == []
    assert status(store, "v1") is VoucherStatus.SUBMITTED


# --- periods ----------------------------------------------------------------------------------------------------------


def test_a_period_closes_only_when_its_vouchers_are_in_the_erp(store: SqlStore, erp: FakeErp, clock: HandClock) -> None:
    draft(store, voucher())
    with pytest.raises(RuleBroken) as refused:
        close_period(store, BOOK, "2026-03", "month end", FIRST)
    assert refused.value.reason.id == "period.unfinished"
    assert push(store, erp, clock, "v1") == [OutboxState.DONE]
    close_period(store, BOOK, "2026-03", "month end", FIRST)
    with pytest.raises(RuleBroken):
        close_period(store, BOOK, "2026-03", "again", FIRST)
    with pytest.raises(RuleBroken) as form:
        close_period(store, BOOK, "2026-13", "", FIRST)
    assert form.value.reason.id == "period.form"


def test_nothing_is_made_changed_withdrawn_or_approved_in_a_closed_period(store: SqlStore) -> None:
    draft(store, voucher(), voucher(voucher_id="v2"))
    with store.begin(BOOK, FIRST) as uow:
        uow.accounting.change_period("2026-03", True, "closed in the ERP")
    with store.begin(BOOK, MAKER) as uow:
        kept = keep_vouchers(uow, [voucher(amount="5.00"), voucher(voucher_id="v3")], MARCH, MAKER)
    assert (kept.made, kept.renewed, kept.withdrawn) == ((), 0, 0)
    assert sorted(problem.record for problem in kept.problems) == ["v1", "v2", "v3"]
    assert [p.reason.id for p in approve(store, BOOK, ["v1"], FIRST)] == ["period.closed"]
    assert [p.reason.id for p in submit(store, BOOK, ["v1"], MAKER)] == ["period.closed"]


def test_opening_a_period_again_needs_a_reason_and_a_second_person(store: SqlStore) -> None:
    close_period(store, BOOK, "2026-03", "month end", FIRST)
    with pytest.raises(RuleBroken) as alone:
        open_period(store, BOOK, "2026-03", "late invoice", FIRST.name, FIRST)
    assert alone.value.reason.id == "period.approval"
    open_period(store, BOOK, "2026-03", "late invoice", SECOND.name, FIRST)
    history = period_history(store, BOOK)
    assert [(change.closed, change.approved_by) for change in history] == [(True, ""), (False, SECOND.name)]
    with pytest.raises(RuleBroken):
        open_period(store, BOOK, "2026-03", "again", SECOND.name, FIRST)


def test_a_period_closed_in_the_erp_asks_a_person_and_never_moves_the_date(
    store: SqlStore, erp: FakeErp, clock: HandClock
) -> None:
    draft(store, voucher())
    erp.before.append(raising(Rejected("period", "会计期间已结账", system="fake")))
    assert push(store, erp, clock, "v1") == [OutboxState.DEAD]
    with store.read(BOOK) as uow:
        stored = uow.results.voucher("v1")
        (row,) = uow.outbox.rows()
    assert stored is not None
    assert (stored.voucher.posting_date, stored.status) == (MARCH, VoucherStatus.QUEUED)
    assert "会计期间已结账" in row.last_error


# --- reversal ---------------------------------------------------------------------------------------------------------


def test_a_reversal_drafts_red_and_blue_together_and_the_original_is_reversed_when_the_red_one_arrives(
    store: SqlStore, erp: FakeErp, clock: HandClock
) -> None:
    original = voucher()
    draft(store, original)
    assert push(store, erp, clock, "v1") == [OutboxState.DONE]
    made = reverse(store, BOOK, "v1", "fee corrected", MAKER, corrected=voucher(amount="1200.00"))
    assert made.blue is not None
    assert made.red.reverses == "v1"
    assert [(line.debit, line.credit) for line in made.red.lines] == [(0, Decimal("1234.50")), (Decimal("1234.50"), 0)]
    for one in (made.red, made.blue):
        assert all(line.summary.endswith(one.key) and len(line.summary) <= 60 for line in one.lines)
    assert len({original.key, made.red.key, made.blue.key}) == 3
    with store.read(BOOK) as uow:
        (link,) = uow.accounting.reversals()
    assert (link.red_id, link.blue_id, link.reason) == (made.red.voucher_id, made.blue.voucher_id, "fee corrected")
    assert status(store, "v1") is VoucherStatus.DELIVERED
    assert push(store, erp, clock, made.red.voucher_id, made.blue.voucher_id) == [OutboxState.DONE] * 2
    assert status(store, "v1") is VoucherStatus.REVERSED
    with pytest.raises(RuleBroken) as again:
        reverse(store, BOOK, "v1", "again", MAKER)
    assert again.value.rule == "reversal"


def test_after_a_reversal_the_inputs_are_followed_in_the_blue_voucher(
    store: SqlStore, erp: FakeErp, clock: HandClock
) -> None:
    draft(store, voucher())
    push(store, erp, clock, "v1")
    corrected = voucher(amount="1200.00")
    reverse(store, BOOK, "v1", "corrected", MAKER, corrected=corrected)
    with store.begin(BOOK, MAKER) as uow:
        same = keep_vouchers(uow, [corrected], MARCH, MAKER)
        assert (same.made, same.renewed, same.withdrawn, same.outdated) == ((), 0, 0, ())
        later = keep_vouchers(uow, [voucher(amount="1300.00")], MARCH, MAKER)
        assert later.renewed == 1
        blue = uow.results.voucher("v1.blue")
    assert blue is not None
    assert blue.voucher == blue_letter(voucher(amount="1300.00"), "v1")


def test_a_reversal_in_a_closed_period_waits_for_a_person_to_name_the_date(
    store: SqlStore, erp: FakeErp, clock: HandClock
) -> None:
    draft(store, voucher())
    push(store, erp, clock, "v1")
    close_period(store, BOOK, "2026-03", "month end", FIRST)
    with pytest.raises(RuleBroken) as refused:
        reverse(store, BOOK, "v1", "late", MAKER)
    assert refused.value.reason.id == "period.closed_for_reversal"
    assert reverse(store, BOOK, "v1", "late", MAKER, on=date(2026, 4, 2)).red.posting_date == date(2026, 4, 2)


def test_only_what_was_delivered_and_differs_can_be_reversed(store: SqlStore, erp: FakeErp, clock: HandClock) -> None:
    draft(store, voucher())
    for voucher_id in ("v1", "nobody"):
        with pytest.raises(RuleBroken):
            reverse(store, BOOK, voucher_id, "why", MAKER)
    push(store, erp, clock, "v1")
    with pytest.raises(RuleBroken) as same:
        reverse(store, BOOK, "v1", "why", MAKER, corrected=voucher())
    assert same.value.reason.id == "accounting.nothing_to_correct"


# --- reading again ----------------------------------------------------------------------------------------------------


def test_a_date_moved_in_the_erp_is_a_difference_and_number_and_stage_are_kept_as_they_are_now(
    store: SqlStore, erp: FakeErp, clock: HandClock
) -> None:
    sent = voucher()
    draft(store, sent)
    push(store, erp, clock, "v1")
    (clean,) = reread_delivered(store, BOOK, erp, FIRST)
    assert clean.differences == ()
    there = erp.documents[sent.key][0]
    erp.documents[sent.key] = [replace(there, number="V-99", posting_date=date(2026, 4, 1), total=Decimal(7))]
    (moved,) = reread_delivered(store, BOOK, erp, FIRST)
    assert [said.id for said in moved.differences] == [
        "accounting.reread_date",
        "accounting.reread_sum",
        "accounting.reread_number",
    ]
    with store.read(BOOK) as uow:
        stored = uow.results.voucher("v1")
    assert stored is not None
    assert stored.receipt is not None
    assert (stored.receipt.number, stored.voucher.posting_date) == ("V-99", MARCH)
    erp.documents[sent.key] = []
    (gone,) = reread_delivered(store, BOOK, erp, FIRST)
    assert [said.id for said in gone.differences] == ["accounting.reread_documents"]
