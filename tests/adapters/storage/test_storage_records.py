"""Raw records, cursors, quarantine, and the physical tables, on both databases."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.storage import SqlStore
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import Cursor
from tests.support import samples
from tests.support.databases import as_owner
from tests.support.samples import NOON, ref

LI = Actor("li.na")


def test_a_cursor_is_kept_per_connection_and_kind_and_replaced(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        assert unit.records.cursor("k3", "contracts") is None
        unit.records.save_cursor("k3", "contracts", Cursor("page 1"))
        unit.records.save_cursor("k3", "stock", Cursor("other"))
        unit.records.save_cursor("k3", "contracts", Cursor("page 2"))
    with store.read(book) as unit:
        assert unit.records.cursor("k3", "contracts") == "page 2"
        assert unit.records.cursor("k3", "stock") == "other"


def test_a_cursor_beyond_4_kb_is_a_bug_of_the_adapter(store: SqlStore, book: BookId) -> None:
    with pytest.raises(ValueError, match="4096"), store.begin(book, LI) as unit:
        unit.records.save_cursor("k3", "contracts", Cursor("铜" * 1366))


def test_a_raw_record_comes_back_byte_for_byte_with_its_digest_and_spec(store: SqlStore, book: BookId) -> None:
    pulled = samples.mapped(body=b"\x00\xff raw \xe9\x93\x9c")
    with store.begin(book, LI) as unit:
        unit.records.save_raw([pulled])
    with store.read(book) as unit:
        assert unit.records.raw(pulled.ref) == pulled.raw
        assert unit.records.known("k3", "sales_line", ["100/1", "100/2"]) == {"100/1": (pulled.raw.digest, "orders@aa")}


def test_every_version_of_a_record_is_kept_and_the_last_one_received_is_current(store: SqlStore, book: BookId) -> None:
    bodies = [b"one", b"two", b"one"]
    for body in bodies:
        with store.begin(book, LI) as unit:
            unit.records.save_raw([samples.mapped(body)])
        with store.read(book) as unit:
            current = unit.records.raw(ref())
            assert current is not None
            assert current.body == body
    with as_owner(store) as engine, engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT body FROM raw_records ORDER BY body").scalars().all()
    assert [bytes(body) for body in kept] == [b"one", b"two"]


def test_of_two_items_with_one_key_on_a_page_the_later_counts(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.records.save_raw([samples.quarantined(b"a"), samples.mapped(b"b")])
        found = unit.records.raw(ref())
        assert found is not None
        assert found.body == b"b"
        assert unit.records.quarantine() == []


def test_a_quarantined_record_waits_with_its_reason_until_it_is_mapped(store: SqlStore, book: BookId) -> None:
    item = samples.quarantined()
    with store.begin(book, LI) as unit:
        unit.records.save_raw([item, samples.mapped(key="100/2")])
    with store.read(book) as unit:
        (entry,) = unit.records.quarantine("k3")
        assert (entry.ref, entry.raw, entry.reason, entry.since) == (item.ref, item.raw, item.outcome, NOON)
        assert unit.records.quarantine("elsewhere") == []
    with store.begin(book, LI) as unit:
        unit.records.save_raw([samples.mapped()])
        assert unit.records.quarantine() == []


def test_a_renewed_quarantine_has_waited_since_its_first_day_and_a_new_one_since_today(
    store: SqlStore, book: BookId
) -> None:
    later, much_later = NOON + timedelta(days=1), NOON + timedelta(days=9)
    with store.begin(book, LI) as unit:
        unit.records.save_raw([samples.quarantined(b"a")])
        unit.records.save_raw([samples.quarantined(b"b", at=later)])
        (entry,) = unit.records.quarantine()
        assert (entry.since, entry.raw.body) == (NOON, b"b")
        unit.records.save_raw([samples.mapped(b"c")])
        unit.records.save_raw([samples.quarantined(b"d", at=much_later)])
        (entry,) = unit.records.quarantine()
        assert entry.since == much_later


def test_a_record_without_its_raw_form_is_refused(store: SqlStore, book: BookId) -> None:
    item = samples.mapped()
    with pytest.raises(ValueError, match="raw record"), store.begin(book, LI) as unit:
        unit.records.save_raw([type(item)(item.ref, item.outcome, None, item.cursor)])


def test_a_record_that_is_gone_is_neither_swept_nor_known_but_still_readable(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.records.save_raw([samples.mapped(), samples.mapped(key="100/2"), samples.quarantined(key="100/3")])
        unit.records.save_raw([samples.seen("100/2"), samples.gone("100/3")])
        unit.records.mark_gone([ref()], NOON)
        assert unit.records.keys("k3", "sales_line") == {"100/2"}
        assert set(unit.records.known("k3", "sales_line", ["100/1", "100/2", "100/3"])) == {"100/2"}
        assert unit.records.quarantine() == []
        assert unit.records.raw(ref()) == samples.mapped().raw
        unit.records.save_raw([samples.mapped()])
        assert unit.records.keys("k3", "sales_line") == {"100/1", "100/2"}


def test_more_keys_than_a_page_are_known_and_gone_in_one_call(store: SqlStore, book: BookId) -> None:
    items = [samples.mapped(key=f"{n:05}") for n in range(2501)]
    with store.begin(book, LI) as unit:
        unit.records.save_raw(items)
        assert len(unit.records.known("k3", "sales_line", [item.ref.key for item in items])) == 2501
        unit.records.mark_gone([item.ref for item in items[1:]], NOON)
        assert unit.records.keys("k3", "sales_line") == {"00000"}


def test_contract_lines_come_back_equal_in_order_and_are_replaced_and_removed(store: SqlStore, book: BookId) -> None:
    first, second = samples.contract_line(), samples.contract_line(ref=ref("099/1"), modified_at=None)
    with store.begin(book, LI) as unit:
        unit.physical.save_contract_lines([first, second])
        assert unit.physical.contract_lines() == [second, first]
        changed = samples.contract_line(ordered=Decimal("0.000000001"))
        unit.physical.save_contract_lines([changed])
        assert unit.physical.contract_line(ref()) == changed
        unit.physical.remove_contract_lines([ref(), ref("never/1")])
        assert unit.physical.contract_line(ref()) is None
        assert unit.physical.contract_lines() == [second]


def test_the_trailing_zeros_of_a_quantity_survive(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.physical.save_contract_lines([samples.contract_line(ordered=Decimal("125.000"))])
    with store.read(book) as unit:
        assert str(unit.physical.contract_lines()[0].ordered) == "125.000"


def test_a_naive_time_is_refused(store: SqlStore, book: BookId) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"), store.begin(book, LI) as unit:
        unit.physical.save_contract_lines([samples.contract_line(modified_at=naive)])
    with pytest.raises(Exception, match="time zone"), store.begin(book, LI) as unit:
        unit.physical.save_inventory([samples.inventory_lot()], naive)


def test_a_lot_keeps_the_time_it_was_first_seen(store: SqlStore, book: BookId) -> None:
    lot = samples.inventory_lot()
    with store.begin(book, LI) as unit:
        unit.physical.save_inventory([lot], NOON)
        unit.physical.save_inventory([samples.inventory_lot(quantity=Decimal(7))], NOON + timedelta(days=30))
        assert unit.physical.inventory_first_seen() == {str(lot.ref): NOON}
        assert [found.quantity for found in unit.physical.inventory()] == [Decimal(7)]


def test_lots_a_snapshot_no_longer_shows_become_zero_and_only_once(store: SqlStore, book: BookId) -> None:
    lots = [samples.inventory_lot(ref=ref(key, "inventory")) for key in ("a", "b")]
    elsewhere = samples.inventory_lot(ref=ref("b", "inventory", "other"))
    with store.begin(book, LI) as unit:
        unit.physical.save_inventory([*lots, elsewhere], NOON)
        assert unit.physical.zero_vanished("k3", {"a"}, NOON) == [lots[1].ref]
        assert [lot.quantity for lot in unit.physical.inventory()] == [lots[0].quantity, Decimal(0), elsewhere.quantity]
        assert unit.physical.zero_vanished("k3", {"a"}, NOON) == []


def test_a_lot_that_comes_back_unchanged_counts_as_changed(store: SqlStore, book: BookId) -> None:
    item = samples.mapped(key="a", kind="inventory")
    with store.begin(book, LI) as unit:
        unit.records.save_raw([item])
        unit.physical.save_inventory([samples.inventory_lot(ref=item.ref)], NOON)
        assert unit.records.known("k3", "inventory", ["a"])
        unit.physical.zero_vanished("k3", set(), NOON)
        assert unit.records.known("k3", "inventory", ["a"]) == {}


def test_masters_are_kept_by_kind(store: SqlStore, book: BookId) -> None:
    partner = samples.master(ref=ref("P1", "customer"), kind=MasterKind.PARTNER, code="C1")
    with store.begin(book, LI) as unit:
        unit.physical.save_masters([samples.master(), partner])
        unit.physical.save_masters([samples.master(active=False)])
        assert unit.physical.masters(MasterKind.MATERIAL) == [samples.master(active=False)]
        assert unit.physical.masters(MasterKind.PARTNER) == [partner]
        assert unit.physical.masters(MasterKind.ACCOUNT) == []
