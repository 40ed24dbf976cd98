"""Master keys: which there are, what is sealed with them, a new one, rotation, and taking an old one out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adapters.secrets import SecretRefused, add_key, drop_key
from adapters.secrets.keys import VARIABLE
from cli.session import AsOption, JsonOption, Session, help_text
from messages import Message
from worker.rotation import rotate, sealed_texts

key_app = typer.Typer(no_args_is_help=True, help=help_text("key"))


def register(app: typer.Typer) -> None:
    app.add_typer(key_app, name="key")


@key_app.command("list", help=help_text("key_list"))
def key_list(as_json: JsonOption = False) -> None:
    session = Session(as_json=as_json)
    sealed = sealed_texts(session.app)
    known = session.app.secrets.key_ids
    rows = [
        {
            "key": name,
            "seals": name == session.app.secrets.active,
            "loaded": name in known,
            "secrets": sum(text.key == name for text in sealed),
        }
        for name in dict.fromkeys([*known, *(text.key for text in sealed)])
    ]
    session.screen.rows("keys", ("key", "seals", "loaded", "secrets"), rows)


@key_app.command("new", help=help_text("key_new"))
def key_new(sm4: Annotated[bool, typer.Option("--sm4", help=help_text("key_sm4"))] = False) -> None:
    session = Session()
    name = add_key(_own_file(session), sm4)
    session.screen.tell(Message("secret.key_added", {"key": name, "path": session.settings.key_file}))


@key_app.command("rotate", help=help_text("key_rotate"))
def key_rotate(who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(who=who, as_json=as_json)
    before = sealed_texts(session.app)
    active = session.app.secrets.active
    with session.screen.progress() as bars:
        bar = bars.add_task(help_text("key_rotate"), total=None)
        changed = rotate(session.app, session.actor, lambda done, all_: bars.update(bar, completed=done, total=all_))
    rows = len({(text.book, text.place, text.row) for text in before if text.key != active})
    result = {"key": active, "count": changed, "rows": rows, "kept": len(before) - changed}
    session.screen.record("rotation", result)
    session.screen.tell(Message("secret.rotated", result))


@key_app.command("drop", help=help_text("key_drop"))
def key_drop(key: Annotated[str, typer.Argument(metavar="KEY", help=help_text("key_id"))]) -> None:
    session = Session()
    path = _own_file(session)
    used = sum(text.key == key for text in sealed_texts(session.app))
    if used:
        raise SecretRefused(key, Message("secret.key_in_use", {"key": key, "count": used}))
    drop_key(path, key)
    session.screen.tell(Message("secret.key_dropped", {"key": key, "path": path}))


def _own_file(session: Session) -> Path:
    """The key file, when it is the one in force."""
    source = VARIABLE if os.environ.get(VARIABLE, "").strip() else session.settings.vault_url
    if source:
        raise SecretRefused(source, Message("secret.key_elsewhere", {"source": source}))
    return session.settings.key_file
