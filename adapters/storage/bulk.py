"""Many rows into one table at once: COPY and a temporary staging table on PostgreSQL, plain tuples for SQLite's driver.

PostgreSQL refuses COPY into a table with row-level security. The staging table belongs to the session, has none, and is
emptied by the commit; from it the rows go through the policies like any others. On SQLite the driver takes the tuples as they
are. Values are converted column by column, which costs a fraction of what a dictionary per row does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy import Boolean, LargeBinary, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from adapters.storage.scope import Scope
from adapters.storage.types import Instant, Json
from hedge_core.errors import Unavailable

WORTH: Final = 64
"""Rows from which on this is quicker than statements row by row."""

_CHECKS_PLANNED_ONCE: Final = "SET LOCAL plan_cache_mode = force_generic_plan"
_AS_BEFORE: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
"""Our connections plan every statement for its own parameters, and PostgreSQL would do so for the look that checks a foreign key,
row by row: that doubled the cost of a row."""

_AT_ONCE: Final = 500
"""Rows of one statement on SQLite. The driver lets other threads go on after every statement it runs: beside one that maps the
next page, row by row takes four times as long as this."""

_SPECIAL: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL: Final = "\\N"
_SQLITE: Final = sqlite.dialect()

Column = Sequence[Any]
"""The values of one column, row by row, as the domain has them."""


def upsert_columns(scope: Scope, table: Table, columns: Mapping[str, Column], *, keep: Sequence[str] = ()) -> None:
    """Rows of the scope's book given as columns of equal length, new or replaced by primary key; no two with one key, and
    what is in `keep` stays as it was first. The book is put in here."""
    count = len(next(iter(columns.values())))
    if not count:
        return
    whole = {"book_id": [str(scope.book)] * count, **columns}
    names = ", ".join(whole)
    key = [column.name for column in table.primary_key]
    changed = [name for name in whole if name not in key and name not in keep]
    conflict = f"ON CONFLICT ({', '.join(key)}) DO " + (
        "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in changed) if changed else "NOTHING"
    )
    if scope.connection.dialect.name == "postgresql":
        staged = f"staged_{table.name}"
        _stage(scope, table, staged, whole)
        scope.connection.exec_driver_sql(_CHECKS_PLANNED_ONCE)
        # the words come from our own schema
        scope.connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({names}) SELECT {names} FROM pg_temp.{staged} {conflict}"  # noqa: S608
        )
        scope.connection.exec_driver_sql(_AS_BEFORE)
        return
    marks = f"({', '.join('?' * len(whole))})"
    rows = list(zip(*(_for_sqlite(table.c[name].type, values) for name, values in whole.items()), strict=True))
    into = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608
    full = count - count % _AT_ONCE
    several = into + ", ".join([marks] * _AT_ONCE) + f" {conflict}"
    for first in range(0, full, _AT_ONCE):
        scope.connection.exec_driver_sql(several, tuple(chain.from_iterable(rows[first : first + _AT_ONCE])))
    if full < count:
        scope.connection.exec_driver_sql(f"{into}{marks} {conflict}", rows[full:])


def _stage(scope: Scope, table: Table, staged: str, columns: dict[str, Column]) -> None:
    """Fill the staging table. Two uses in one transaction find it with the first one's rows, hence the TRUNCATE."""
    scope.connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staged} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    scope.connection.exec_driver_sql(f"TRUNCATE pg_temp.{staged}")
    written = zip(*(_for_copy(table.c[name].type, values) for name, values in columns.items()), strict=True)
    text = "\n".join(map("\t".join, written)) + "\n"
    from psycopg import OperationalError  # loaded already where rows are copied

    driver: Any = scope.connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY pg_temp.{staged} ({', '.join(columns)}) FROM STDIN") as copy:
            copy.write(text)
    except OperationalError as error:  # past SQLAlchemy, so its translation does not see it
        raise Unavailable(str(error).partition("\n")[0], system="database") from error


def _for_copy(kind: TypeEngine[Any], values: Column) -> Iterable[str]:
    write = _COPY.get(type(kind))
    if write is not None:
        if isinstance(kind, Boolean | Instant):  # few values, many rows
            written = {value: _NULL if value is None else write(value) for value in set(values)}
            return [written[value] for value in values]
        return [_NULL if value is None else write(value) for value in values]
    if None in values:
        return [_NULL if value is None else str(value).translate(_SPECIAL) for value in values]
    texts = list(map(str, values))
    together = "".join(texts)
    if any(mark in together for mark in "\\\t\n\r"):
        return [text.translate(_SPECIAL) for text in texts]
    return texts


def _instant(value: Any) -> str:
    if value.tzinfo is None:
        raise ValueError(f"an instant has a time zone; {value!r} has none")
    return str(value.isoformat())


_COPY: Final[dict[type, Callable[[Any], str]]] = {
    Boolean: lambda value: "t" if value else "f",
    LargeBinary: lambda value: "\\\\x" + value.hex(),
    Instant: _instant,
    Json: lambda value: value.decode().translate(_SPECIAL) if b"\\" in value else value.decode(),
}


def _for_sqlite(kind: TypeEngine[Any], values: Column) -> Iterable[Any]:
    if isinstance(kind, Json):
        return [value.decode() for value in values]
    if isinstance(kind, Instant):
        write: dict[Any, Any] = {}
        return [
            write[value] if value in write else write.setdefault(value, kind.process_bind_param(value, _SQLITE))
            for value in values
        ]
    return values
