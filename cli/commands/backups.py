"""Backup, restore, and the check that what is stored is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.storage.backup import Manifest, restore_backup, verify_backup, write_backup
from cli.commands.books import make_folder, role_to_grant
from cli.session import OK, PERSON_NEEDED, JsonOption, Session, help_text
from hedge_core.audit.verification import verify_log
from hedge_core.use_cases.verify import verify_stored
from messages import Message
from worker.bootstrap import database_folder
from worker.settings import hide_password

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help=help_text("backup_file"))]


def register(app: typer.Typer) -> None:
    app.command("backup", help=help_text("backup"))(backup)
    app.command("restore", help=help_text("restore"))(restore)
    app.command("verify", help=help_text("verify"))(verify)


def backup(file: BackupFile, as_json: JsonOption = False) -> None:
    session = Session(as_json=as_json)
    _ = session.app  # says what is missing, where there is no database yet
    with session.screen.progress() as bars:
        bar = bars.add_task(help_text("backup"), total=None)
        manifest = write_backup(
            session.settings.database, file, lambda table, rows: bars.update(bar, description=table, completed=rows)
        )
    _show(session, manifest)
    rows = sum(part.rows for part in manifest.tables)
    session.screen.tell(Message("backup.made", {"rows": rows, "tables": len(manifest.tables), "path": file}))


def restore(file: BackupFile) -> None:
    session = Session()
    url = session.settings.database_owner or session.settings.database
    make_folder(database_folder(url))
    with session.screen.progress() as bars:
        bar = bars.add_task(help_text("restore"), total=None)
        state = restore_backup(
            url,
            file,
            lambda table, rows: bars.update(bar, description=table, completed=rows),
            role_to_grant(session.settings),
        )
    manifest, _ = verify_backup(file)
    told = {"made_at": manifest.made_at, "database": hide_password(url), "revision": state.current}
    session.screen.tell(Message("backup.restored", told))


def verify(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help=help_text("backup_file"))] = None,
    as_json: JsonOption = False,
) -> None:
    session = Session(as_json=as_json)
    if file is not None:
        manifest, findings = verify_backup(file)
        _show(session, manifest)
        if not findings:
            rows = sum(part.rows for part in manifest.tables)
            session.screen.tell(Message("backup.holds", {"made_at": manifest.made_at, "rows": rows}))
    else:
        findings = _stored(session)
    for finding in findings:
        session.screen.tell(finding, "red")
    session.end(PERSON_NEEDED if findings else OK)


def _stored(session: Session) -> list[Message]:
    """Every book's log, snapshots, statements and fills against their digests."""
    rows, findings = [], []
    for known in session.app.store.books():
        with session.app.store.read(known.book) as uow:
            size, root = uow.audit.head()
            found = verify_log(known.book, uow.audit.events(), (size, root))
        found += verify_stored(session.app.store, known.book)
        rows.append({"book": known.book, "events": size, "root": root, "ok": not found})
        findings += found
    session.screen.rows("audit", ("book", "events", "root", "ok"), rows)
    return findings


def _show(session: Session, manifest: Manifest) -> None:
    rows = [{"table": part.name, "rows": part.rows, "digest": part.digest} for part in manifest.tables if part.rows]
    session.screen.rows("backup", ("table", "rows", "digest"), rows, spare=("digest",))
