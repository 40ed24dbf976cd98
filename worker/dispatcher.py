"""The dispatcher: leases due rows and hands their ids to the message broker, never more than workers can take.

The database is the queue; the broker only wakes a worker. A message that is lost, repeated or late costs nothing: a row whose
lease runs out becomes due again, and a row that is no longer leased is left alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from hedge_core.errors import PlatformError
from hedge_core.ports.clock import Clock
from hedge_core.ports.jobs import Lease, WorkQueue

LONGEST_REST: Final = 30.0
"""Seconds between attempts while the database or the broker cannot be reached."""

_SHARE: Final = 2
"""While more is due, one look is made for half of the leases in hand and not for each: the others keep the threads busy."""

_log = structlog.get_logger("hedgebridge.dispatcher")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much work is handed out: leases in hand at the same time, length of a lease, seconds between looks when idle."""

    in_hand: int
    lease_seconds: int
    poll_seconds: float


class Dispatcher:
    """One per process and kind of work, each for as much as the process has room for. Several do no harm, because a lease
    belongs to one of them only; and the rows of one that died wait for the end of their leases without taking anybody's
    room."""

    def __init__(self, queue: WorkQueue, send: Callable[[int], object], clock: Clock, pace: Pace) -> None:
        self._queue = queue
        self._send = send
        self._clock = clock
        self._pace = pace
        self._handed: dict[int, Lease] = {}
        self._ended: set[int] = set()
        self._all_sent = True
        """Whether the last look found less than there was room for: what comes next may be withheld by a limit of its
        connection, and the end of every call may make room for it."""
        self._looked = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()

    def wake(self) -> None:
        """Look for work now: something was committed."""
        self._wake.set()

    def ended(self, row_id: int) -> None:
        """A worker of this process has ended its work on a lease: there is room again, without asking the database."""
        with self._lock:
            self._ended.add(row_id)
            room = self._pace.in_hand - len(self._handed.keys() - self._ended)
        if self._all_sent or room * _SHARE >= self._pace.in_hand:
            self._wake.set()

    def lease(self, row_id: int) -> Lease | None:
        """A lease that was handed out here and whose work has not ended, without asking the database: its token decides there
        whether it still holds."""
        with self._lock:
            found = None if row_id in self._ended else self._handed.get(row_id)
        if found is None or found.lease_until is None or found.lease_until <= self._clock.now():
            return None
        return found

    def stop(self) -> None:
        """Hand out nothing more."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Dispatch until stopped. A database or broker that cannot be reached is tried again, less and less often."""
        troubles = 0
        while not self._stop.is_set():
            self._wake.clear()  # before the look: what is committed during it is looked for again
            try:
                if self._worth_a_look():
                    self.dispatch()
                rest = self._rest()
            except Exception as error:  # noqa: BLE001 - a dispatcher that ended here would stop all postings in silence
                troubles += 1
                _log.warning("dispatcher.trouble", error=type(error).__name__, text=str(error), in_a_row=troubles)
                self._stop.wait(min(LONGEST_REST, self._pace.poll_seconds * 2**troubles))
                continue
            troubles = 0
            if rest > 0:
                self._wake.wait(rest)

    def dispatch(self) -> int:
        """Lease what is due, as far as there is room, and send it out. Answers how many leases were sent."""
        room = self._pace.in_hand - self._in_hand_here()
        self._looked = time.monotonic()
        if room <= 0:
            room = self._pace.in_hand - self.in_hand()
        if room <= 0:
            return 0
        leases = self._queue.lease_due(self._clock.now(), self._pace.lease_seconds, room)
        with self._lock:
            self._all_sent = len(leases) < room
            self._ended.difference_update(lease.id for lease in leases)
            self._handed.update((lease.id, lease) for lease in leases)
            if self._all_sent and self._ended:
                self._wake.set()  # they ended during the look, when nobody knew that it would matter
        for lease in leases:
            self._send(lease.id)
        return len(leases)

    def in_hand(self) -> int:
        """Leases handed out here whose work has not ended; one that ran out counts as due again."""
        with self._lock:
            handed = self._handed.keys() - self._ended
        held = self._queue.held(handed, self._clock.now())
        with self._lock:
            gone = (handed - held) | self._ended
            self._handed = {row_id: lease for row_id, lease in self._handed.items() if row_id not in gone}
            self._ended.clear()
            return len(self._handed)

    def give_back(self) -> None:
        """What was handed out here and nobody has started is due again at once, for other processes."""
        with self._lock:
            handed = self._handed.keys() - self._ended
        try:
            self._queue.give_back(handed)
        except PlatformError as error:
            _log.info("dispatcher.not_given_back", error=str(error))  # the leases will run out

    def idle(self, within_seconds: float) -> bool:
        """Whether nothing is in work, here or elsewhere, and nothing becomes due within the given time."""
        now = self._clock.now()
        if self._queue.in_work(now):
            return False
        due = self._queue.next_due(now)
        return due is None or due > now + timedelta(seconds=within_seconds)

    def _in_hand_here(self) -> int:
        with self._lock:
            for row_id in self._ended:
                self._handed.pop(row_id, None)
            self._ended.clear()
            return len(self._handed)

    def _worth_a_look(self) -> bool:
        """Not while more is known to be due and there is little room: every commit of this process wakes its dispatchers."""
        return self._all_sent or self._in_hand_here() * _SHARE <= self._pace.in_hand * (_SHARE - 1) or self._late()

    def _late(self) -> bool:
        """Whether no look was made for a whole poll: a lease that ran out elsewhere, or here, is noticed all the same."""
        return time.monotonic() - self._looked >= self._pace.poll_seconds

    def _rest(self) -> float:
        """Until the next look, at most a poll: sooner when something becomes due before, unless all hands are full."""
        if not self._all_sent:
            return 0.0 if self._worth_a_look() else self._pace.poll_seconds
        now = self._clock.now()
        due = self._queue.next_due(now)
        if due is None or due <= now:
            return self._pace.poll_seconds
        return min(self._pace.poll_seconds, (due - now).total_seconds())
