"""What the database itself refuses, tried with plain SQL past every line of our code."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from adapters.storage import SqlStore
from adapters.storage.schema import METADATA
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from messages import all_texts
from tests.support import samples
from tests.support.databases import as_owner

LI = Actor("li.na")
KEPT = ("audit_events", "audit_heads", "documents", "snapshots", "statements", "vouchers")

REFUSED = [
    "UPDATE audit_events SET body = leaf_hash WHERE sequence = 0",
    "UPDATE audit_events SET sequence = 9 WHERE sequence = 0",
    "UPDATE audit_events SET book_id = 'al02'",
    "DELETE FROM audit_events WHERE sequence = 0",
    "DELETE FROM audit_heads",
    "UPDATE audit_heads SET size = 0",
    "UPDATE audit_heads SET root = frontier WHERE book_id = 'cu01'",
    "UPDATE statements SET body = :blob",
    "UPDATE statements SET digest = 'x'",
    "UPDATE statements SET accepted_reason = 'fine'",
    "DELETE FROM statements",
    "UPDATE snapshots SET body = :blob",
    "UPDATE snapshots SET digest = 'x' WHERE status = 'final'",
    "UPDATE snapshots SET input_digest = 'x', status = 'superseded'",
    "UPDATE snapshots SET status = 'final' WHERE status = 'superseded'",
    "DELETE FROM snapshots WHERE status = 'final'",
    "UPDATE documents SET body = :blob",
    "DELETE FROM documents",
    "UPDATE vouchers SET payload = '{}' WHERE voucher_id = 'approved'",
    "UPDATE vouchers SET payload = '{}', status = 'draft' WHERE voucher_id = 'approved'",
    "UPDATE vouchers SET posting_date = '2026-04-01' WHERE voucher_id = 'delivered'",
    "UPDATE vouchers SET content_hash = 'x' WHERE voucher_id = 'delivered'",
    "UPDATE vouchers SET revision = 7 WHERE voucher_id = 'queued'",
    "UPDATE vouchers SET status = 'draft' WHERE voucher_id = 'delivered'",
    "UPDATE vouchers SET status = 'draft' WHERE voucher_id = 'queued'",
    "DELETE FROM vouchers WHERE voucher_id = 'delivered'",
]
ALLOWED = [
    "UPDATE vouchers SET payload = '{}' WHERE voucher_id = 'draft'",
    "UPDATE vouchers SET status = 'draft' WHERE voucher_id = 'approved'",
    "UPDATE vouchers SET receipt = '{}' WHERE voucher_id = 'delivered'",
    "UPDATE vouchers SET status = 'reversed', payload = payload WHERE voucher_id = 'delivered'",
    "DELETE FROM vouchers WHERE voucher_id = 'draft'",
    "UPDATE snapshots SET status = 'superseded' WHERE status = 'final'",
]


@pytest.fixture
def filled(store: SqlStore, book: BookId) -> SqlStore:
    """One of everything that is kept, vouchers in four states."""
    with store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(), b"file")
        unit.results.add_snapshot(samples.snapshot(version=1, status="superseded"))
        unit.results.add_snapshot(samples.snapshot(version=2))
        unit.save_document("mapping", "orders", b"x")
        for status in (VoucherStatus.DRAFT, VoucherStatus.APPROVED, VoucherStatus.QUEUED, VoucherStatus.DELIVERED):
            voucher = samples.voucher(voucher_id=status.value)
            unit.results.add_voucher(samples.stored_voucher(voucher, status))
    return store


def test_what_is_kept_cannot_be_changed_by_sql(filled: SqlStore, subtests: pytest.Subtests) -> None:
    before = _everything(filled)
    for statement in REFUSED:
        with subtests.test(statement):
            with pytest.raises(RuleBroken) as refused, as_owner(filled) as engine, engine.begin() as connection:
                connection.execute(text(statement), {"blob": b"forged"} if ":blob" in statement else {})
            assert refused.value.rule == "write_once"
            assert refused.value.message.params["reason"].id in all_texts()
            assert _everything(filled) == before


def test_what_may_change_does(filled: SqlStore, subtests: pytest.Subtests) -> None:
    for statement in ALLOWED:
        with subtests.test(statement), as_owner(filled) as engine, engine.connect() as connection:
            assert connection.execute(text(statement)).rowcount == 1  # and is rolled back


def test_a_kept_table_is_neither_truncated_nor_emptied(filled: SqlStore, subtests: pytest.Subtests) -> None:
    truncate = filled._engine.dialect.name == "postgresql"
    for table in KEPT:
        with subtests.test(table), pytest.raises(RuleBroken), as_owner(filled) as engine, engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {table} CASCADE" if truncate else f"DELETE FROM {table}"))


def test_a_row_that_is_kept_cannot_be_replaced_by_inserting_over_it(filled: SqlStore) -> None:
    query = (
        "INSERT OR REPLACE INTO audit_events SELECT book_id, sequence, leaf_hash, body FROM audit_events"
        if filled._engine.dialect.name == "sqlite"
        else "INSERT INTO audit_events SELECT * FROM audit_events "
        "ON CONFLICT (book_id, sequence) DO UPDATE SET body = excluded.leaf_hash"
    )
    with pytest.raises(RuleBroken) as refused, as_owner(filled) as engine, engine.begin() as connection:
        connection.execute(text(query))
    assert refused.value.rule == "write_once"


def test_our_own_methods_are_refused_too(filled: SqlStore, book: BookId) -> None:
    changed = samples.stored_voucher(samples.voucher(voucher_id="approved", amount="1.00"))
    with pytest.raises(RuleBroken, match="not a draft"), filled.begin(book, LI) as unit:
        unit.results.replace_draft(changed)
    with pytest.raises(RuleBroken), filled.begin(book, LI) as unit:
        unit.results.set_voucher("delivered", VoucherStatus.DRAFT)


def test_a_reading_unit_cannot_write(filled: SqlStore, book: BookId) -> None:
    before = _everything(filled)
    with pytest.raises(Exception, match=r"read-?only"), filled.read(book) as unit:
        unit.broker.save_prices([samples.price()])
    assert _everything(filled) == before
    with filled.begin(book, LI) as unit:  # the same pooled database connection writes again afterwards
        unit.broker.save_prices([samples.price()])


def _everything(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    with as_owner(store) as engine, engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in METADATA.sorted_tables
        }
