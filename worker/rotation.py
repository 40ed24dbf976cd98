"""Everything that is sealed: where it stands, with which master key, and its rotation to the key that seals now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from adapters.secrets import sealing_key, signer_context
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import UnitOfWork
from worker.bootstrap import App, secret_context

SIGNING_KEY: Final = "signing_key"
"""Kind of the document that holds a book's sealed signing key; its name is the key's name."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed text: `place` is `connection` or `signing_key`, `row` its name, `field` the secret's."""

    book: BookId
    place: str
    row: str
    field: str
    key: str


def sealed_texts(app: App) -> list[Sealed]:
    """Every sealed text of every book."""
    found: list[Sealed] = []
    for known in app.store.books():
        with app.store.read(known.book) as uow:
            found += [
                Sealed(known.book, "connection", connection.name, field, sealing_key(text))
                for connection in uow.connections()
                for field, text in connection.secrets.items()
            ]
            found += [
                Sealed(known.book, SIGNING_KEY, name, "seed", sealing_key(_signing_key(uow, name)))
                for name in uow.documents(SIGNING_KEY)
            ]
    return found


def rotate(app: App, actor: Actor, progress: Callable[[int, int], None] = lambda done, all_: None) -> int:
    """Reseal what is not yet sealed with the active key; answers how many texts were. One transaction per row, each with
    its event: a rotation that was interrupted goes on where it stopped when it is run again."""
    box = app.secrets
    rows = list(dict.fromkeys((s.book, s.place, s.row) for s in sealed_texts(app) if s.key != box.active))
    changed = 0
    for done, (book, place, row) in enumerate(rows):
        progress(done, len(rows))
        with app.store.begin(book, actor) as uow:
            changed += _connection(app, uow, row) if place == "connection" else _signer(app, uow, row)
            uow.audit.append("secrets.resealed", row, {"place": place, "key": box.active})
    progress(len(rows), len(rows))
    return changed


def _connection(app: App, uow: UnitOfWork, name: str) -> int:
    found = uow.connection(name)
    if found is None:
        return 0
    secrets = {
        field: app.secrets.reseal(text, secret_context(found.book, name, field))
        for field, text in found.secrets.items()
    }
    uow.save_connection(replace(found, secrets=secrets))
    return sum(secrets[field] != text for field, text in found.secrets.items())


def _signer(app: App, uow: UnitOfWork, name: str) -> int:
    uow.save_document(SIGNING_KEY, name, app.secrets.reseal(_signing_key(uow, name), signer_context(name)).encode())
    return 1


def _signing_key(uow: UnitOfWork, name: str) -> str:
    return (uow.document(SIGNING_KEY, name) or b"").decode()
