"""Figures of operation across books, straight from the tables: what waits, what failed, how old it is, when things last went
well. Counts, times and names of books, connections and kinds; nothing of anybody's business."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, Engine, Table, func, select

from adapters.storage.engine import across_books, enter_book
from adapters.storage.schema import (
    AUDIT_HEADS,
    BOOKS,
    CONNECTIONS,
    CURSORS,
    JOBS,
    OUTBOX,
    QUARANTINE,
    SCHEDULES,
    SNAPSHOTS,
)


@dataclass(frozen=True, slots=True)
class OutboxFigure:
    """Rows of one state; `oldest` is the earliest moment one of them was or becomes due."""

    book: str
    connection: str
    state: str
    rows: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class ConnectionFigure:
    """`last_read` is when records were last stored from it; `quarantined` how many wait for a person."""

    book: str
    name: str
    system: str
    paused: bool
    circuit_open_until: datetime | None
    failures_in_a_row: int
    last_read: datetime | None
    quarantined: int


@dataclass(frozen=True, slots=True)
class JobFigure:
    """Jobs of one kind and state; start and end of the newest one that ended so."""

    book: str
    kind: str
    state: str
    jobs: int
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class BookFigure:
    """`settled` is the last settled trading day, `next_planned` the earliest run of an active schedule."""

    book: str
    audit_events: int
    settled: date | None
    next_planned: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All of them, as of one moment."""

    outbox: tuple[OutboxFigure, ...]
    connections: tuple[ConnectionFigure, ...]
    jobs: tuple[JobFigure, ...]
    books: tuple[BookFigure, ...]


def read_figures(engine: Engine) -> Figures:
    """Unavailable when the database cannot be reached."""
    with across_books(engine).connect().execution_options(reading=True) as connection:
        books = connection.execute(select(BOOKS.c.book_id).order_by(BOOKS.c.book_id)).scalars().all()
        outbox, jobs = tuple(_outbox(connection)), tuple(_jobs(connection))
        connections: list[ConnectionFigure] = []
        found: list[BookFigure] = []
        for book in books:
            enter_book(connection, book)
            connections += _connections(connection, book)
            found += _books(connection, book)
        return Figures(outbox, tuple(connections), jobs, tuple(found))


def _outbox(connection: Connection) -> Iterator[OutboxFigure]:
    table = OUTBOX
    place = (table.c.book_id, table.c.connection, table.c.state)
    query = select(*place, func.count().label("rows"), func.min(table.c.available_at).label("oldest")).group_by(*place)
    for row in connection.execute(query.order_by(*place)):
        yield OutboxFigure(row.book_id, row.connection, row.state, row.rows, row.oldest)


def _connections(connection: Connection, book: str) -> Iterator[ConnectionFigure]:
    table = CONNECTIONS
    read = select(func.max(CURSORS.c.saved_at)).where(*_of_connection(CURSORS)).scalar_subquery()
    waiting = (
        select(func.count()).where(*_of_connection(QUARANTINE), QUARANTINE.c.released_at.is_(None)).scalar_subquery()
    )
    query = select(table, read.label("last_read"), waiting.label("waiting"))
    query = query.where(table.c.book_id == book).order_by(table.c.name)
    for row in connection.execute(query):
        yield ConnectionFigure(
            row.book_id, row.name, row.system, row.paused, row.circuit_open_until, row.failures_in_a_row,
            row.last_read, row.waiting,
        )  # fmt: skip


def _of_connection(other: Table) -> tuple[ColumnElement[bool], ...]:
    return other.c.book_id == CONNECTIONS.c.book_id, other.c.connection == CONNECTIONS.c.name


def _jobs(connection: Connection) -> Iterator[JobFigure]:
    table = JOBS
    place = (table.c.book_id, table.c.kind, table.c.state)
    groups = (
        select(*place, func.count().label("jobs"), func.max(table.c.id).label("newest")).group_by(*place).subquery()
    )
    newest = select(groups, table.c.started_at, table.c.ended_at).join(table, table.c.id == groups.c.newest)
    for row in connection.execute(newest.order_by(groups.c.book_id, groups.c.kind, groups.c.state)):
        yield JobFigure(row.book_id, row.kind, row.state, row.jobs, row.started_at, row.ended_at)


def _books(connection: Connection, one: str) -> Iterator[BookFigure]:
    book = BOOKS.c.book_id
    events = select(AUDIT_HEADS.c.size).where(AUDIT_HEADS.c.book_id == book).scalar_subquery()
    days = select(func.max(SNAPSHOTS.c.trading_day)).where(SNAPSHOTS.c.book_id == book, SNAPSHOTS.c.status == "final")
    planned = select(func.min(SCHEDULES.c.next_at)).where(SCHEDULES.c.book_id == book, SCHEDULES.c.paused.is_(False))
    query = select(
        book,
        events.label("events"),
        days.scalar_subquery().label("settled"),
        planned.scalar_subquery().label("planned"),
    )
    for row in connection.execute(query.where(book == one)):
        yield BookFigure(row.book_id, row.events or 0, row.settled, row.planned)
