"""The stand-in's books: one SQLite table per entity type, decimals as exact text, moments in UTC, everything in transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sandbox.sap.schema import TYPES, EntityType, Property

Row = dict[str, Any]
"""One entity: text, Decimal, date, aware datetime, bool or None by property name."""


class Duplicate(ValueError):
    """A row with this key exists already."""


class Books:
    """All rows of one system. Safe for use from several threads."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.lock = threading.RLock()
        for kind in TYPES.values():
            columns = ", ".join(f'"{name}"' for name in kind.properties)
            keys = ", ".join(f'"{name}"' for name in kind.keys)
            self._db.execute(f'CREATE TABLE IF NOT EXISTS "{kind.name}" ({columns}, PRIMARY KEY ({keys}))')
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS periods (year TEXT, period TEXT, open INTEGER, PRIMARY KEY (year, period))"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER)")

    def close(self) -> None:
        """Close the database file."""
        with self.lock:
            self._db.close()

    @property
    def empty(self) -> bool:
        """True until something was loaded."""
        with self.lock:
            return self._db.execute("SELECT COUNT(*) FROM periods").fetchone()[0] == 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nested use joins the outer transaction."""
        with self.lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, type_name: str, **equal: str) -> list[Row]:
        """Every row, or those whose text properties equal what is given."""
        kind = TYPES[type_name]
        where = " AND ".join(f'"{name}" = ?' for name in equal)
        columns = ", ".join(f'"{name}"' for name in kind.properties)
        sql = f'SELECT {columns} FROM "{type_name}"' + (f" WHERE {where}" if where else "")  # noqa: S608
        with self.lock:
            found = self._db.execute(sql, list(equal.values())).fetchall()
        return [_loaded(kind, values) for values in found]

    def row(self, type_name: str, keys: Mapping[str, str]) -> Row | None:
        """One row by its key."""
        found = self.rows(type_name, **keys)
        return found[0] if found else None

    def add(self, type_name: str, /, **values: Any) -> Row:
        """A new row; what is not given is initial. Raises `Duplicate`."""
        kind = TYPES[type_name]
        unknown = set(values) - set(kind.properties)
        if unknown:
            raise KeyError(f"{type_name} has no {', '.join(sorted(unknown))}")
        row = {name: values.get(name, _initial(one)) for name, one in kind.properties.items()}
        if kind.stamp and row[kind.stamp] is None:
            row[kind.stamp] = self.now()
        columns, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        try:
            with self.lock:
                self._db.execute(
                    f'INSERT INTO "{type_name}" ({columns}) VALUES ({marks})',  # noqa: S608
                    [_stored(kind.properties[name], value) for name, value in row.items()],
                )
        except sqlite3.IntegrityError as error:
            raise Duplicate(type_name) from error
        return row

    def change(self, type_name: str, keys: Mapping[str, str], values: Mapping[str, Any], *, touch: bool = True) -> None:
        """Change one row; `touch` stamps it where the type has a stamp."""
        kind = TYPES[type_name]
        given = dict(values)
        if kind.stamp and touch and kind.stamp not in given:
            given[kind.stamp] = self.now()
        if not given:
            return
        assignments = ", ".join(f'"{name}" = ?' for name in given)
        where = " AND ".join(f'"{name}" = ?' for name in keys)
        stored = [_stored(kind.properties[name], value) for name, value in given.items()]
        with self.lock:
            self._db.execute(
                f'UPDATE "{type_name}" SET {assignments} WHERE {where}',  # noqa: S608
                [*stored, *keys.values()],
            )

    def delete(self, type_name: str, keys: Mapping[str, str]) -> int:
        """Remove the rows that have these values; how many there were."""
        where = " AND ".join(f'"{name}" = ?' for name in keys)
        with self.lock:
            return self._db.execute(f'DELETE FROM "{type_name}" WHERE {where}', list(keys.values())).rowcount  # noqa: S608

    def next_number(self, name: str, first: int) -> int:
        """The next number of a range."""
        with self.lock:
            self._db.execute("INSERT OR IGNORE INTO counters VALUES (?, ?)", (name, first - 1))
            self._db.execute("UPDATE counters SET value = value + 1 WHERE name = ?", (name,))
            return int(self._db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()[0])

    def period_open(self, year: int, period: int) -> bool | None:
        """Whether a posting period is open; None when there is no such period."""
        with self.lock:
            found = self._db.execute(
                "SELECT open FROM periods WHERE year = ? AND period = ?", (str(year), f"{period:03d}")
            ).fetchone()
        return None if found is None else bool(found[0])

    def set_period(self, year: int, period: int, open_: bool) -> None:
        """Open or close a posting period."""
        with self.lock:
            self._db.execute(
                "INSERT OR REPLACE INTO periods VALUES (?, ?, ?)", (str(year), f"{period:03d}", int(open_))
            )

    def now(self) -> datetime:
        """A moment for a stamp."""
        return datetime.now(UTC)


def _initial(one: Property) -> Any:
    """ABAP's initial values: empty text, zero, false; dates are null."""
    return {"text": "", "decimal": Decimal(0), "bool": False}.get(one.type)


def _stored(one: Property, value: Any) -> Any:
    if value is None:
        return None
    if one.type == "decimal":
        return format(Decimal(value).quantize(Decimal(1).scaleb(-one.size)), "f")
    if one.type == "stamp":
        return value.astimezone(UTC).isoformat()
    if one.type == "date":
        return value.isoformat()
    return int(value) if one.type == "bool" else str(value)


def _loaded(kind: EntityType, values: Sequence[Any]) -> Row:
    return {name: _value(one, value) for (name, one), value in zip(kind.properties.items(), values, strict=True)}


def _value(one: Property, value: Any) -> Any:
    if value is None:
        return None
    if one.type == "decimal":
        return Decimal(value)
    if one.type == "stamp":
        return datetime.fromisoformat(value)
    if one.type == "date":
        return date.fromisoformat(value)
    return bool(value) if one.type == "bool" else value
