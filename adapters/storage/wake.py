"""Who waits for work is woken when it is committed: at once in this process, by NOTIFY or the file's version in others.

A wake-up is a hint and nothing else: one that is lost costs the time until the next look.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, text

CHANNEL: Final = "hedgebridge_work"
ANY: Final = "*"
"""Something was committed in another process; SQLite does not tell what."""

OUTBOX: Final = "outbox"
JOBS: Final = "jobs"
SCHEDULES: Final = "schedules"

_LOOK_SECONDS: Final = 0.004
"""How often the version of an SQLite file is read (some microseconds each) while a process waits for work."""
_REST_SECONDS: Final = 5.0

_log = structlog.get_logger("hedgebridge.wake")

Listener = Callable[[str], None]
"""Called with a topic, on whatever thread; it must be quick."""


class Wakes:
    """Listeners of one process. Nothing is watched until the first of them comes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every topic from now on; call the answer to end it."""
        with self._lock:
            self._listeners = [*self._listeners, listener]
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._watch, args=(self._stop,), name="wake", daemon=True)
                self._thread.start()
        return lambda: self._unsubscribe(listener)

    def announce(self, connection: Connection, topics: Collection[str]) -> None:
        """Inside the transaction that makes the work; other processes hear of it when it commits."""
        if topics and connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_notify(:channel, :topics)"), _told(topics))

    def fire(self, topics: Collection[str]) -> None:
        """After the commit, for this process."""
        for topic in topics:
            for listener in self._listeners:
                listener(topic)

    def _unsubscribe(self, listener: Listener) -> None:
        with self._lock:
            self._listeners = [one for one in self._listeners if one is not listener]
            if self._listeners or self._thread is None:
                return
            thread, self._thread = self._thread, None
            self._stop.set()
        if thread is not threading.current_thread():
            thread.join(_REST_SECONDS)

    def _watch(self, stop: threading.Event) -> None:
        watch = self._watch_postgresql if self._engine.dialect.name == "postgresql" else self._watch_sqlite
        while not stop.is_set():
            try:
                watch(stop)
            except Exception as error:  # noqa: BLE001 - without it work is found by looking, only later
                _log.info("wake.lost", error=type(error).__name__)
                stop.wait(_REST_SECONDS)
                self.fire((ANY,))

    def _watch_postgresql(self, stop: threading.Event) -> None:
        import psycopg

        url = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True, connect_timeout=10, application_name="hedgebridge-wake") as heard:
            heard.execute(f"LISTEN {CHANNEL}")
            while not stop.is_set():
                for note in heard.notifies(timeout=0.2):
                    self.fire(note.payload.split(","))
                    if stop.is_set():
                        return

    def _watch_sqlite(self, stop: threading.Event) -> None:
        raw = self._engine.raw_connection()
        try:
            cursor: Any = raw.cursor()
            seen = _version(cursor)
            while not stop.is_set():
                time.sleep(_LOOK_SECONDS)
                now = _version(cursor)
                if now != seen:
                    seen = now
                    self.fire((ANY,))
        finally:
            raw.close()


def _version(cursor: Any) -> int:
    """It differs after every commit of any other connection to the file."""
    return int(cursor.execute("PRAGMA data_version").fetchone()[0])


def _told(topics: Collection[str]) -> dict[str, str]:
    return {"channel": CHANNEL, "topics": ",".join(sorted(topics))}
