"""A refused login pauses the connection when reading, as it does when posting; a paused connection is not asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import AuthFailed, RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.erp import MasterKind
from hedge_core.ports.storage import Book, Connection
from hedge_core.use_cases.outbox import resume_connection
from hedge_core.use_cases.pull import pull_contracts, pull_inventory, pull_masters
from tests.support.databases import *  # noqa: F403
from tests.support.databases import HandClock

BOOK, CLERK = BookId("cu01"), Actor("li.na")


class Locked:
    """An ERP that accepts the login from the second call on."""

    def __init__(self) -> None:
        self.asked = 0

    def _ask(self, *_: object) -> Iterator[Any]:
        self.asked += 1
        if self.asked == 1:
            raise AuthFailed("wrong secret", system="Kingdee")
        yield from ()

    pull_contracts = pull_inventory = pull_masters = _ask


@pytest.fixture
def kept(store: SqlStore) -> SqlStore:
    store.add_book(Book(BOOK, "金禾金属", "CNY"), CLERK)
    with store.begin(BOOK, CLERK) as uow:
        uow.save_connection(Connection("k3", BOOK, "kingdee", {}, {}))
    return store


PULLS: dict[str, Callable[..., object]] = {
    "contracts": pull_contracts,
    "inventory": pull_inventory,
    "masters": lambda *given: pull_masters(*given, MasterKind.ACCOUNT),
}


@pytest.mark.parametrize("pull", PULLS.values(), ids=PULLS)
def test_a_refused_login_is_tried_once_until_somebody_resumes_the_connection(
    kept: SqlStore, clock: HandClock, pull: Callable[..., object]
) -> None:
    erp = Locked()
    given = (kept, BOOK, "k3", erp, CLERK, clock)
    with pytest.raises(AuthFailed):
        pull(*given)
    for _ in range(3):
        with pytest.raises(RuleBroken) as paused:
            pull(*given)
        assert (paused.value.rule, paused.value.record) == ("connection_paused", "k3")
    assert erp.asked == 1
    with kept.read(BOOK) as uow:
        assert [known.paused for known in uow.connections()] == [True]
        *_, (_, body, _) = uow.audit.events()
        assert b"connection.paused" in body
    resume_connection(kept, BOOK, "k3", CLERK)
    pull(*given)
    assert erp.asked == 2
