"""PostgreSQL keeps books apart by itself: tried with plain SQL, past every repository of ours, as a role that owns nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from adapters.storage import open_store
from adapters.storage.engine import across_books, for_book, make_engine
from adapters.storage.row_security import ACROSS, protected_tables, role_state
from adapters.storage.schema import METADATA
from cli.main import main
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book
from tests.support import samples
from tests.support.databases import *  # noqa: F403
from tests.support.databases import APP_ROLE, owner_url

LI = Actor("li.na")
OURS, THEIRS = BookId("cu01"), BookId("al02")
pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(postgres_url: str, clock: object) -> Iterator[Engine]:
    """A database with two books and rows of both in many tables."""
    store = open_store(postgres_url, clock)  # type: ignore[arg-type]
    for book in (OURS, THEIRS):
        store.add_book(Book(book, book, "CNY"), LI)
        with store.begin(book, LI) as unit:
            unit.save_connection(samples.connection(book=book))
            unit.save_document("mapping", "orders", b"x")
            unit.broker.save_prices([samples.price()])
            unit.outbox.enqueue("k3", "hedges", "l1", "l1", "h", datetime(2026, 3, 2, tzinfo=UTC))
    store.close()
    made = make_engine(postgres_url)
    yield made
    made.dispose()


def books_seen(connection: Connection, table: str) -> set[str]:
    return set(connection.execute(text(f"SELECT DISTINCT book_id FROM {table}")).scalars())


FILLED = ("books", "connections", "documents", "prices", "outbox", "audit_events", "audit_heads")


def test_every_table_with_a_book_is_protected_and_its_owner_too(engine: Engine) -> None:
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity"
    with engine.connect() as connection:
        protected = set(connection.execute(text(query)).scalars())
        assert set(protected_tables(connection)) == protected == {table.name for table in METADATA.sorted_tables}


def test_the_program_runs_as_a_role_that_owns_nothing_and_bypasses_nothing(engine: Engine, postgres_url: str) -> None:
    with engine.connect() as connection:
        state = role_state(connection)
    assert state is not None
    assert (state.name, state.above_security, state.owner) == (APP_ROLE, False, False)
    owner = make_engine(owner_url(postgres_url))
    with owner.connect() as connection:
        state = role_state(connection)
    owner.dispose()
    assert state is not None and state.owner


def test_without_a_book_there_are_no_rows_and_none_can_be_written(engine: Engine) -> None:
    with engine.connect() as connection:
        assert {table: books_seen(connection, table) for table in FILLED} == {table: set() for table in FILLED}
    with pytest.raises(ProgrammingError, match="row-level security"), engine.begin() as connection:
        connection.execute(
            text("INSERT INTO books (book_id, name, currency, settings) VALUES ('x1', 'x', 'CNY', '{}')")
        )


def test_a_transaction_on_one_book_sees_changes_and_deletes_nothing_of_another(engine: Engine) -> None:
    with for_book(engine, OURS).begin() as connection:
        for table in FILLED:
            assert books_seen(connection, table) == {OURS}, table
            if table == "prices":
                deleted = connection.execute(text("DELETE FROM prices WHERE book_id = 'al02'"))
                updated = connection.execute(text("UPDATE prices SET source = 'x' WHERE book_id = 'al02'"))
                assert (deleted.rowcount, updated.rowcount) == (0, 0)
    with pytest.raises(ProgrammingError, match="row-level security"), for_book(engine, OURS).begin() as connection:
        connection.execute(text("UPDATE prices SET book_id = 'al02'"))
    with for_book(engine, THEIRS).begin() as connection:
        assert books_seen(connection, "prices") == {THEIRS}


def test_the_book_of_one_transaction_is_forgotten_by_the_next_on_the_same_connection(engine: Engine) -> None:
    with engine.connect() as raw:
        pid = raw.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with for_book(engine, OURS).connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == pid
        assert books_seen(connection, "prices") == {OURS}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == pid
        assert books_seen(connection, "prices") == set()


def test_the_dispatchers_view_reaches_the_listed_tables_only_and_adds_or_removes_nothing(engine: Engine) -> None:
    with across_books(engine).begin() as connection:
        for table in FILLED:
            assert books_seen(connection, table) == ({OURS, THEIRS} if table in ACROSS else set()), table
        assert connection.execute(text("UPDATE outbox SET attempts = 1")).rowcount == 2
        assert connection.execute(text("DELETE FROM outbox")).rowcount == 0
    with pytest.raises(ProgrammingError, match="row-level security"), across_books(engine).begin() as connection:
        connection.execute(
            text("INSERT INTO books (book_id, name, currency, settings) VALUES ('x1', 'x', 'CNY', '{}')")
        )


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE prices DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_book ON prices",
        "DROP TRIGGER audit_events_update ON audit_events",
        "TRUNCATE prices",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_the_role_cannot_take_the_protection_away(engine: Engine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"must be owner|permission denied"), engine.begin() as connection:
        connection.execute(text(statement))


def test_a_bulk_load_goes_through_a_temporary_table(engine: Engine) -> None:
    """COPY refuses a table with policies; into a staging table of the session it works, and the policies judge the rest."""
    with for_book(engine, OURS).begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE staged (LIKE prices) ON COMMIT DROP"))
        connection.execute(text("INSERT INTO staged SELECT * FROM prices"))
        connection.execute(text("UPDATE staged SET subject = subject || '-2'"))
        assert connection.execute(text("INSERT INTO prices SELECT * FROM staged")).rowcount == 1
    with pytest.raises(ProgrammingError, match="row-level security"), for_book(engine, OURS).begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE staged (LIKE prices) ON COMMIT DROP"))
        connection.execute(text("INSERT INTO staged SELECT * FROM prices"))
        connection.execute(text("UPDATE staged SET book_id = 'al02', subject = subject || '-3'"))
        connection.execute(text("INSERT INTO prices SELECT * FROM staged"))


def test_the_owner_upgrades_and_grants_and_the_program_goes_on_as_the_other_role(
    postgres_server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.create()  # type: ignore[attr-defined]
    try:
        for name, value in {
            "DATABASE": postgres_server.as_app(url),  # type: ignore[attr-defined]
            "DATABASE_OWNER": url,
            "KEY_FILE": str(tmp_path / "key"),
            "LANG": "en",
        }.items():
            monkeypatch.setenv(f"HEDGEBRIDGE_{name}", value)
        monkeypatch.chdir(tmp_path)
        assert main(["upgrade"]) == 0
        assert main(["init", "cu01"]) == 0
        assert main(["backup", "b.zip"]) == 0
        again = postgres_server.create()  # type: ignore[attr-defined]
        try:
            monkeypatch.setenv("HEDGEBRIDGE_DATABASE", postgres_server.as_app(again))  # type: ignore[attr-defined]
            monkeypatch.setenv("HEDGEBRIDGE_DATABASE_OWNER", again)
            assert main(["restore", "b.zip"]) == 0
            assert main(["verify"]) == 0
        finally:
            postgres_server.drop(again)  # type: ignore[attr-defined]
    finally:
        postgres_server.drop(url)  # type: ignore[attr-defined]
