"""The dispatcher: leases due outbox rows and hands their ids to the message broker, never more than workers can take.

The outbox is the queue; the broker only wakes a worker. A message that is lost, repeated or late costs nothing: a row whose
lease runs out becomes due again, and a row that is no longer leased is left alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Queue

LONGEST_REST: Final = 30.0
"""Seconds between attempts while the database or the broker cannot be reached."""

_log = structlog.get_logger("hedgebridge.dispatcher")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much work is handed out: rows in hand at the same time, length of a lease, seconds between looks when idle."""

    in_hand: int
    lease_seconds: int
    poll_seconds: float


class Dispatcher:
    """One per process, each for as many rows as the process has room for. Several do no harm, because a lease belongs to
    one of them only; and the rows of one that died wait for the end of their leases without taking anybody's room."""

    def __init__(self, queue: Queue, send: Callable[[int], object], clock: Clock, pace: Pace) -> None:
        self._queue = queue
        self._send = send
        self._clock = clock
        self._pace = pace
        self._handed: set[int] = set()
        self._stop = threading.Event()
        self._wake = threading.Event()

    def wake(self) -> None:
        """Look for work now: something was committed, or a worker became free."""
        self._wake.set()

    def stop(self) -> None:
        """Hand out nothing more."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Dispatch until stopped. A database or broker that cannot be reached is tried again, less and less often."""
        troubles = 0
        while not self._stop.is_set():
            try:
                sent = self.dispatch()
            except Exception as error:  # noqa: BLE001 - a dispatcher that ended here would stop all postings in silence
                troubles += 1
                _log.warning("dispatcher.trouble", error=type(error).__name__, text=str(error), in_a_row=troubles)
                self._stop.wait(min(LONGEST_REST, self._pace.poll_seconds * 2**troubles))
                continue
            troubles = 0
            if sent == 0:
                self._wake.wait(self._pace.poll_seconds)
                self._wake.clear()

    def dispatch(self) -> int:
        """Lease what is due, as far as there is room, and send it out. Answers how many rows were sent."""
        room = self._pace.in_hand - self.in_hand()
        if room <= 0:
            return 0
        rows = self._queue.lease_due(self._clock.now(), self._pace.lease_seconds, room)
        self._handed.update(row.id for row in rows)
        for row in rows:
            self._send(row.id)
        return len(rows)

    def in_hand(self) -> int:
        """Rows handed out here whose work has not ended; a lease that ran out counts as due again."""
        self._handed &= self._queue.held(self._handed, self._clock.now())
        return len(self._handed)

    def idle(self, within_seconds: float) -> bool:
        """Whether nothing is in work, here or elsewhere, and nothing becomes due within the given time."""
        now = self._clock.now()
        if self._queue.in_work(now):
            return False
        due = self._queue.next_due(now)
        return due is None or due > now + timedelta(seconds=within_seconds)
