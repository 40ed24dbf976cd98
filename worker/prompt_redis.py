"""dramatiq's Redis broker whose consumers hear at once of what their own process sends.

Redis does not push: a consumer that finds nothing rests before it asks again. The process that leases work is also the first
that may do it, so its own messages end that rest; those of other processes wait for the end of it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer


class PromptRedisBroker(RedisBroker):
    """One per lane. `timeout` of `consume` is the longest rest in milliseconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.sent: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        queued = super().enqueue(message, delay=delay)
        self.sent[queued.queue_name].set()
        return queued

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> _PromptConsumer:
        return _PromptConsumer(self, queue_name, prefetch, timeout)


class _PromptConsumer(_RedisConsumer):
    def __init__(self, broker: PromptRedisBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, 0)  # type: ignore[no-untyped-call]
        self._sent = broker.sent[queue_name]
        self._rest = timeout / 1000

    def __next__(self) -> Any:
        self._sent.clear()  # before it asks: what is sent meanwhile is asked for again
        found = super().__next__()  # type: ignore[no-untyped-call]
        if found is None:
            self._sent.wait(self._rest)
        return found
