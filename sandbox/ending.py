"""When a stand-in ends: at a signal, or when whoever started it closes its standard input."""

from __future__ import annotations

import os
import signal
import sys
import threading


def ending(*, with_stdin: bool) -> threading.Event:
    """An event that is set by SIGTERM or SIGINT and, `with_stdin`, by the end of standard input."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if with_stdin:
        threading.Thread(target=_wait_for_stdin, args=(stop,), daemon=True).start()
    return stop


def _wait_for_stdin(stop: threading.Event) -> None:
    # not through the buffered reader: a signal ends the interpreter while this thread still waits, holding its lock
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()
