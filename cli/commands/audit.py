"""The audit log: verify that nothing was changed, removed or reordered."""

from __future__ import annotations

import typer

from cli.session import OK, PERSON_NEEDED, BookOption, JsonOption, Session, help_text
from hedge_core.audit.verification import verify_log
from hedge_core.use_cases.verify import verify_stored
from messages import Message

audit_app = typer.Typer(no_args_is_help=True, help=help_text("audit"))


def register(app: typer.Typer) -> None:
    app.add_typer(audit_app, name="audit")


@audit_app.command("verify", help=help_text("audit_verify"))
def audit_verify(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    here = session.book
    with session.app.store.read(here) as uow:
        size, root = uow.audit.head()
        findings = verify_log(here, uow.audit.events(), (size, root))
    findings += verify_stored(session.app.store, here)
    session.screen.record("audit", {"book": here, "events": size, "root": root, "ok": not findings})
    for finding in findings:
        session.screen.tell(finding, "red")
    if not findings:
        session.screen.tell(Message("cli.log_verified", {"events": size}))
    session.end(PERSON_NEEDED if findings else OK)
