"""A book's contract lines and stock as they stood at a moment: the stored raw records, read by the mapping of that time or by
a proposed one.

What counts is decided as a pull decides it: a record that cannot be mapped counts as it was mapped last, a line that another
record already is does not count, a line that is gone does not, a stock lot that is gone is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final, Protocol

from hedge_core.known_lines import ACCEPT, REPEATED_LINES, KnownLines
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.model.records import Mapped, Quarantined, RawRecord
from hedge_core.ports.record_versions import RecordVersion
from hedge_core.ports.storage import UnitOfWork
from hedge_core.use_cases.commodity import PhysicalRecords
from messages import Message

Kind = tuple[str, str]
"""A connection and a kind of its records."""
Outcome = Mapped[Any] | Quarantined

CHANGED: Final = "changed"
RELEASED: Final = "released"
UNMAPPED: Final = "unmapped"
WAITING: Final = "waiting"
"""What a proposed mapping does to a record: other values, readable now, no longer readable, unreadable as before."""


class Reader(Protocol):
    """How a book's records are mapped. `kinds` are those of contract lines and stock; `live` is the identity of the mapping
    that reads a kind now; `read` reads by the mapping of that identity, by the live one where that is not kept any more."""

    def kinds(self) -> Sequence[Kind]: ...
    def live(self, kind: Kind) -> str: ...
    def read(self, kind: Kind, spec: str) -> Callable[[RawRecord], Outcome]: ...


@dataclass(frozen=True, slots=True)
class NewMapping:
    """A mapping somebody proposes for one kind of record: its identity, its text, and the identity of what it replaces."""

    kind: Kind
    spec: str
    body: bytes
    before: str

    @property
    def name(self) -> str:
        return "/".join(self.kind)


@dataclass(frozen=True, slots=True)
class RecordChange:
    """What a proposed mapping makes of a version of a record that came at `since`: `fields` are (field, before, after),
    `reason` why it cannot be mapped."""

    ref: ExternalRef
    state: str
    since: datetime
    name: str
    fields: tuple[tuple[str, object, object], ...] = ()
    reason: Message | None = None


@dataclass(frozen=True, slots=True)
class _Stay:
    """A version of a record while it was there, as each mapping reads it."""

    since: datetime
    gone_at: datetime | None
    before: Outcome
    after: Outcome


class PastRecords:
    """The records of one book. Everything is read when it is made; `at` and `changes` only compute."""

    def __init__(self, uow: UnitOfWork, reader: Reader, new: Sequence[NewMapping]) -> None:
        self._accept_repeats = uow.book.settings.get(REPEATED_LINES) == ACCEPT
        self._new = {one.kind: one for one in new}
        kinds = {*reader.kinds(), *self._new}
        lines, lots = uow.physical.contract_lines(), uow.physical.inventory()
        self._stored = {line.ref for line in lines}
        self._unread = PhysicalRecords(
            tuple(line for line in lines if (line.ref.connection, line.ref.kind) not in kinds),
            tuple(lot for lot in lots if (lot.ref.connection, lot.ref.kind) not in kinds),
        )
        self._records: list[tuple[ExternalRef, list[_Stay]]] = []
        for kind in sorted(kinds):
            self._records += self._read(reader, kind, uow.record_versions.versions(*kind))
        # a line that is counted is asked first, then who came first: as when the records came in
        self._records.sort(key=lambda one: (one[0] not in self._stored, one[1][0].since, one[0]))

    def at(self, moment: datetime | None, *, proposed: bool) -> tuple[PhysicalRecords, dict[ExternalRef, Message]]:
        """What counted at `moment` (now without one), and the lines that were held back as another record's."""
        known = KnownLines((), self._accept_repeats)
        lines: list[ContractLine] = []
        lots: list[InventoryLot] = []
        held: dict[ExternalRef, Message] = {}
        for ref, stays in self._records:
            item, there = _counted(stays, moment, proposed)
            if isinstance(item, ContractLine) and there:
                refused = known.refusal(item)
                if refused is None:
                    lines.append(item)
                else:
                    held[ref] = refused[1]
            elif isinstance(item, InventoryLot):
                lots.append(item if there else replace(item, quantity=item.quantity * 0))
        return PhysicalRecords((*lines, *self._unread.lines), (*lots, *self._unread.inventory)), held

    def changes(self, first: datetime | None) -> list[RecordChange]:
        """What the proposed mappings do to every version that was there at `first` or later (now only, without one)."""
        found: list[RecordChange] = []
        for ref, stays in self._records:
            if (ref.connection, ref.kind) not in self._new:
                continue
            for stay, following in zip(stays, [*stays[1:], None], strict=True):
                end = following.since if following is not None else stay.gone_at
                if end is None or (first is not None and end > first):
                    found += _compared(ref, stay)
        return found

    def outcomes_now(self, kind: Kind) -> Iterator[tuple[ExternalRef, Outcome]]:
        """The records of a kind that are there now, as the proposed mapping reads them."""
        for ref, stays in self._records:
            if (ref.connection, ref.kind) == kind and stays[-1].gone_at is None:
                yield ref, stays[-1].after

    def _read(
        self, reader: Reader, kind: Kind, versions: Iterable[RecordVersion]
    ) -> Iterator[tuple[ExternalRef, list[_Stay]]]:
        new = self._new.get(kind)
        known: dict[tuple[str, str, str], Outcome] = {}

        def mapped(version: RecordVersion, spec: str) -> Outcome:
            name = (version.raw.ref.key, version.raw.digest, spec)
            if name not in known:
                known[name] = reader.read(kind, spec)(version.raw)
            return known[name]

        def stay(version: RecordVersion) -> _Stay:
            spec = new.before if new is not None and version.spec == new.spec else version.spec
            before = mapped(version, spec)
            after = before if new is None else mapped(version, new.spec)
            return _Stay(version.raw.received_at, version.gone_at, before, after)

        for ref, group in groupby(versions, key=lambda one: one.raw.ref):
            yield ref, [stay(version) for version in group]


def _counted(stays: Sequence[_Stay], moment: datetime | None, proposed: bool) -> tuple[object, bool]:
    """The record as mapped last at a moment (None before it came, or if it never could be), and whether it was there."""
    item: object = None
    there = False
    for stay in stays:
        if moment is not None and stay.since > moment:
            break
        outcome = stay.after if proposed else stay.before
        if isinstance(outcome, Mapped):
            item = outcome.item
        there = stay.gone_at is None or (moment is not None and stay.gone_at > moment)
    return item, there


def _compared(ref: ExternalRef, stay: _Stay) -> Iterator[RecordChange]:
    before, after = stay.before, stay.after
    if isinstance(after, Quarantined):
        state = UNMAPPED if isinstance(before, Mapped) else WAITING
        name = _name(before.item) if isinstance(before, Mapped) else ""
        yield RecordChange(ref, state, stay.since, name, reason=after.reason)
    elif isinstance(before, Quarantined):
        yield RecordChange(ref, RELEASED, stay.since, _name(after.item), reason=before.reason)
    elif differing := tuple(_differing(before.item, after.item)):
        yield RecordChange(ref, CHANGED, stay.since, _name(after.item), differing)


def _differing(before: Any, after: Any) -> Iterator[tuple[str, object, object]]:
    for one in fields(after):
        was, now = getattr(before, one.name, None), getattr(after, one.name)
        if was != now:
            yield one.name, was, now


def _name(item: object) -> str:
    if isinstance(item, ContractLine):
        return f"{item.contract_no}/{item.line_no}"
    if isinstance(item, InventoryLot):
        return "/".join(part for part in (item.material, item.warehouse, item.lot_no) if part)
    return ""
