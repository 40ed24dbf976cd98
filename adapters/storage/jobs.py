"""Jobs and schedules of one book, and the dispatcher's narrow view of them across books."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Text, case, cast, func, select, update

from adapters.storage import wake
from adapters.storage.codec import decode_open, encode_open
from adapters.storage.schema import JOB_DUE, JOB_HELD, JOBS, PLANNED, SCHEDULES
from adapters.storage.scope import Scope
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.ports.jobs import ENDED, Job, JobState, Lease, Schedule
from hedge_core.ports.jobs import JOBS as USUAL
from messages import Message

_FREE: Final[dict[str, Any]] = {"lease_token": "", "lease_until": None}
_LEASED: Final = "leased"
_REST: Final = timedelta(seconds=2)
"""How long a job waits when another one holds what it works on."""
_ENDED: Final = tuple(sorted(state.value for state in ENDED))


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
            **_FREE,
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
            query = query.where(JOBS.c.state.in_(names | ({_LEASED} if JobState.QUEUED in states else set())))
        if kind:
            query = query.where(JOBS.c.kind == kind)
        if schedule:
            query = query.where(JOBS.c.schedule == schedule)
        return [job_of(row) for row in self._scope.rows(query)]

    def unfinished(self, schedule: str) -> bool:
        mine = (JOBS.c.schedule == schedule, JOBS.c.state.not_in(_ENDED))
        return self._scope.first(self._scope.select(JOBS, JOBS.c.id).where(*mine).limit(1)) is not None

    def start(self, job_id: int, token: str, now: datetime, lease_until: datetime) -> Job | None:
        found = self._scope.first(
            self._scope.select(JOBS).where(*_held(job_id, token, now), JOBS.c.state == _LEASED).with_for_update()
        )
        if found is None:
            return None
        if found.exclusive and self._taken(found):
            waits = {"state": JobState.QUEUED.value, "available_at": now + _REST, **_FREE}
            self._scope.run(self._scope.update(JOBS).where(JOBS.c.id == job_id).values(**waits))
            return None
        running = {
            "state": JobState.RUNNING.value,
            "attempts": JOBS.c.attempts + 1,
            "lease_until": lease_until,
            "started_at": now,
            "ended_at": None,
            "error": None,
        }
        statement = self._scope.update(JOBS).where(JOBS.c.id == job_id).values(**running).returning(JOBS)
        started = self._scope.first(statement)
        return None if started is None else job_of(started)

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
            **_FREE,
        }
        if state in ENDED:
            ended |= {"ended_at": now, "cancel_asked": False, "lost_leases": 0}
        else:
            ended["available_at"] = available_at or now
        where = (*_held(job_id, token, now), JOBS.c.state == JobState.RUNNING.value)
        return bool(self._scope.run(self._scope.update(JOBS).where(*where).values(**ended)))

    def ask_to_cancel(self, job_id: int) -> JobState:
        queued = {"state": JobState.CANCELLED.value, "ended_at": self._scope.clock.now(), **_FREE}
        mine = self._scope.update(JOBS).where(JOBS.c.id == job_id)
        if self._scope.run(mine.where(JOBS.c.state.in_((JobState.QUEUED.value, _LEASED))).values(**queued)):
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

    def _taken(self, job: Any) -> bool:
        same = (JOBS.c.exclusive == job.exclusive, JOBS.c.state == JobState.RUNNING.value, JOBS.c.id != job.id)
        return self._scope.first(self._scope.select(JOBS, JOBS.c.id).where(*same).limit(1)) is not None

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


class JobsAcrossBooks:
    """`hedge_core.ports.jobs.JobQueue`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, queue: str) -> DueJobs:
        return DueJobs(self._engine, queue)

    def counts(self) -> dict[tuple[str, str, str], int]:
        columns = (JOBS.c.book_id, JOBS.c.kind, JOBS.c.state)
        query = select(*columns, func.count().label("jobs")).group_by(*columns)
        with _reading(self._engine) as connection:
            return {(row.book_id, row.kind, row.state): row.jobs for row in connection.execute(query)}

    def due_schedules(self, now: datetime) -> list[tuple[BookId, str]]:
        query = select(SCHEDULES.c.book_id, SCHEDULES.c.name).where(PLANNED, SCHEDULES.c.next_at <= now)
        with _reading(self._engine) as connection:
            found = connection.execute(query.order_by(SCHEDULES.c.next_at, SCHEDULES.c.book_id, SCHEDULES.c.name))
            return [(BookId(row.book_id), row.name) for row in found]

    def next_planned(self) -> datetime | None:
        with _reading(self._engine) as connection:
            found: datetime | None = connection.execute(select(func.min(SCHEDULES.c.next_at)).where(PLANNED)).scalar()
            return found


class DueJobs:
    """`hedge_core.ports.jobs.WorkQueue` for the jobs of one queue."""

    def __init__(self, engine: Engine, queue: str) -> None:
        self._engine = engine
        self._queue = queue

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> list[Lease]:
        """At most `limit` jobs, those whose worker died first, then by the moment they are due."""
        due = self.next_due(now)
        if limit <= 0 or due is None or due > now:
            return []
        until = now + timedelta(seconds=lease_seconds)
        found: list[Lease] = []
        with self._engine.begin() as connection:
            for state, moment in ((JOB_HELD, JOBS.c.lease_until), (JOB_DUE, JOBS.c.available_at)):
                if len(found) == limit:
                    break
                picked = (
                    select(JOBS.c.id)
                    .where(JOBS.c.queue == self._queue, state, moment <= now)
                    .order_by(moment, JOBS.c.id)
                    .limit(limit - len(found))
                    .with_for_update(skip_locked=True)
                    .cte("picked")
                )
                lost = JOBS.c.state == JobState.RUNNING.value
                statement = (
                    update(JOBS)
                    .where(JOBS.c.id.in_(select(picked.c.id)))
                    .values(
                        state=_LEASED,
                        lease_token=fresh_token(connection),
                        lease_until=until,
                        lost_leases=JOBS.c.lost_leases + case((lost, 1), else_=0),
                    )
                    .returning(*_NARROW)
                )
                found += [_lease(row) for row in connection.execute(statement)]
        return sorted(found, key=lambda lease: lease.id)

    def leased(self, row_id: int) -> Lease | None:
        with _reading(self._engine) as connection:
            found = connection.execute(select(*_NARROW).where(JOBS.c.id == row_id)).first()
        return None if found is None else _lease(found)

    def give_back(self, row_ids: Collection[int]) -> None:
        """Jobs that were leased and not started are due again at once."""
        if row_ids:
            mine = (JOBS.c.id.in_(sorted(row_ids)), JOBS.c.state == _LEASED)
            with self._engine.begin() as connection:
                connection.execute(update(JOBS).where(*mine).values(state=JobState.QUEUED.value, **_FREE))

    def in_work(self, now: datetime) -> int:
        mine = (JOBS.c.queue == self._queue, JOB_HELD, JOBS.c.lease_until > now)
        with _reading(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(JOBS).where(*mine)).scalar_one())

    def held(self, row_ids: Collection[int], now: datetime) -> set[int]:
        if not row_ids:
            return set()
        query = select(JOBS.c.id).where(JOBS.c.id.in_(sorted(row_ids)), JOB_HELD, JOBS.c.lease_until > now)
        with _reading(self._engine) as connection:
            return set(connection.execute(query).scalars())

    def next_due(self, now: datetime) -> datetime | None:
        mine = JOBS.c.queue == self._queue
        due = select(func.min(JOBS.c.available_at)).where(mine, JOB_DUE).scalar_subquery()
        held = select(func.min(JOBS.c.lease_until)).where(mine, JOB_HELD).scalar_subquery()
        with _reading(self._engine) as connection:
            found = connection.execute(select(due.label("due"), held.label("held"))).one()
        return min((moment for moment in found if moment is not None), default=None)


_NARROW: Final = (JOBS.c.id, JOBS.c.book_id, JOBS.c.kind, JOBS.c.lease_token, JOBS.c.lease_until)


def fresh_token(connection: Connection) -> Any:
    """Random text, another one for every row of a statement."""
    if connection.dialect.name == "postgresql":
        return cast(func.gen_random_uuid(), Text)
    return func.lower(func.hex(func.randomblob(16)))


def job_of(row: Any) -> Job:
    """A row of the table as the port's dataclass. A leased job is still queued: nothing of it has begun."""
    return Job(
        id=row.id,
        book=BookId(row.book_id),
        kind=row.kind,
        state=JobState.QUEUED if row.state == _LEASED else JobState(row.state),
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


def _lease(row: Any) -> Lease:
    return Lease(row.id, BookId(row.book_id), row.lease_token, row.lease_until, kind=row.kind)


def _held(job_id: int, token: str, now: datetime) -> tuple[Any, ...]:
    return JOBS.c.id == job_id, JOBS.c.lease_token == token, JOBS.c.lease_until > now


def _reading(engine: Engine) -> Any:
    return engine.connect().execution_options(reading=True)
