"""As much of Odoo as the module hedge_bridge touches, so that its Python runs without one: models over SQLite, one company.

What Odoo does without a word is played too: money is rounded to cents, a lock date moves an entry when it is posted, and an
entry that does not balance is refused. It proves nothing about Odoo itself; the module's own tests in an Odoo do."""

from __future__ import annotations

import sqlite3
import sys
import unittest
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from types import ModuleType, SimpleNamespace
from typing import Any

CENT = Decimal("0.01")


class UserError(Exception):
    pass


class ValidationError(UserError):
    pass


class Field:
    """A column; on a class it is itself, on a record its value."""

    kind = "text"

    def __init__(self, *positional: Any, **options: Any) -> None:
        self.positional = positional
        self.options = options

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, record: Any, owner: type) -> Any:
        return self if record is None else record.env.value(record.id, self.name)

    def __set__(self, record: Any, value: Any) -> None:
        record.env.cr.execute(f"UPDATE account_move SET {self.name} = ? WHERE id = ?", (value, record.id))


class Date(Field):
    @staticmethod
    def to_string(value: date) -> str:
        return value.isoformat()

    @staticmethod
    def today() -> date:
        return date(2026, 3, 31)


class Cursor:
    """PostgreSQL's cursor as the module uses it; SQLite understands its one statement too."""

    def __init__(self) -> None:
        self.base = sqlite3.connect(":memory:", isolation_level=None)
        self.depth = 0

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self.base.execute(sql, values).fetchall()
        except sqlite3.IntegrityError as error:
            raise IntegrityError(str(error)) from error

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self.depth += 1
        name = f"s{self.depth}"
        self.base.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self.base.execute(f"ROLLBACK TO {name}")
            raise
        finally:
            self.base.execute(f"RELEASE {name}")
            self.depth -= 1


class IntegrityError(Exception):
    """psycopg2's name."""


class Model:
    """A set of entries; with one id also that entry."""

    name = Field()
    state = Field()

    def __init__(self, env: Env, ids: tuple[int, ...] = ()) -> None:
        self.env = env
        self.ids = ids

    def init(self) -> None:
        pass

    def __len__(self) -> int:
        return len(self.ids)

    def ensure_one(self) -> None:
        assert len(self.ids) == 1

    @property
    def id(self) -> int:
        self.ensure_one()
        return self.ids[0]

    @property
    def date(self) -> date:
        return date.fromisoformat(self.env.value(self.id, "date"))

    @property
    def line_ids(self) -> list[SimpleNamespace]:
        rows = self.env.cr.execute("SELECT account, debit, credit FROM line WHERE move = ? ORDER BY id", (self.id,))
        return [SimpleNamespace(account_id=SimpleNamespace(id=a), debit=float(d), credit=float(c)) for a, d, c in rows]

    def sudo(self) -> Model:
        return self

    def exists(self) -> Model:
        return self

    def browse(self, record: int) -> Model:
        return type(self)(self.env, (record,))

    def search(self, domain: list[tuple[str, str, Any]], limit: int | None = None) -> Model:
        operators = {"=": "=", "like": "LIKE"}
        ((name, operator, value),) = domain
        wanted = f"%{value}%" if operator == "like" else value
        found = self.env.cr.execute(f"SELECT id FROM account_move WHERE {name} {operators[operator]} ?", (wanted,))
        return type(self)(self.env, tuple(row[0] for row in found)[:limit])

    def search_count(self, domain: list[tuple[str, str, Any]]) -> int:
        return len(self.search(domain))

    def create(self, values: Mapping[str, Any]) -> Model:
        head = {name: value for name, value in values.items() if name != "line_ids"}
        marks = ", ".join("?" * len(head))
        with self.env.cr.savepoint():
            self.env.cr.execute(
                f"INSERT INTO account_move ({', '.join(head)}) VALUES ({marks})",
                tuple(head.values()),
            )
            ((record,),) = self.env.cr.execute("SELECT last_insert_rowid()")
            for command, _, line in values["line_ids"]:
                assert command == 0
                assert isinstance(line["debit"], float) and isinstance(line["credit"], float), "Odoo's numbers"
                money = [str(Decimal(str(line[side])).quantize(CENT, ROUND_HALF_UP)) for side in ("debit", "credit")]
                self.env.cr.execute(
                    "INSERT INTO line (move, account, debit, credit) VALUES (?, ?, ?, ?)",
                    (record, line["account_id"], *money),
                )
            made = self.browse(record)
            if sum(Decimal(str(line.debit)) - Decimal(str(line.credit)) for line in made.line_ids):
                raise UserError("The entry is not balanced.")
        return made

    def flush_recordset(self, names: list[str]) -> None:
        pass

    def action_post(self) -> None:
        locked = self.env.company.fiscalyear_lock_date
        moved = max(self.date, date(2026, 3, 31)) if locked and self.date <= locked else self.date
        self.env.cr.execute(
            "UPDATE account_move SET state = 'posted', date = ?, name = ? WHERE id = ?",
            (moved.isoformat(), f"HEDG/{moved:%Y/%m}/{self.id:04d}", self.id),
        )


class Env:
    """One database with the module's models in it."""

    def __init__(self, move: type[Any]) -> None:
        self.cr = Cursor()
        self.company = SimpleNamespace(fiscalyear_lock_date=None)
        self.cr.execute(
            "CREATE TABLE account_move (id INTEGER PRIMARY KEY, hedge_ref TEXT, ref TEXT, date TEXT, journal_id INTEGER,"
            " move_type TEXT, name TEXT, state TEXT DEFAULT 'draft')"
        )
        self.cr.execute(
            "CREATE TABLE line (id INTEGER PRIMARY KEY, move INTEGER, account INTEGER, debit TEXT, credit TEXT)"
        )
        self.names: list[SimpleNamespace] = []
        self._move = move
        move(self).init()

    def __getitem__(self, name: str) -> Any:
        if name == "account.move":
            return self._move(self)
        assert name == "ir.model.data"
        return SimpleNamespace(sudo=lambda: SimpleNamespace(search=lambda domain: self.names))

    def value(self, record: int, name: str) -> Any:
        ((found,),) = self.cr.execute(f"SELECT {name} FROM account_move WHERE id = ?", (record,))
        return found


def modules() -> dict[str, ModuleType]:
    """`odoo`, `psycopg2` and what else the module imports, by name."""

    def module(name: str, **attributes: Any) -> ModuleType:
        made = ModuleType(name)
        vars(made).update(attributes)
        return made

    @contextmanager
    def mute_logger(*_: str) -> Iterator[None]:
        yield

    def translated(text: str, *positional: Any, **named: Any) -> str:
        return text % (named or positional) if named or positional else text

    def tagged(*_: str) -> Any:
        return lambda case: case

    kinds = {kind: type(kind, (Field,), {}) for kind in ("Char", "Many2one", "Selection", "Integer", "Float")}
    fields = module("odoo.fields", **kinds, Date=Date)
    models = module("odoo.models", Model=Model, Constraint=lambda sql, text: (sql, text))
    api = module("odoo.api", model=lambda method: method)
    return {
        "odoo": module("odoo", _=translated, api=api, fields=fields, models=models),
        "odoo.exceptions": module("odoo.exceptions", ValidationError=ValidationError, UserError=UserError),
        "odoo.tools": module("odoo.tools", mute_logger=mute_logger),
        "odoo.tests": module("odoo.tests", tagged=tagged),
        "odoo.addons": module("odoo.addons"),
        "odoo.addons.account": module("odoo.addons.account"),
        "odoo.addons.account.tests": module("odoo.addons.account.tests"),
        "odoo.addons.account.tests.common": module(
            "odoo.addons.account.tests.common", AccountTestInvoicingCommon=unittest.TestCase
        ),
        "psycopg2": module("psycopg2", IntegrityError=IntegrityError),
    }


@contextmanager
def installed() -> Iterator[None]:
    """Imports of `odoo` and `psycopg2` find the fakes until the block ends."""
    fakes = modules()
    before = {name: sys.modules.get(name) for name in fakes}
    sys.modules.update(fakes)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
