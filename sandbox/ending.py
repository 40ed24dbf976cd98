"""When a stand-in ends: at a signal, or when whoever started it closes its standard input."""

from __future__ import annotations

import os
import signal
import sys
import threading


def ending(*, with_stdin: bool) -> threading.Event:
    """An event that is set by SIGTERM or SIGINT and, `with_stdin`, by the end of standard input."""
    stop = threading.Event()
    # A handler in Python would wait for the main thread, and one that comes as it begins to wait would come never. The
    # byte is written at once.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _watch(told, stop)
    if with_stdin:
        _watch(sys.stdin.fileno(), stop, until_end=True)
    return stop


def _watch(file: int, stop: threading.Event, *, until_end: bool = False) -> None:
    def read() -> None:
        # not through a buffered reader: the interpreter may end while this thread still waits, holding its lock
        while os.read(file, 4096) and until_end:
            pass
        stop.set()

    threading.Thread(target=read, daemon=True).start()
