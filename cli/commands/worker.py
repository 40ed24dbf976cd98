"""The worker: delivers what is due, runs jobs and schedules, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from cli.ending import LOOK_SECONDS, Ending
from cli.session import Session, help_text
from hedge_core.errors import InvalidInput
from messages import Message
from worker.runtime import DELIVERIES, SCHEDULE


def register(app: typer.Typer) -> None:
    app.command("worker", help=help_text("worker"))(worker)


def worker(
    queues: Annotated[str, typer.Option("--queues", metavar="NAME,…", help=help_text("queues"))] = "",
    until_idle: Annotated[bool, typer.Option("--until-idle", help=help_text("until_idle"))] = False,
    health: Annotated[str, typer.Option("--health", metavar="ADDRESS:PORT", help=help_text("worker_health"))] = "",
) -> None:
    session = Session()
    chosen = _queues(queues)
    ending = Ending()
    with session.app.runtime(chosen) as runtime, _health(session, health, runtime.alive):
        session.screen.tell(Message("cli.worker_started"))
        while not ending.wait(LOOK_SECONDS):
            if until_idle and runtime.idle(3600):
                break
    session.screen.tell(Message("cli.worker_stopped"))


def _health(session: Session, address: str, live: Callable[[], bool]) -> AbstractContextManager[object]:
    """The health server, when an address was given."""
    if not address:
        return nullcontext()
    from worker.health import health_server  # brings an HTTP server and the metrics library, and most workers have none

    server = health_server(session.app, address, live)
    session.screen.tell(Message("worker.health", {"url": server.url}))
    return server


def _queues(text: str) -> list[str]:
    """The queues asked for, all of them by default. InvalidInput names those there are."""
    from worker.jobs import queues  # heavy, and only here

    known = [DELIVERIES, *queues(), SCHEDULE]
    wanted = [name.strip() for name in text.split(",") if name.strip()] or known
    for name in wanted:
        if name not in known:
            raise InvalidInput("--queues", 0, "", Message("cli.no_queue", {"queue": name, "known": ", ".join(known)}))
    return wanted
