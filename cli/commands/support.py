"""The support bundle: what somebody who helps from afar needs to see, and nothing secret."""

from __future__ import annotations

import json
import os
import platform
import zipfile
from collections.abc import Iterator
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.storage import schema_state
from cli.commands.doctor import health_steps
from cli.screen import plain
from cli.session import Session, help_text, language
from hedge_core.errors import InvalidInput, PlatformError
from messages import Message, say
from worker.metrics import metrics_text
from worker.settings import settings_with_sources

NEWEST_JOBS = 50


def register(app: typer.Typer) -> None:
    app.command("support", help=help_text("support"))(support)


def support(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=help_text("support_file"))],
) -> None:
    session = Session()
    if file.exists():
        raise InvalidInput(str(file), 0, "", Message("backup.exists", {"path": file}))
    masked = session.app.redactor.text
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        names = []
        for name, content in _parts(session):
            bundle.writestr(name, masked(content))
            names.append(name)
    session.screen.tell(Message("cli.support_made", {"path": file, "parts": ", ".join(names)}))


def _parts(session: Session) -> Iterator[tuple[str, str]]:
    """(name, text) of every part; the database and its books only as figures. `doctor` comes first: it opens the secrets,
    so that from then on the redactor knows them all."""
    yield "doctor.json", _json(_health(session))
    settings = [{"setting": name, "value": value, "source": source} for name, value, source in settings_with_sources()]
    yield "settings.json", _json(settings)
    yield "versions.json", _json(_versions(session))
    yield "connections.json", _json(_connections(session))
    yield "jobs.json", _json(_jobs(session))
    yield "metrics.txt", metrics_text(session.app.store.figures(), session.app.clock.now()).decode()


def _health(session: Session) -> list[dict[str, Any]]:
    return [
        {"where": where, "step": step.step, "ok": step.ok, "finding": step.finding}
        for where, step in health_steps(session, one_book=False)
    ]


def _versions(session: Session) -> dict[str, Any]:
    state = schema_state(session.settings.database)
    return {
        "hedgebridge": version("hedgebridge"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "schema": {"current": state.current, "needed": state.needed},
        "packages": {d.metadata["Name"]: d.version for d in sorted(distributions(), key=lambda d: d.metadata["Name"])},
    }


def _connections(session: Session) -> list[dict[str, Any]]:
    """Options as they are configured, secrets by name only."""
    rows = []
    for known in session.app.store.books():
        with session.app.store.read(known.book) as uow:
            rows += [
                {
                    "book": known.book, "connection": c.name, "system": c.system,
                    "options": session.app.redactor.redact(dict(c.options)), "secrets": sorted(c.secrets),
                    "paused": c.paused, "reason": c.paused_reason, "failures_in_a_row": c.failures_in_a_row,
                }
                for c in uow.connections()
            ]  # fmt: skip
    return rows


def _jobs(session: Session) -> list[dict[str, Any]]:
    rows = []
    for known in session.app.store.books():
        with session.app.store.read(known.book) as uow:
            rows += [
                {
                    "book": known.book, "id": job.id, "kind": job.kind, "state": job.state, "counts": dict(job.counts),
                    "error": _told(job.error), "started_at": job.started_at, "ended_at": job.ended_at,
                }
                for job in uow.jobs.jobs(limit=NEWEST_JOBS)
            ]  # fmt: skip
    return rows


def _told(error: Message | PlatformError | None) -> str:
    return say(error, language()) if isinstance(error, Message) else str(error or "")


def _json(value: Any) -> str:
    return json.dumps(plain(value, language()), ensure_ascii=False, indent=1, default=str) + "\n"
