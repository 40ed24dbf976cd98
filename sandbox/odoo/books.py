"""The stand-in's books: one SQLite database, a table per model, with exact numbers and Odoo's way of stamping rows."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.odoo.schema import STORED, Field, Model, Release

SCALE = 1_000_000


class Books:
    """All models of one database. One writer at a time; every call of the API is one transaction."""

    def __init__(self, path: str, release: Release) -> None:
        self.release = release
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._stamp = ""
        for model in release.models.values():
            columns = [f'"{one.name}" {STORED[one.type]}' for one in model.fields.values() if one.stored]
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {model.table} (id INTEGER PRIMARY KEY AUTOINCREMENT, {', '.join(columns)})"
            )
        for model, columns in (
            ("account.move.line", "move_id"),
            ("account.move", "ref"),
            ("sale.order.line", "order_id"),
        ):
            self._db.execute(f'CREATE INDEX IF NOT EXISTS "{model}.{columns}" ON "{model}" ({columns})')
        self._db.execute('CREATE UNIQUE INDEX IF NOT EXISTS external_ids ON "ir.model.data" (module, name)')
        if release.addon:
            self._db.execute('CREATE UNIQUE INDEX IF NOT EXISTS hedge_ref ON "account.move" (hedge_ref)')
        self._db.execute("CREATE TABLE IF NOT EXISTS secrets (user_id INTEGER, secret TEXT, kind TEXT, role TEXT)")

    def close(self) -> None:
        """Close the database file."""
        with self.lock:
            self._db.close()

    @property
    def empty(self) -> bool:
        """True until something was loaded."""
        return not self.one('SELECT COUNT(*) FROM "res.company"')

    def model(self, name: str) -> Model:
        """The model of that name; KeyError if there is none."""
        return self.release.models[name]

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """All or nothing; nested use joins the outer transaction through a savepoint. The start of the outer transaction is
        the stamp of every row written in it. `keep=False` rolls back at the end: a dry run."""
        with self.lock:
            inner = self._db.in_transaction
            if not inner:
                self._stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            self._db.execute("SAVEPOINT step" if inner else "BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK TO step" if inner else "ROLLBACK")
                if inner:
                    self._db.execute("RELEASE step")
                raise
            self._db.execute(("RELEASE step" if inner else "COMMIT") if keep else "ROLLBACK")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self.lock:
            return self._db.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """First column of the first row, or None."""
        with self.lock:
            row = self._db.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """One statement that changes something."""
        with self.lock:
            self._db.execute(sql, parameters)

    def row(self, model: str, record: int) -> sqlite3.Row | None:
        """One record as stored."""
        found = self.rows(f'SELECT * FROM "{model}" WHERE id = ?', (record,))  # noqa: S608
        return found[0] if found else None

    def insert(self, model: str, values: Mapping[str, Any]) -> int:
        """A new row of stored values, stamped unless `write_date` is given."""
        given = {"create_date": self._stamp, "write_date": self._stamp, **values}
        names = ", ".join(f'"{name}"' for name in given)
        marks = ", ".join("?" * len(given))
        with self.lock:
            cursor = self._db.execute(
                f'INSERT INTO "{model}" ({names}) VALUES ({marks})',  # noqa: S608
                list(given.values()),
            )
        return int(cursor.lastrowid or 0)

    def update(self, model: str, record: int, values: Mapping[str, Any], *, touch: bool = True) -> None:
        """Change stored values of one row."""
        given = {**values, "write_date": self._stamp} if touch else dict(values)
        if given:
            assignments = ", ".join(f'"{name}" = ?' for name in given)
            self.run(f'UPDATE "{model}" SET {assignments} WHERE id = ?', [*given.values(), record])  # noqa: S608

    def delete(self, model: str, record: int) -> None:
        """Remove one row and its external ids."""
        self.run(f'DELETE FROM "{model}" WHERE id = ?', (record,))  # noqa: S608
        self.run('DELETE FROM "ir.model.data" WHERE model = ? AND res_id = ?', (model, record))

    def add(self, model: str, /, **values: Any) -> int:
        """A row from Python values (Decimal, date, bool, list of ids), without any check: for the demo and for tests."""
        fields = self.model(model).fields
        with self.transaction():
            return self.insert(model, {name: stored(fields[name], value) for name, value in values.items()})

    def digits(self, one: Field) -> int:
        """Decimal places a field is rounded to."""
        if one.type == "monetary":
            return 2
        if not one.digits:
            return 6
        found = self.one('SELECT digits FROM "decimal.precision" WHERE name = ?', (one.digits,))
        return 2 if found is None else int(found)


def stored(one: Field, value: Any, digits: int = 6) -> Any:
    """A Python value as its column holds it, numbers rounded half up (and silently) to `digits`."""
    if value is None or (value is False and one.type != "boolean"):
        return None
    if one.type in ("float", "monetary"):
        rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        return int(rounded * SCALE)
    if one.type == "boolean":
        return int(bool(value))
    if one.type == "many2many":
        return json.dumps(list(value))
    if one.type == "datetime" and isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f" if one.readonly else "%Y-%m-%d %H:%M:%S")
    return str(value) if one.type in ("date", "char", "text", "html", "selection", "datetime") else int(value)


def plain(scaled: int | None) -> Decimal:
    """A stored number as a Decimal."""
    return Decimal(scaled or 0) / SCALE
