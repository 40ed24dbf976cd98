"""Workers in this process: a dramatiq broker, the delivery actor, and the dispatcher's thread.

The broker is dramatiq's in-memory one by default and Redis or RabbitMQ by configuration; the actor is the same. None of
dramatiq's own middleware is used: retries, age limits and time limits would decide about money behind the outbox's back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.brokers.stub import StubBroker

from hedge_core.errors import PlatformError
from hedge_core.ports.clock import Clock
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import Queue
from worker.dispatcher import Dispatcher, Pace
from worker.settings import Settings


def make_broker(url: str) -> dramatiq.Broker:
    """A broker by URL: `memory`, `redis://…` or `amqp://…`."""
    if url == "memory":
        return StubBroker(middleware=[])
    if url.startswith(("redis://", "rediss://")):
        from dramatiq.brokers.redis import RedisBroker  # imported where used: most installations have neither

        return RedisBroker(url=url, middleware=[])
    if url.startswith(("amqp://", "amqps://")):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker

        return RabbitmqBroker(url=url, middleware=[])
    raise ValueError("broker must be memory, redis://… or amqp://…")


class Runtime:
    """Starts and stops the workers of one process. `deliver` handles one outbox row to its end."""

    def __init__(self, settings: Settings, queue: Queue, clock: Clock, deliver: Callable[[Lease], Any]) -> None:
        self._queue = queue
        self._deliver = deliver
        self._broker = make_broker(settings.broker)
        self._actor = dramatiq.actor(
            self._on_message, broker=self._broker, actor_name="deliver", queue_name=settings.broker_queue
        )
        threads = settings.worker_threads
        self._worker = dramatiq.Worker(self._broker, worker_threads=threads, worker_timeout=50)
        self._pace = Pace(threads * 2, settings.lease_seconds, settings.poll_seconds)
        self.dispatcher = Dispatcher(queue, self._actor.send, clock, self._pace)
        self._thread = threading.Thread(target=self.dispatcher.run, name="dispatcher", daemon=True)

    def _on_message(self, row_id: int) -> None:
        row = self._queue.leased(row_id)
        if row is not None and row.lease_token:
            self._deliver(row)
        self.dispatcher.wake()

    def __enter__(self) -> Runtime:
        self._worker.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop taking new work, finish what is in hand: what was left behind would wait for the end of its lease."""
        self.dispatcher.stop()
        self._thread.join()
        end = time.monotonic() + self._pace.lease_seconds
        try:
            while self.dispatcher.in_hand() and time.monotonic() < end:
                time.sleep(0.02)
        except PlatformError:
            pass  # the database is out of reach: the leases will run out
        finally:
            self._worker.stop()
            self._broker.close()

    def drain(self, seconds: float, progress: Callable[[], None] | None = None, quiet_for: float = 0) -> bool:
        """Work until nothing is in work or due (within `quiet_for` seconds), at most `seconds`. True when drained."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.dispatcher.idle(quiet_for):
                return True
            if progress is not None:
                progress()
            time.sleep(0.02)
        return self.dispatcher.idle(quiet_for)
