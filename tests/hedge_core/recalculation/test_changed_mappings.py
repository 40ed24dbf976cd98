"""Changing mappings from a day on, with an ERP of four fields and mappings of one number: what each day saw is read again, and
nothing changes until somebody else accepts it; on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.storage import SqlStore
from adapters.storage.schema import METADATA
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, PricingKind, Side
from hedge_core.model.records import Cursor, Mapped, Pulled, Quarantined, RawRecord
from hedge_core.model.vouchers import SourceRef, Voucher
from hedge_core.ports.storage import Book
from hedge_core.snapshot import decode
from hedge_core.use_cases.past_records import Kind, NewMapping, RecordChange
from hedge_core.use_cases.recalculate import Proposed, accept, reject
from hedge_core.use_cases.remap import MAPPING, in_force, mappings_of, propose_mappings, record_changes
from hedge_core.use_cases.settle import settle
from hedge_core.use_cases.trace import trace_voucher
from messages import Message
from tests.support.databases import *  # noqa: F403
from tests.support.databases import HandClock, as_owner
from tests.support.samples import contract_line, inventory_lot

CHEN, WANG = Actor("chen.jing"), Actor("wang.fang")
BOOK, OTHER = BookId("cu01"), BookId("al02")
FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
LINES, STOCK = ("k3", "sale_line"), ("k3", "stock")
TONNES, BUNDLES = "tonnes@1", "bundles@2"


class Mappings:
    """`past_records.Reader`: a mapping is named `anything@factor` and multiplies quantities by 2.5 from version 2 on; it reads
    no record whose field `x` names its version."""

    def __init__(self) -> None:
        self.lives: dict[Kind, str] = {LINES: TONNES, STOCK: TONNES}
        self.asked: list[RawRecord] = []

    def kinds(self) -> Sequence[Kind]:
        return [LINES, STOCK]

    def live(self, kind: Kind) -> str:
        return self.lives[kind]

    def read(self, kind: Kind, spec: str) -> Callable[[RawRecord], Mapped[Any] | Quarantined]:
        def by(raw: RawRecord) -> Mapped[Any] | Quarantined:
            self.asked.append(raw)
            return reading(raw, spec)

        return by


def reading(raw: RawRecord, spec: str) -> Mapped[Any] | Quarantined:
    fields = json.loads(raw.body)
    version = int(spec.partition("@")[2])
    if version in fields.get("x", []):
        return Quarantined(spec, "1", "unit", Message("record.no_month"))
    factor = Decimal("2.5") if version > 1 else Decimal(1)
    if raw.ref.kind == "stock":
        lot: InventoryLot = inventory_lot(ref=raw.ref, commodity="copper", quantity=Decimal(fields["q"]) * factor)
        return Mapped(lot, spec)
    number = fields["no"] if version < 3 else "C1"
    line: ContractLine = contract_line(
        ref=raw.ref, contract_no=number, side=Side.PURCHASE, commodity="copper", pricing=PricingKind.PRICED,
        price=Decimal(61000), premium=None, reference=None, ordered=Decimal(fields["q"]) * factor,
        delivered=Decimal(fields.get("d", 0)) * factor, material=fields["no"],
    )  # fmt: skip
    return Mapped(line, spec)


class Desk:
    """A book that is pulled into, settled and remapped."""

    def __init__(self, store: SqlStore, clock: HandClock, book: BookId = BOOK) -> None:
        self.store, self.clock, self.book = store, clock, book
        self.mappings = Mappings()
        store.add_book(Book(book, "示例铜业贸易", "CNY"), CHEN)

    def receive(self, kind: Kind, key: str, **fields: Any) -> None:
        """A record as it comes from the ERP, an hour later than what came before."""
        self.clock.sleep(3600)
        ref = ExternalRef(*kind, key)
        raw = RawRecord.of(ref, json.dumps(fields).encode(), self.clock.now())
        outcome = reading(raw, self.mappings.live(kind))
        with self.store.begin(self.book, CHEN) as uow:
            uow.records.known(*kind, [key])
            uow.records.save_raw([Pulled(ref, outcome, raw, Cursor(""), True)])
            if isinstance(outcome, Mapped) and isinstance(outcome.item, ContractLine):
                uow.physical.save_contract_lines([outcome.item])
            elif isinstance(outcome, Mapped):
                uow.physical.save_inventory([outcome.item], self.clock.now())

    def settle(self, day: date) -> None:
        self.clock.sleep(3600)
        done = settle(self.store, self.book, day, [], CHEN)
        assert done.state == "settled", done

    def propose(self, *kinds: Kind, spec: str = BUNDLES) -> tuple[Proposed, list[RecordChange]]:
        self.clock.sleep(3600)
        new = [NewMapping(kind, spec, spec.encode(), self.mappings.live(kind)) for kind in kinds]
        return propose_mappings(self.store, self.book, FIRST, self.mappings, new, [], CHEN, self.clock)

    def accept(self, run: int, who: Actor = WANG) -> None:
        accept(self.store, self.book, run, "bundles weigh 2.5 t", [], who, mappings=in_force(self.mappings, self.clock))

    def exposure(self, day: date, version: int | None = None) -> Decimal:
        with self.store.read(self.book) as uow:
            stored = uow.results.snapshot(day, version)
            assert stored is not None
            return sum((row.exposure for row in decode(stored.body).figures.exposure()), Decimal(0))

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        with as_owner(self.store) as engine, engine.connect() as connection:
            return {
                table.name: sorted(
                    (tuple(row) for row in connection.execute(table.select().where(table.c.book_id == self.book))),
                    key=repr,
                )
                for table in METADATA.sorted_tables
            }


@pytest.fixture
def desk(store: SqlStore, clock: HandClock) -> Desk:
    """200 bundles bought at a fixed price, read as tonnes; 80 of them arrive between the two days."""
    made = Desk(store, clock)
    made.receive(LINES, "1", no="C1", q=200)
    made.settle(FIRST)
    made.receive(LINES, "1", no="C1", q=200, d=80)
    made.receive(STOCK, "L1", q=80)
    made.settle(SECOND)
    return made


def states(proposed: Proposed) -> list[str]:
    return [day.state for day in proposed.days]


def test_each_day_is_settled_again_with_what_it_saw_and_the_new_mapping(desk: Desk) -> None:
    """A bundle is 2.5 t: 500 instead of 200 on both days; with the lines alone 300 + 80 on the second."""
    assert (desk.exposure(FIRST), desk.exposure(SECOND)) == (200, 200)
    before = desk.rows()
    alone, _ = desk.propose(LINES)
    assert (desk.exposure(FIRST, 2), desk.exposure(SECOND, 2)) == (500, 380)
    both, changes = desk.propose(LINES, STOCK)
    assert (desk.exposure(FIRST, 3), desk.exposure(SECOND, 3)) == (500, 500)
    assert states(alone) == states(both) == ["changed", "changed"]
    assert all(day.reproduced for day in both.days)
    lines = {
        (line.key, line.column): (line.before, line.after) for line in both.days[1].lines if line.section == "exposure"
    }
    assert lines["copper 2026-05", "priced_purchases"] == (120, 300)
    assert lines["copper stock", "inventory"] == (80, 200)
    assert [(one.ref.key, one.state, one.fields) for one in changes] == [
        ("1", "changed", (("ordered", Decimal(200), Decimal(500)),)),
        ("1", "changed", (("ordered", Decimal(200), Decimal(500)), ("delivered", Decimal(80), Decimal(200)))),
        ("L1", "changed", (("quantity", Decimal(80), Decimal(200)),)),
    ]
    after = desk.rows()
    assert {name for name in before if before[name] != after[name]} == {
        "snapshots", "recalculations", "documents", "audit_events", "audit_heads",
    }  # fmt: skip
    assert (desk.exposure(FIRST), desk.exposure(SECOND)) == (200, 200)


def test_acceptance_puts_mapping_snapshots_and_records_into_force_together(desk: Desk) -> None:
    proposed, _ = desk.propose(LINES, STOCK)
    desk.accept(proposed.run)
    assert (desk.exposure(FIRST), desk.exposure(SECOND)) == (500, 500)
    with desk.store.read(BOOK) as uow:
        assert [line.ordered for line in uow.physical.contract_lines()] == [500]
        assert [lot.quantity for lot in uow.physical.inventory()] == [200]
        assert uow.document(MAPPING, "k3/sale_line") == BUNDLES.encode()
        assert uow.records.known(*LINES, ["1"])["1"][1] == BUNDLES, "source links name the new mapping"
        stored = uow.results.snapshot(FIRST)
        assert stored is not None
        assert {kind: spec for kind, (_, _, spec) in mappings_of(stored).items()} == {LINES: BUNDLES, STOCK: BUNDLES}
        shown = record_changes(uow, proposed.run, desk.mappings)
        line = SimpleNamespace(
            sources=[SourceRef("snapshot", FIRST.isoformat()), SourceRef("contract_line", "k3:sale_line:1")]
        )
        origins = trace_voucher(uow, cast(Voucher, SimpleNamespace(lines=[line])))
    assert dict(origins[0].details)["mapping k3/sale_line"] == BUNDLES
    assert dict(origins[1].details)["mapping"] == BUNDLES
    assert [one.ref.key for one in shown] == ["1", "1", "L1"], "what it changed can still be looked at"
    desk.mappings.lives = {LINES: BUNDLES, STOCK: BUNDLES}
    again, changes = desk.propose(LINES, STOCK)
    assert (states(again), changes) == (["same", "same"], [])


def test_the_settlement_after_it_rests_on_the_new_mapping(desk: Desk) -> None:
    proposed, _ = desk.propose(LINES, STOCK)
    desk.accept(proposed.run)
    assert settle(desk.store, BOOK, SECOND, [], CHEN).state == "unchanged"
    desk.settle(date(2026, 3, 4))
    assert desk.exposure(date(2026, 3, 4)) == 500


def test_who_proposed_cannot_accept_and_a_rejected_run_leaves_everything(desk: Desk) -> None:
    proposed, _ = desk.propose(LINES)
    before = desk.rows()
    with pytest.raises(RuleBroken) as broken:
        desk.accept(proposed.run, CHEN)
    assert broken.value.rule == "recalculation_own"
    with pytest.raises(RuleBroken) as broken:
        accept(desk.store, BOOK, proposed.run, "by the way of other runs", [], WANG)
    assert broken.value.rule == "recalculation_mapping"
    assert desk.rows() == before
    reject(desk.store, BOOK, proposed.run, "it is tonnes after all", WANG)
    with desk.store.read(BOOK) as uow:
        assert uow.document(MAPPING, "k3/sale_line") is None
        assert [line.ordered for line in uow.physical.contract_lines()] == [200]
    assert (desk.exposure(FIRST), desk.exposure(SECOND)) == (200, 200)


def test_a_version_that_came_back_and_a_lot_that_was_gone_count_as_they_did(desk: Desk) -> None:
    """The second day saw the delivery; it is taken back and the stock leaves before the third."""
    desk.receive(LINES, "1", no="C1", q=200)
    desk.clock.sleep(60)
    with desk.store.begin(BOOK, CHEN) as uow:
        uow.physical.zero_vanished("k3", set(), desk.clock.now())
    desk.settle(date(2026, 3, 4))
    proposed, _ = desk.propose(LINES, STOCK)
    assert all(day.reproduced for day in proposed.days)
    third = date(2026, 3, 4)
    assert [desk.exposure(day, 2) for day in (FIRST, SECOND, third)] == [500, 500, 500]
    with desk.store.read(BOOK) as uow:
        figures = [decode(uow.results.snapshot(day, 2).body).figures for day in (FIRST, SECOND, third)]  # type: ignore[union-attr]
    assert [sum((row.inventory for row in one.exposure()), Decimal(0)) for one in figures] == [0, 200, 0]


@pytest.mark.parametrize("when", ["now", "in the past only"])
def test_a_record_that_no_longer_maps_is_named_and_keeps_the_run_from_being_accepted(desk: Desk, when: str) -> None:
    desk.receive(LINES, "2", no="C2", q=10, x=[2])
    desk.settle(date(2026, 3, 4))
    if when != "now":
        desk.receive(LINES, "2", no="C2", q=10)
    proposed, changes = desk.propose(LINES)
    assert [(one.ref.key, one.name) for one in changes if one.state == "unmapped"] == [("2", "C2/1")]
    with pytest.raises(RuleBroken) as broken:
        desk.accept(proposed.run)
    assert broken.value.rule == "recalculation_unmapped"
    assert "k3:sale_line:2" in str(broken.value.message)
    assert desk.exposure(date(2026, 3, 4)) == 210


def test_one_that_arrives_after_the_proposal_keeps_it_from_being_accepted_as_well(desk: Desk) -> None:
    proposed, _ = desk.propose(LINES)
    desk.receive(LINES, "2", no="C2", q=10, x=[2])
    with pytest.raises(RuleBroken) as broken:
        desk.accept(proposed.run)
    assert broken.value.rule == "recalculation_unmapped"


def test_what_could_not_be_read_before_is_released_or_goes_on_waiting(desk: Desk) -> None:
    desk.receive(LINES, "2", no="C2", q=10, x=[1])
    desk.receive(LINES, "3", no="C3", q=10, x=[1, 2])
    desk.settle(date(2026, 3, 4))
    assert desk.exposure(date(2026, 3, 4)) == 200
    proposed, changes = desk.propose(LINES, STOCK)
    told = [(one.ref.key, one.state) for one in changes if one.state in ("released", "waiting")]
    assert told == [("2", "released"), ("3", "waiting")]
    assert desk.exposure(date(2026, 3, 4), 2) == 525
    desk.accept(proposed.run)
    with desk.store.read(BOOK) as uow:
        assert [entry.ref.key for entry in uow.records.quarantine()] == ["3"]
        assert {line.ref.key: line.ordered for line in uow.physical.contract_lines()} == {"1": 500, "2": 25}


def test_two_records_that_become_one_line_are_named(desk: Desk) -> None:
    desk.receive(LINES, "2", no="C2", q=10)
    proposed, changes = desk.propose(LINES, spec="one@3")
    named = [one for one in changes if one.state == "unmapped"]
    assert [one.ref.key for one in named] == ["2"], "who came first is counted"
    assert "exists twice" in str(named[0].reason)
    with pytest.raises(RuleBroken, match="no longer map"):
        desk.accept(proposed.run)


def test_a_mapping_that_went_live_meanwhile_and_a_day_settled_meanwhile_outdate_the_run(desk: Desk) -> None:
    first, _ = desk.propose(LINES)
    second, _ = desk.propose(LINES, STOCK)
    with desk.store.begin(BOOK, CHEN) as uow:
        uow.save_document(MAPPING, "k3/sale_line", b"another")
    with pytest.raises(RuleBroken) as broken:
        desk.accept(first.run)
    assert broken.value.rule == "recalculation_outdated"
    third, _ = desk.propose(LINES)
    desk.accept(third.run)
    with pytest.raises(RuleBroken) as broken:
        desk.accept(second.run)
    assert broken.value.rule == "recalculation_outdated"


def test_days_whose_records_are_not_what_the_snapshot_saw_are_told(desk: Desk) -> None:
    with desk.store.begin(BOOK, CHEN) as uow:
        (line,) = uow.physical.contract_lines()
        uow.physical.save_contract_lines([replace(line, ordered=Decimal(190))])
    desk.settle(date(2026, 3, 4))
    proposed, _ = desk.propose(LINES)
    assert [day.reproduced for day in proposed.days] == [True, True, False]


def test_one_books_mapping_reads_and_changes_nothing_of_another(desk: Desk) -> None:
    theirs = Desk(desk.store, desk.clock, OTHER)
    theirs.receive(LINES, "1", no="SECRET", q=7)
    theirs.settle(FIRST)
    before = theirs.rows()
    proposed, changes = desk.propose(LINES, STOCK)
    desk.accept(proposed.run)
    assert theirs.rows() == before
    assert not any(b"SECRET" in raw.body for raw in desk.mappings.asked)
    assert all("SECRET" not in str(change) for change in changes)
    with pytest.raises(RuleBroken), desk.store.read(OTHER) as uow:
        record_changes(uow, proposed.run, theirs.mappings)
    with pytest.raises(RuleBroken) as broken:
        accept(desk.store, OTHER, proposed.run, "theirs", [], WANG, mappings=in_force(theirs.mappings, desk.clock))
    assert broken.value.rule == "recalculation_none"


def test_records_that_came_after_a_day_was_settled_are_not_part_of_it(desk: Desk) -> None:
    desk.receive(LINES, "2", no="C2", q=1000)
    assert desk.clock.now() > datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=1)
    desk.propose(LINES, STOCK)
    assert [desk.exposure(day, 2) for day in (FIRST, SECOND)] == [500, 500]
