"""Pulling: pages with their cursor, what costs nothing, deletions, and records that stop nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import RuleBroken, Unavailable
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.model.records import Cursor, Gone, Mapped, Pulled, PullScope, Quarantined, RawRecord, Seen
from hedge_core.use_cases.pull import PullResult, pull_contracts, pull_inventory, retry_quarantine
from messages import Message
from tests.support.databases import HandClock
from tests.support.fake_erp import FakeErp
from tests.support.samples import NOON, contract_line, inventory_lot

BOOK = BookId("cu01")
CLERK = Actor("li.na")
SPEC = "orders@aa"


def _raw(ref: ExternalRef, body: str) -> RawRecord:
    return RawRecord.of(ref, body.encode(), NOON)


def line(number: int, *, contract: str = "", body: str = "", kind: str = "sale_line", **more: Any) -> Pulled[Any]:
    ref = ExternalRef("k3", kind, f"{number}/1")
    item = contract_line(ref=ref, contract_no=contract or f"XS-{number}", **more)
    return Pulled(ref, Mapped(item, SPEC), _raw(ref, body or f"line {number}"), Cursor(f"after {number}"))


def held(number: int, spec: str = SPEC) -> Pulled[Any]:
    ref = ExternalRef("k3", "sale_line", f"{number}/1")
    reason = Quarantined(spec, "7", "unit", Message("post.no_such_voucher"), "捆")
    return Pulled(ref, reason, _raw(ref, f"line {number}"), Cursor(f"after {number}"))


def lot(number: int, quantity: str = "10") -> Pulled[Any]:
    ref = ExternalRef("k3", "stock", f"lot-{number}")
    item = inventory_lot(ref=ref, quantity=Decimal(quantity))
    return Pulled(ref, Mapped(item, SPEC), _raw(ref, f"lot {number} {quantity}"), Cursor(""))


def key(number: int, kind: str = "sale_line") -> Pulled[Any]:
    return Pulled(ExternalRef("k3", kind, f"{number}/1"), Seen(), None, Cursor(""))


def pages(*given: Sequence[Pulled[Any]], then: Exception | None = None) -> Iterator[Pulled[Any]]:
    """The items of each page, the last of each marked; at last an exception, if one is wanted."""
    for page in given:
        yield from page[:-1]
        yield replace(page[-1], page_end=True)
    if then is not None:
        raise then


@dataclass
class Desk:
    store: SqlStore
    erp: FakeErp
    clock: HandClock

    def pull(self, items: Iterator[Pulled[Any]], scope: PullScope = PullScope.CHANGED, **more: Any) -> PullResult:
        self.erp.pulls.append(items)
        return pull_contracts(self.store, BOOK, "k3", self.erp, CLERK, self.clock, scope, **more)

    def snapshot(self, *items: Pulled[Any], **more: Any) -> PullResult:
        self.erp.pulls.append(pages(items) if items else iter(()))
        return pull_inventory(self.store, BOOK, "k3", self.erp, CLERK, self.clock, **more)

    def retry(self) -> PullResult:
        return retry_quarantine(self.store, BOOK, "k3", self.erp, CLERK)

    def lines(self) -> dict[str, ContractLine]:
        with self.store.read(BOOK) as uow:
            return {one.ref.key: one for one in uow.physical.contract_lines()}

    def lots(self) -> dict[str, Decimal]:
        with self.store.read(BOOK) as uow:
            return {one.ref.key: one.quantity for one in uow.physical.inventory()}

    def quarantine(self) -> list[str]:
        with self.store.read(BOOK) as uow:
            return sorted(entry.ref.key for entry in uow.records.quarantine())

    def cursor(self) -> str | None:
        with self.store.read(BOOK) as uow:
            return uow.records.cursor("k3", "contracts")

    def events(self) -> list[str]:
        with self.store.read(BOOK) as uow:
            return [body.decode() for _, body, _ in uow.audit.events()]

    def raw(self, number: int) -> bytes:
        with self.store.read(BOOK) as uow:
            found = uow.records.raw(ExternalRef("k3", "sale_line", f"{number}/1"))
            assert found is not None
            return found.body


@pytest.fixture
def desk(store: SqlStore, erp: FakeErp, clock: HandClock) -> Desk:
    return Desk(store, erp, clock)


# --- pages and cursors ------------------------------------------------------------------------------------------------


def test_a_pull_keeps_records_and_goes_on_from_its_cursor(desk: Desk) -> None:
    result = desk.pull(pages([line(1), line(2)], [line(3)]))
    assert (result.read, result.stored) == (3, 3)
    assert sorted(desk.lines()) == ["1/1", "2/1", "3/1"]
    assert desk.raw(2) == b"line 2"
    desk.pull(pages([line(4)]))
    assert [since for _, since, _ in desk.erp.asked] == [None, "after 3"]


def test_a_failure_within_a_page_keeps_the_pages_before_and_nothing_of_this_one(desk: Desk) -> None:
    def broken() -> Iterator[Pulled[Any]]:
        yield from pages([line(1), line(2)])
        yield line(3)
        raise Unavailable("timeout")

    with pytest.raises(Unavailable):
        desk.pull(broken())
    assert sorted(desk.lines()) == ["1/1", "2/1"]
    assert desk.cursor() == "after 2"


def test_a_page_that_cannot_be_stored_leaves_neither_records_nor_cursor(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.pull(pages([line(1)]))
    before = desk.events()
    desk.erp.pulls.append(pages([line(2)]))
    with monkeypatch.context() as patched:
        patched.setattr("adapters.storage.records.Records.save_cursor", _disk_full)
        with pytest.raises(OSError, match="disk full"):
            pull_contracts(desk.store, BOOK, "k3", desk.erp, CLERK, desk.clock)
    assert sorted(desk.lines()) == ["1/1"]
    assert desk.cursor() == "after 1"
    assert desk.events() == before


def _disk_full(*_: object) -> None:
    raise OSError("disk full")


def test_the_end_of_a_pull_ends_its_last_page(desk: Desk) -> None:
    desk.pull(iter([line(1)]))
    assert sorted(desk.lines()) == ["1/1"]
    assert desk.cursor() == "after 1"


def test_other_scopes_leave_the_cursor_alone(desk: Desk) -> None:
    desk.pull(pages([line(1)]))
    desk.pull(pages([line(9)]), PullScope.OPEN)
    assert desk.cursor() == "after 1"


def test_unchanged_records_cost_nothing(desk: Desk) -> None:
    desk.pull(pages([line(1), held(2)]))
    before = desk.events()
    result = desk.pull(pages([line(1), held(2)]))
    assert (result.read, result.unchanged, result.stored, result.quarantined) == (2, 2, 0, 0)
    assert desk.events() == before


def test_the_same_record_under_another_mapping_is_mapped_again(desk: Desk) -> None:
    desk.pull(pages([held(1)]))
    newer = replace(line(1), outcome=Mapped(contract_line(ref=line(1).ref), "orders@bb"))
    assert desk.pull(pages([newer])).stored == 1
    assert desk.quarantine() == []


def test_a_record_twice_in_a_page_counts_as_its_later_form(desk: Desk) -> None:
    desk.pull(pages([line(1, body="old"), line(1, body="new", partner="新客户")]))
    assert desk.lines()["1/1"].partner == "新客户"
    assert desk.raw(1) == b"new"


def test_progress_counts_every_record(desk: Desk) -> None:
    told: list[int] = []
    desk.pull(pages([line(1), line(2)], [line(3)]), progress=told.append)
    assert told == [2, 1]


# --- quarantine -------------------------------------------------------------------------------------------------------


def test_one_bad_record_never_stops_a_run(desk: Desk) -> None:
    result = desk.pull(pages([line(1), held(2)], [line(3)]))
    assert (result.stored, result.quarantined) == (2, 1)
    assert sorted(desk.lines()) == ["1/1", "3/1"]
    assert desk.quarantine() == ["2/1"]
    assert desk.raw(2) == b"line 2"


def test_a_second_record_of_the_same_contract_line_is_held_not_counted(desk: Desk) -> None:
    result = desk.pull(pages([line(1, contract="XS-A"), line(2, contract="XS-A")]))
    assert (result.stored, result.quarantined) == (1, 1)
    assert sorted(desk.lines()) == ["1/1"]
    desk.pull(pages([line(3, contract="XS-A")]))
    assert desk.quarantine() == ["2/1", "3/1"]


def test_a_line_that_took_the_number_of_a_deleted_one_flows_after_the_sweep(desk: Desk) -> None:
    again = line(2, contract="XS-A")
    desk.pull(pages([line(1, contract="XS-A")], [again]))
    assert desk.quarantine() == ["2/1"]
    desk.erp.mapping = lambda raw: again.outcome
    result = desk.pull(pages([key(2)]), PullScope.KEYS)
    assert result.gone == 1
    assert sorted(desk.lines()) == ["2/1"]
    assert desk.quarantine() == []


def test_what_was_held_flows_once_it_can_be_mapped(desk: Desk) -> None:
    desk.pull(pages([held(1), held(2)]))

    def mapping(raw: RawRecord) -> Mapped[Any] | Quarantined:
        return Mapped(contract_line(ref=raw.ref), "orders@bb") if raw.ref.key == "1/1" else held(2, "orders@bb").outcome

    desk.erp.mapping = mapping
    result = desk.retry()
    assert (result.read, result.stored, result.quarantined) == (2, 1, 1)
    assert sorted(desk.lines()) == ["1/1"]
    assert desk.quarantine() == ["2/1"]
    assert any("quarantine.retried" in event for event in desk.events())


def test_two_held_records_of_one_contract_line_do_not_both_flow(desk: Desk) -> None:
    desk.pull(pages([held(1), held(2)]))
    desk.erp.mapping = lambda raw: Mapped(contract_line(ref=raw.ref, contract_no="XS-A"), "orders@bb")
    desk.retry()
    assert len(desk.lines()) == 1
    assert len(desk.quarantine()) == 1


# --- deletions --------------------------------------------------------------------------------------------------------


def test_a_sweep_finds_what_was_deleted(desk: Desk) -> None:
    desk.pull(pages([line(1), line(2), line(3, kind="purchase_line")]))
    result = desk.pull(pages([key(1), key(3, "purchase_line")]), PullScope.KEYS)
    assert [ref.key for ref in result.refs_gone] == ["2/1"]
    assert sorted(desk.lines()) == ["1/1", "3/1"]
    assert any("records.gone" in event for event in desk.events())
    assert desk.raw(2) == b"line 2", "the raw record stays readable"


def test_a_deleted_line_that_comes_back_as_it_was_is_new(desk: Desk) -> None:
    desk.pull(pages([line(1), line(2)]))
    desk.pull(pages([key(1)]), PullScope.KEYS)
    assert desk.pull(pages([line(2)])).stored == 1
    assert sorted(desk.lines()) == ["1/1", "2/1"]


def test_a_sweep_that_breaks_off_deletes_nothing(desk: Desk) -> None:
    desk.pull(pages([line(1), line(2)]))
    with pytest.raises(Unavailable):
        desk.pull(pages([key(1)], then=Unavailable("timeout")), PullScope.KEYS)
    assert sorted(desk.lines()) == ["1/1", "2/1"]


def test_most_lines_gone_at_once_is_refused_until_a_person_accepts_it(desk: Desk) -> None:
    desk.pull(pages([line(number) for number in range(20)]))
    with pytest.raises(RuleBroken) as broken:
        desk.pull(pages([key(1)]), PullScope.KEYS)
    assert broken.value.rule == "mass_removal"
    assert len(desk.lines()) == 20
    assert desk.pull(pages([key(1)]), PullScope.KEYS, accept_removals=True).gone == 19
    assert sorted(desk.lines()) == ["1/1"]


def test_a_pull_that_reports_a_deletion_is_believed(desk: Desk) -> None:
    desk.pull(pages([line(1), line(2)]))
    ref = ExternalRef("k3", "sale_line", "1/1")
    result = desk.pull(pages([Pulled(ref, Gone(), None, Cursor("after 3")), line(2)]))
    assert (result.read, result.gone, result.unchanged) == (2, 1, 1)
    assert sorted(desk.lines()) == ["2/1"]
    assert desk.cursor() == "after 2"


# --- inventory --------------------------------------------------------------------------------------------------------


def test_a_lot_that_the_snapshot_no_longer_shows_becomes_zero(desk: Desk) -> None:
    desk.snapshot(lot(1), lot(2))
    result = desk.snapshot(lot(1))
    assert result.gone == 1
    assert desk.lots() == {"lot-1": Decimal(10), "lot-2": Decimal(0)}
    assert desk.snapshot(lot(1)).gone == 0, "zero once, not every day"


def test_a_lot_that_comes_back_as_it_was_counts_again_with_its_first_day(desk: Desk) -> None:
    desk.snapshot(lot(1), lot(2))
    desk.snapshot(lot(1))
    desk.clock.sleep(86_400)
    assert desk.snapshot(lot(1), lot(2)).stored == 1
    assert desk.lots()["lot-2"] == Decimal(10)


def test_most_of_the_stock_gone_at_once_is_refused(desk: Desk) -> None:
    desk.snapshot(*(lot(number) for number in range(20)))
    with pytest.raises(RuleBroken):
        desk.snapshot(lot(1))
    assert sum(desk.lots().values()) == 200
    assert desk.snapshot(lot(1), accept_removals=True).gone == 19


def test_a_snapshot_that_breaks_off_changes_nothing(desk: Desk) -> None:
    desk.snapshot(lot(1), lot(2))
    desk.erp.pulls.append(pages([lot(1, "99")], then=Unavailable("timeout")))
    with pytest.raises(Unavailable):
        pull_inventory(desk.store, BOOK, "k3", desk.erp, CLERK, desk.clock)
    assert desk.lots() == {"lot-1": Decimal(10), "lot-2": Decimal(10)}


def test_a_lot_that_cannot_be_mapped_any_more_has_not_vanished(desk: Desk) -> None:
    desk.snapshot(lot(1), lot(2))
    ref = lot(2).ref
    reason = Quarantined("stock@bb", "3", "unit", Message("post.no_such_voucher"), "捆")
    desk.snapshot(lot(1), Pulled(ref, reason, _raw(ref, "lot 2 ?"), Cursor("")))
    assert desk.lots()["lot-2"] == Decimal(10)
    assert desk.quarantine() == ["lot-2"]


def test_the_lots_of_another_connection_stay(desk: Desk) -> None:
    other = ExternalRef("other", "stock", "lot-1")
    with desk.store.begin(BOOK, CLERK) as uow:
        item: InventoryLot = inventory_lot(ref=other, quantity=Decimal(7))
        uow.physical.save_inventory([item], desk.clock.now())
    desk.snapshot(lot(2))
    assert desk.lots() == {"lot-1": Decimal(7), "lot-2": Decimal(10)}
