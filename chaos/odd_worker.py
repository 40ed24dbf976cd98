"""`python -m chaos.odd_worker QUEUE,…`: a worker like `hedgebridge worker`, put together by the same root, but with a
clock that can be wrong and leases of jobs short enough to wait for.

CHAOS_CLOCK names a file with the seconds by which the clock is off, read at every look at the clock. CHAOS_JOB_LEASE: seconds.
CHAOS_PAGES names a file with the pages a SQLite database may have, 0 for as many as it likes: a disk that is full.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

import worker.job_runs
from cli.ending import Ending
from worker.bootstrap import start
from worker.settings import read_settings


class SteppedClock:
    """Fits the port `Clock`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        off = 0.0
        with suppress(OSError, ValueError):
            off = float(self._file.read_text(encoding="ascii"))
        return datetime.now(UTC) + timedelta(seconds=off)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def limit_pages(file: Path) -> None:
    """Set SQLite's page limit on every connection before each use of it."""

    def limited(connection: Any, *_: object) -> None:
        text = file.read_text(encoding="ascii") if file.exists() else ""
        connection.execute(f"PRAGMA max_page_count = {int(text or 0) or 2**30}")

    event.listen(Pool, "checkout", limited)


def main(queues: list[str]) -> None:
    ending = Ending()
    if lease := os.environ.get("CHAOS_JOB_LEASE"):
        worker.job_runs.LEASE_SECONDS = int(lease)  # type: ignore[misc]
    if pages := os.environ.get("CHAOS_PAGES"):
        limit_pages(Path(pages))
    app = start(read_settings(), SteppedClock(Path(os.environ.get("CHAOS_CLOCK", "/nonexistent"))))
    with app.runtime(queues):
        while not ending.wait(60):
            pass


if __name__ == "__main__":
    main(sys.argv[1].split(","))
