"""The audit log: verify it, export it, sign and anchor checkpoints, prove what it says of a voucher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.secrets import check_signature
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, help_text
from hedge_core.audit import Checkpoint, VerifierKey, read_checkpoint
from hedge_core.audit.verification import verify_log
from hedge_core.errors import InvalidInput
from hedge_core.use_cases.checkpoints import CHECKPOINT, prove_consistency, prove_voucher
from hedge_core.use_cases.verify import verify_stored
from messages import Message
from worker.anchoring import checkpoint_and_anchor, public_key

audit_app = typer.Typer(no_args_is_help=True, help=help_text("audit"))

CheckpointOption = Annotated[list[Path], typer.Option("--checkpoint", metavar="FILE", help=help_text("audit_notes"))]
KeyOption = Annotated[str, typer.Option("--key", metavar="NAME+ID+BASE64", help=help_text("audit_key_option"))]
OutOption = Annotated[Path | None, typer.Option("--output", metavar="FILE", help=help_text("audit_output"))]


def register(app: typer.Typer) -> None:
    app.add_typer(audit_app, name="audit")


@audit_app.command("verify", help=help_text("audit_verify"))
def audit_verify(
    checkpoint: CheckpointOption = [],  # noqa: B006 - typer reads it
    key: KeyOption = "",
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    here = session.book
    trusted = [_read(session, path, key) for path in checkpoint]
    with session.app.store.read(here) as uow:
        size, root = uow.audit.head()
        findings = verify_log(here, uow.audit.events(), (size, root), trusted)
    findings += verify_stored(session.app.store, here)
    result = {"book": here, "events": size, "root": root, "checkpoints": len(trusted), "ok": not findings}
    session.screen.record("audit", result)
    for finding in findings:
        session.screen.tell(finding, "red")
    if not findings:
        session.screen.tell(Message("cli.log_verified", {"events": size}))
    session.end(PERSON_NEEDED if findings else OK)


@audit_app.command("export", help=help_text("audit_export"))
def audit_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=help_text("audit_export_file"))], book: BookOption = ""
) -> None:
    session = Session(book)
    count = 0
    with session.app.store.read(session.book) as uow, file.open("wb") as out:
        for _, content, _ in uow.audit.events():
            out.write(content + b"\n")
            count += 1
    session.screen.tell(Message("audit.exported", {"events": count, "path": file}))


@audit_app.command("key", help=help_text("audit_key"))
def audit_key(book: BookOption = "", who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, who, as_json=as_json)
    found = public_key(session.app, session.book, session.actor)
    session.screen.record("public_key", {"name": found.name, "key": str(found)})


@audit_app.command("checkpoint", help=help_text("audit_checkpoint"))
def audit_checkpoint(
    output: OutOption = None, book: BookOption = "", who: AsOption = "", as_json: JsonOption = False
) -> None:
    session = Session(book, who, as_json=as_json)
    name, note, kept = checkpoint_and_anchor(session.app, session.book, session.actor)
    if output is not None:
        output.write_text(note, encoding="utf-8")
    rows = [{"place": one.place, "kept_as": one.kept_as, "finding": one.problem} for one in kept]
    session.screen.rows("anchors", ("place", "kept_as", "finding"), rows)
    session.screen.tell(Message("audit.checkpoint_made", {"size": int(name), "places": len(kept)}))
    if not kept:
        session.screen.tell(Message("audit.no_anchor"), "yellow")
    session.end(PERSON_NEEDED if any(one.problem for one in kept) else OK)


@audit_app.command("prove", help=help_text("audit_prove"))
def audit_prove(
    voucher: Annotated[str, typer.Argument(metavar="VOUCHER", help=help_text("audit_voucher"))] = "",
    since: Annotated[Path | None, typer.Option("--since", metavar="FILE", help=help_text("audit_since"))] = None,
    output: OutOption = None,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    if bool(voucher) == (since is not None):
        raise InvalidInput("audit prove", 0, "", Message("audit.prove_what"))
    if since is not None:
        key = public_key(session.app, session.book, session.actor)
        older = _note(since)
        text = prove_consistency(
            session.app.store, session.book, read_checkpoint(older, key, check_signature, str(since)), older
        )
    else:
        text, events = prove_voucher(session.app.store, session.book, voucher)
        session.screen.tell(Message("audit.proven", {"events": len(events), "voucher": voucher}))
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@audit_app.command("checkpoints", help=help_text("audit_checkpoints"))
def audit_checkpoints(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        notes = [(uow.document(CHECKPOINT, name) or b"").decode() for name in uow.documents(CHECKPOINT)]
    rows = [{"events": int(lines[1]), "root": lines[2]} for lines in (note.split("\n") for note in notes)]
    session.screen.rows("checkpoints", ("events", "root"), rows)


def _read(session: Session, path: Path, key: str) -> Checkpoint:
    """A checkpoint that was kept elsewhere, signed by `key`, else by the book's own key."""
    known = VerifierKey.parse(key) if key else public_key(session.app, session.book, session.actor)
    return read_checkpoint(_note(path), known, check_signature, str(path))


def _note(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(str(path), 0, "", Message("audit.note_unreadable")) from None
