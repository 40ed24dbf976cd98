"""The worker: delivers what is due until it is told to stop."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from cli.session import Session, help_text
from messages import Message


def register(app: typer.Typer) -> None:
    app.command("worker", help=help_text("worker"))(worker)


def worker(
    until_idle: Annotated[bool, typer.Option("--until-idle", help=help_text("until_idle"))] = False,
) -> None:
    session = Session()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with session.app.runtime() as runtime:
        session.screen.tell(Message("cli.worker_started"))
        while not stop.wait(0.2):
            if until_idle and runtime.dispatcher.idle(3600):
                break
    session.screen.tell(Message("cli.worker_stopped"))
