"""What the repositories of one unit of work share: its connection and its book. Every statement made here is filtered by
the book, so that a repository cannot forget it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Delete,
    Select,
    Table,
    Text,
    Update,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable

from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.clock import Clock

PAGE: Final = 1000
"""Rows sent to the database at a time."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One transaction on one book, and who acts in it."""

    connection: Connection
    book: BookId
    actor: Actor
    clock: Clock
    woken: set[str] = field(default_factory=set)
    """Who is to be woken when this transaction commits: topics of `adapters.storage.wake`."""

    def select(self, table: Table, *columns: Any) -> Select[Any]:
        """`columns` (all of them by default) of the book's rows."""
        return select(*(columns or (table,))).where(table.c.book_id == self.book)

    def update(self, table: Table) -> Update:
        return update(table).where(table.c.book_id == self.book)

    def delete(self, table: Table) -> Delete:
        return delete(table).where(table.c.book_id == self.book)

    def rows(self, statement: Executable) -> Sequence[Any]:
        return self.connection.execute(statement).all()

    def first(self, statement: Executable) -> Any | None:
        return self.connection.execute(statement).first()

    def run(self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Execute once, or once per row; answers how many rows were touched."""
        if rows is not None and not rows:
            return 0
        return self.connection.execute(statement, rows).rowcount

    def insert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """New rows of the book."""
        for page in pages(rows):
            self.run(self.insert_into(table), [{**row, "book_id": self.book} for row in page])

    def upsert(self, table: Table, rows: Iterable[Mapping[str, Any]], *, keep: Sequence[str] = ()) -> None:
        """Rows of the book, new or replaced by primary key; the columns in `keep` stay as they were first."""
        new = self.insert_into(table)
        changed = {c.name: new.excluded[c.name] for c in table.c if not c.primary_key and c.name not in keep}
        statement = new.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
        for page in pages(rows):
            self.run(statement, [{**row, "book_id": self.book} for row in page])

    def among(self, column: Column[str], keys: Sequence[str]) -> ColumnElement[bool]:
        """Whether `column` is one of `keys`. They go as one parameter, an array on PostgreSQL and JSON on SQLite: a thousand
        single ones cost more to hand over than to look up, and PostgreSQL would compare them one after another."""
        if self.connection.dialect.name == "postgresql":
            return column == func.any(literal(list(keys), ARRAY(Text)))
        listed = func.json_each(literal(json.dumps(list(keys), ensure_ascii=False), Text)).table_valued("value")
        return column.in_(select(listed.c.value))

    def insert_into(self, table: Table) -> Any:
        """The dialect's own INSERT, which knows ON CONFLICT. The caller puts the book into the row."""
        return (postgresql if self.connection.dialect.name == "postgresql" else sqlite).insert(table)


def pages(rows: Iterable[Any]) -> Iterable[list[Any]]:
    """`rows` in lists of at most `PAGE`."""
    source = iter(rows)
    while page := list(islice(source, PAGE)):
        yield page
