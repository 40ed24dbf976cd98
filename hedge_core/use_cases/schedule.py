"""Schedules of a book: kept as data, run by whoever is the leader, each planned moment exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from hedge_core.errors import InvalidInput
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.clock import Clock
from hedge_core.ports.jobs import JOBS, JobState, Schedule
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.timetable import read_rule
from hedge_core.trading_calendar import TradingCalendar
from messages import Message

CalendarOf = Callable[[BookId], TradingCalendar]

NAME_LENGTH: Final = 60


class KindOfJob(Protocol):
    """What a schedule has to know of a kind: its queue, what it needs, and what only one of them may work on at a time."""

    @property
    def queue(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    def exclusive(self, params: Mapping[str, object]) -> str: ...


Kinds = Mapping[str, KindOfJob]


@dataclass(frozen=True, slots=True)
class Fired:
    """A schedule whose moment came: the job it made, or None when the one before still runs."""

    book: BookId
    name: str
    planned: datetime
    job: int | None


def add_job(uow: UnitOfWork, kinds: Kinds, kind: str, params: Mapping[str, object], **more: object) -> int:
    """A job of a known kind with what it needs; InvalidInput names what is missing. Answers its id."""
    known = kinds.get(kind)
    if known is None:
        message = Message("job.no_kind", {"kind": kind, "known": ", ".join(sorted(kinds))})
        raise InvalidInput("job", 0, "kind", message)
    for name in known.needs:
        if not params.get(name):
            raise InvalidInput("job", 0, name, Message("job.param_missing", {"kind": kind, "param": name}))
    queue = known.queue or JOBS
    return uow.jobs.add(kind, params, queue=queue, exclusive=known.exclusive(params), **more)  # type: ignore[arg-type]


def save_schedule(
    store: Store,
    book: BookId,
    schedule: Schedule,
    kinds: Kinds,
    calendar: TradingCalendar,
    actor: Actor,
    clock: Clock,
) -> Schedule:
    """Add or replace a schedule; its next moment is the first one from now. InvalidInput for a rule or kind that is none."""
    if not schedule.name or len(schedule.name) > NAME_LENGTH or schedule.name != schedule.name.strip():
        raise InvalidInput("schedule", 0, "name", Message("job.schedule_name", {"most": NAME_LENGTH}))
    known = kinds.get(schedule.kind)
    if known is None:
        message = Message("job.no_kind", {"kind": schedule.kind, "known": ", ".join(sorted(kinds))})
        raise InvalidInput("schedule", 0, "kind", message)
    for name in known.needs:
        if not schedule.params.get(name):
            raise InvalidInput(
                "schedule", 0, name, Message("job.param_missing", {"kind": schedule.kind, "param": name})
            )
    planned = read_rule(schedule.when).next_after(clock.now(), calendar)
    kept = replace(schedule, next_at=planned, made_by=actor.name)
    with store.begin(book, actor) as uow:
        uow.schedules.save(kept)
        uow.audit.append(
            "schedule.saved", kept.name, {"kind": kept.kind, "when": kept.when, "params": _told(kept.params)}
        )
    return kept


def remove_schedule(store: Store, book: BookId, name: str, actor: Actor) -> None:
    """InvalidInput when there is no such schedule; the same for the two below."""
    with store.begin(book, actor) as uow:
        _existing(uow, name)
        uow.schedules.remove(name)
        uow.audit.append("schedule.removed", name, {})


def pause_schedule(
    store: Store, book: BookId, name: str, actor: Actor, clock: Clock, calendar: TradingCalendar, *, paused: bool
) -> None:
    """Pause or go on. What was missed while it was paused stays missed: that is what pausing is for."""
    with store.begin(book, actor) as uow:
        known = _existing(uow, name)
        if known.paused == paused:
            return
        planned = known.next_at if paused else read_rule(known.when).next_after(clock.now(), calendar)
        uow.schedules.save(replace(known, paused=paused, next_at=planned))
        uow.audit.append("schedule.paused" if paused else "schedule.resumed", name, {})


def run_now(store: Store, book: BookId, name: str, kinds: Kinds, actor: Actor) -> int:
    """A job of the schedule at once, whatever its rule says; the planned moments stay as they are."""
    with store.begin(book, actor) as uow:
        known = _existing(uow, name)
        job = add_job(uow, kinds, known.kind, known.params, schedule=name)
        uow.audit.append("schedule.run", name, {"job": job})
    return job


def fire_due(store: Store, kinds: Kinds, calendar_of: CalendarOf, actor: Actor, clock: Clock) -> list[Fired]:
    """Add a job for every schedule whose moment has come, in whichever book. A moment that passed while nobody looked is
    caught up once, however many were missed; while a job of the same schedule still runs, the moment is left out. Several
    callers at once do no harm: each planned moment belongs to the one who moves the schedule on."""
    fired: list[Fired] = []
    for book, name in store.job_queue.due_schedules(clock.now()):
        done = _fire(store, book, name, kinds, calendar_of(book), actor, clock)
        if done is not None:
            fired.append(done)
    return fired


def _fire(
    store: Store, book: BookId, name: str, kinds: Kinds, calendar: TradingCalendar, actor: Actor, clock: Clock
) -> Fired | None:
    now = clock.now()
    with store.begin(book, actor) as uow:
        known = uow.schedules.schedule(name)
        if known is None or known.paused or known.next_at is None or known.next_at > now:
            return None
        rule = read_rule(known.when)
        planned = max(known.next_at, rule.last_until(now, calendar) or known.next_at)
        if not uow.schedules.take_turn(name, known.next_at, rule.next_after(now, calendar)):
            return None
        if uow.jobs.unfinished(name):
            return Fired(book, name, planned, None)
        params = dict(known.params)
        return Fired(book, name, planned, add_job(uow, kinds, known.kind, params, schedule=name, due_at=planned))


def cancel_job(store: Store, book: BookId, job_id: int, actor: Actor) -> JobState:
    """Cancel a queued job, or ask a running one to stop at its next page. InvalidInput for one that does not exist."""
    with store.begin(book, actor) as uow:
        _known_job(uow, job_id)
        state = uow.jobs.ask_to_cancel(job_id)
        uow.audit.append("job.cancelled", str(job_id), {"state": state.value})
    return state


def resume_job(store: Store, book: BookId, job_id: int, actor: Actor, clock: Clock) -> None:
    """A failed or cancelled job goes on from its checkpoint."""
    with store.begin(book, actor) as uow:
        _known_job(uow, job_id)
        uow.jobs.resume(job_id, clock.now())
        uow.audit.append("job.resumed", str(job_id), {})


def _known_job(uow: UnitOfWork, job_id: int) -> None:
    if uow.jobs.job(job_id) is None:
        raise InvalidInput("job", 0, "", Message("job.none", {"job": job_id}))


def _existing(uow: UnitOfWork, name: str) -> Schedule:
    found = uow.schedules.schedule(name)
    if found is None:
        known = ", ".join(one.name for one in uow.schedules.schedules()) or "-"
        raise InvalidInput("schedule", 0, "name", Message("job.no_schedule", {"name": name, "known": known}))
    return found


def _told(params: Mapping[str, object]) -> dict[str, object]:
    return {name: str(value) for name, value in params.items()}
