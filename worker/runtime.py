"""Workers in this process: a dramatiq broker, and for each kind of work an actor, its threads and a dispatcher.

The broker is dramatiq's in-memory one by default and Redis or RabbitMQ by configuration; the actors are the same. None of
dramatiq's own middleware is used: retries, age limits and time limits would decide about money behind the outbox's back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import dramatiq
import structlog
from dramatiq.brokers.stub import StubBroker

from hedge_core.errors import PlatformError
from hedge_core.ports.clock import Clock
from hedge_core.ports.jobs import Lease, WorkQueue
from worker.dispatcher import Dispatcher, Pace
from worker.settings import Settings
from worker.steady_clock import ClockUntrusted

DELIVERIES: Final = "deliveries"
"""The work of the outbox."""
SCHEDULE: Final = "schedule"
"""Not work that is handed out, but a place among those that may become the leader."""

_WORKER_TIMEOUT: Final = 20
"""Milliseconds that a thread waits for a message before it looks whether it is to stop. Messages do not wait for it, but for
those that another process sent over Redis, which does not push."""

_CLOCK_REST: Final = 1.0
"""Seconds that a thread rests whose process does not know the time."""

_log = structlog.get_logger("hedgebridge.runtime")


def make_broker(url: str) -> dramatiq.Broker:
    """A broker by URL: `memory`, `redis://…` or `amqp://…`."""
    if url == "memory":
        return StubBroker(middleware=[])
    if url.startswith(("redis://", "rediss://")):
        from worker.prompt_redis import PromptRedisBroker  # imported where used: most installations have neither

        return PromptRedisBroker(url=url, middleware=[])
    if url.startswith(("amqp://", "amqps://")):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker

        return RabbitmqBroker(url=url, middleware=[])
    raise ValueError("broker must be memory, redis://… or amqp://…")


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of work: its name, where its rows are leased, what is done with one, how many at the same time, how long a
    lease is, and the topic of the wake-ups that are meant for it."""

    name: str
    queue: WorkQueue
    handle: Callable[[Lease], Any]
    threads: int
    lease_seconds: int
    topic: str


class Planner(Protocol):
    """What runs beside the lanes: `worker.schedule.Scheduler`."""

    def __enter__(self) -> object: ...
    def __exit__(self, *_: object) -> None: ...
    def wake(self) -> None: ...


class Runtime:
    """Starts and stops the workers of one process. `deliver` handles one lease of the outbox to its end; `lanes` are other
    kinds of work, and `stopping` is called first when it stops, so that long work can stop at its next page."""

    def __init__(
        self,
        settings: Settings,
        queue: WorkQueue,
        clock: Clock,
        deliver: Callable[[Lease], Any],
        *,
        lanes: Sequence[Lane] | None = None,
        subscribe: Callable[[Callable[[str], None]], Callable[[], None]] | None = None,
        planner: Planner | None = None,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        usual = Lane(DELIVERIES, queue, deliver, settings.worker_threads, settings.lease_seconds, "outbox")
        self._lanes = [_RunningLane(lane, settings, clock) for lane in (lanes if lanes is not None else (usual,))]
        self._planner = planner
        self._subscribe = subscribe
        self._unsubscribe: Callable[[], None] = lambda: None
        self._stopping = stopping

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of the first lane."""
        return self._lanes[0].dispatcher

    def alive(self) -> bool:
        """Whether every lane's dispatcher still runs: one that has ended hands out nothing more."""
        return all(lane.alive() for lane in self._lanes)

    def idle(self, within_seconds: float) -> bool:
        """Whether no lane has anything in work or due within the given time."""
        return all(lane.dispatcher.idle(within_seconds) for lane in self._lanes)

    def __enter__(self) -> Runtime:
        for lane in self._lanes:
            lane.start()
        if self._subscribe is not None:
            self._unsubscribe = self._subscribe(self._woken)
        if self._planner is not None:
            self._planner.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop taking new work, finish what has begun, give back what has not: nothing waits for the end of a lease."""
        self._unsubscribe()
        if self._planner is not None:
            self._planner.__exit__()
        self._stopping()
        for lane in self._lanes:
            lane.dispatcher.stop()
        try:
            for lane in self._lanes:
                lane.stop()
        finally:
            for lane in self._lanes:
                lane.broker.close()

    def drain(self, seconds: float, progress: Callable[[], None] | None = None, quiet_for: float = 0) -> bool:
        """Work until nothing is in work or due (within `quiet_for` seconds), at most `seconds`. True when drained."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.idle(quiet_for):
                return True
            if progress is not None:
                progress()
            time.sleep(0.02)
        return self.idle(quiet_for)

    def _woken(self, topic: str) -> None:
        for lane in self._lanes:
            if topic in ("*", lane.of.topic):
                lane.dispatcher.wake()
        if self._planner is not None and topic in ("*", "schedules"):
            self._planner.wake()


class _RunningLane:
    """A lane with its broker, its actor, its dramatiq worker and its dispatcher's thread. A worker puts its own middleware
    into its broker, and two of the same kind are one too many: so each lane has connections of its own."""

    def __init__(self, lane: Lane, settings: Settings, clock: Clock) -> None:
        self.of = lane
        self.broker = make_broker(settings.broker)
        place = settings.broker_queue if lane.name == DELIVERIES else f"{settings.broker_queue}.{lane.name}"
        self._actor: Any = dramatiq.actor(  # type: ignore[call-overload]
            self._on_message, broker=self.broker, actor_name=f"do_{lane.name}", queue_name=place
        )
        self._worker = dramatiq.Worker(
            self.broker, queues={place}, worker_threads=lane.threads, worker_timeout=_WORKER_TIMEOUT
        )
        pace = Pace(lane.threads * 2, lane.lease_seconds, settings.poll_seconds)
        self.dispatcher = Dispatcher(lane.queue, self._actor.send, clock, pace)
        self._thread = threading.Thread(target=self.dispatcher.run, name=f"dispatcher-{lane.name}", daemon=True)

    def _on_message(self, row_id: int) -> None:
        try:
            known = self.dispatcher.lease(row_id)
            if known is None or self.of.handle(known) is None:
                lease = self.of.queue.leased(row_id)  # not ours, or not any more
                if (
                    lease is not None
                    and lease.lease_token
                    and (known is None or known.lease_token != lease.lease_token)
                ):
                    self.of.handle(lease)
        except ClockUntrusted as error:
            _log.warning("worker.clock", lane=self.of.name, row=row_id, text=str(error))
            self._hand_on(row_id)
        except Exception as error:  # noqa: BLE001 - the row keeps its lease and comes again; the log says why
            _log.warning("worker.trouble", lane=self.of.name, row=row_id, error=type(error).__name__, text=str(error))
        else:
            self.dispatcher.ended(row_id)

    def _hand_on(self, row_id: int) -> None:
        """Others share the queue: what was not started here is theirs at once, and this thread is slow to take the next."""
        with suppress(PlatformError):
            self.of.queue.give_back([row_id])
        time.sleep(_CLOCK_REST)

    def start(self) -> None:
        self._worker.start()
        self._thread.start()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._thread.join()
        try:
            self._worker.stop(timeout=self.of.lease_seconds * 1000)
        except Exception as error:  # noqa: BLE001 - a broker that is away cannot take messages back; the rows are what counts
            _log.warning("worker.broker_away", lane=self.of.name, error=type(error).__name__, text=str(error))
        self.dispatcher.give_back()
