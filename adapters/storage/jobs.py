"""Jobs and schedules of one book. `job_queue.py` leases the jobs across books."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    bindparam,
    func,
    or_,
    select,
    update,
)

from adapters.storage import wake
from adapters.storage.codec import decode_open, encode_open
from adapters.storage.schema import JOBS, SCHEDULES
from adapters.storage.scope import Scope
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.ports.jobs import ENDED, Job, JobState, Schedule
from hedge_core.ports.jobs import JOBS as USUAL
from messages import Message

FREE: Final[dict[str, Any]] = {"lease_token": "", "lease_until": None}
LEASED: Final = "leased"
"""The state of a job that is with a worker and has not begun."""
_REST: Final = timedelta(seconds=2)
"""How long a job waits when another one holds what it works on."""
_ENDED: Final = tuple(sorted(state.value for state in ENDED))


# --- what every job executes, put together once -------------------------------------------------------------------------

_MOMENT: Final = bindparam("moment", type_=JOBS.c.available_at.type)
_OTHER: Final = JOBS.alias("other")
_NOBODY: Final = or_(
    JOBS.c.exclusive == "",
    ~select(_OTHER.c.id)
    .where(
        _OTHER.c.book_id == JOBS.c.book_id,
        _OTHER.c.exclusive == JOBS.c.exclusive,
        _OTHER.c.state == JobState.RUNNING.value,
    )
    .exists(),
)
_HOLDS: Final = (
    JOBS.c.book_id == bindparam("book"),
    JOBS.c.id == bindparam("job"),
    JOBS.c.lease_token == bindparam("token"),
    JOBS.c.lease_until > _MOMENT,
)
_START: Final = (
    update(JOBS)
    .where(*_HOLDS, JOBS.c.state == LEASED, _NOBODY)
    .values(
        state=JobState.RUNNING.value,
        attempts=JOBS.c.attempts + 1,
        lease_until=bindparam("until", type_=JOBS.c.lease_until.type),
        started_at=_MOMENT,
        ended_at=None,
        error=None,
    )
    .returning(JOBS)
)
_WAIT: Final = (
    update(JOBS)
    .where(*_HOLDS, JOBS.c.state == LEASED)
    .values(state=JobState.QUEUED.value, available_at=bindparam("until", type_=JOBS.c.available_at.type), **FREE)
)


class Jobs:
    """`hedge_core.ports.jobs.JobStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(
        self,
        kind: str,
        params: Mapping[str, object],
        *,
        queue: str = USUAL,
        exclusive: str = "",
        schedule: str = "",
        due_at: datetime | None = None,
    ) -> int:
        now = self._scope.clock.now()
        due = due_at or now
        row = {
            "book_id": self._scope.book,
            "kind": kind,
            "queue": queue,
            "state": JobState.QUEUED.value,
            "params": encode_open(dict(params)),
            "exclusive": exclusive,
            "schedule": schedule,
            "made_by": self._scope.actor.name,
            "made_at": now,
            "due_at": due,
            "available_at": due,
            "attempts": 0,
            "lost_leases": 0,
            "done": 0,
            "counts": b"{}",
            "checkpoint": b"{}",
            "cancel_asked": False,
            **FREE,
        }
        self._scope.woken.add(wake.JOBS)
        statement = self._scope.insert_into(JOBS).values(**row)
        if self._scope.connection.dialect.name == "sqlite":  # which counts only in keys of one column
            statement = statement.values(id=select(func.coalesce(func.max(JOBS.c.id), 0) + 1).scalar_subquery())
        added = self._scope.first(statement.returning(JOBS.c.id))
        assert added is not None  # noqa: S101 - an INSERT without ON CONFLICT answers its row or raises
        return int(added.id)

    def job(self, job_id: int) -> Job | None:
        found = self._scope.first(self._scope.select(JOBS).where(JOBS.c.id == job_id))
        return None if found is None else job_of(found)

    def jobs(
        self, *, states: Collection[JobState] = (), kind: str = "", schedule: str = "", limit: int = 100
    ) -> list[Job]:
        query = self._scope.select(JOBS).order_by(JOBS.c.id.desc()).limit(limit)
        if states:
            names = {state.value for state in states}
            query = query.where(JOBS.c.state.in_(names | ({LEASED} if JobState.QUEUED in states else set())))
        if kind:
            query = query.where(JOBS.c.kind == kind)
        if schedule:
            query = query.where(JOBS.c.schedule == schedule)
        return [job_of(row) for row in self._scope.rows(query)]

    def unfinished(self, schedule: str) -> bool:
        mine = (JOBS.c.schedule == schedule, JOBS.c.state.not_in(_ENDED))
        return self._scope.first(self._scope.select(JOBS, JOBS.c.id).where(*mine).limit(1)) is not None

    def start(self, job_id: int, token: str, now: datetime, lease_until: datetime) -> Job | None:
        """As the port says. One that finds another at what it works on waits a little."""
        held = {"book": self._scope.book, "job": job_id, "token": token, "moment": now}
        database = self._scope.connection
        started = database.execute(_START, {**held, "until": lease_until}).first()
        if started is None:
            database.execute(_WAIT, {**held, "until": now + _REST})
            return None
        return job_of(started)

    def keep(
        self,
        job_id: int,
        token: str,
        lease_until: datetime,
        *,
        done: int,
        total: int | None,
        counts: Mapping[str, object],
        checkpoint: Mapping[str, object] | None,
    ) -> bool | None:
        changed: dict[str, Any] = {
            "lease_until": lease_until,
            "done": done,
            "total": total,
            "counts": encode_open(dict(counts)),
        }
        if checkpoint is not None:
            changed["checkpoint"] = encode_open(dict(checkpoint))
        kept = self._scope.first(
            self._scope.update(JOBS)
            .where(*_held(job_id, token, self._scope.clock.now()), JOBS.c.state == JobState.RUNNING.value)
            .values(**changed)
            .returning(JOBS.c.cancel_asked)
        )
        return None if kept is None else bool(kept.cancel_asked)

    def end(
        self,
        job_id: int,
        token: str,
        state: JobState,
        *,
        done: int,
        total: int | None,
        counts: Mapping[str, object],
        error: Message | None = None,
        available_at: datetime | None = None,
    ) -> bool:
        now = self._scope.clock.now()
        ended: dict[str, Any] = {
            "state": state.value,
            "done": done,
            "total": total,
            "counts": encode_open(dict(counts)),
            "error": None if error is None else encode_open(error),
            **FREE,
        }
        if state in ENDED:
            ended |= {"ended_at": now, "cancel_asked": False, "lost_leases": 0}
        else:
            ended["available_at"] = available_at or now
        where = (*_held(job_id, token, now), JOBS.c.state == JobState.RUNNING.value)
        return bool(self._scope.run(self._scope.update(JOBS).where(*where).values(**ended)))

    def ask_to_cancel(self, job_id: int) -> JobState:
        queued = {"state": JobState.CANCELLED.value, "ended_at": self._scope.clock.now(), **FREE}
        mine = self._scope.update(JOBS).where(JOBS.c.id == job_id)
        if self._scope.run(mine.where(JOBS.c.state.in_((JobState.QUEUED.value, LEASED))).values(**queued)):
            return JobState.CANCELLED
        if self._scope.run(mine.where(JOBS.c.state == JobState.RUNNING.value).values(cancel_asked=True)):
            return JobState.RUNNING
        raise self._not_now(job_id)

    def resume(self, job_id: int, now: datetime) -> None:
        again = {
            "state": JobState.QUEUED.value,
            "available_at": now,
            "cancel_asked": False,
            "attempts": 0,
            "lost_leases": 0,
            "error": None,
            "ended_at": None,
        }
        stopped = JOBS.c.state.in_((JobState.FAILED.value, JobState.CANCELLED.value))
        if not self._scope.run(self._scope.update(JOBS).where(JOBS.c.id == job_id, stopped).values(**again)):
            raise self._not_now(job_id)
        self._scope.woken.add(wake.JOBS)

    def _not_now(self, job_id: int) -> RuleBroken:
        found = self.job(job_id)
        params = {"job": job_id, "state": "-" if found is None else found.state.value}
        return RuleBroken("job_state", str(job_id), Message("job.not_now", params))


class Schedules:
    """`hedge_core.ports.jobs.ScheduleStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def schedules(self) -> list[Schedule]:
        """By name."""
        return [_schedule(row) for row in self._scope.rows(self._scope.select(SCHEDULES).order_by(SCHEDULES.c.name))]

    def schedule(self, name: str) -> Schedule | None:
        found = self._scope.first(self._scope.select(SCHEDULES).where(SCHEDULES.c.name == name))
        return None if found is None else _schedule(found)

    def save(self, schedule: Schedule) -> None:
        """New or replaced as a whole. ValueError for one of another book."""
        if schedule.book != self._scope.book:
            raise ValueError(f"schedule {schedule.name} belongs to book {schedule.book}, not {self._scope.book}")
        row = {
            "name": schedule.name,
            "kind": schedule.kind,
            "rule": schedule.when,
            "params": encode_open(dict(schedule.params)),
            "next_at": schedule.next_at,
            "last_at": schedule.last_at,
            "paused": schedule.paused,
            "made_by": schedule.made_by or self._scope.actor.name,
        }
        self._scope.upsert(SCHEDULES, [row])
        self._scope.woken.add(wake.SCHEDULES)

    def remove(self, name: str) -> bool:
        return bool(self._scope.run(self._scope.delete(SCHEDULES).where(SCHEDULES.c.name == name)))

    def take_turn(self, name: str, planned: datetime, next_at: datetime | None) -> bool:
        mine = (SCHEDULES.c.name == name, SCHEDULES.c.next_at == planned, SCHEDULES.c.paused.is_(False))
        turn = self._scope.update(SCHEDULES).where(*mine).values(next_at=next_at, last_at=planned)
        return bool(self._scope.run(turn))


def job_of(row: Any) -> Job:
    """A row of the table as the port's dataclass. A leased job is still queued: nothing of it has begun."""
    return Job(
        id=row.id,
        book=BookId(row.book_id),
        kind=row.kind,
        state=JobState.QUEUED if row.state == LEASED else JobState(row.state),
        params=decode_open(row.params),
        made_by=row.made_by,
        made_at=row.made_at,
        due_at=row.due_at,
        available_at=row.available_at,
        queue=row.queue,
        exclusive=row.exclusive,
        schedule=row.schedule,
        attempts=row.attempts,
        lost_leases=row.lost_leases,
        done=row.done,
        total=row.total,
        counts=decode_open(row.counts),
        checkpoint=decode_open(row.checkpoint),
        error=None if row.error is None else decode_open(row.error),
        started_at=row.started_at,
        ended_at=row.ended_at,
        cancel_asked=row.cancel_asked,
        lease_token=row.lease_token,
        lease_until=row.lease_until,
    )


def _schedule(row: Any) -> Schedule:
    return Schedule(
        name=row.name,
        book=BookId(row.book_id),
        kind=row.kind,
        when=row.rule,
        params=decode_open(row.params),
        next_at=row.next_at,
        last_at=row.last_at,
        paused=row.paused,
        made_by=row.made_by,
    )


def _held(job_id: int, token: str, now: datetime) -> tuple[Any, ...]:
    return JOBS.c.id == job_id, JOBS.c.lease_token == token, JOBS.c.lease_until > now
