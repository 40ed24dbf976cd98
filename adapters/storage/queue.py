"""The dispatcher's narrow view across books: which outbox rows are due, and leases on them.

However long the outbox is, a look touches one index entry per connection and the rows it leases: rows that wait for another
row are outside the index, and rows of a paused connection are under that connection's own part of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Text, cast, func, select, update

from adapters.storage.outbox import row_of
from adapters.storage.schema import CONNECTIONS, DUE, HELD, OUTBOX
from hedge_core.ports.storage import OutboxRow, OutboxState


class DueRows:
    """`hedge_core.ports.storage.Queue`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> list[OutboxRow]:
        """As the port says, at most `limit` rows. Connections share them evenly before one gets more, so that the backlog
        of one book does not make the others wait; within a connection the earliest due come first."""
        with self._engine.connect().execution_options(reading=True) as connection:
            ready = [place for place in _places(connection) if _next(place, now) <= now] if limit > 0 else []
        if not ready:
            return []
        until = now + timedelta(seconds=lease_seconds)
        ready.sort(key=lambda place: (_next(place, now), place.book_id, place.name))
        leased: list[OutboxRow] = []
        with self._engine.begin() as connection:
            while ready and len(leased) < limit:
                share = max(1, (limit - len(leased)) // len(ready))
                more = []
                for place in ready[: limit - len(leased)]:
                    rows = _lease(connection, place, now, until, share)
                    leased += rows
                    if len(rows) == share:
                        more.append(place)
                ready = more
        return sorted(leased, key=lambda row: (row.available_at, row.id))

    def leased(self, row_id: int) -> OutboxRow | None:
        """The row behind a message, whatever its book and state; None when it does not exist."""
        with self._engine.connect().execution_options(reading=True) as connection:
            found = connection.execute(select(OUTBOX).where(OUTBOX.c.id == row_id)).first()
        return None if found is None else row_of(found)

    def in_work(self, now: datetime) -> int:
        """Rows whose lease still holds."""
        query = select(func.count()).select_from(OUTBOX).where(HELD, OUTBOX.c.lease_until > now)
        with self._engine.connect().execution_options(reading=True) as connection:
            return int(connection.execute(query).scalar_one())

    def held(self, row_ids: Collection[int], now: datetime) -> set[int]:
        """As the port says."""
        query = select(OUTBOX.c.id).where(OUTBOX.c.id.in_(sorted(row_ids)), HELD, OUTBOX.c.lease_until > now)
        if not row_ids:
            return set()
        with self._engine.connect().execution_options(reading=True) as connection:
            return set(connection.execute(query).scalars())

    def next_due(self, now: datetime) -> datetime | None:
        """When there is something to lease, as far as the tables say now; None when there is nothing to wait for. A time
        that has passed means at once."""
        with self._engine.connect().execution_options(reading=True) as connection:
            return min((_next(place, now) for place in _places(connection)), default=None)

    def counts(self) -> dict[tuple[str, str], int]:
        query = select(OUTBOX.c.connection, OUTBOX.c.state, func.count().label("rows"))
        with self._engine.connect().execution_options(reading=True) as connection:
            found = connection.execute(query.group_by(OUTBOX.c.connection, OUTBOX.c.state)).all()
        return {(row.connection, row.state): row.rows for row in found}


def _places(connection: Connection) -> Sequence[Any]:
    """Connections in use that have rows to lease, now or later: book, name, circuit, first due time, first lease end."""
    place = CONNECTIONS
    here = (OUTBOX.c.book_id == place.c.book_id, OUTBOX.c.connection == place.c.name)
    due = select(func.min(OUTBOX.c.available_at)).where(*here, DUE).scalar_subquery()
    held = select(func.min(OUTBOX.c.lease_until)).where(*here, HELD).scalar_subquery()
    query = select(
        place.c.book_id, place.c.name, place.c.circuit_open_until, due.label("due"), held.label("held")
    ).where(place.c.paused.is_(False))
    return [row for row in connection.execute(query) if row.due is not None or row.held is not None]


def _next(place: Any, now: datetime) -> datetime:
    """When this connection has something to lease."""
    first: datetime = min(moment for moment in (place.due, place.held) if moment is not None)
    circuit: datetime | None = place.circuit_open_until
    return first if circuit is None or circuit <= now else max(first, circuit)


def _lease(connection: Connection, place: Any, now: datetime, until: datetime, limit: int) -> list[OutboxRow]:
    """Up to `limit` rows of one connection: those whose lease has run out, then those that are due."""
    leased: list[OutboxRow] = []
    for state, moment in ((HELD, OUTBOX.c.lease_until), (DUE, OUTBOX.c.available_at)):
        if len(leased) == limit:
            break
        picked = (
            select(OUTBOX.c.id)
            .where(OUTBOX.c.book_id == place.book_id, OUTBOX.c.connection == place.name, state, moment <= now)
            .order_by(moment, OUTBOX.c.id)
            .limit(limit - len(leased))
            .with_for_update(skip_locked=True)  # nothing on SQLite, where a writer is alone
            .cte("picked")
        )
        statement = (
            update(OUTBOX)
            .where(OUTBOX.c.id.in_(select(picked.c.id)))
            .values(state=OutboxState.LEASED.value, lease_token=_fresh_token(connection), lease_until=until)
            .returning(OUTBOX)
        )
        leased += [row_of(row) for row in connection.execute(statement)]
    return leased


def _fresh_token(connection: Connection) -> Any:
    """Random text, another one for every row of a statement."""
    if connection.dialect.name == "postgresql":
        return cast(func.gen_random_uuid(), Text)
    return func.lower(func.hex(func.randomblob(16)))
