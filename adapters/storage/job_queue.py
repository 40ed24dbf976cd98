"""The dispatcher's narrow view of jobs and schedules across books: what is due, and leases on it."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Text, bindparam, case, cast, func, literal_column, select, update

from adapters.storage.jobs import FREE, LEASED
from adapters.storage.schema import JOB_DUE, JOB_HELD, JOBS, PLANNED, SCHEDULES
from hedge_core.model.identity import BookId
from hedge_core.ports.jobs import JobState, Lease

_MOMENT: Final = bindparam("moment", type_=JOBS.c.available_at.type)


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
        self._engine = engine.execution_options(walking=True)
        self._queue = queue

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> list[Lease]:
        """At most `limit` jobs, those whose worker died first, then by the moment they are due."""
        if limit <= 0:
            return []
        usual = {"of_queue": self._queue, "moment": now, "until": now + timedelta(seconds=lease_seconds)}
        moments = self._moments() if self._engine.dialect.name == "sqlite" else None
        if moments is not None and not _ready(moments, now):
            return []  # a look must not take the writer's place
        found: list[Lease] = []
        with self._engine.begin() as connection:  # elsewhere one transaction looks and takes
            moments = moments or _first(connection, self._queue)
            for statement in _ready(moments, now):
                if len(found) < limit:
                    here = {**usual, "most": limit - len(found), "token": secrets.token_hex(16)}
                    found += [_lease(row) for row in connection.execute(statement, here)]
        return sorted(found, key=lambda lease: lease.id)

    def leased(self, row_id: int) -> Lease | None:
        with _reading(self._engine) as connection:
            found = connection.execute(select(*_NARROW).where(JOBS.c.id == row_id)).first()
        return None if found is None else _lease(found)

    def give_back(self, row_ids: Collection[int]) -> None:
        """Jobs that were leased and not started are due again at once."""
        if row_ids:
            mine = (JOBS.c.id.in_(sorted(row_ids)), JOBS.c.state == LEASED)
            with self._engine.begin() as connection:
                connection.execute(update(JOBS).where(*mine).values(state=JobState.QUEUED.value, **FREE))

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
        return min((moment for moment in self._moments() if moment is not None), default=None)

    def _moments(self) -> tuple[datetime | None, datetime | None]:
        """When the first job is due, and when the first lease ends."""
        with _reading(self._engine) as connection:
            return _first(connection, self._queue)


_NARROW: Final = (JOBS.c.id, JOBS.c.book_id, JOBS.c.kind, JOBS.c.lease_token, JOBS.c.lease_until)
_OF_QUEUE: Final = JOBS.c.queue == bindparam("of_queue")


def _walk(what: Any, moment: Any, state: Any, index: str) -> Any:
    """The jobs of a queue in the order of an index, whatever the planner believes."""
    walk = select(what).where(_OF_QUEUE, state).order_by(moment, JOBS.c.id)
    return walk.with_hint(JOBS, f"INDEXED BY {index}", "sqlite")


_FIRST: Final = select(
    _walk(JOBS.c.available_at, JOBS.c.available_at, JOB_DUE, "ix_jobs_due").limit(1).scalar_subquery().label("due"),
    _walk(JOBS.c.lease_until, JOBS.c.lease_until, JOB_HELD, "ix_jobs_held").limit(1).scalar_subquery().label("held"),
)


def _take(moment: Any, state: Any, index: str) -> Any:
    """Lease the first jobs, each with a token of its own: random text, and its number."""
    first = _walk(JOBS.c.id, moment, state, index).where(moment <= _MOMENT).limit(bindparam("most"))
    picked = first.with_for_update(skip_locked=True).cte("picked")
    lost = JOBS.c.state == JobState.RUNNING.value
    return (
        update(JOBS)
        .where(JOBS.c.id.in_(select(picked.c.id)))
        .values(
            state=LEASED,
            lease_token=bindparam("token", type_=Text) + literal_column("'-'") + cast(JOBS.c.id, Text),
            lease_until=bindparam("until", type_=JOBS.c.lease_until.type),
            lost_leases=JOBS.c.lost_leases + case((lost, 1), else_=0),
        )
        .returning(*_NARROW)
    )


_TAKE_DUE: Final = _take(JOBS.c.available_at, JOB_DUE, "ix_jobs_due")
_TAKE_HELD: Final = _take(JOBS.c.lease_until, JOB_HELD, "ix_jobs_held")


def _first(connection: Connection, queue: str) -> tuple[datetime | None, datetime | None]:
    found = connection.execute(_FIRST, {"of_queue": queue}).one()
    return found.due, found.held


def _ready(moments: tuple[datetime | None, datetime | None], now: datetime) -> list[Any]:
    """What takes the jobs that may be leased now: those whose worker died come first."""
    due, held = moments
    return [take for first, take in ((held, _TAKE_HELD), (due, _TAKE_DUE)) if first is not None and first <= now]


def _lease(row: Any) -> Lease:
    return Lease(row.id, BookId(row.book_id), row.lease_token, row.lease_until, kind=row.kind)


def _reading(engine: Engine) -> Any:
    return engine.connect().execution_options(reading=True)
