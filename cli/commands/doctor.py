"""Whether everything is as it should be: `doctor` for the installation, `connection test` for one system, and what a system
has that a connection can be configured with (`connection discover`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from adapters.secrets import SecretRefused
from adapters.storage import schema_state
from cli.commands import cards as cards  # its command stands below `connection` too
from cli.commands.books import connection_app
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, UNREACHABLE, BookOption, JsonOption, Session, help_text
from hedge_core.errors import InvalidInput, PlatformError
from hedge_core.model.identity import BookId
from hedge_core.ports.erp import Discovers, HealthStep
from messages import Message
from worker.doctor import connection_steps, isolation
from worker.log_lines import set_up_logging

NOT_THERE = frozenset({"name", "address", "port", "tls", "reach", "login"})
"""Steps whose failure means that nobody is there or the login is refused: the exit code is then that of any other command."""


def register(app: typer.Typer) -> None:
    app.command("doctor", help=help_text("doctor"))(doctor)


@connection_app.command("test", help=help_text("connection_test"))
def connection_test(
    name: Annotated[str, typer.Argument(metavar="NAME")], book: BookOption = "", as_json: JsonOption = False
) -> None:
    session = Session(book, as_json=as_json)
    session.app.connection(session.book, name)
    steps = list(connection_steps(session.app, session.book, name))
    show_health(session, [(name, step) for step in steps])
    failed = next((step.step for step in steps if not step.ok), None)
    session.end(OK if failed is None else UNREACHABLE if failed in NOT_THERE else PERSON_NEEDED)


@connection_app.command("discover", help=help_text("connection_discover"))
def connection_discover(
    name: Annotated[str, typer.Argument(metavar="NAME")], book: BookOption = "", as_json: JsonOption = False
) -> None:
    session = Session(book, as_json=as_json)
    adapter = session.app.erp(session.book, name)
    if not isinstance(adapter, Discovers):
        shown = {"system": adapter.capabilities.system}
        raise InvalidInput(name, 0, "", Message("doctor.no_discovery", shown))
    rows = [
        {"what": one.what, "where": one.place, "code": one.code, "name": one.name, "remark": one.remark}
        for one in adapter.discover()
    ]
    session.screen.rows("discovered", ("what", "where", "code", "name", "remark"), rows)


def doctor(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    steps = health_steps(session, bool(book))
    show_health(session, steps)
    session.end(OK if all(step.ok for _, step in steps) else PERSON_NEEDED)


def health_steps(session: Session, one_book: bool) -> list[tuple[str, HealthStep]]:
    """(where, step) of everything `doctor` looks at."""
    steps: list[tuple[str, HealthStep]] = [("database", _database(session))]
    if steps[0][1].ok:
        set_up_logging("CRITICAL", session.app.redactor)
        apart = isolation(session.settings.database)
        steps += [("database", apart)] if apart is not None else []
        steps.append(("secrets", _secrets(session)))
        steps += _books(session, session.book if one_book else None)
    return steps


def _books(session: Session, only: BookId | None) -> Iterator[tuple[str, HealthStep]]:
    """Every connection of every book, or of the one asked for."""
    books = [known for known in session.app.store.books() if only in (None, known.book)]
    if not books:
        yield only or "-", HealthStep("books", False, Message("cli.no_book"))
    for known in books:
        with session.app.store.read(known.book) as uow:
            names = [connection.name for connection in uow.connections()]
            paused = {c.name: c.paused_reason for c in uow.connections() if c.paused}
        if not names:
            yield known.book, HealthStep("connections", False, Message("cli.no_connections"))
        for name in names:
            if name in paused:
                finding = Message("cli.paused", {"reason": paused[name], "connection": name})
                yield f"{known.book}/{name}", HealthStep("paused", False, finding)
            yield from ((f"{known.book}/{name}", step) for step in connection_steps(session.app, known.book, name))


def _database(session: Session) -> HealthStep:
    """Whether the database is there with this program's schema; opening it says what to do otherwise."""
    try:
        _ = session.app
        state = schema_state(session.settings.database)
    except PlatformError as error:
        return HealthStep("schema", False, error.message)
    return HealthStep("schema", state.ready, Message("cli.schema", {"current": state.current, "needed": state.needed}))


def _secrets(session: Session) -> HealthStep:
    try:
        box = session.app.secrets
    except SecretRefused as refused:
        return HealthStep("master key", False, refused.message)
    return HealthStep("master key", True, Message("cli.key_ready", {"key": box.active}))


def show_health(session: Session, steps: list[tuple[str, HealthStep]]) -> None:
    rows = [
        {"where": Word(where), "step": Word(step.step), "ok": step.ok, "finding": step.finding} for where, step in steps
    ]
    session.screen.rows("health", ("where", "step", "ok", "finding"), rows)
