"""Reading ahead keeps the order, bounds what waits, hands errors on in their place, and leaves no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal, localcontext

import pytest

from hedge_core.errors import Unavailable
from hedge_core.use_cases.read_ahead import read_ahead


def readers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "read-ahead"]


def test_pages_come_in_their_order_and_the_thread_ends() -> None:
    assert list(read_ahead(iter([[n] for n in range(50)]))) == [[n] for n in range(50)]
    assert readers() == []


def test_the_next_pages_are_read_while_one_is_stored_and_no_more_than_agreed() -> None:
    made: list[int] = []
    third = threading.Event()

    def pages() -> Iterator[list[int]]:
        for number in range(10):
            made.append(number)
            if number == 2:
                third.set()
            yield [number]

    ahead = read_ahead(pages(), ahead=2)
    assert next(ahead) == [0]
    assert third.wait(10), "the pages after the one at hand are read without being asked for"
    assert made == [0, 1, 2]
    assert list(ahead) == [[number] for number in range(1, 10)]


def test_an_error_comes_after_the_pages_before_it() -> None:
    def pages() -> Iterator[list[int]]:
        yield [1]
        yield [2]
        raise Unavailable("timeout")

    seen = []
    with pytest.raises(Unavailable):
        for page in read_ahead(pages()):
            seen.append(page)
    assert seen == [[1], [2]]
    assert readers() == []


def test_who_stops_early_stops_the_reading_and_closes_it() -> None:
    closed = threading.Event()

    def pages() -> Iterator[list[int]]:
        try:
            while True:
                yield [1]
        finally:
            closed.set()

    ahead = read_ahead(pages())
    next(ahead)
    ahead.close()
    assert closed.is_set()
    assert readers() == []


def test_the_decimal_context_of_the_caller_goes_along() -> None:
    def pages() -> Iterator[list[Decimal]]:
        yield [Decimal(1) / Decimal(3)]

    with localcontext(prec=5):
        assert list(read_ahead(pages())) == [[Decimal("0.33333")]]
