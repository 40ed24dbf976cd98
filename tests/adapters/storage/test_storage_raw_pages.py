"""Raw records kept packed by page: every one of them comes back as it came, and bulk statements say what single ones say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from alembic import command

from adapters.storage import SqlStore
from adapters.storage.bulk import WORTH
from adapters.storage.pages import FEWEST
from adapters.storage.upgrade import migrations
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.records import Pulled
from tests.support import samples
from tests.support.databases import as_owner
from tests.support.samples import NOON, ref

LI = Actor("li.na")
ODD = ("tab\there", "line\nend", "back\\slash", "return\rhere", "\\N", "铜/一号", 'quote"', "'single'", "a\\.b")


def items(count: int, said: str = "") -> list[Pulled[Any]]:
    return [samples.mapped(f"record {n} {said} 铜 \\ \t".encode() * (n % 3), key=f"{n:05}") for n in range(count)]


def save(store: SqlStore, book: BookId, pulled: Sequence[Pulled[Any]]) -> None:
    with store.begin(book, LI) as unit:
        unit.records.known("k3", "sales_line", [item.ref.key for item in pulled])
        unit.records.save_raw(pulled)


def pages_of(store: SqlStore) -> list[Any]:
    with as_owner(store) as engine, engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT page, size, length(body) AS packed FROM raw_pages"))


@pytest.mark.parametrize("count", [FEWEST - 1, FEWEST, WORTH, 1500])
def test_every_record_of_a_page_comes_back_byte_for_byte(store: SqlStore, book: BookId, count: int) -> None:
    pulled = items(count)
    save(store, book, pulled)
    with store.read(book) as unit:
        for item in [*pulled[:5], *pulled[-5:]]:
            assert unit.records.raw(item.ref) == item.raw
        assert len(unit.records.keys("k3", "sales_line")) == count
    assert len(pages_of(store)) == (count >= FEWEST)


def test_a_page_is_kept_in_a_fraction_of_its_bytes(store: SqlStore, book: BookId) -> None:
    save(store, book, items(600))
    ((_, size, packed),) = pages_of(store)
    assert packed * 3 < size


def test_a_later_page_makes_new_versions_and_the_older_ones_stay(store: SqlStore, book: BookId) -> None:
    first, second = items(200, "one"), items(200, "two")
    for page in (first, second, first):
        save(store, book, page)
        with store.read(book) as unit:
            assert unit.records.raw(page[7].ref) == page[7].raw
            assert unit.records.known("k3", "sales_line", ["00007"])["00007"][0] == page[7].raw.digest  # type: ignore[union-attr]
    assert len(pages_of(store)) == 2, "the same page again is the same page"


def test_keys_with_odd_characters_are_kept_and_found(store: SqlStore, book: BookId) -> None:
    pulled = [samples.mapped(f"body {n}".encode(), key=f"{ODD[n % len(ODD)]}/{n}") for n in range(WORTH + 9)]
    lines = [samples.contract_line(ref=item.ref, partner=ODD[n % len(ODD)]) for n, item in enumerate(pulled)]
    save(store, book, pulled)
    with store.begin(book, LI) as unit:
        unit.physical.save_contract_lines(lines)
    with store.read(book) as unit:
        assert all(unit.records.raw(item.ref) == item.raw for item in pulled)
        assert set(unit.records.known("k3", "sales_line", [item.ref.key for item in pulled])) == {
            item.ref.key for item in pulled
        }
        assert {line.ref: line for line in unit.physical.each_contract_line()} == {line.ref: line for line in lines}


def test_two_bulk_writes_in_one_transaction_do_not_mix(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        for part in (items(300)[:100], items(300)[100:]):
            unit.records.save_raw(part)
            unit.physical.save_contract_lines([samples.contract_line(ref=item.ref) for item in part])
    with store.read(book) as unit:
        assert len(unit.records.keys("k3", "sales_line")) == 300
        assert len(unit.physical.contract_lines()) == 300


def test_of_two_lines_with_one_reference_in_a_bulk_write_the_later_counts(store: SqlStore, book: BookId) -> None:
    lines = [samples.contract_line(ref=ref(f"{n // 2:03}"), partner=f"P{n}") for n in range(2 * WORTH)]
    with store.begin(book, LI) as unit:
        unit.physical.save_contract_lines(lines)
    with store.read(book) as unit:
        assert [line.partner for line in unit.physical.contract_lines()] == [f"P{n}" for n in range(1, 2 * WORTH, 2)]


def test_what_waits_in_quarantine_is_read_from_its_page_and_flows_from_there(store: SqlStore, book: BookId) -> None:
    pulled = [
        samples.quarantined(f"held {n}".encode(), key=f"{n:05}") if n % 10 == 0 else samples.mapped(key=f"{n:05}")
        for n in range(100)
    ]
    save(store, book, pulled)
    with store.read(book) as unit:
        entries = unit.records.quarantine("k3")
    assert [entry.raw for entry in entries] == [item.raw for item in pulled[::10]]
    save(store, book, [samples.mapped(entry.raw.body, key=entry.ref.key) for entry in entries])
    with store.read(book) as unit:
        assert unit.records.quarantine() == []
        assert unit.records.raw(entries[3].ref) == entries[3].raw


def test_a_record_that_was_gone_and_one_that_waited_are_no_new_ones(store: SqlStore, book: BookId) -> None:
    save(store, book, [samples.quarantined(key="a"), samples.mapped(key="b")])
    with store.begin(book, LI) as unit:
        unit.records.mark_gone([ref("b")], NOON)
    save(store, book, [samples.mapped(b"new", key="a"), samples.mapped(b"new", key="b")])
    with store.read(book) as unit:
        assert unit.records.quarantine() == []
        assert unit.records.keys("k3", "sales_line") == {"a", "b"}
        found = unit.records.raw(ref("b"))
        assert found is not None and found.body == b"new"


def test_a_page_that_is_missing_is_said_and_not_taken_for_an_empty_record(store: SqlStore, book: BookId) -> None:
    save(store, book, items(FEWEST))
    with as_owner(store) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM raw_pages")
    with store.read(book) as unit, pytest.raises(LookupError, match="missing"):
        unit.records.raw(ref("00001"))


def test_records_received_at_several_times_keep_theirs(store: SqlStore, book: BookId) -> None:
    pulled = [samples.quarantined(f"{n}".encode(), f"{n:05}", NOON + timedelta(minutes=n)) for n in range(WORTH)]
    save(store, book, pulled)
    with store.read(book) as unit:
        assert [unit.records.raw(item.ref) for item in pulled] == [item.raw for item in pulled]


def test_one_step_back_gives_every_record_its_own_bytes_again(store: SqlStore, book: BookId) -> None:
    pulled = items(WORTH, "packed")
    save(store, book, pulled)
    with as_owner(store) as engine:
        with engine.begin() as connection, migrations(connection) as (config, _):
            command.downgrade(config, "0008")
            kept = dict(connection.exec_driver_sql("SELECT key, body FROM raw_records").all())
        assert {key: bytes(body) for key, body in kept.items()} == {i.ref.key: i.raw.body for i in pulled if i.raw}
        with engine.begin() as connection, migrations(connection) as (config, _):
            command.upgrade(config, "head")
    with store.read(book) as unit:
        assert all(unit.records.raw(item.ref) == item.raw for item in pulled)
