"""The schema's version: which one a database has, which one this program needs, forward to it and one step back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from adapters.storage.engine import make_engine
from adapters.storage.row_security import grants
from hedge_core.errors import InvalidInput
from messages import Message

_UPGRADE_LOCK = 0x48B21D6E
"""Any number, the same in every process: two programs that start at once must not both upgrade."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The revision a database has (empty: none yet), the newest one this program knows, and whether it knows the former."""

    current: str
    needed: str
    known: bool

    @property
    def ready(self) -> bool:
        return self.current == self.needed

    def require_ready(self) -> None:
        """InvalidInput with the remedy unless the database has exactly the schema of this program."""
        if self.ready:
            return
        name = "needs_upgrade" if self.known else "too_new"
        message = Message(f"storage.{name}", {"current": self.current, "needed": self.needed})
        raise InvalidInput("database", 0, "schema", message if self.current else Message("storage.not_ready"))


def schema_state(url: str) -> SchemaState:
    """What `url` has and what this program needs. Unavailable when it cannot be reached."""
    engine = make_engine(url)
    try:
        with engine.connect().execution_options(reading=True) as connection:
            return state_of(connection)
    finally:
        engine.dispose()


def state_of(connection: Connection) -> SchemaState:
    """As `schema_state`, on an open connection."""
    with _configuration(connection) as config:
        scripts = ScriptDirectory.from_config(config)
        current = MigrationContext.configure(connection).get_current_revision() or ""
        known = not current or current in {script.revision for script in scripts.walk_revisions()}
        return SchemaState(current, scripts.get_current_head() or "", known)


def current_revision(url: str) -> str:
    """The revision of the database at `url`; empty when it has none."""
    return schema_state(url).current


def upgrade_database(url: str, grant_to: str = "") -> SchemaState:
    """Bring the database at `url` to the schema of this program; all revisions in one transaction, or none. `grant_to` is
    the PostgreSQL role that will run the program, when it is not the one of `url`."""
    return _run(url, lambda config: command.upgrade(config, "head"), grant_to)


def downgrade_one_step(url: str) -> SchemaState:
    """Undo the newest revision. What only that revision can hold is lost: make a backup first."""
    return _run(url, lambda config: command.downgrade(config, "-1"))


def grant(connection: Connection, role: str) -> None:
    """Let `role` run the program on PostgreSQL: rows of every table, and no table of its own. Nothing to do without one."""
    if role and connection.dialect.name == "postgresql":
        for statement in grants(role):
            connection.execute(text(statement))


@contextmanager
def migrations(connection: Connection) -> Iterator[tuple[Config, set[str]]]:
    """Alembic on an open connection, and the revisions it knows: for whoever moves a schema inside its own transaction."""
    with _configuration(connection) as config:
        yield config, {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


@contextmanager
def _configuration(connection: Connection) -> Iterator[Config]:
    with as_file(files("adapters.storage.migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        yield config


def _run(url: str, step: Callable[[Config], None], grant_to: str = "") -> SchemaState:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _UPGRADE_LOCK})
            with _configuration(connection) as config:
                step(config)
            grant(connection, grant_to)
            return state_of(connection)
    finally:
        engine.dispose()
