"""Rotation of the master key: everything sealed is resealed, once, and an interruption costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.clock import SystemClock
from adapters.secrets import Redactor, SecretRefused, add_key, create_key_file, drop_key
from adapters.storage import open_store
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book, Connection
from tests.support.databases import *  # noqa: F403
from tests.support.posting import settings
from worker.anchoring import public_key
from worker.bootstrap import App, secret_context
from worker.rotation import rotate, sealed_texts

LI = Actor("li")
BOOKS = (BookId("copper"), BookId("rubber"))


def opened(url: str, folder: Path) -> App:
    return App(settings(url, folder), open_store(url, SystemClock()), SystemClock(), Redactor())


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[App]:
    """Two books with two connections of two secrets each, and a signing key in each book."""
    create_key_file(tmp_path / "hedgebridge.key")
    made = opened(sqlite_url, tmp_path)
    for book in BOOKS:
        made.store.add_book(Book(book, book, "CNY"), LI)
        with made.store.begin(book, LI) as uow:
            for name in ("k3", "odoo"):
                fields = {
                    field: made.secrets.seal(f"{book}-{name}-{field}", secret_context(book, name, field))
                    for field in ("password", "app_secret")
                }
                uow.save_connection(Connection(name, book, "kingdee", {}, fields))
        public_key(made, book, LI)
    yield made
    made.store.close()


def plain(app: App) -> set[str]:
    found = set()
    for book in BOOKS:
        with app.store.read(book) as uow:
            for connection in uow.connections():
                for field, text in connection.secrets.items():
                    found.add(app.secrets.open(text, secret_context(book, connection.name, field)))
    return found


def test_rotation_reseals_everything_and_the_old_key_can_go(app: App, tmp_path: Path) -> None:
    before, keys = plain(app), [str(public_key(app, book, LI)) for book in BOOKS]
    old = app.secrets.active
    new = add_key(tmp_path / "hedgebridge.key", sm4=True)
    again = opened(app.settings.database, tmp_path)
    seen: list[tuple[int, int]] = []
    assert rotate(again, LI, lambda done, all_: seen.append((done, all_))) == 10
    assert seen == [(done, 6) for done in range(7)]
    assert {text.key for text in sealed_texts(again)} == {new}
    drop_key(tmp_path / "hedgebridge.key", old)
    after = opened(app.settings.database, tmp_path)
    assert plain(after) == before
    assert [str(public_key(after, book, LI)) for book in BOOKS] == keys
    assert rotate(after, LI) == 0


def test_an_interrupted_rotation_goes_on_where_it_stopped(app: App, tmp_path: Path) -> None:
    before = plain(app)
    new = add_key(tmp_path / "hedgebridge.key")
    again = opened(app.settings.database, tmp_path)

    def interrupt(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(again, LI, interrupt)
    halfway = [text.key for text in sealed_texts(again)]
    assert 0 < halfway.count(new) < len(halfway)
    assert plain(again) == before
    assert rotate(again, LI) == len(halfway) - halfway.count(new)
    assert {text.key for text in sealed_texts(again)} == {new}


def test_a_secret_whose_key_is_gone_stops_the_rotation_with_a_sentence(app: App, tmp_path: Path) -> None:
    (tmp_path / "hedgebridge.key").unlink()
    create_key_file(tmp_path / "hedgebridge.key")
    with pytest.raises(SecretRefused, match="was sealed with master key"):
        rotate(opened(app.settings.database, tmp_path), LI)
