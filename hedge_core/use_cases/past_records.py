"""A book's contract lines and stock as they stood at a moment: the stored raw records, read by the mapping of that time or by
a proposed one.

What counts is decided as a pull decides it: a record that cannot be mapped counts as it was mapped last, a line that another
record already is does not count, a line that is gone does not, a stock lot that is gone is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
    """What a proposed mapping makes of a version of a record that came at `since` (None: of the record as it is now).
    `fields` are (field, before, after), `reason` why it cannot be mapped or could not be before."""

    ref: ExternalRef
    state: str
    since: datetime | None
    name: str
    fields: tuple[tuple[str, object, object], ...] = ()
    reason: Message | None = None


class PastRecords:
    """The records of one book: everything is read from the database when it is made.

    `specs` say by kind which mapping reads; where a kind is not named, each version is read by the mapping that read it when it
    came. `instead` replaces mappings there: what acceptance has put into force did not read anything before it."""

    def __init__(
        self, uow: UnitOfWork, reader: Reader, also: Iterable[Kind] = (), instead: Mapping[str, str] | None = None
    ) -> None:
        self._accept_repeats = uow.book.settings.get(REPEATED_LINES) == ACCEPT
        self._reader = reader
        self._instead = instead or {}
        self._outcomes: dict[tuple[ExternalRef, str, str], Outcome] = {}
        kinds = {*reader.kinds(), *also}
        lines, lots = uow.physical.contract_lines(), uow.physical.inventory()
        stored = {line.ref for line in lines}
        self._unread = PhysicalRecords(
            tuple(line for line in lines if (line.ref.connection, line.ref.kind) not in kinds),
            tuple(lot for lot in lots if (lot.ref.connection, lot.ref.kind) not in kinds),
        )
        self._records: list[tuple[Kind, ExternalRef, list[RecordVersion]]] = [
            (kind, ref, list(versions))
            for kind in sorted(kinds)
            for ref, versions in groupby(uow.record_versions.versions(*kind), key=lambda one: one.raw.ref)
        ]
        # a line that is counted is asked first, then who came first: as when the records came in
        self._records.sort(key=lambda one: (one[1] not in stored, one[2][0].raw.received_at, one[1]))

    def at(
        self, moment: datetime | None, specs: Mapping[Kind, str]
    ) -> tuple[PhysicalRecords, dict[ExternalRef, Message]]:
        """What counted at `moment` (now without one), and the lines that were held back as another record's."""
        known = KnownLines((), self._accept_repeats)
        lines: list[ContractLine] = []
        lots: list[InventoryLot] = []
        held: dict[ExternalRef, Message] = {}
        for kind, ref, versions in self._records:
            item = None
            last = None
            for version in _until(versions, moment):
                outcome = self._outcome(version, kind, specs)
                item = outcome.item if isinstance(outcome, Mapped) else item
                last = version
            there = last is not None and _there(last, moment)
            if isinstance(item, ContractLine) and there:
                refused = known.refusal(item)
                if refused is None:
                    lines.append(item)
                else:
                    held[ref] = refused[1]
            elif isinstance(item, InventoryLot):
                lots.append(item if there else replace(item, quantity=item.quantity * 0))
        return PhysicalRecords((*lines, *self._unread.lines), (*lots, *self._unread.inventory)), held

    def compared(
        self, moment: datetime | None, before: Mapping[Kind, str], after: Mapping[Kind, str], kinds: Collection[Kind]
    ) -> Iterator[RecordChange]:
        """What reading by `after` instead of `before` does to the versions of these kinds that were there at a moment."""
        for kind, ref, versions in self._records:
            if kind in kinds and (there := list(_until(versions, moment))) and _there(there[-1], moment):
                was, now = self._outcome(there[-1], kind, before), self._outcome(there[-1], kind, after)
                yield from _compared(ref, there[-1].raw.received_at, was, now)

    def outcomes_now(self, kind: Kind, spec: str) -> Iterator[tuple[RawRecord, Outcome]]:
        """The records of a kind that are there now, read by a mapping."""
        for of, _, versions in self._records:
            if of == kind and versions[-1].gone_at is None:
                yield versions[-1].raw, self._outcome(versions[-1], kind, {kind: spec})

    def _outcome(self, version: RecordVersion, kind: Kind, specs: Mapping[Kind, str]) -> Outcome:
        spec = specs.get(kind) or self._instead.get(version.spec, version.spec)
        name = (version.raw.ref, version.raw.digest, spec)
        if name not in self._outcomes:
            self._outcomes[name] = self._reader.read(kind, spec)(version.raw)
        return self._outcomes[name]


def _until(versions: Iterable[RecordVersion], moment: datetime | None) -> Iterator[RecordVersion]:
    return (version for version in versions if moment is None or version.raw.received_at <= moment)


def _there(version: RecordVersion, moment: datetime | None) -> bool:
    """Whether the last version until a moment was still there."""
    return version.gone_at is None or (moment is not None and version.gone_at > moment)


def _compared(ref: ExternalRef, since: datetime, before: Outcome, after: Outcome) -> Iterator[RecordChange]:
    if isinstance(after, Quarantined):
        state = UNMAPPED if isinstance(before, Mapped) else WAITING
        name = _name(before.item) if isinstance(before, Mapped) else ""
        yield RecordChange(ref, state, since, name, reason=after.reason)
    elif isinstance(before, Quarantined):
        yield RecordChange(ref, RELEASED, since, _name(after.item), reason=before.reason)
    elif differing := tuple(_differing(before.item, after.item)):
        yield RecordChange(ref, CHANGED, since, _name(after.item), differing)


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
