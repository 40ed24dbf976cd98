"""The schema's version: which one a database has, which one this program needs, forward to it and one step back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from adapters.storage.engine import make_engine
from adapters.storage.row_security import grants
from hedge_core.errors import InvalidInput
from messages import Message

if TYPE_CHECKING:
    from alembic.config import Config

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
    """As `schema_state`, on an open connection. A database that has the newest revision is told by the files' names alone:
    every program starts with this question, and alembic would load every revision to answer it."""
    current, needed = _stamped(connection), newest_revision()
    if current == needed:
        return SchemaState(current, needed, known=True)
    from alembic.script import ScriptDirectory

    with _configuration(connection) as config:
        scripts = ScriptDirectory.from_config(config)
        known = not current or current in {script.revision for script in scripts.walk_revisions()}
        return SchemaState(current, scripts.get_current_head() or "", known)


def newest_revision() -> str:
    """The newest revision this program has: files below `versions` are named by theirs, one follows the other."""
    names = (entry.name for entry in files("adapters.storage.migrations").joinpath("versions").iterdir())
    return max(name.partition("_")[0] for name in names if name[:4].isdigit() and name.endswith(".py"))


def _stamped(connection: Connection) -> str:
    """The revision in alembic's own table; empty where there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def current_revision(url: str) -> str:
    """The revision of the database at `url`; empty when it has none."""
    return schema_state(url).current


def upgrade_database(url: str, grant_to: str = "") -> SchemaState:
    """Bring the database at `url` to the schema of this program; all revisions in one transaction, or none. `grant_to` is
    the PostgreSQL role that will run the program, when it is not the one of `url`."""
    from alembic import command

    return _run(url, lambda config: command.upgrade(config, "head"), grant_to)


def downgrade_one_step(url: str) -> SchemaState:
    """Undo the newest revision. What only that revision can hold is lost: make a backup first."""
    from alembic import command

    return _run(url, lambda config: command.downgrade(config, "-1"))


def grant(connection: Connection, role: str) -> None:
    """Let `role` run the program on PostgreSQL: rows of every table, and no table of its own. Nothing to do without one."""
    if role and connection.dialect.name == "postgresql":
        for statement in grants(role):
            connection.execute(text(statement))


@contextmanager
def migrations(connection: Connection) -> Iterator[tuple[Config, set[str]]]:
    """Alembic on an open connection, and the revisions it knows: for whoever moves a schema inside its own transaction."""
    from alembic.script import ScriptDirectory

    with _configuration(connection) as config:
        yield config, {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


@contextmanager
def _configuration(connection: Connection) -> Iterator[Config]:
    from alembic.config import Config

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
