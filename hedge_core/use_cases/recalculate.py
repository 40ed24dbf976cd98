"""Recalculating history from a day on: a proposal beside what is stored, compared line by line; nothing changes by itself.

    propose   reads the fills as columns, computes every result by key and day, settles again the days that were settled,
              and stores both as proposed versions of one run
    accept    another person makes the run's snapshots the final ones; later days rest on them or have to be settled again
    reject    the run stays readable and has no effect

The results by key close the oldest lots, or today's and earlier ones as instructed; a settlement may follow the
statement's 平仓明细 instead. The result of a day by key does not depend on that choice (facts 3.19), so both ways to it
must agree on every day, or the run breaks with `identity_history`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.clock import Clock
from hedge_core.ports.column_blocks import Recalculation, ResultDay
from hedge_core.ports.storage import Store, StoredSnapshot, UnitOfWork
from hedge_core.recalculation.result_days import (
    KeyNames,
    ResultChange,
    Results,
    changed,
    decode_day,
    encode_days,
    history_of,
    key_names,
)
from hedge_core.recalculation.stream import Stream
from hedge_core.settlement import Difference
from hedge_core.snapshot import SnapshotChange, decode, diff
from hedge_core.use_cases.deliveries import close_deliveries
from hedge_core.use_cases.history_inputs import Progress, make_blocks, quiet, read_history
from hedge_core.use_cases.resettle import DayRecords, Resettled, Resettlement, base_of
from hedge_core.use_cases.settle import FINAL, PROPOSED, SUPERSEDED
from messages import Message

ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
STAGES: Final = ("read", "compute", "hash", "compare", "settle", "write")


@dataclass(frozen=True, slots=True)
class DayProposal:
    """What a run says about one day. `state` is same, changed, new (no stored figures to compare with) or open (a rule is
    broken). `version` is the proposed snapshot's, 0 without one; `reproduced` as in `Resettled`."""

    trading_day: date
    state: str
    version: int = 0
    results: tuple[ResultChange, ...] = ()
    lines: tuple[SnapshotChange, ...] = ()
    differences: tuple[Difference, ...] = ()
    reproduced: bool = True


class Rereading(Protocol):
    """How a run that proposes mappings reads the records of each day, and what is kept of them with the run."""

    def of_day(self, base: StoredSnapshot) -> DayRecords: ...
    def kept(self, uow: UnitOfWork, run: int, days: Mapping[date, Resettled]) -> dict[str, object]:
        """Store what acceptance needs; answers what the run's summary says of it."""
        ...


@dataclass(frozen=True, slots=True)
class Proposed:
    """A stored run, or (`run` 0) the rules that kept it from being one. `fills` went in, `left_out` are instruments that
    are no futures and stand in the settlement only."""

    run: int
    days: tuple[DayProposal, ...] = ()
    broken: tuple[RuleBroken, ...] = ()
    fills: int = 0
    left_out: tuple[str, ...] = ()


def propose(
    store: Store,
    book: BookId,
    from_day: date,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    *,
    exposure: bool = False,
    progress: Progress = quiet,
    rereading: Callable[[UnitOfWork], Rereading] | None = None,
) -> Proposed:
    """Recompute everything from `from_day` on and store it as a proposed run.

    `exposure`: days are settled again also where nothing but contract lines, stock or matches changed (they move on after
    the day, so that normally each day's exposure stays as it was seen). `rereading`: the records of each day are read again
    as they stood then, by mappings that the run proposes (`remap`)."""
    known = list(products)
    make_blocks(store, book, actor)
    with store.read(book) as uow:
        again = rereading(uow) if rereading is not None else None
        read = read_history(uow, known, progress, may_be_empty=again is not None)
        if isinstance(read, list):
            return Proposed(0, broken=tuple(read))
        stream = read.stream
        progress("compute", 0, len(stream.fills))
        history = history_of(stream)
        if isinstance(history, list):
            return Proposed(0, broken=tuple(history))
        progress("hash", 0, len(stream.days))
        keys = stream.keys_bytes()
        digest = hashlib.sha256(keys).hexdigest()
        days = [
            ResultDay(*row)
            for row in encode_days(stream, history, digest, book, _result_before(uow, from_day), from_day)
        ]
        progress("compare", 0, len(days))
        results = _compare(uow, days, keys, progress)
        work = Resettlement(uow, known, exposure, stream, history, again.of_day if again is not None else None)
        work.settle_from(from_day, progress)
        bases = _finals(uow, [one.trading_day for one in work.snapshots])
    told = tuple(_told(day, results, work.days) for day in sorted({*(one.trading_day for one in days), *work.days}))
    if work.broken:
        return Proposed(0, told, tuple(work.broken), len(stream.fills), stream.left_out)
    progress("write", 0, len(days))
    with store.begin(book, actor) as uow:
        run = max((one.run for one in uow.columns.recalculations()), default=0) + 1
        reread = again.kept(uow, run, work.days) if again is not None else {}
        through = stream.days[-1] if stream.days else from_day
        uow.columns.add_recalculation(
            Recalculation(
                run, from_day, max([through, *work.days]), PROPOSED, read.digest, keys,
                {**_summary(told, stream, work.snapshots), "bases": bases, **reread}, clock.now(), actor.name,
            ),
            days,
        )  # fmt: skip
        for snapshot in work.snapshots:
            uow.results.add_snapshot(snapshot)
        uow.audit.append(
            "recalculation.proposed",
            str(run),
            {
                "from": from_day, "through": through, "inputs": read.digest, "results": days[-1].digest if days else "",
                "snapshots": [[one.trading_day, one.version, one.digest] for one in work.snapshots], **reread,
            },
        )  # fmt: skip
    progress("write", len(days), len(days))
    return Proposed(run, told, (), len(stream.fills), stream.left_out)


def accept(
    store: Store,
    book: BookId,
    run: int,
    reason: str,
    products: Iterable[Product],
    actor: Actor,
    *,
    mappings: Callable[[UnitOfWork, Recalculation], None] | None = None,
) -> tuple[date, ...]:
    """Make a run's proposed snapshots the final ones; answers the days that must be settled again because they rest on
    what is no longer final. `mappings` puts the mappings of a run that proposes some into force, in the same transaction.
    `RuleBroken`: `recalculation_decided`, `recalculation_own` (whoever made it cannot accept it), `recalculation_outdated`
    (its inputs have changed since), `recalculation_mapping` (it proposes mappings and nobody said how to read by them)."""
    with store.begin(book, actor) as uow:
        found = _undecided(uow, run)
        if found.made_by == actor.name:
            raise _refused("own", run, name=actor.name)
        rereads = bool(found.summary.get("mappings"))
        read = read_history(uow, list(products), may_be_empty=rereads)
        if isinstance(read, list) or read.digest != found.input_digest:
            raise _refused("outdated", run, day=found.from_day)
        chosen = _snapshots_of(found)
        stored = {(one.trading_day, one.version): one for one in uow.results.snapshots()}
        if any(stored[pair].status != PROPOSED for pair in chosen) or not _still_rests(uow, found, chosen):
            raise _refused("outdated", run, day=found.from_day)
        if rereads:
            if mappings is None:
                raise _refused("mapping", run)
            mappings(uow, found)
        again: list[date] = []
        if chosen:
            replaced = {day for day, _ in chosen}
            for (day, version), snapshot in stored.items():
                if snapshot.status == FINAL and day >= min(replaced):
                    uow.results.set_snapshot_status(day, version, SUPERSEDED)
                    again += [] if day in replaced else [day]
            for day, version in chosen:
                uow.results.set_snapshot_status(day, version, FINAL)
                accepted = uow.results.snapshot(day, version)
                if accepted is not None:
                    close_deliveries(uow, day, decode(accepted.body).figures.closes())
        uow.columns.decide_recalculation(run, ACCEPTED, reason)
        uow.audit.append(
            "recalculation.accepted", str(run), {"reason": reason, "made_by": found.made_by, "settle_again": again}
        )
    return tuple(again)


def reject(store: Store, book: BookId, run: int, reason: str, actor: Actor) -> None:
    """The run has no effect; its proposed snapshots stay readable."""
    with store.begin(book, actor) as uow:
        found = _undecided(uow, run)
        stored = {(one.trading_day, one.version): one.status for one in uow.results.snapshots()}
        for day, version in _snapshots_of(found):
            if stored.get((day, version)) == PROPOSED:
                uow.results.set_snapshot_status(day, version, SUPERSEDED)
        uow.columns.decide_recalculation(run, REJECTED, reason)
        uow.audit.append("recalculation.rejected", str(run), {"reason": reason})


def day_changes(store: Store, book: BookId, run: int, day: date) -> tuple[list[ResultChange], list[SnapshotChange]]:
    """Every line in which a run's day differs from what is stored: results by key, and the settled snapshot's."""
    with store.read(book) as uow:
        found = uow.columns.recalculation(run)
        mine = uow.columns.result_day(run, day)
        if found is None or mine is None:
            raise _refused("none", run)
        before = _accepted_before(uow, day, run)
        results: list[ResultChange] = []
        if before is not None:
            results = changed(before[0], before[1], decode_day(mine.body), key_names(found.keys))
        version = dict(_snapshots_of(found)).get(day)
        lines: list[SnapshotChange] = []
        if version is not None:
            stored = uow.results.snapshot(day, version)
            base = base_of(uow, day)
            if stored is not None and base is not None:
                lines = diff(decode(base.body), decode(stored.body))
        return results, lines


# --- comparing --------------------------------------------------------------------------------------------------------


def _result_before(uow: UnitOfWork, day: date) -> str:
    """The digest of the accepted results of the last day before `day`; empty without."""
    for one in reversed(uow.columns.recalculations()):
        if one.status == ACCEPTED and one.from_day < day:
            digests = [found.digest for found in uow.columns.result_days(one.run) if found.trading_day < day]
            if digests:
                return digests[-1]
    return ""


def _accepted_before(uow: UnitOfWork, day: date, run: int = 0) -> tuple[Results, KeyNames] | None:
    """The results of a day in the last accepted run that has it (before `run`)."""
    for one in reversed(uow.columns.recalculations()):
        if one.status == ACCEPTED and one.from_day <= day <= one.through_day and (not run or one.run < run):
            stored = uow.columns.result_day(one.run, day)
            if stored is not None:
                return decode_day(stored.body), key_names(one.keys)
    return None


def _compare(
    uow: UnitOfWork, days: Sequence[ResultDay], keys: bytes, progress: Progress
) -> dict[date, tuple[ResultChange, ...]]:
    """By day, what differs from the accepted results; days without any are absent."""
    found: dict[date, tuple[ResultChange, ...]] = {}
    accepted = [one for one in uow.columns.recalculations() if one.status == ACCEPTED]
    if not accepted:
        return found
    names = key_names(keys)
    for place, day in enumerate(days):
        progress("compare", place, len(days))
        before = _accepted_before(uow, day.trading_day)
        if before is not None:
            found[day.trading_day] = tuple(changed(before[0], before[1], decode_day(day.body), names))
    return found


def _told(day: date, results: dict[date, tuple[ResultChange, ...]], settled: dict[date, Resettled]) -> DayProposal:
    changes, again = results.get(day), settled.get(day)
    if again is None:
        state = "new" if changes is None else "changed" if changes else "same"
        return DayProposal(day, state, 0, changes or ())
    state = "changed" if again.state == "same" and changes else again.state
    return DayProposal(day, state, again.version, changes or (), again.lines, again.differences, again.reproduced)


def _summary(told: Sequence[DayProposal], stream: Stream, snapshots: Sequence[StoredSnapshot]) -> dict[str, object]:
    """What is kept of a run beside its days, for lists."""
    return {
        "fills": len(stream.fills),
        "days": len(told),
        "changed": [day.trading_day.isoformat() for day in told if day.state == "changed"],
        "lines": sum(len(day.results) + len(day.lines) for day in told),
        "differences": sum(len(day.differences) for day in told),
        "left_out": list(stream.left_out),
        "snapshots": [[one.trading_day.isoformat(), one.version] for one in snapshots],
    }


def _snapshots_of(found: Recalculation) -> list[tuple[date, int]]:
    """(day, version) of the snapshots a run proposed."""
    rows = found.summary["snapshots"]
    return [(date.fromisoformat(day), version) for day, version in rows] if isinstance(rows, list) else []


def _finals(uow: UnitOfWork, days: Sequence[date]) -> list[list[object]]:
    """[day, version] of the final snapshots of these days, version 0 where there is none."""
    final = {one.trading_day: one.version for one in uow.results.snapshots() if one.status == FINAL}
    return [[day.isoformat(), final.get(day, 0)] for day in days]


def _still_rests(uow: UnitOfWork, found: Recalculation, chosen: Sequence[tuple[date, int]]) -> bool:
    """Whether the proposed snapshots still stand beside what they were compared with, and on the day before them."""
    if not chosen:
        return True
    first, version = min(chosen)
    proposed, before = uow.results.snapshot(first, version), uow.results.last_snapshot(before=first)
    rests = proposed is not None and proposed.previous_digest == (before.digest if before is not None else "")
    bases = found.summary.get("bases")
    return rests and (bases is None or bases == _finals(uow, [day for day, _ in chosen]))


def _undecided(uow: UnitOfWork, run: int) -> Recalculation:
    found = uow.columns.recalculation(run)
    if found is None:
        raise _refused("none", run)
    if found.status != PROPOSED:
        raise _refused("decided", run, status=found.status, name=found.decided_by)
    return found


def _refused(why: str, run: int, **params: object) -> RuleBroken:
    return RuleBroken(f"recalculation_{why}", str(run), Message(f"recalculation.{why}", {"run": run, **params}))
