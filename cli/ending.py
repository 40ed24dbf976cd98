"""When a command that runs on is asked to end: SIGTERM, as a service manager sends it, or Ctrl-C."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Final

LOOK_SECONDS: Final = 0.2


class Ending:
    """Whether somebody asked. A handler that took a lock (an event's, say) could wait for ever for the thread it
    interrupted, so this one only notes it, and whoever waits looks."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def wait(self, seconds: float) -> bool:
        """Rest so long, or shorter when asked to end; answers whether."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
        return self.asked

    def _note(self, _: int, __: FrameType | None) -> None:
        self.asked = True
