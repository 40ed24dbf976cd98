"""How we open a database: durable SQLite with one writer at a time, PostgreSQL in UTC, errors in the platform's words."""

from __future__ import annotations

import re
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, OperationalError

from adapters.storage.one_writer import OneWriter
from hedge_core.errors import InvalidInput, RuleBroken, Unavailable
from messages import Message

WAIT_FOR_WRITER: Final = 30
"""Seconds that a unit of work waits for the writer before it on SQLite."""

REFUSED: Final = "hedgebridge keeps "
"""Begins the error text of our triggers; the table's name follows."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # WAL alone would lose the last commits with the power
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",  # else INSERT OR REPLACE deletes behind the triggers' back
    f"PRAGMA busy_timeout = {WAIT_FOR_WRITER * 1000}",
)

_POOL: Final[dict[str, Any]] = {"pool_size": 16, "max_overflow": 32, "pool_use_lifo": True}
"""Connections that stay open: a worker's threads and its dispatchers, so that none of them connects anew for every row."""

_ASK_AFTER: Final = 0.2
"""Seconds of rest after which a connection is asked whether it still lives: a server takes longer than that to restart."""

_POSTGRES_OPTIONS: Final = "-c timezone=UTC -c plan_cache_mode=force_custom_plan -c jit=off"
"""A plan made once for every list of keys would compare each row with each key; one made for the list at hand hashes it.
No just-in-time compiling: `_WALK` makes a sequential scan of a table of some rows look so dear that PostgreSQL compiled every
look of a dispatcher for half a second, to run it for a tenth of a millisecond."""

_ACROSS: Final = "hedgebridge.across"
_WALK: Final = {
    _ACROSS: "on", "enable_sort": "off", "enable_bitmapscan": "off", "enable_seqscan": "off", "synchronous_commit": "off",
}  # fmt: skip
"""A dispatcher's look takes the first rows of an index. A planner that has not counted the table yet, or has counted it when it
was empty, would rather read and sort all that are due. Its leases need not be on the disk: what a crash of the server forgets is
due again, and nothing is sent before the start of the row, which is on the disk and everything before it too."""

_SQLITE_TROUBLES: Final = tuple(
    f"SQLITE_{name}"
    for name in ("BUSY", "LOCKED", "FULL", "IOERR", "CANTOPEN", "READONLY", "NOTADB", "CORRUPT", "NOMEM")
)


def database_url(text: str) -> URL:
    """`sqlite:////folder/file.db` or `postgresql://…`, with the driver that we use. InvalidInput for anything else."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise InvalidInput("database", 0, "url", Message("storage.bad_url")) from error
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return url.set(drivername="sqlite")
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    raise InvalidInput("database", 0, "url", Message("storage.bad_url"))


def make_engine(text: str) -> Engine:
    """An engine for `text`; nothing is connected yet. Statements raise `Unavailable` when the database cannot be reached
    or is busy for too long, `RuleBroken("write_once")` when it refuses to change what is kept for ever, and
    `RuleBroken("stored_once")` when a row with that key is there already."""
    url = database_url(text)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True, **_POOL)
        writer = OneWriter(engine)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: _begin_sqlite(connection, writer))
    else:
        engine = create_engine(
            url,
            hide_parameters=True,  # an error text with a row in it would carry prices and sealed secrets into logs
            connect_args={"connect_timeout": 10, "options": _POSTGRES_OPTIONS, "application_name": "hedgebridge"},
            **_POOL,
        )
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "checkin", _note_rest)
        event.listen(engine, "checkout", lambda driver, record, _: _ask_rested(engine, driver, record))
        event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "handle_error", _in_our_words)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late and by itself; `_begin_sqlite` does it
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection, writer: OneWriter) -> None:
    """A writing unit takes the writer's place at once: a reader that becomes a writer later may be refused without a wait
    (SQLITE_BUSY_SNAPSHOT)."""
    reading = bool(connection.get_execution_options().get("reading"))
    if connection.info.get("reading") is not reading:
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
        connection.info["reading"] = reading
    walking = bool(connection.get_execution_options().get("walking"))
    if connection.info.get("walking", False) is not walking:  # see `_WALK`
        connection.exec_driver_sql(f"PRAGMA synchronous = {'NORMAL' if walking else 'FULL'}")
        connection.info["walking"] = walking
    if reading:
        connection.exec_driver_sql("BEGIN")
    else:
        writer.begin(connection, WAIT_FOR_WRITER)


def _prepare_postgresql(connection: Any, _: Any) -> None:
    connection.autocommit = True  # the driver would send a BEGIN by itself and wait for it; `_begin_postgresql` does it


def _note_rest(_: Any, record: Any) -> None:
    record.info["rests_since"] = monotonic()


def _ask_rested(engine: Engine, driver: Any, record: Any) -> None:
    """A dead connection is replaced, and with it all that are as old: the pool hears of it by this error."""
    since = record.info.get("rests_since")
    if since is None or monotonic() - since < _ASK_AFTER:
        return
    try:
        engine.dialect.do_ping(driver)
    except Exception as error:
        raise InvalidatePoolError from error


def for_book(engine: Engine, book: str) -> Engine:
    """The engine for transactions on one book: the others' rows do not exist for them."""
    return engine.execution_options(book=book)


def across_books(engine: Engine) -> Engine:
    """The engine for the few tables that a dispatcher looks at across books."""
    return engine.execution_options(across=True)


def enter_book(connection: Connection, book: str) -> None:
    """From here to its end the transaction is one on `book`: row-level security lets it see and write no other rows. On
    SQLite, which has no such thing, `Scope` is what keeps books apart."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT set_config('hedgebridge.book', %s, true)", (book,))


def enter_all_books(connection: Connection) -> None:
    """The same for the tables of `row_security.ACROSS`, in every book."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT set_config('{_ACROSS}', 'on', true)")


def _begin_postgresql(connection: Connection) -> None:
    """The transaction with all that it needs to know, in one question: each would cost a round trip."""
    options = connection.get_execution_options()
    settings: dict[str, str] = {"hedgebridge.book": str(options["book"])} if options.get("book") else {}
    if options.get("walking"):
        settings |= _WALK
    elif options.get("across"):
        settings[_ACROSS] = "on"
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" if options.get("reading") else "BEGIN"
    if settings:
        begin += "; SELECT " + ", ".join(f"set_config('{name}', {_quoted(to)}, true)" for name, to in settings.items())
    connection.exec_driver_sql(begin, execution_options={"no_parameters": True})


def _quoted(value: str) -> str:
    """A string constant, whatever `standard_conforming_strings` says."""
    doubled = value.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'"


def _in_our_words(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if not isinstance(error, DBAPIError):
        return
    text = str(context.original_exception)
    refused = re.search(re.escape(REFUSED) + r"([a-z_]+)", text)
    if refused:
        table = refused.group(1)
        raise RuleBroken("write_once", table, Message(f"storage.kept_{table}")) from error
    taken = _taken(context.original_exception, text)
    if taken:
        raise RuleBroken("stored_once", taken, Message("storage.stored_once", {"table": taken})) from error
    if error.connection_invalidated or _out_of_reach(error, context.original_exception):
        raise Unavailable(text.strip().partition("\n")[0] or "-", system="database") from error


def _taken(cause: BaseException | None, text: str) -> str:
    """The table that already has a row with this key; empty when something else went wrong."""
    if getattr(cause, "sqlstate", "") == "23505":
        return str(cause.diag.table_name)  # type: ignore[union-attr]
    found = re.match(r"UNIQUE constraint failed: (\w+)\.", text)
    return found.group(1) if found else ""


def _out_of_reach(error: DBAPIError, cause: BaseException | None) -> bool:
    """Whether the database, and not our statement, is to blame. SQLite reports wrong SQL as an OperationalError too."""
    sqlite_name = getattr(cause, "sqlite_errorname", None)
    return isinstance(error, OperationalError) if sqlite_name is None else sqlite_name.startswith(_SQLITE_TROUBLES)
