"""Changing mappings from a day on: every settled day since is settled again with the records it saw, read by the new mapping;
the result is a proposed run, and nothing changes until somebody else accepts it.

    propose_mappings   reads the raw records as they stood when each day was settled, proposes versions of the days that come
                       out otherwise, and says of every record what the new mapping makes of it
    in_force           what acceptance does besides: the mappings become live and what is there now is read by them

A record that could be mapped and no longer can keeps the run from being accepted: a line that silently left an exposure would
be a wrong figure. One that could not be mapped before either goes on waiting in quarantine.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from hedge_core.audit.events import read_event
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.records import Cursor, Pulled, Quarantined
from hedge_core.ports.clock import Clock
from hedge_core.ports.column_blocks import Recalculation
from hedge_core.ports.storage import Store, StoredSnapshot, UnitOfWork
from hedge_core.snapshot import decode
from hedge_core.use_cases.commodity import PhysicalRecords
from hedge_core.use_cases.history_inputs import Progress, quiet
from hedge_core.use_cases.past_records import (
    CHANGED,
    RELEASED,
    UNMAPPED,
    WAITING,
    Kind,
    NewMapping,
    PastRecords,
    Reader,
    RecordChange,
)
from hedge_core.use_cases.recalculate import Proposed, propose
from hedge_core.use_cases.resettle import DayRecords, Resettled
from messages import Message

MAPPING: Final = "mapping"
"""The kind of document that live mappings are, named connection/kind."""
PROPOSED_MAPPING: Final = "proposed_mapping"
"""The same of a run's, named run/connection/kind."""
_STATES: Final = (CHANGED, RELEASED, UNMAPPED, WAITING)
_NAMED_SO: Final = "source:mapping:"
_NAMED: Final = 20
"""Records that are named in a summary."""


class Remapping:
    """`recalculate.Rereading` by proposed mappings. It remembers which snapshots it was asked for: `changes` are about what
    they saw and about now."""

    def __init__(self, uow: UnitOfWork, reader: Reader, new: Sequence[NewMapping]) -> None:
        self._new = new
        self._kinds = [one.kind for one in new]
        instead = {one.spec: one.before for one in new}
        self._records = PastRecords(uow, reader, self._kinds, instead)
        self._moments = settled_moments(uow)
        self._asked: dict[tuple[date, int], datetime | None] = {}
        self._changes: dict[tuple[object, ...], RecordChange] = {}
        self._look(None, {})

    def of_day(self, base: StoredSnapshot) -> DayRecords:
        moment = self._moments.get((base.trading_day, base.version))
        self._asked[base.trading_day, base.version] = moment
        was = mappings_of(base)
        sources = {one.kind: _source(one) for one in self._new}
        kept = [(name, digest) for kind, (name, digest, _) in was.items() if kind not in sources]
        return DayRecords(
            *self._look(moment, {kind: spec for kind, (_, _, spec) in was.items()}), (*kept, *sources.values())
        )

    def changes(self) -> list[RecordChange]:
        """What the mappings make of every version that a day saw or that is there now, what blocks first."""
        order = {state: place for place, state in enumerate((UNMAPPED, RELEASED, CHANGED, WAITING))}
        found = self._changes.values()
        return sorted(found, key=lambda one: (order[one.state], one.ref, str(one.since)))

    def kept(self, uow: UnitOfWork, run: int, days: Mapping[date, Resettled]) -> dict[str, object]:
        for one in self._new:
            uow.save_document(PROPOSED_MAPPING, f"{run}/{one.name}", one.body)
        changes = self.changes()
        counts = Counter(one.state for one in changes)
        asked = [(day, version, moment) for (day, version), moment in sorted(self._asked.items())]
        return {
            "mappings": [[one.name, one.spec, one.before, _live_digest(uow, one.kind)] for one in self._new],
            "records": {state: counts[state] for state in _STATES},
            "unmapped": [str(one.ref) for one in changes if one.state == UNMAPPED][:_NAMED],
            "compared_with": [[day.isoformat(), version] for day, version, _ in asked],
            "records_at": [[day.isoformat(), moment.isoformat()] for day, _, moment in asked if moment is not None],
            "not_reproduced": [day.isoformat() for day, found in sorted(days.items()) if not found.reproduced],
        }

    def _look(self, moment: datetime | None, was: Mapping[Kind, str]) -> tuple[PhysicalRecords, PhysicalRecords]:
        """The records at a moment by the new mappings and as they were read then; what differs is remembered."""
        new = {**was, **{one.kind: one.spec for one in self._new}}
        after, held = self._records.at(moment, new)
        before, held_before = self._records.at(moment, was)
        clashes = [RecordChange(ref, UNMAPPED, None, "", reason=held[ref]) for ref in held.keys() - held_before.keys()]
        for one in [*self._records.compared(moment, was, new, self._kinds), *clashes]:
            self._changes.setdefault((one.ref, one.state, one.since, one.fields), one)
        return after, before


def mappings_of(snapshot: StoredSnapshot) -> dict[Kind, tuple[str, str, str]]:
    """The mappings that a snapshot names in its header, because a run proposed them: (source, SHA-256, identity) by kind."""
    found = {}
    for name, digest in decode(snapshot.body).figures.header.inputs:
        if name.startswith(_NAMED_SO):
            kind, _, spec = name.removeprefix(_NAMED_SO).rpartition(":")
            connection, _, record = kind.partition("/")
            found[connection, record] = name.removeprefix("source:"), digest, spec
    return found


def _source(one: NewMapping) -> tuple[str, str]:
    return f"mapping:{one.name}:{one.spec}", hashlib.sha256(one.body).hexdigest()


def propose_mappings(
    store: Store,
    book: BookId,
    from_day: date,
    reader: Reader,
    new: Sequence[NewMapping],
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    progress: Progress = quiet,
) -> tuple[Proposed, list[RecordChange]]:
    """A run from `from_day` on with these mappings in place of the live ones, and what they make of the records. `reader`
    knows them by their identities."""
    made: list[Remapping] = []

    def rereading(uow: UnitOfWork) -> Remapping:
        made.append(Remapping(uow, reader, new))
        return made[0]

    proposed = propose(store, book, from_day, products, actor, clock, progress=progress, rereading=rereading)
    return proposed, made[0].changes()


def proposed_mappings(uow: UnitOfWork, run: int) -> dict[Kind, tuple[NewMapping, str]]:
    """The mappings a run proposes, each with the digest of what was live then; empty for a run that proposes none. RuleBroken
    `recalculation_none` where there is no such run."""
    found = uow.columns.recalculation(run)
    if found is None:
        raise _refused("none", run)
    mappings: dict[Kind, tuple[NewMapping, str]] = {}
    for name, spec, before, digest in _rows(found.summary.get("mappings")):
        body = uow.document(PROPOSED_MAPPING, f"{run}/{name}")
        connection, _, kind = name.partition("/")
        if body is not None:
            mappings[connection, kind] = NewMapping((connection, kind), spec, body, before), digest
    return mappings


def record_changes(uow: UnitOfWork, run: int, reader: Reader) -> list[RecordChange]:
    """What a stored run's mappings make of the records of its days; `reader` knows the mappings by their identities."""
    found = uow.columns.recalculation(run)
    if found is None:
        raise _refused("none", run)
    work = Remapping(uow, reader, [one for one, _ in proposed_mappings(uow, run).values()])
    for day, version in _rows(found.summary.get("compared_with")):
        stored = uow.results.snapshot(date.fromisoformat(day), version)
        if stored is not None:
            work.of_day(stored)
    return work.changes()


def in_force(reader: Reader, clock: Clock) -> Callable[[UnitOfWork, Recalculation], None]:
    """For `recalculate.accept`: the run's mappings become live, and what is there now is read by them. RuleBroken:
    `recalculation_unmapped` (a record no longer maps), `recalculation_outdated` (another mapping went live meanwhile)."""

    def act(uow: UnitOfWork, found: Recalculation) -> None:
        unmapped = found.summary.get("unmapped")
        if isinstance(unmapped, list) and unmapped:
            raise _refused("unmapped", found.run, records=unmapped[:3], count=_count(found))
        mappings = proposed_mappings(uow, found.run)
        for one, digest in mappings.values():
            if _live_digest(uow, one.kind) != digest:
                raise _refused("outdated", found.run, day=found.from_day)
        new = [one for one, _ in mappings.values()]
        work = Remapping(uow, reader, new)
        since = [str(one.ref) for one in work.changes() if one.state == UNMAPPED]
        if since:
            raise _refused("unmapped", found.run, records=since[:3], count=len(since))
        records = PastRecords(uow, reader, [one.kind for one in new])
        now, held = records.at(None, {one.kind: one.spec for one in new})
        for one in new:
            version = uow.save_document(MAPPING, one.name, one.body)
            changed = _read_again(uow, records, one, now, held, clock)
            uow.audit.append(
                "mapping.applied",
                one.name,
                {"spec": one.spec, "version": version, "run": found.run, "before": one.before, **changed},
            )

    return act


def settled_moments(uow: UnitOfWork) -> dict[tuple[date, int], datetime]:
    """When the records were read that each version of a day's snapshot was made from, by the audit log: the snapshot itself
    has no clock in it."""
    found: dict[tuple[date, int], datetime] = {}
    for _, body, _ in uow.audit.events():
        if b'"kind":"day.' not in body and b'"kind":"recalculation.proposed"' not in body:
            continue
        event = read_event(body)
        version = event.details.get("version")
        if event.kind in ("day.settled", "day.proposed") and isinstance(version, int):
            found[date.fromisoformat(event.subject), version] = event.at
        elif event.kind == "recalculation.proposed":
            seen = {day: datetime.fromisoformat(at) for day, at in _rows(event.details.get("records_at"))}
            for day, number, _ in _rows(event.details.get("snapshots")):
                found[date.fromisoformat(day), number] = seen.get(day, event.at)
    return found


def _read_again(
    uow: UnitOfWork,
    records: PastRecords,
    one: NewMapping,
    now: PhysicalRecords,
    held: Mapping[ExternalRef, Message],
    clock: Clock,
) -> dict[str, int]:
    """What is there now of one kind, as its new mapping reads it; answers how many lines and lots changed."""
    connection, kind = one.kind
    waiting = {entry.ref for entry in uow.records.quarantine(connection)}
    told: list[Pulled[Any]] = []
    for raw, outcome in records.outcomes_now(one.kind, one.spec):
        if raw.ref not in waiting:
            continue  # whatever can no longer be mapped has kept the run from being accepted
        if raw.ref in held:
            outcome = Quarantined(one.spec, "check", "line_no", held[raw.ref])
        told.append(Pulled(raw.ref, outcome, raw, Cursor(""), True))
    uow.record_versions.read_by(connection, kind, one.spec)
    uow.records.save_raw(told)
    lines = {line.ref: line for line in uow.physical.contract_lines()}
    lots = {lot.ref: lot for lot in uow.physical.inventory()}
    other_lines = [line for line in now.lines if _of(line.ref, one.kind) and lines.get(line.ref) != line]
    other_lots = [lot for lot in now.inventory if _of(lot.ref, one.kind) and lots.get(lot.ref) != lot]
    other_lots = [lot for lot in other_lots if lot.quantity or lot.ref in lots]
    uow.physical.save_contract_lines(other_lines)
    uow.physical.save_inventory(other_lots, clock.now())
    return {"lines": len(other_lines), "lots": len(other_lots)}


def _of(ref: ExternalRef, kind: Kind) -> bool:
    return (ref.connection, ref.kind) == kind


def _live_digest(uow: UnitOfWork, kind: Kind) -> str:
    """SHA-256 of the live mapping's text; empty for the packaged one."""
    body = uow.document(MAPPING, "/".join(kind))
    return "" if body is None else hashlib.sha256(body).hexdigest()


def _count(found: Recalculation) -> int:
    records = found.summary.get("records")
    return int(records.get(UNMAPPED, 0)) if isinstance(records, Mapping) else 0


def _rows(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _refused(why: str, run: int, **params: object) -> RuleBroken:
    return RuleBroken(f"recalculation_{why}", str(run), Message(f"recalculation.{why}", {"run": run, **params}))
