"""The stand-in's books: one SQLite database whose tables follow the form table, with ids, periods and users.

Decimals are stored as integers of a millionth, so that comparisons in SQL are exact; dates as `YYYY-MM-DDTHH:MM:SS`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.kingdee.forms import OWNER_FORMS, Field, Form

SCALE = 1_000_000
SITE_TIME = timezone(timedelta(hours=8))
_SQL_TYPES = {"integer": "INTEGER", "decimal": "INTEGER", "base": "INTEGER", "owner": "INTEGER", "flex": "INTEGER"}


class Books:
    """Forms, periods and users of one account set. All access goes through `lock`: one writer, one reader at a time."""

    def __init__(self, path: str, forms: Mapping[str, Form]) -> None:
        self.forms = dict(forms)
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._create()

    def close(self) -> None:
        """Close the database file."""
        with self.lock:
            self._db.close()

    def form(self, form_id: str) -> Form | None:
        """The form of that id, in any case."""
        return self.forms.get(str(form_id).lower())

    @property
    def empty(self) -> bool:
        """True until something was loaded."""
        return not self.one("SELECT COUNT(*) FROM ids WHERE next > 100001")

    def _create(self) -> None:
        statements = [
            "CREATE TABLE IF NOT EXISTS ids (name TEXT PRIMARY KEY, next INTEGER NOT NULL)",
            "CREATE TABLE IF NOT EXISTS periods (year INTEGER, period INTEGER, is_open INTEGER NOT NULL, "
            "PRIMARY KEY (year, period))",
            "CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, role TEXT NOT NULL)",
        ]
        for form in self.forms.values():
            statements.append(_table(form.id, form.fields, "id INTEGER PRIMARY KEY"))
            if form.number != form.pk:
                statements.append(
                    f'CREATE INDEX IF NOT EXISTS "{form.id}.number" ON "{form.id}" ({form.number} COLLATE NOCASE)'
                )
            if form.entry is not None:
                name = lines_table(form)
                statements.append(_table(name, form.lines.fields, "id INTEGER PRIMARY KEY, parent INTEGER NOT NULL"))
                statements.append(f'CREATE INDEX IF NOT EXISTS "{name}.parent" ON "{name}" (parent)')
        owners = " UNION ALL ".join(
            f"SELECT id, FNumber, FName, '{form_id}' AS form FROM \"{form_id}\""  # noqa: S608
            for form_id in OWNER_FORMS
        )
        statements.append(f"CREATE VIEW IF NOT EXISTS owners AS {owners}")
        statements.append('CREATE INDEX IF NOT EXISTS "GL_VOUCHER.period" ON GL_VOUCHER (FYEAR, FPERIOD)')
        statements.append("INSERT OR IGNORE INTO ids VALUES ('record', 100001)")
        for statement in statements:
            self._db.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nested use joins the outer transaction through a savepoint."""
        with self.lock:
            inner = self._db.in_transaction
            self._db.execute("SAVEPOINT inner_step" if inner else "BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK TO inner_step" if inner else "ROLLBACK")
                if inner:
                    self._db.execute("RELEASE inner_step")
                raise
            self._db.execute("RELEASE inner_step" if inner else "COMMIT")

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

    def next_id(self, name: str = "record", start: int = 1) -> int:
        """The next number of a counter."""
        with self.lock:
            self._db.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (name, start))
            return int(self.one("UPDATE ids SET next = next + 1 WHERE name = ? RETURNING next - 1", (name,)))

    def find(self, form: Form, number: str, column: str = "") -> int | None:
        """Id of the record with that number (or that `column`), or None."""
        column = column or form.number
        found: int | None = self.one(f'SELECT id FROM "{form.id}" WHERE {column} = ? COLLATE NOCASE', (number,))  # noqa: S608
        return found

    def find_all(self, form: Form, number: str) -> list[int]:
        """Ids of all records with that number, oldest first."""
        sql = f'SELECT id FROM "{form.id}" WHERE {form.number} = ? COLLATE NOCASE ORDER BY id'  # noqa: S608
        return [row[0] for row in self.rows(sql, (number,))]

    def head(self, form: Form, record: int) -> sqlite3.Row | None:
        """The header row, or None."""
        found = self.rows(f'SELECT * FROM "{form.id}" WHERE id = ?', (record,))  # noqa: S608
        return found[0] if found else None

    def held(self, form: Form, record: int) -> sqlite3.Row:
        """The header row of a record that is known to exist. Raises LookupError."""
        row = self.head(form, record)
        if row is None:
            raise LookupError(f"{form.id} {record}")
        return row

    def lines(self, form: Form, record: int) -> list[sqlite3.Row]:
        """The lines in order."""
        if form.entry is None:
            return []
        sql = f'SELECT * FROM "{lines_table(form)}" WHERE parent = ? ORDER BY FSeq, id'  # noqa: S608
        return self.rows(sql, (record,))

    def insert(self, table: str, values: Mapping[str, Any], record: int | None = None) -> int:
        """Insert stored values and return the id."""
        record = self.next_id() if record is None else record
        columns = ["id", *values]
        marks = ", ".join("?" * len(columns))
        names = ", ".join(f'"{name}"' for name in columns)
        self.run(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', [record, *values.values()])  # noqa: S608
        return record

    def update(self, table: str, record: int, values: Mapping[str, Any]) -> None:
        """Change stored values of one row."""
        if values:
            changes = ", ".join(f'"{name}" = ?' for name in values)
            self.run(f'UPDATE "{table}" SET {changes} WHERE id = ?', [*values.values(), record])  # noqa: S608

    def delete(self, form: Form, record: int) -> None:
        """Remove a record with its lines."""
        if form.entry is not None:
            self.run(f'DELETE FROM "{lines_table(form)}" WHERE parent = ?', (record,))  # noqa: S608
        self.run(f'DELETE FROM "{form.id}" WHERE id = ?', (record,))  # noqa: S608

    def delete_line(self, form: Form, line: int) -> None:
        """Remove one line."""
        self.run(f'DELETE FROM "{lines_table(form)}" WHERE id = ?', (line,))  # noqa: S608

    def add(self, form_id: str, values: Mapping[str, Any], lines: Sequence[Mapping[str, Any]] = ()) -> int:
        """Store a record as the site's own users would have left it, without any check: plain values, bases by number.

        Also the way in for records that are broken on purpose: an unknown base number is kept as an empty reference.
        """
        form = self.form(form_id)
        if form is None:
            raise KeyError(form_id)
        with self.transaction():
            record = self.insert(form.id, self._stored(form.fields, values))
            for place, line in enumerate(lines, 1):
                stored = {"parent": record, "FSeq": place, **self._stored(form.lines.fields, line)}
                self.insert(lines_table(form), stored)
        return record

    def change(self, form_id: str, record: int, values: Mapping[str, Any], *, line: bool = False) -> None:
        """Change plain values of a record or a line without any check and without touching FModifyDate."""
        form = self.form(form_id)
        if form is None:
            raise KeyError(form_id)
        declared = form.lines.fields if line else form.fields
        self.update(lines_table(form) if line else form.id, record, self._stored(declared, values))

    def _stored(self, declared: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
        by_key = {one.key: one for one in declared}
        unknown = set(values) - set(by_key)
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        return {key: self._store(by_key[key], value) for key, value in values.items()}

    def _store(self, declared: Field, value: Any) -> Any:
        if value is None:
            return None
        if declared.kind == "decimal":
            return scaled(Decimal(str(value)))
        if declared.kind in ("date", "time"):
            return stored_time(value)
        if declared.kind in ("base", "flex"):
            return self.find(self.forms[declared.form.lower()], str(value))
        if declared.kind == "owner":
            return self.one("SELECT id FROM owners WHERE FNumber = ?", (value,))
        if declared.kind == "integer":
            return int(value)
        return str(value)


def lines_table(form: Form) -> str:
    """Name of the table that holds a form's lines."""
    return f"{form.id}.{form.lines.key}"


def scaled(value: Decimal) -> int:
    """A decimal as stored: millionths, half up."""
    return int((value * SCALE).quantize(Decimal(1), ROUND_HALF_UP))


def unscaled(value: int | None) -> Decimal:
    """A stored decimal as a number; nothing is zero."""
    return Decimal(value or 0) / SCALE


def stored_time(value: date | datetime | str) -> str:
    """A date or time as stored. Raises ValueError when it is not one."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip().replace("/", "-"))
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=SITE_TIME)
    return value.strftime("%Y-%m-%dT%H:%M:%S")


def site_now() -> str:
    """The site's wall clock as stored."""
    return stored_time(datetime.now(UTC).astimezone(SITE_TIME))


def _table(name: str, declared: Sequence[Field], keys: str) -> str:
    columns = [keys]
    for one in declared:
        collation = "" if one.kind in _SQL_TYPES else " COLLATE NOCASE"
        columns.append(f'"{one.key}" {_SQL_TYPES.get(one.kind, "TEXT")}{collation}')
    return f'CREATE TABLE IF NOT EXISTS "{name}" ({", ".join(columns)})'
