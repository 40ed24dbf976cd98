"""The leader's thread: adds the jobs whose moment has come, in every book, while this process is the leader."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from hedge_core.model.identity import Actor
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store
from hedge_core.use_cases.schedule import CalendarOf, Kinds, fire_due

_LOOK_SECONDS: Final = 1.0
"""How often the leader looks at the clock: a clock that was set is noticed as soon."""
_ASK_SECONDS: Final = 2.0
"""How often the others ask whether there still is a leader."""

_log = structlog.get_logger("hedgebridge.schedule")


class Lock(Protocol):
    """`adapters.storage.leader.LeaderLock`."""

    def hold(self) -> bool: ...
    def release(self) -> None: ...


class Scheduler:
    """Start it, and stop it before the process ends; whoever has the lock works, the others wait for it."""

    def __init__(
        self, store: Store, kinds: Kinds, calendar_of: CalendarOf, lock: Lock, actor: Actor, clock: Clock
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._calendar_of = calendar_of
        self._lock = lock
        self._actor = actor
        self._clock = clock
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)
        self.leading = False

    def __enter__(self) -> Scheduler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """A schedule was changed: look now."""
        self._wake.set()

    def look(self) -> int:
        """Become or stay the leader and add what is due; answers how many jobs were added."""
        self.leading = self._lock.hold()
        if not self.leading:
            return 0
        fired = fire_due(self._store, self._kinds, self._calendar_of, self._actor, self._clock)
        for one in fired:
            _log.info("schedule.fired", book=one.book, name=one.name, planned=str(one.planned), job=one.job)
        return sum(one.job is not None for one in fired)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._wake.clear()
                self._tried(self.look)
                self._wake.wait(_LOOK_SECONDS if self.leading else _ASK_SECONDS)
        finally:
            self._lock.release()

    def _tried(self, look: Callable[[], int]) -> None:
        try:
            look()
        except Exception as error:  # noqa: BLE001 - a schedule that ended here would end in silence
            _log.warning("schedule.trouble", error=type(error).__name__, text=str(error))
