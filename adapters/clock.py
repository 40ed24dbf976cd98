"""The wall clock and a real wait: the only place of the platform that reads the time of day."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock as `hedge_core.ports.clock.Clock`: aware UTC, waits in seconds."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
