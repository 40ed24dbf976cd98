"""A page is known as long as each of its records is what that page said it was, and not a moment longer."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.storage import SqlStore
from adapters.storage.pages import FEWEST
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.record_pages import RecordPage
from tests.support import samples
from tests.support.paged import page, whole
from tests.support.samples import NOON, ref

LI = Actor("li.na")
KEYS = [f"{number:03}/1" for number in range(FEWEST + 4)]


def keep(store: SqlStore, book: BookId, *pages: RecordPage[Any]) -> None:
    with store.begin(book, LI) as unit:
        for one in pages:
            unit.records.known("k3", "sales_line", list(one.keys))
            unit.record_pages.keep([whole(one)])
            unit.record_pages.remember([one])


def known(store: SqlStore, book: BookId) -> dict[str, str]:
    with store.read(book) as unit:
        assert (
            unit.record_pages.unchanged("k3", ["t1", "t2", "nobody's"]).keys() == unit.record_pages.known("k3").keys()
        )
        return unit.record_pages.known("k3")


def test_a_kept_page_is_known_with_what_it_told_and_how_many_records_it_has(store: SqlStore, book: BookId) -> None:
    keep(store, book, page(KEYS, token="t1", told="as far as 20"))
    assert known(store, book) == {"t1": "as far as 20"}
    with store.read(book) as unit:
        assert unit.record_pages.unchanged("k3", ["t1"]) == {"t1": len(KEYS)}
        assert unit.records.raw(ref(KEYS[3])).body == f"{KEYS[3]} ".encode()  # type: ignore[union-attr]


def test_a_page_without_a_token_is_kept_and_never_recognised(store: SqlStore, book: BookId) -> None:
    keep(store, book, page(KEYS))
    assert known(store, book) == {}


def test_another_version_of_one_record_makes_the_page_unknown(store: SqlStore, book: BookId) -> None:
    keep(store, book, page(KEYS, token="t1"))
    with store.begin(book, LI) as unit:
        unit.records.save_raw([samples.mapped(b"changed", key=KEYS[0])])
    assert known(store, book) == {}


def test_a_record_that_is_gone_makes_the_page_unknown(store: SqlStore, book: BookId) -> None:
    keep(store, book, page(KEYS, token="t1"))
    with store.begin(book, LI) as unit:
        unit.records.mark_gone([ref(KEYS[5])], NOON)
    assert known(store, book) == {}


def test_records_read_by_another_mapping_make_every_page_unknown(store: SqlStore, book: BookId) -> None:
    keep(store, book, page(KEYS, token="t1"))
    with store.begin(book, LI) as unit:
        unit.record_versions.read_by("k3", "sales_line", "orders@bb")
    assert known(store, book) == {}


def test_a_page_of_records_that_came_on_several_pages_leans_on_all_of_them(store: SqlStore, book: BookId) -> None:
    others = [f"x{key}" for key in KEYS]
    keep(store, book, page(KEYS, token="t1"), page(others, token="t2"))
    with store.begin(book, LI) as unit:
        unit.record_pages.remember([page(KEYS[:9] + others[:9], token="mixed")])
    assert "mixed" in (with_mixed := _all(store, book)) and len(with_mixed) == 3
    with store.begin(book, LI) as unit:
        unit.records.save_raw([samples.mapped(b"changed", key=others[19])])
    assert _all(store, book) == {"t1"}, "a record of the raw page changed, which of them does not matter"


def test_a_version_that_comes_back_lies_where_it_lay_first(store: SqlStore, book: BookId) -> None:
    keep(store, book, page(KEYS, "one"), page(KEYS[:3], "two"))
    back = page([*KEYS[:3], *(f"y{key}" for key in KEYS)], "one", token="t1")
    keep(store, book, back)
    assert _all(store, book) == {"t1"}
    with store.begin(book, LI) as unit:
        unit.records.save_raw([samples.mapped(b"changed", key=KEYS[1])])
    assert _all(store, book) == set()


def test_a_page_with_a_record_that_is_not_kept_or_keeps_its_own_bytes_is_not_remembered(
    store: SqlStore, book: BookId
) -> None:
    keep(store, book, page(KEYS[: FEWEST - 1]))
    with store.begin(book, LI) as unit:
        unit.record_pages.remember([page(KEYS[:3], token="few"), page(["nobody"], token="none")])
    assert _all(store, book) == set()


def test_the_oldest_are_forgotten_when_there_are_too_many(
    store: SqlStore, book: BookId, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    monkeypatch.setattr("adapters.storage.known_pages.MOST", 3)
    for number in range(6):
        clock.sleep(60)
        keep(store, book, page([f"{number}/{key}" for key in KEYS], token=f"t{number}"))
    assert _all(store, book) == {"t3", "t4", "t5"}


def _all(store: SqlStore, book: BookId) -> set[str]:
    with store.read(book) as unit:
        return set(unit.record_pages.known("k3"))
