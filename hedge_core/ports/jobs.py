"""The port to jobs and schedules: what runs by itself for a book, how far it is, what came of it, and when it runs again.

A job is a row. Whoever wants something done (a schedule, a command, the console) adds one; a worker leases it, runs the
function of its kind, writes progress and a checkpoint while it runs, and ends it. Cancelling is a wish that the running job
meets at its next page; a job that was interrupted or failed goes on from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from hedge_core.model.identity import BookId
from messages import Message

JOBS: Final = "jobs"
"""The queue of jobs that ask for no queue of their own."""


class JobState(StrEnum):
    """`queued → running → done | failed | cancelled | queued` (again: interrupted, or the other side was out of reach)."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `params` say what to do, `checkpoint` how far it came, `counts` what it did; `done` of `total` pages or records
    (None: nobody knows how many). `exclusive` names what only one job at a time may work on. `due_at` is the moment it was
    planned for, and `available_at` the earliest one to run it."""

    id: int
    book: BookId
    kind: str
    state: JobState
    params: Mapping[str, object]
    made_by: str
    made_at: datetime
    due_at: datetime
    available_at: datetime
    queue: str = JOBS
    exclusive: str = ""
    schedule: str = ""
    attempts: int = 0
    lost_leases: int = 0
    done: int = 0
    total: int | None = None
    counts: Mapping[str, object] = field(default_factory=dict)
    checkpoint: Mapping[str, object] = field(default_factory=dict)
    error: Message | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_asked: bool = False
    lease_token: str = ""
    lease_until: datetime | None = None


class JobStore(Protocol):
    """The jobs of one book, inside the book's unit of work."""

    def add(
        self,
        kind: str,
        params: Mapping[str, object],
        *,
        queue: str = JOBS,
        exclusive: str = "",
        schedule: str = "",
        due_at: datetime | None = None,
    ) -> int:
        """The id of a new job, due at once or at the given time; workers are woken when the unit commits."""
        ...

    def job(self, job_id: int) -> Job | None: ...
    def jobs(
        self, *, states: Collection[JobState] = (), kind: str = "", schedule: str = "", limit: int = 100
    ) -> list[Job]:
        """The newest first; no states: all of them."""
        ...

    def unfinished(self, schedule: str) -> bool:
        """Whether a job of this schedule is queued or running."""
        ...

    def start(self, job_id: int, token: str, now: datetime, lease_until: datetime) -> Job | None:
        """Leased → running, attempt counted, lease renewed. None when the token no longer holds the lease. A job whose
        `exclusive` another running job holds goes back to the queue for a moment: None as well."""
        ...

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
        """Write progress and renew the lease. True when somebody asked to cancel it, False when not, None when the lease is
        lost: then stop, somebody else has the job. A checkpoint of None stays what it was."""
        ...

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
        """Running → ended, or queued again for `available_at`; False when the lease is lost."""
        ...

    def ask_to_cancel(self, job_id: int) -> JobState:
        """A queued job is cancelled at once, a running one is asked; answers its state then. RuleBroken for an ended one."""
        ...

    def resume(self, job_id: int, now: datetime) -> None:
        """A failed or cancelled job goes back to the queue and on from its checkpoint. RuleBroken for any other."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job of a kind is to be added: `when` is a rule in the words of `hedge_core.timetable`. `next_at` is the next
    moment it is planned for, `last_at` the last one that was run."""

    name: str
    book: BookId
    kind: str
    when: str
    params: Mapping[str, object]
    next_at: datetime | None
    last_at: datetime | None = None
    paused: bool = False
    made_by: str = ""


class ScheduleStore(Protocol):
    """The schedules of one book."""

    def schedules(self) -> list[Schedule]: ...
    def schedule(self, name: str) -> Schedule | None: ...
    def save(self, schedule: Schedule) -> None: ...
    def remove(self, name: str) -> bool: ...
    def take_turn(self, name: str, planned: datetime, next_at: datetime | None) -> bool:
        """Move a schedule on from the moment it was planned for; False when somebody else did: exactly one caller adds the
        job of a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """What a dispatcher and a message know of a row: which, whose, and the token that holds it. `members` are the rows that
    were leased together with it under the same token, to go out in one call; its own id is the first of them."""

    id: int
    book: BookId
    lease_token: str
    lease_until: datetime | None = None
    connection: str = ""
    kind: str = ""
    attempts: int = 0
    members: tuple[int, ...] = ()


class WorkQueue(Protocol):
    """A dispatcher's narrow view across books on one kind of work: what is due, and leases on it."""

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> Sequence[Lease]: ...
    def leased(self, row_id: int) -> Lease | None:
        """The lease behind a message, whatever its book; None when there is none (any more)."""
        ...

    def in_work(self, now: datetime) -> int: ...
    def held(self, row_ids: Collection[int], now: datetime) -> set[int]: ...
    def next_due(self, now: datetime) -> datetime | None: ...
    def give_back(self, row_ids: Collection[int]) -> None:
        """What was leased under these rows and not started is due again at once, as after a stop."""
        ...


class JobQueue(Protocol):
    """The same for jobs, one queue name at a time, and what is planned in any book."""

    def of(self, queue: str) -> WorkQueue: ...
    def counts(self) -> dict[tuple[str, str, str], int]:
        """(book, kind, state) → jobs."""
        ...

    def due_schedules(self, now: datetime) -> list[tuple[BookId, str]]: ...
    def next_planned(self) -> datetime | None: ...


class Running(Protocol):
    """A job while it runs, as its function sees it."""

    @property
    def job(self) -> Job: ...

    def advance(
        self,
        done: int = 1,
        *,
        total: int | None = None,
        checkpoint: Mapping[str, object] | None = None,
        **counts: int,
    ) -> None:
        """Call it between pages: so much more is done; `counts` are added to the job's. Raises `Interrupted` when the job was
        cancelled, the worker is stopping, or another worker has taken over: let it pass, what was saved is saved."""
        ...


class Interrupted(BaseException):
    """The job is to stop here. Not an Exception, so that nothing on the way treats it as a failure."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)
