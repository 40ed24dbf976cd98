"""Matches, snapshots, vouchers with revisions, expectations, and the book's configuration, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import Book
from tests.support import samples
from tests.support.databases import as_owner
from tests.support.samples import DAY

LI = Actor("li.na")


def test_an_ended_match_is_history_and_no_longer_a_match(store: SqlStore, book: BookId) -> None:
    second = samples.match(match_id="m2", spot_quantity=Decimal("0.5"))
    with store.begin(book, LI) as unit:
        unit.results.add_matches([second, samples.match()])
        assert unit.results.matches() == [samples.match(), second]
        unit.results.end_match("m1", "contract closed")
        assert unit.results.matches() == [second]
        assert unit.results.ended_match_ids() == {"m1"}
        with pytest.raises(KeyError):
            unit.results.end_match("m1", "again")


def test_a_snapshot_comes_back_byte_for_byte(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.results.add_snapshot(samples.snapshot())
    with store.read(book) as unit:
        assert unit.results.snapshot(DAY) == samples.snapshot()
        assert unit.results.snapshot(DAY, 1) == samples.snapshot()
        assert unit.results.snapshot(DAY, 2) is None
        assert unit.results.snapshots() == [samples.snapshot(body=b"")]


def test_a_proposed_version_becomes_final_and_supersedes_the_one_that_was(store: SqlStore, book: BookId) -> None:
    proposed = samples.snapshot(version=2, status="proposed", digest="s2", differences=3)
    with store.begin(book, LI) as unit:
        unit.results.add_snapshot(samples.snapshot())
        unit.results.add_snapshot(proposed)
        assert unit.results.snapshot(DAY) == samples.snapshot()
        unit.results.set_snapshot_status(DAY, 2, "final")
        unit.results.set_snapshot_status(DAY, 2, "final")
        assert unit.results.snapshot(DAY) == replace(proposed, status="final")
        assert [found.status for found in unit.results.snapshots()] == ["superseded", "final"]


def test_the_last_snapshot_is_the_final_one_of_the_latest_day(store: SqlStore, book: BookId) -> None:
    tomorrow = samples.snapshot(trading_day=DAY + timedelta(days=1))
    proposed = samples.snapshot(trading_day=DAY + timedelta(days=2), status="proposed")
    with store.begin(book, LI) as unit:
        assert unit.results.last_snapshot() is None
        for one in (samples.snapshot(), tomorrow, proposed):
            unit.results.add_snapshot(one)
        assert unit.results.last_snapshot() == tomorrow
        assert unit.results.last_snapshot(before=tomorrow.trading_day) == samples.snapshot()
        assert unit.results.last_snapshot(before=DAY) is None


def test_a_status_no_snapshot_has_is_a_bug(store: SqlStore, book: BookId) -> None:
    with pytest.raises(ValueError, match="final"), store.begin(book, LI) as unit:
        unit.results.add_snapshot(samples.snapshot(status="good"))
    with pytest.raises(KeyError), store.begin(book, LI) as unit:
        unit.results.set_snapshot_status(DAY, 7, "final")


def test_a_voucher_goes_from_draft_to_delivered_with_its_receipt(store: SqlStore, book: BookId) -> None:
    voucher = samples.voucher()
    answer = samples.receipt(voucher.key)
    with store.begin(book, LI) as unit:
        unit.results.add_voucher(samples.stored_voucher(voucher))
    with store.begin(book, LI) as unit:
        results = unit.results
        results.set_voucher("v1", VoucherStatus.APPROVED, approved_by="wu", approved_hash=voucher.content_hash)
        results.set_voucher("v1", VoucherStatus.QUEUED)
        results.set_voucher("v1", VoucherStatus.DELIVERED, receipt=answer)
    with store.read(book) as unit:
        found = unit.results.voucher("v1")
        assert found is not None
        assert (found.voucher, found.voucher.content_hash) == (voucher, voucher.content_hash)
        assert (found.status, found.made_by, found.approved_by) == (VoucherStatus.DELIVERED, "li.na", "wu")
        assert (found.approved_hash, found.receipt) == (voucher.content_hash, answer)
        assert unit.results.vouchers(VoucherStatus.DELIVERED) == [found]
        assert unit.results.vouchers(VoucherStatus.DRAFT) == []
        assert unit.results.voucher("v9") is None


def test_a_draft_is_replaced_and_a_new_revision_leaves_the_old_one_as_it_was(store: SqlStore, book: BookId) -> None:
    corrected, again = samples.voucher(amount="99.00"), samples.voucher(revision=2, amount="98.00")
    with store.begin(book, LI) as unit:
        unit.results.add_voucher(samples.stored_voucher(samples.voucher()))
        unit.results.replace_draft(samples.stored_voucher(corrected))
        unit.results.set_voucher("v1", VoucherStatus.CANCELLED)
        unit.results.add_voucher(samples.stored_voucher(again))
        assert unit.results.vouchers() == [samples.stored_voucher(again)]
        unit.results.set_voucher("v1", VoucherStatus.APPROVED)
    with as_owner(store) as engine, engine.connect() as connection:
        query = "SELECT revision, status, idempotency_key FROM vouchers ORDER BY revision"
        kept = [tuple(row) for row in connection.exec_driver_sql(query)]
    assert kept == [(1, "cancelled", corrected.key), (2, "approved", again.key)]


def test_what_is_not_there_cannot_be_changed(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        with pytest.raises(KeyError):
            unit.results.replace_draft(samples.stored_voucher(samples.voucher()))
        with pytest.raises(KeyError):
            unit.results.set_voucher("v1", VoucherStatus.QUEUED)


def test_a_voucher_of_another_book_is_a_bug(store: SqlStore, book: BookId) -> None:
    with pytest.raises(ValueError, match="al02"), store.begin(book, LI) as unit:
        unit.results.add_voucher(samples.stored_voucher(samples.voucher("al02")))


def test_an_expected_entry_is_kept_once(store: SqlStore, book: BookId) -> None:
    payload = {"amount": Decimal("10.50"), "lines": [{"account": "1405", "on": DAY}]}
    with store.begin(book, LI) as unit:
        unit.results.add_expectation("v1", DAY, {"amount": Decimal(1)})
        unit.results.add_expectation("v1", DAY, payload)
        assert unit.results.expectations() == [("v1", DAY, payload)]


def test_a_connection_keeps_its_options_with_their_types(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.save_connection(samples.connection())
        unit.save_connection(samples.connection(name="a1", paused=True, paused_reason="login"))
        unit.save_connection(samples.connection(system="kingdee_cloud"))
        assert unit.connection("k3") == samples.connection(system="kingdee_cloud")
        assert [found.name for found in unit.connections()] == ["a1", "k3"]
        assert unit.connection("x") is None


def test_failures_count_and_open_the_circuit_until_a_success_closes_it(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.save_connection(samples.connection())
    store.connection_failed(book, "k3", None)
    store.connection_failed(book, "k3", samples.NOON)
    with store.read(book) as unit:
        found = unit.connection("k3")
        assert found is not None
        assert (found.failures_in_a_row, found.circuit_open_until) == (2, samples.NOON)
    store.connection_worked(book, "k3")
    store.connection_worked(book, "k3")
    with store.read(book) as unit:
        assert unit.connection("k3") == samples.connection()
    with pytest.raises(KeyError):
        store.connection_worked(book, "x")
    with pytest.raises(KeyError):
        store.connection_failed(BookId("al02"), "k3", None)


def test_pausing_a_connection_is_in_the_audit_log(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.save_connection(samples.connection())
    store.pause_connection(book, "k3", "login refused")
    with store.read(book) as unit:
        assert unit.connection("k3") == samples.connection(paused=True, paused_reason="login refused")
        *_, (_, last, _) = unit.audit.events()
        assert b'"kind":"connection.paused"' in last


def test_settings_are_replaced_as_a_whole(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        assert unit.book.settings == {"rule_set": "none"}
        unit.save_settings({"post": "day"})
        assert unit.book.settings == {"post": "day"}
    assert [(found.book, dict(found.settings)) for found in store.books()] == [("al02", {}), ("cu01", {"post": "day"})]


def test_an_unchanged_document_makes_no_version(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        assert unit.document("mapping", "orders") is None
        assert unit.save_document("mapping", "orders", b"a") == 1
        assert unit.save_document("mapping", "orders", b"a") == 1
        assert unit.save_document("mapping", "orders", b"b") == 2
        assert unit.save_document("mapping", "orders", b"a") == 3
        unit.save_document("mapping", "lots", b"")
        assert unit.document("mapping", "orders") == b"a"
        assert unit.document("mapping", "lots") == b""
        assert unit.documents("mapping") == ["lots", "orders"]
        assert unit.documents("accounts") == []


def test_an_unknown_book_is_named_with_those_there_are(store: SqlStore, book: BookId) -> None:
    with pytest.raises(InvalidInput, match=r"no book zz99\. Known books: al02, cu01"), store.begin(BookId("zz99"), LI):
        pass
    with pytest.raises(InvalidInput), store.read(BookId("zz99")):
        pass


def test_a_book_is_added_once_and_under_a_proper_id(store: SqlStore, book: BookId) -> None:
    with pytest.raises(InvalidInput, match="exists"):
        store.add_book(Book(book, "again", "CNY"), LI)
    with pytest.raises(ValueError, match="lower-case"):
        store.add_book(Book(BookId("Cu 01"), "x", "CNY"), LI)
    assert [found.book for found in store.books()] == ["al02", "cu01"]


def test_a_second_final_snapshot_and_a_used_match_id_are_refused(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.results.add_snapshot(samples.snapshot())
        unit.results.add_matches([samples.match()])
        unit.results.end_match("m1", "why")
    with pytest.raises(RuleBroken), store.begin(book, LI) as unit:
        unit.results.add_snapshot(samples.snapshot(version=2))
    with pytest.raises(RuleBroken), store.begin(book, LI) as unit:
        unit.results.add_matches([samples.match()])
