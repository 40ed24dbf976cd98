"""The audit log in the database: same transaction as the change, one Merkle tree per book, nothing from a rollback."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.storage import SqlStore
from hedge_core.audit.events import read_event
from hedge_core.audit.tree import leaf_hash, root_of
from hedge_core.model.identity import Actor, BookId
from tests.support import samples

LI = Actor("li.na", authenticated=True)


def assert_tree_is_whole(store: SqlStore, book: BookId) -> int:
    """Every leaf hash is that of its bytes, sequences have no gap, and the head is the root over all; answers the size."""
    with store.read(book) as unit:
        events = list(unit.audit.events())
        size, root = unit.audit.head()
    assert [sequence for sequence, _, _ in events] == list(range(size))
    assert [leaf for _, _, leaf in events] == [leaf_hash(body) for _, body, _ in events]
    assert root == root_of(leaf for _, _, leaf in events).hex()
    assert [read_event(body).sequence for _, body, _ in events] == list(range(size))
    return size


def test_an_event_says_who_when_and_what(store: SqlStore, book: BookId, clock: object) -> None:
    with store.begin(book, LI) as unit:
        unit.audit.append("voucher.approved", "v1", {"content_hash": "ab", "lines": 2})
        assert unit.audit.head()[0] == 1
    with store.read(book) as unit:
        ((_, body, _),) = unit.audit.events(first=1)
    event = read_event(body)
    assert (event.book, event.actor, event.authenticated, event.kind) == ("cu01", "li.na", True, "voucher.approved")
    assert (event.subject, event.details, event.at) == ("v1", {"content_hash": "ab", "lines": 2}, clock.now())  # type: ignore[attr-defined]


def test_the_events_of_many_units_make_one_tree_per_book(store: SqlStore, book: BookId) -> None:
    for unit_size in (1, 3, 0, 5, 1030):
        with store.begin(book, LI) as unit:
            for number in range(unit_size):
                unit.audit.append("price.imported", f"p{number}", {"n": number})
    with store.begin(BookId("al02"), LI) as unit:
        unit.audit.append("price.imported", "other", {})
    assert assert_tree_is_whole(store, book) == 1 + 1039
    assert assert_tree_is_whole(store, BookId("al02")) == 2


def test_a_unit_that_fails_leaves_no_event(store: SqlStore, book: BookId) -> None:
    with pytest.raises(ZeroDivisionError), store.begin(book, LI) as unit:
        unit.audit.append("price.imported", "p", {})
        unit.broker.save_prices([samples.price()])
        raise ZeroDivisionError
    assert assert_tree_is_whole(store, book) == 1


def test_an_event_that_has_no_canonical_form_fails_where_it_is_appended(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        with pytest.raises(TypeError):
            unit.audit.append("price.imported", "p", {"price": 1.5})
        with pytest.raises(ValueError, match="dotted"):
            unit.audit.append("Price", "p", {})
        unit.audit.append("price.imported", "p", {})
    assert assert_tree_is_whole(store, book) == 2


def test_writers_at_the_same_time_do_not_break_the_tree(store: SqlStore, book: BookId) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            with store.begin(book, Actor(f"writer {number}")) as unit:
                unit.audit.append("price.imported", f"{number}/{turn}", {})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert assert_tree_is_whole(store, book) == 21


def test_whoever_wrote_meanwhile_the_next_event_stands_behind_the_last(store: SqlStore, book: BookId) -> None:
    """A process guesses where the log stands: wrongly after another one wrote, and after its own unit was rolled back."""
    elsewhere = SqlStore(store._engine, store._clock)
    for number, writer in enumerate((store, store, elsewhere, elsewhere, store, elsewhere)):
        with writer.begin(book, LI) as unit:
            unit.audit.append("demo.noted", f"n{number}", {})
        with pytest.raises(KeyError), writer.begin(book, LI) as unit:
            unit.audit.append("demo.lost", f"n{number}", {})
            unit.audit.write()
            raise KeyError
    assert assert_tree_is_whole(store, book) == 7
    with store.read(book) as unit:
        told = [read_event(body).subject for _, body, _ in unit.audit.events()]
    assert told[1:] == [f"n{number}" for number in range(6)]
