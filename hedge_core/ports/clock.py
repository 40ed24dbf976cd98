"""Time as an argument: the core never reads the wall clock itself."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Aware UTC now, and a wait that tests can shorten."""

    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...
