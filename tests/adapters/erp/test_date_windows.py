"""Reading by windows of dates: each document once, whatever pages a list makes and whether it counts or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.erp.date_windows import Ask, Document, DocumentPage, Window, in_windows
from adapters.erp.paged_snapshot import whole_list
from hedge_core.errors import ContractViolation, Unavailable

FIRST = date(2026, 1, 1)
WHOLE = Window(FIRST, FIRST + timedelta(days=120))


def listing(days: Sequence[int], size: int, *, counts: bool) -> Ask:
    documents = [
        Document(f"D{place}", FIRST + timedelta(days=day), "", (("", b"{}"),)) for place, day in enumerate(days)
    ]

    def ask(_kind: str, window: Window, page: int) -> DocumentPage:
        found = [one for one in documents if window.first <= one.day <= window.last]
        return DocumentPage(found[(page - 1) * size : page * size], len(found) if counts else None)

    return ask


@given(days=st.lists(st.integers(0, 120), max_size=60), size=st.integers(1, 9), counts=st.booleans())
def test_every_document_comes_once_in_the_order_of_dates(days: list[int], size: int, counts: bool) -> None:
    windows = list(in_windows(listing(days, size, counts=counts), "x", WHOLE, "ERP"))
    keys = [document.key for _, documents in windows for document in documents]
    assert sorted(keys) == sorted(f"D{place}" for place in range(len(days)))
    dates = [document.day for _, documents in windows for document in documents]
    assert dates == sorted(dates)
    edges = [(window.first, window.last) for window, _ in windows]
    assert edges[0][0] == WHOLE.first and edges[-1][1] == WHOLE.last
    assert all(one[1] + timedelta(days=1) == two[0] for one, two in pairwise(edges))


def test_a_list_that_ignores_page_numbers_and_does_not_count_is_still_read() -> None:
    documents = [Document(f"D{place}", FIRST, "", (("", b"{}"),)) for place in range(5)]
    (_, found), = list(in_windows(lambda *_: DocumentPage(documents), "x", Window(FIRST, FIRST), "ERP"))  # fmt: skip
    assert len(found) == 5


def test_a_day_that_keeps_changing_is_not_believed() -> None:
    readings = iter(range(100))

    def ask(_kind: str, _window: Window, page: int) -> DocumentPage:
        if page > 2:
            return DocumentPage([])
        return DocumentPage([Document(f"D{next(readings)}", FIRST, "", (("", b"{}"),))])

    with pytest.raises(Unavailable, match="keep changing"):
        list(in_windows(ask, "x", Window(FIRST, FIRST), "ERP"))


def pages(*contents: Sequence[bytes], total: int | None = None):  # type: ignore[no-untyped-def]
    return lambda number: (list(contents[number - 1]) if number <= len(contents) else [], total)


def test_a_snapshot_is_whole_when_it_counts_or_two_readings_agree() -> None:
    for total in (3, None):
        assert list(whole_list(pages([b"a", b"b"], [b"c"], total=total), bytes.decode, "x", "ERP")) == ["a", "b", "c"]


def test_a_snapshot_whose_rows_move_is_not_believed() -> None:
    with pytest.raises(Unavailable):
        whole_list(pages([b"a", b"b"], [b"b", b"c"]), bytes.decode, "x", "ERP")
    with pytest.raises(Unavailable):
        whole_list(pages([b"a", b"b"], total=3), bytes.decode, "x", "ERP")


def test_two_rows_with_one_key_stop_a_snapshot() -> None:
    with pytest.raises(ContractViolation, match="stock_key"):
        whole_list(pages([b"a", b"a "]), lambda row: row.decode().strip(), "x", "ERP")
