"""Fixtures of the storage tests: stores on both databases with two books, and one of everything to put into them."""

from __future__ import annotations

import pytest

from adapters.storage import SqlStore
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book
from tests.support.databases import *  # noqa: F403

LI = Actor("li.na")


@pytest.fixture
def book(store: SqlStore) -> BookId:
    """The book `cu01`, beside another one, `al02`."""
    store.add_book(Book(BookId("cu01"), "示例铜业贸易", "CNY", {"rule_set": "none"}), LI)
    store.add_book(Book(BookId("al02"), "Sample Aluminium", "CNY"), LI)
    return BookId("cu01")
