"""Every version of a record with the times it was there, whatever is received again afterwards, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from adapters.storage import SqlStore
from adapters.storage.bulk import WORTH
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.records import Pulled
from tests.support import samples
from tests.support.samples import NOON, ref

LI = Actor("li.na")
BOOK = BookId("cu01")


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def keep(store: SqlStore, *items: Pulled[object]) -> None:
    with store.begin(BOOK, LI) as uow:
        known = sorted({item.ref.key for item in items})
        uow.records.known("k3", "sales_line", known)
        uow.records.save_raw(items)


def stays(store: SqlStore, key: str = "100/1") -> list[tuple[bytes, datetime, datetime | None, bool]]:
    with store.read(BOOK) as uow:
        found = uow.record_versions.versions("k3", "sales_line")
    return [(one.raw.body, one.raw.received_at, one.gone_at, one.current) for one in found if one.raw.ref.key == key]


def test_a_version_that_comes_back_keeps_when_it_was_there_before(store: SqlStore, book: BookId) -> None:
    for number, body in enumerate((b"a", b"b", b"a")):
        keep(store, samples.mapped(body, at=day(number)))
    assert stays(store) == [
        (b"a", day(0), None, False),
        (b"b", day(1), None, False),
        (b"a", day(2), None, True),
    ]


def test_a_record_that_was_gone_and_returns_keeps_the_gap(store: SqlStore, book: BookId) -> None:
    keep(store, samples.mapped(b"a", at=day(0)))
    with store.begin(BOOK, LI) as uow:
        uow.records.mark_gone([ref()], day(1))
    keep(store, samples.mapped(b"a", at=day(2)))
    assert stays(store) == [(b"a", day(0), day(1), False), (b"a", day(2), None, True)]


def test_reading_again_with_another_mapping_keeps_the_first_reading(store: SqlStore, book: BookId) -> None:
    keep(store, samples.mapped(b"a", spec="orders@aa", at=day(0)))
    keep(store, samples.mapped(b"a", spec="orders@bb", at=day(3)))
    with store.read(BOOK) as uow:
        found = uow.record_versions.versions("k3", "sales_line")
    assert [(one.spec, one.raw.received_at) for one in found] == [("orders@aa", day(0)), ("orders@bb", day(3))]


@pytest.mark.parametrize("records", [1, WORTH + 1])
def test_pages_of_records_leave_their_stays_behind_as_single_ones_do(
    store: SqlStore, book: BookId, records: int
) -> None:
    for number, body in enumerate((b"a", b"b", b"a")):
        keep(store, *(samples.mapped(body, key=f"100/{n}", at=day(number)) for n in range(records)))
    assert [len(stays(store, f"100/{n}")) for n in range(records)] == [3] * records


def test_a_repeat_at_the_same_instant_leaves_nothing_behind(store: SqlStore, book: BookId) -> None:
    for spec in ("orders@aa", "orders@bb"):
        keep(store, samples.mapped(b"a", spec=spec, at=day(0)))
    assert len(stays(store)) == 1


def test_what_is_there_now_is_told_to_be_read_by_a_mapping_and_nothing_else(store: SqlStore, book: BookId) -> None:
    keep(store, samples.mapped(b"a", at=day(0)), samples.mapped(b"x", key="100/2", at=day(0)))
    keep(store, samples.mapped(b"b", at=day(1)))
    with store.begin(BOOK, LI) as uow:
        uow.records.mark_gone([ref("100/2")], day(1))
        assert uow.record_versions.read_by("k3", "sales_line", "orders@cc") == 1
    with store.read(BOOK) as uow:
        specs = {(one.raw.body, one.spec) for one in uow.record_versions.versions("k3", "sales_line")}
    assert specs == {(b"a", "orders@aa"), (b"b", "orders@cc"), (b"x", "orders@aa")}
