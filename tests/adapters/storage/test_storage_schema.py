"""The schema: migrations equal the metadata on both databases, go forward and one step back, and travel in the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from adapters.storage import SqlStore, downgrade_one_step, open_store, schema_state, upgrade_database
from adapters.storage.engine import make_engine
from adapters.storage.schema import METADATA
from adapters.storage.upgrade import current_revision, migrations, newest_revision
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book
from tests.support.databases import HandClock, Server

LI = Actor("li.na")


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    server: Server = request.getfixturevalue("postgres_server")
    url = server.create()
    request.addfinalizer(lambda: server.drop(url))
    return url


on_both = pytest.mark.parametrize(
    "empty_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


def test_migrated_tables_are_the_tables_of_the_metadata(store: SqlStore) -> None:
    with store._engine.connect() as connection:
        postgres = connection.dialect.name == "postgresql"  # SQLite knows no identity columns; see Outbox.enqueue
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": postgres}
        )
        assert compare_metadata(context, METADATA) == []


def test_partial_indexes_have_the_conditions_of_the_metadata(store: SqlStore) -> None:
    wanted = {
        index.name: str(index.dialect_options["sqlite"]["where"])
        for table in METADATA.sorted_tables
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    with store._engine.connect() as connection:
        option = f"{connection.dialect.name}_where"
        found = {
            index["name"]: str(index["dialect_options"][option])
            for table in METADATA.sorted_tables
            for index in inspect(connection).get_indexes(table.name)
            if option in index.get("dialect_options", {})
        }
    assert found.keys() == wanted.keys()
    if store._engine.dialect.name == "sqlite":  # PostgreSQL prints conditions in its own words
        assert found == wanted


def test_the_book_stands_on_every_row_and_begins_every_key() -> None:
    for table in METADATA.sorted_tables:
        assert next(iter(table.primary_key)).name == "book_id", table.name


@on_both
def test_an_empty_database_says_what_to_run_and_then_works(empty_url: str, clock: HandClock) -> None:
    with pytest.raises(InvalidInput, match="hedgebridge upgrade"):
        open_store(empty_url, clock)
    before = schema_state(empty_url)
    assert (before.current, before.ready) == ("", False)
    after = upgrade_database(empty_url)
    assert (after.ready, current_revision(empty_url)) == (True, after.needed)
    assert upgrade_database(empty_url) == after
    open_store(empty_url, clock).close()


def test_the_newest_revision_is_told_by_the_files_names_as_alembic_tells_it() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection, migrations(connection) as (config, known):
        assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()
        assert newest_revision() in known
    engine.dispose()


@on_both
def test_every_revision_goes_one_step_back_down_to_nothing_and_forward_again(empty_url: str, clock: HandClock) -> None:
    upgrade_database(empty_url)
    store = open_store(empty_url, clock)
    store.add_book(Book(BookId("cu01"), "x", "CNY"), LI)
    store.close()
    passed = [current_revision(empty_url)]
    while passed[-1]:
        assert not downgrade_one_step(empty_url).ready
        passed.append(current_revision(empty_url))
    assert passed[-2:] == ["0001", ""]
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
        if engine.dialect.name == "postgresql":
            count = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'hedgebridge%'"
            assert connection.execute(text(count)).scalar_one() == 0
    engine.dispose()
    assert upgrade_database(empty_url).ready


@on_both
def test_a_database_of_a_newer_program_is_not_touched(empty_url: str, clock: HandClock) -> None:
    upgrade_database(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(InvalidInput, match="newer program"):
        open_store(empty_url, clock)


@on_both
def test_an_upgrade_that_fails_leaves_the_database_as_it_was(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters.storage.migrations import write_once

    def broken(*_: object) -> str:
        return "CREATE TRIGGER this is no SQL"

    monkeypatch.setattr(write_once, "_row_trigger", broken)
    with pytest.raises(Exception, match="syntax error"):
        upgrade_database(empty_url)
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()
    monkeypatch.undo()
    assert upgrade_database(empty_url).ready


def test_the_migrations_are_packages_and_so_are_in_the_wheel() -> None:
    folder = files("adapters.storage.migrations")
    assert folder.joinpath("versions", "__init__.py").is_file()
    assert folder.joinpath("env.py").is_file()
    assert folder.joinpath("script.py.mako").is_file()
