"""Approvals, reversals, periods and designation records are only ever added, and a delivered voucher stays delivered."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from adapters.storage import SqlStore
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import StoredVoucher
from tests.support import samples

LI, WANG = Actor("li.na"), Actor("wang.wei")
TABLES = (
    "voucher_approvals", "voucher_reversals", "accounting_periods", "designation_records", "designation_approvals",
)  # fmt: skip


@pytest.fixture
def filled(store: SqlStore, book: BookId) -> SqlStore:
    """One row in each table, and vouchers in the later states of their life."""
    with store.begin(book, LI) as unit:
        unit.accounting.approve_voucher("v1", 1, "h1")
        unit.accounting.add_reversal("v1", "v1.red", "v1.blue", "wrong fee")
        unit.accounting.change_period("2026-03", True, "month end")
        unit.accounting.record_designation("R1", 1, "d1", samples.DAY)
        unit.accounting.approve_designation("R1", 1, "d1")
        for status in (VoucherStatus.SUBMITTED, VoucherStatus.DELIVERED, VoucherStatus.REVERSED):
            made = samples.voucher(voucher_id=status.value)
            unit.results.add_voucher(StoredVoucher(made, VoucherStatus.DRAFT, LI.name))
            unit.results.set_voucher(status.value, status)
    return store


def run(store: SqlStore, statement: str) -> None:
    """Plain SQL past our own methods, in a transaction that may see the book."""
    with store.begin(BookId("cu01"), LI) as unit:
        unit.results._scope.connection.execute(text(statement))


@pytest.mark.parametrize("table", TABLES)
def test_a_row_is_neither_changed_nor_deleted(filled: SqlStore, table: str) -> None:
    for statement in (f"UPDATE {table} SET at = at", f"DELETE FROM {table}"):
        with pytest.raises(RuleBroken) as refused:
            run(filled, statement)
        assert refused.value.rule == "write_once"


@pytest.mark.parametrize("status", ["draft", "approved", "queued", "cancelled"])
def test_a_delivered_voucher_can_become_nothing_but_reversed(filled: SqlStore, status: str) -> None:
    for voucher in ("delivered", "reversed"):
        with pytest.raises(RuleBroken):
            run(filled, f"UPDATE vouchers SET status = '{status}' WHERE voucher_id = '{voucher}'")
    with pytest.raises(RuleBroken):
        run(filled, "UPDATE vouchers SET status = 'delivered' WHERE voucher_id = 'reversed'")
    run(filled, "UPDATE vouchers SET status = 'reversed' WHERE voucher_id = 'delivered'")


def test_a_submitted_voucher_keeps_its_content_and_may_be_sent_back(filled: SqlStore) -> None:
    with pytest.raises(RuleBroken):
        run(filled, "UPDATE vouchers SET payload = '{}' WHERE voucher_id = 'submitted'")
    run(filled, "UPDATE vouchers SET status = 'draft' WHERE voucher_id = 'submitted'")


def test_approvals_count_until_a_voucher_is_sent_back(filled: SqlStore, book: BookId) -> None:
    with filled.begin(book, WANG) as unit:
        unit.accounting.approve_voucher("v1", 1, "h1")
        assert [one.actor for one in unit.accounting.voucher_approvals("v1", 1)] == [LI.name, WANG.name]
        unit.accounting.send_back_voucher("v1", 1, "typo")
        assert unit.accounting.voucher_approvals("v1", 1) == []
        unit.accounting.approve_voucher("v1", 1, "h2")
        (one,) = unit.accounting.voucher_approvals("v1", 1)
    assert (one.actor, one.content_hash) == (WANG.name, "h2")


def test_the_last_change_of_a_period_is_its_state(filled: SqlStore, book: BookId) -> None:
    with filled.begin(book, WANG) as unit:
        assert unit.accounting.closed_periods() == {"2026-03"}
        unit.accounting.change_period("2026-03", False, "late", "chief")
        assert unit.accounting.closed_periods() == set()
        assert [(change.closed, change.actor) for change in unit.accounting.periods()] == [
            (True, LI.name),
            (False, WANG.name),
        ]


def test_a_version_of_a_designation_is_recorded_once_and_approved_by_name(filled: SqlStore, book: BookId) -> None:
    with filled.begin(book, WANG) as unit:
        unit.accounting.record_designation("R1", 1, "other", samples.DAY)
        unit.accounting.record_designation("R1", 2, "d2", samples.DAY)
        first, second = unit.accounting.designations("R1")
        assert unit.accounting.designations("R9") == []
    assert (first.digest, first.recorded_by, first.approved_by) == ("d1", LI.name, LI.name)
    assert (second.version, second.approved_by, second.approved_at) == (2, "", None)
