"""Pulling page by page: what is known is not read, a cut loses nothing, and a page says the same as its records one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import Unavailable
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.record_pages import KnownPage, RecordPage
from hedge_core.model.records import Cursor, Mapped, PullScope, Quarantined
from hedge_core.use_cases.pull import PullResult, pull_contracts
from messages import Message
from tests.support import samples
from tests.support.databases import HandClock
from tests.support.fake_erp import FakeErp
from tests.support.paged import page

BOOK = BookId("cu01")
CLERK = Actor("li.na")


@dataclass
class PagedErp(FakeErp):
    """An ERP whose list comes in pages, each named by its content; `cut` breaks the connection after so many of them."""

    pages: list[RecordPage[Any]] = field(default_factory=list)
    cut: int | None = None
    mapped: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def pull_contract_pages(
        self, since: Cursor | None, scope: PullScope, known: Mapping[str, str]
    ) -> Iterator[RecordPage[Any] | KnownPage[Any]]:
        for number, one in enumerate(self.pages[int(since or 0) :], int(since or 0) + 1):
            if self.cut is not None and number > self.cut:
                raise Unavailable("the line is cut")
            after = Cursor(str(number))
            if one.token in known:
                self.told.append(known[one.token])
                yield KnownPage(one.token, after, lambda one=one: one)  # type: ignore[misc]
                continue
            one.after = after
            self.mapped += one.keys
            yield one


def keys(page_number: int, count: int = 20) -> list[str]:
    return [f"{page_number}.{number:03}/1" for number in range(count)]


def listed(*said: str) -> list[RecordPage[Any]]:
    return [page(keys(number), text, f"{number} {text}", f"told {number}") for number, text in enumerate(said)]


def with_refused(one: RecordPage[Any], places: set[int]) -> RecordPage[Any]:
    """The same page with some records that cannot be mapped."""
    read = one.read
    reason = Quarantined(one.spec, "7", "unit", Message("post.no_such_voucher"), "捆")
    one.read = lambda asked: [reason if place in places else read([place])[0] for place in asked]
    return one


@dataclass
class Desk:
    store: SqlStore
    clock: HandClock
    erp: PagedErp

    def pull(self, scope: PullScope = PullScope.OPEN) -> PullResult:
        return pull_contracts(self.store, BOOK, "k3", self.erp, CLERK, self.clock, scope)

    def lines(self) -> set[str]:
        with self.store.read(BOOK) as uow:
            return {line.ref.key for line in uow.physical.contract_lines()}

    def bodies(self) -> dict[str, bytes]:
        with self.store.read(BOOK) as uow:
            refs = [ExternalRef("k3", "sales_line", key) for key in sorted(uow.records.keys("k3", "sales_line"))]
            return {ref.key: uow.records.raw(ref).body for ref in refs}  # type: ignore[union-attr]

    def cursor(self) -> str | None:
        with self.store.read(BOOK) as uow:
            return uow.records.cursor("k3", "contracts")

    def pulled_events(self) -> int:
        with self.store.read(BOOK) as uow:
            return sum(b'"records.pulled"' in body for _, body, _ in uow.audit.events())


@pytest.fixture
def desk(store: SqlStore, clock: HandClock) -> Desk:
    return Desk(store, clock, PagedErp())


def test_every_page_is_kept_with_one_event_and_its_records_come_back(desk: Desk) -> None:
    desk.erp.pages = listed("a", "b", "c")
    result = desk.pull()
    assert (result.read, result.stored, result.unchanged, result.quarantined) == (60, 60, 0, 0)
    assert desk.lines() == {key for number in range(3) for key in keys(number)}
    assert desk.bodies() == {
        key: body for one in desk.erp.pages for key, body in zip(one.keys, one.bodies, strict=True)
    }
    assert desk.pulled_events() == 3


def test_pages_that_come_again_as_they_were_are_not_read(desk: Desk) -> None:
    desk.erp.pages = listed("a", "b", "c")
    desk.pull()
    desk.erp.mapped.clear()
    result = desk.pull()
    assert (result.read, result.unchanged, result.stored) == (60, 60, 0)
    assert desk.erp.mapped == []
    assert desk.erp.told == ["told 0", "told 1", "told 2"]
    assert desk.pulled_events() == 3


def test_only_the_page_that_changed_is_read_again(desk: Desk) -> None:
    desk.erp.pages = listed("a", "b", "c")
    desk.pull()
    desk.erp.mapped.clear()
    desk.erp.pages = listed("a", "changed", "c")
    result = desk.pull()
    assert (result.read, result.unchanged, result.stored) == (60, 40, 20)
    assert desk.erp.mapped == keys(1)
    assert desk.bodies()[keys(1)[3]] == f"{keys(1)[3]} changed".encode()


def test_a_page_that_says_again_what_it_said_before_a_change_is_read(desk: Desk) -> None:
    for said in ("a", "changed", "a"):
        desk.erp.pages = listed(said)
        desk.pull()
    assert desk.bodies()[keys(0)[0]] == f"{keys(0)[0]} a".encode()


def test_a_known_page_whose_record_changes_on_a_page_before_it_is_read_after_all(desk: Desk) -> None:
    desk.erp.pages = listed("a", "b")
    desk.pull()
    desk.erp.pages = [page(keys(1), "moved", "moved"), desk.erp.pages[1]]
    result = desk.pull()
    assert (result.read, result.stored) == (40, 40)
    assert desk.bodies()[keys(1)[0]] == f"{keys(1)[0]} b".encode(), "the later page counts"


def test_a_record_twice_in_pages_stored_together_counts_as_it_came_last(desk: Desk) -> None:
    twice = page([*keys(0), keys(0)[4]], "a")
    twice.bodies = [*twice.bodies[:-1], b"the later"]
    twice.digests = [*twice.digests[:-1], "f" * 64]
    desk.erp.pages = [twice, page(keys(0)[:2], "b")]
    desk.pull()
    bodies = desk.bodies()
    assert bodies[keys(0)[4]] == b"the later"
    assert bodies[keys(0)[0]] == f"{keys(0)[0]} b".encode()


def test_what_cannot_be_mapped_is_held_and_the_rest_of_its_page_is_stored(desk: Desk) -> None:
    desk.erp.pages = [with_refused(listed("a")[0], {2, 5})]
    result = desk.pull()
    assert (result.stored, result.quarantined) == (18, 2)
    with desk.store.read(BOOK) as uow:
        assert [(entry.ref.key, entry.raw.body) for entry in uow.records.quarantine()] == [
            (keys(0)[place], f"{keys(0)[place]} a".encode()) for place in (2, 5)
        ]
    desk.erp.pages = listed("mapped now")
    assert desk.pull().stored == 20
    with desk.store.read(BOOK) as uow:
        assert uow.records.quarantine() == []


def test_the_same_contract_line_under_another_key_is_held_back(desk: Desk) -> None:
    desk.erp.pages = listed("a")
    desk.pull()
    other = page(keys(7), "b")
    item = samples.contract_line(ref=ExternalRef("k3", "sales_line", keys(7)[0]), contract_no=f"C-{keys(0)[0]}")
    read = other.read
    other.read = lambda asked: [Mapped(item, other.spec) if p == 0 else read([p])[0] for p in asked]
    desk.erp.pages = [other]
    result = desk.pull()
    assert (result.stored, result.quarantined) == (19, 1)


@pytest.mark.parametrize("cut", range(8))
def test_a_cut_anywhere_loses_nothing_and_repeats_nothing(desk: Desk, cut: int) -> None:
    desk.erp.pages = listed(*"abcdefgh")
    desk.erp.cut = cut
    with pytest.raises(Unavailable):
        desk.pull(PullScope.CHANGED)
    assert desk.cursor() == (str(cut) if cut else None)
    assert desk.lines() == {key for number in range(cut) for key in keys(number)}
    desk.erp.cut = None
    assert desk.pull(PullScope.CHANGED).stored == 20 * (8 - cut)
    assert desk.lines() == {key for number in range(8) for key in keys(number)}
    assert desk.pulled_events() == 8
