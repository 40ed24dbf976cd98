"""A clock that notices when it was set: leases are moments, and a clock that jumps would end them while somebody works.

A worker whose clock goes ahead sees every lease of the others run out and would take over rows whose call is on its way, before
the other side can find them: the one way to a second document that no look-up prevents. So after a step nothing is leased,
started or recorded for as long as a lease: whatever was on its way at the step is over by then, and can be looked up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from hedge_core.errors import Unavailable
from hedge_core.ports.clock import Clock

MOST_TOLERATED: Final = 30.0
"""Seconds that a clock may be off; with short leases a tenth of them, and never less than one."""
_COMPARED_EVERY: Final = 10.0
"""Seconds between comparisons with the database's clock: in between no step goes unnoticed, only a slow drift."""

_log = structlog.get_logger("hedgebridge.clock")


class ClockUntrusted(Unavailable):
    """Nothing may be decided by this clock now."""


class SteadyClock:
    """Fits the port `Clock`. `now` raises `ClockUntrusted` while the clock cannot be trusted: for `lease_seconds` after a step
    against the machine's steady time, and as long as it is off `reference`, the database's clock, where there is one."""

    def __init__(
        self,
        clock: Clock,
        lease_seconds: float,
        reference: Callable[[], datetime | None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._rest = lease_seconds
        self._tolerated = min(MOST_TOLERATED, max(1.0, lease_seconds / 10))
        self._reference = reference
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last: tuple[datetime, float] | None = None
        self._until = float("-inf")
        self._compared = float("-inf")

    def now(self) -> datetime:
        with self._lock:
            wall, beat = self._both()
            self._look_for_a_step(wall, beat)
            if beat < self._until:
                raise ClockUntrusted(
                    f"it was set; nothing is taken over for {self._until - beat:.0f} s", system="clock"
                )
            if beat - self._compared >= _COMPARED_EVERY:
                self._compare(wall)
                self._compared = beat
            return wall

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def _both(self) -> tuple[datetime, float]:
        """The time of day and the steady time of the same moment, also where a thread had to wait between the two."""
        while True:
            before = self._monotonic()
            wall = self._clock.now()
            after = self._monotonic()
            if after - before < self._tolerated / 4:
                return wall, after

    def _look_for_a_step(self, wall: datetime, beat: float) -> None:
        if self._last is not None:
            step = (wall - self._last[0]).total_seconds() - (beat - self._last[1])
            if abs(step) > self._tolerated:
                self._until = beat + self._rest
                self._compared = float("-inf")
                _log.warning("clock.set", seconds=round(step, 1), rest_seconds=self._rest)
        self._last = (wall, beat)

    def _compare(self, wall: datetime) -> None:
        told = self._reference()
        if told is None:
            return
        off = (wall - told).total_seconds()
        if abs(off) > self._tolerated:
            raise ClockUntrusted(f"it is {off:.0f} s off the database's clock; nothing is leased", system="clock")
