"""Running jobs: a lease becomes a call of the kind's function, with progress, checkpoints, cancelling and an end."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from hedge_core.errors import PlatformError, RateLimited, Unavailable
from hedge_core.model.identity import Actor
from hedge_core.ports.jobs import JOBS, Interrupted, Job, JobState, Lease, Running
from hedge_core.ports.storage import UnitOfWork
from messages import Message
from worker.rounds import Rounds, call_rounds

if TYPE_CHECKING:
    from worker.bootstrap import App

CANCELLED: Final = "cancelled"
STOPPING: Final = "stopping"
LOST: Final = "lost"

LEASE_SECONDS: Final = 60
"""A running job renews its lease all the time; so long after a worker's death another one goes on."""
_WRITE_SECONDS: Final = 1.0
"""How often progress is written, and how soon a running job hears that it is to stop."""
_TRIES: Final = 5
_BACKOFF_SECONDS: Final = (10, 30, 60, 120)
_POISON: Final = 3
"""Workers that died over one job until nobody tries it any more."""

_log = structlog.get_logger("hedgebridge.jobs")

JobFunction = Callable[["App", Running], Mapping[str, object] | None]
"""What a job does. It answers what it did, as counts; what it raises decides what becomes of the job: out of reach → again
later, any other platform error → failed with its sentence."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """A function with the parameters it needs. Of jobs with the same `alone` and the same values of `by` only one runs at a
    time."""

    run: JobFunction
    needs: tuple[str, ...] = ()
    alone: str = ""
    by: tuple[str, ...] = ()
    queue: str = JOBS

    def exclusive(self, params: Mapping[str, object]) -> str:
        return ":".join((self.alone, *(str(params.get(name, "")) for name in self.by))) if self.alone else ""


class JobRunner:
    """Runs leases of jobs in the threads that call `handle`; one thread of its own keeps their leases alive."""

    def __init__(self, app: App, kinds: Mapping[str, JobKind], actor: Actor) -> None:
        self._app = app
        self._kinds = kinds
        self._actor = actor
        self._rounds = call_rounds(app.store, actor)
        self._runs: dict[int, _Run] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._heart: threading.Thread | None = None

    def stop(self) -> None:
        """Running jobs stop at their next page and go back to the queue."""
        self._stopping.set()
        with self._lock:
            for run in self._runs.values():
                run.stop(STOPPING)

    def handle(self, lease: Lease) -> JobState | None:
        """Run one leased job to its end; None when the lease was lost or the job has to wait."""
        app = self._app

        def start(uow: UnitOfWork) -> Job | None:
            now = app.clock.now()
            return uow.jobs.start(lease.id, lease.lease_token, now, now + timedelta(seconds=LEASE_SECONDS))

        job = self._rounds(lease.book, start)
        if job is None:
            return None
        run = _Run(app, job, lease.lease_token, self._actor, self._rounds)
        self._watch(run)
        try:
            state, error, wait = self._outcome(run)
        finally:
            with self._lock:
                self._runs.pop(job.id, None)
        if state is None:
            return None
        run.settle(state, error, wait)
        return state

    def _outcome(self, run: _Run) -> tuple[JobState | None, Message | None, int]:
        job = run.job
        kind = self._kinds.get(job.kind)
        if kind is None:
            message = Message("job.no_kind", {"kind": job.kind, "known": ", ".join(sorted(self._kinds))})
            return JobState.FAILED, message, 0
        if job.lost_leases >= _POISON:
            return JobState.FAILED, Message("job.poison", {"count": job.lost_leases}), 0
        try:
            found = kind.run(self._app, run)
        except Interrupted as stop:
            after = {CANCELLED: JobState.CANCELLED, STOPPING: JobState.QUEUED}
            return after.get(stop.why), None, 0
        except (Unavailable, RateLimited) as error:
            if job.attempts >= _TRIES:
                return JobState.FAILED, error.message, 0
            asked = error.retry_after if isinstance(error, RateLimited) else 0
            return JobState.QUEUED, error.message, max(asked, _BACKOFF_SECONDS[min(job.attempts, 4) - 1])
        except PlatformError as error:
            return JobState.FAILED, error.message, 0
        except Exception as bug:  # noqa: BLE001 - a job that cannot run must say so and not come again for ever
            at = traceback.extract_tb(bug.__traceback__)[-1]
            place = f"{type(bug).__name__}, {at.filename.rpartition('/')[2]}:{at.lineno}"
            _log.warning("job.bug", job=job.id, kind=job.kind, place=place)
            return JobState.FAILED, Message("job.bug", {"type": place}), 0
        run.found(found or {})
        return JobState.DONE, None, 0

    def _watch(self, run: _Run) -> None:
        with self._lock:
            self._runs[run.job.id] = run
            if self._stopping.is_set():
                run.stop(STOPPING)
            if self._heart is None:
                self._heart = threading.Thread(target=self._beat, name="job-leases", daemon=True)
                self._heart.start()

    def _beat(self) -> None:
        while True:
            time.sleep(_WRITE_SECONDS)
            with self._lock:
                runs = list(self._runs.values())
                if self._stopping.is_set() and not runs:
                    self._heart = None
                    return
            for run in runs:
                try:
                    run.write()
                except PlatformError as error:
                    _log.info("job.not_written", job=run.job.id, error=str(error))


class _Run:
    """`hedge_core.ports.jobs.Running`."""

    def __init__(
        self, app: App, job: Job, token: str, actor: Actor, rounds: Rounds[Callable[[UnitOfWork], Any]]
    ) -> None:
        self._app = app
        self._job = job
        self._token = token
        self._actor = actor
        self._rounds = rounds
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # apart: who counts a page must not wait for a writer it keeps out itself
        self._why = ""
        self._done = job.done
        self._total = job.total
        self._counts: dict[str, object] = dict(job.counts)
        self._ended = False

    @property
    def job(self) -> Job:
        return self._job

    def advance(
        self,
        done: int = 1,
        *,
        total: int | None = None,
        checkpoint: Mapping[str, object] | None = None,
        **counts: int,
    ) -> None:
        with self._lock:
            self._done += done
            self._total = self._total if total is None else total
            for name, count in counts.items():
                known = self._counts.get(name, 0)
                self._counts[name] = (known if isinstance(known, int) else 0) + count
        if checkpoint is not None:
            self.write(checkpoint)
        if self._why:
            raise Interrupted(self._why)

    def stop(self, why: str) -> None:
        self._why = self._why or why

    def found(self, counts: Mapping[str, object]) -> None:
        with self._lock:
            self._counts |= dict(counts)

    def write(self, checkpoint: Mapping[str, object] | None = None) -> None:
        """Progress, checkpoint and a longer lease into the row; hears whether the job is to stop."""
        with self._writing:
            if self._ended:
                return
            now = self._now()
            with self._app.store.begin(self._job.book, self._actor) as uow:
                until = self._app.clock.now() + timedelta(seconds=LEASE_SECONDS)
                asked = uow.jobs.keep(self._job.id, self._token, until, checkpoint=checkpoint, **now)
        if asked is None:
            self.stop(LOST)
        elif asked:
            self.stop(CANCELLED)

    def settle(self, state: JobState, error: Message | None, wait_seconds: int) -> None:
        """The last write: nothing follows it."""
        with self._writing:
            self._ended = True
            now = self._now()

            def end(uow: UnitOfWork) -> bool:
                later = self._app.clock.now() + timedelta(seconds=wait_seconds)
                return uow.jobs.end(self._job.id, self._token, state, error=error, available_at=later, **now)

            self._rounds(self._job.book, end)

    def _now(self) -> dict[str, Any]:
        with self._lock:
            return {"done": self._done, "total": self._total, "counts": dict(self._counts)}
