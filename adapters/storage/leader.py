"""One leader among the workers of an installation, by a lock that the database holds and drops when the process dies.

PostgreSQL: a session's advisory lock. SQLite: an exclusive transaction on a small file beside the database, so that the
leader does not keep writers out.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any, Final

from sqlalchemy import Engine

_LOCK: Final = 0x48B25C4E
"""Any number, the same in every process."""


class LeaderLock:
    """`hold()` as often as you like; it is used by one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: Any = None

    def hold(self) -> bool:
        """Whether this process is the leader now: it was and its session still lives, or it became it."""
        if self._session is not None:
            try:
                self._session.execute("SELECT 1")
            except Exception:  # noqa: BLE001 - whatever ended the session ended the lock
                self.release()
            else:
                return True
        try:
            self._session = self._postgresql() if self._engine.dialect.name == "postgresql" else self._sqlite()
        except Exception:  # noqa: BLE001 - no database, no leader; the next look tries again
            self._session = None
        return self._session is not None

    def release(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(Exception):  # it may be gone already
                session.close()

    def _postgresql(self) -> Any:
        import psycopg

        url = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        session = psycopg.connect(url, autocommit=True, connect_timeout=10, application_name="hedgebridge-leader")
        found = session.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if found is not None and found[0]:
            return session
        session.close()
        return None

    def _sqlite(self) -> Any:
        session = sqlite3.connect(
            f"{self._engine.url.database}-leader", timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            session.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            session.close()
            return None
        return session
