"""The store: units of work on one book each, the books, the queue, and the state of connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import Engine, Update, or_, select, update

from adapters.storage.accounting import Accounting
from adapters.storage.audit import Audit, Heads
from adapters.storage.broker import Broker
from adapters.storage.broker_queries import BrokerQueries
from adapters.storage.codec import encode_open
from adapters.storage.column_blocks import ColumnBlocks
from adapters.storage.commodity import Commodity
from adapters.storage.configuration import Configuration, book_of
from adapters.storage.engine import across_books, enter_all_books, for_book, make_engine
from adapters.storage.figures import Figures, read_figures
from adapters.storage.job_queue import JobsAcrossBooks
from adapters.storage.jobs import Jobs, Schedules
from adapters.storage.leader import LeaderLock
from adapters.storage.limits import Limits
from adapters.storage.orders import Orders
from adapters.storage.outbox import Outbox
from adapters.storage.physical import Physical
from adapters.storage.queue import DueRows
from adapters.storage.raw_rows import RawRows
from adapters.storage.reconciliation import Reconciliation
from adapters.storage.record_pages import RecordPages
from adapters.storage.record_versions import RecordVersions
from adapters.storage.records import Records
from adapters.storage.results import Results
from adapters.storage.schema import AUDIT_HEADS, BOOKS, CONNECTIONS
from adapters.storage.scope import Scope
from adapters.storage.statements import Statements
from adapters.storage.upgrade import state_of
from adapters.storage.wake import Wakes
from hedge_core.audit.tree import Frontier
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import Actor, BookId, book_id
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Book, Connection
from messages import Message

OURSELVES: Final = Actor("hedgebridge", authenticated=True)
"""Who acts when the program decides by itself, such as pausing a connection whose login is refused."""


class SqlUnitOfWork:
    """`hedge_core.ports.storage.UnitOfWork`: one transaction on one book."""

    def __init__(self, scope: Scope, heads: Heads | None = None) -> None:
        self.woken = scope.woken
        rows = RawRows(scope)
        self.records = Records(scope, rows)
        self.record_versions = RecordVersions(scope)
        self.record_pages = RecordPages(rows)
        self.physical = Physical(scope, self.records)
        self.statements = Statements(scope)
        self.columns = ColumnBlocks(scope)
        self.broker = Broker(scope)
        self.reconciliation = Reconciliation(scope)
        self.broker_queries = BrokerQueries(scope)
        self.results = Results(scope)
        self.outbox = Outbox(scope)
        self.jobs = Jobs(scope)
        self.schedules = Schedules(scope)
        self.commodity = Commodity(scope)
        self.limits = Limits(scope)
        self.orders = Orders(scope, self.broker_queries)
        self.accounting = Accounting(scope)
        self.audit = Audit(scope, heads)
        self._configuration = Configuration(scope)

    @property
    def book(self) -> Book:
        """As this transaction sees it."""
        return self._configuration.book()

    def connection(self, name: str) -> Connection | None:
        return self._configuration.connection(name)

    def connections(self) -> list[Connection]:
        return self._configuration.connections()

    def save_connection(self, connection: Connection) -> None:
        self._configuration.save_connection(connection)

    def remove_connection(self, name: str) -> bool:
        return self._configuration.remove_connection(name)

    def connection_worked(self, name: str) -> None:
        self._configuration.connection_worked(name)

    def note_batch(self, name: str, most: int) -> None:
        self._configuration.note_batch(name, most)

    def save_settings(self, settings: Mapping[str, str]) -> None:
        self._configuration.save_settings(settings)

    def document(self, kind: str, name: str, version: int | None = None) -> bytes | None:
        return self._configuration.document(kind, name, version)

    def document_versions(self, kind: str, prefix: str) -> tuple[tuple[str, int], ...]:
        return self._configuration.document_versions(kind, prefix)

    def save_document(self, kind: str, name: str, body: bytes) -> int:
        return self._configuration.save_document(kind, name, body)

    def documents(self, kind: str) -> list[str]:
        return self._configuration.documents(kind)


class SqlStore:
    """`hedge_core.ports.storage.Store` on SQLite or PostgreSQL.

    Every method is a transaction of its own: on SQLite none of them may be called inside an open unit of work, where it
    would wait for that unit's writer until `Unavailable`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._queue = DueRows(across_books(engine))
        self.wakes = Wakes(engine)
        self._heads: Heads = {}
        self._known: set[BookId] = set()  # a book is never removed

    @contextmanager
    def begin(self, book: BookId, actor: Actor) -> Iterator[SqlUnitOfWork]:
        """A unit that writes. On SQLite there is one at a time; others wait up to `engine.WAIT_FOR_WRITER` seconds.
        InvalidInput for a book that does not exist."""
        with for_book(self._engine, book).begin() as connection:
            unit = self._unit(connection, book, actor)
            yield unit
            self.wakes.announce(connection, unit.woken)
            unit.audit.write()  # last: from here to the commit the others of this book wait
        self.wakes.fire(unit.woken)

    @contextmanager
    def read(self, book: BookId, actor: Actor = OURSELVES) -> Iterator[SqlUnitOfWork]:
        """A unit that only reads, as of one moment, beside any writer. The database refuses a write in it."""
        with for_book(self._engine, book).connect().execution_options(reading=True) as connection:
            yield self._unit(connection, book, actor)

    def add_book(self, book: Book, actor: Actor) -> None:
        """A new book with an empty audit log and the event `book.added`. ValueError for an id that is not one;
        InvalidInput when it exists."""
        checked = book_id(book.book)
        with for_book(self._engine, checked).begin() as connection:
            if connection.execute(select(BOOKS.c.book_id).where(BOOKS.c.book_id == checked)).first():
                raise InvalidInput("database", 0, "book", Message("storage.book_exists", {"book": checked}))
            scope = Scope(connection, checked, actor, self._clock)
            row = {"name": book.name, "currency": book.currency, "settings": encode_open(dict(book.settings))}
            scope.insert(BOOKS, [row])
            empty = Frontier()
            scope.insert(AUDIT_HEADS, [{"size": 0, "root": empty.root(), "frontier": empty.to_bytes()}])
            audit = Audit(scope)
            audit.append("book.added", checked, {"name": book.name, "currency": book.currency})
            audit.write()

    def books(self) -> list[Book]:
        """By id."""
        with across_books(self._engine).connect().execution_options(reading=True) as connection:
            return [book_of(row) for row in connection.execute(select(BOOKS).order_by(BOOKS.c.book_id))]

    @property
    def queue(self) -> DueRows:
        return self._queue

    @property
    def job_queue(self) -> JobsAcrossBooks:
        return JobsAcrossBooks(across_books(self._engine))

    def leader_lock(self) -> LeaderLock:
        """The lock that one worker of the installation holds; not yet tried."""
        return LeaderLock(self._engine)

    def connection_failed(self, book: BookId, name: str, until: datetime | None) -> None:
        """KeyError when there is no such connection; the same for the two methods below."""
        changed = {"failures_in_a_row": CONNECTIONS.c.failures_in_a_row + 1, "circuit_open_until": until}
        with for_book(self._engine, book).begin() as connection:
            _change(connection, book, name, _one(book, name).values(**changed))

    def connection_worked(self, book: BookId, name: str) -> None:
        """Writes only when there is something to clear: this is called after every success."""
        troubled = or_(CONNECTIONS.c.failures_in_a_row != 0, CONNECTIONS.c.circuit_open_until.is_not(None))
        query = select(CONNECTIONS.c.name, troubled.label("troubled")).where(*_is(book, name))
        with for_book(self._engine, book).connect().execution_options(reading=True) as connection:
            found = connection.execute(query).first()
        if found is None:
            raise KeyError(name)
        if found.troubled:
            with for_book(self._engine, book).begin() as connection:
                connection.execute(_one(book, name).values(failures_in_a_row=0, circuit_open_until=None))

    def throttle_connection(self, book: BookId, name: str, until: datetime) -> None:
        """Never earlier than what was said before: of two answers the more patient one counts."""
        earlier = or_(CONNECTIONS.c.throttled_until.is_(None), CONNECTIONS.c.throttled_until < until)
        with for_book(self._engine, book).begin() as connection:
            connection.execute(_one(book, name).where(earlier).values(throttled_until=until))

    def pause_connection(self, book: BookId, name: str, reason: str) -> None:
        """With the event `connection.paused`. Only `save_connection` opens it again."""
        with for_book(self._engine, book).begin() as connection:
            _change(connection, book, name, _one(book, name).values(paused=True, paused_reason=reason))
            audit = Audit(Scope(connection, book, OURSELVES, self._clock))
            audit.append("connection.paused", name, {"reason": reason})
            audit.write()

    def figures(self) -> Figures:
        """What monitoring wants to know, across books."""
        return read_figures(self._engine)

    def close(self) -> None:
        """Close the idle database connections. The store can be used again afterwards."""
        self._engine.dispose()

    def _unit(self, connection: DatabaseConnection, book: BookId, actor: Actor) -> SqlUnitOfWork:
        asked = select(BOOKS.c.book_id).where(BOOKS.c.book_id == book)
        if book not in self._known and connection.execute(asked).first() is None:
            enter_all_books(connection)
            known = ", ".join(connection.execute(select(BOOKS.c.book_id).order_by(BOOKS.c.book_id)).scalars()) or "-"
            reason = Message("storage.unknown_book", {"book": book, "known": known})
            raise InvalidInput("database", 0, "book", reason)
        self._known.add(book)
        return SqlUnitOfWork(Scope(connection, book, actor, self._clock), self._heads)


def open_store(url: str, clock: Clock) -> SqlStore:
    """The store at `url` (`sqlite:////folder/file.db`, `postgresql://user@host/name`), which must have been upgraded.

    InvalidInput for an address that is none and for another schema than this program's; Unavailable when the database
    cannot be reached."""
    engine = make_engine(url)
    try:
        with engine.connect().execution_options(reading=True) as connection:
            state_of(connection).require_ready()
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, clock)


def _is(book: BookId, name: str) -> tuple[Any, ...]:
    return CONNECTIONS.c.book_id == book, CONNECTIONS.c.name == name


def _one(book: BookId, name: str) -> Update:
    return update(CONNECTIONS).where(*_is(book, name))


def _change(connection: DatabaseConnection, book: BookId, name: str, statement: Update) -> None:
    if not connection.execute(statement).rowcount:
        raise KeyError(f"{book}/{name}")
