"""The dispatcher's narrow view across books: which outbox rows are due, and leases on them.

However long the outbox is, a look touches one index entry per connection and the rows it leases: rows that wait for another
row are outside the index, and rows of a paused connection are under that connection's own part of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Text, and_, case, cast, distinct, func, literal, select, text, update

from adapters.storage.schema import CONNECTIONS, DUE, HELD, OUTBOX
from hedge_core.model.identity import BookId
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import OutboxState

PROBE_AFTER: Final = 5
PROBE_EVERY: Final = timedelta(seconds=30)
"""After so many failures in a row a connection whose rest is over gets one call, and more only when that is answered or has
had the time for it."""

_TOGETHER: Final = "voucher"
"""The kind of row that goes out in batches."""

HELD_TOGETHER: Final = text("outbox.state IN ('leased', 'started')")
"""`HELD`, for a query that speaks of the table twice."""

_LEAD: Final = OUTBOX.alias("lead")  # made once: a copy of the table per look would cost more than the look

_NARROW: Final = tuple(
    OUTBOX.c[name] for name in ("id", "book_id", "connection", "kind", "lease_token", "lease_until", "attempts")
)


class DueRows:
    """`hedge_core.ports.storage.Queue`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> list[Lease]:
        """As the port says, at most `limit` calls. Connections share them evenly before one gets more, so that the backlog
        of one book does not make the others wait; within a connection the earliest due come first."""
        with self._engine.connect().execution_options(reading=True) as connection:
            ready = [place for place in _places(connection) if _next(place, now) <= now] if limit > 0 else []
        if not ready:
            return []
        until = now + timedelta(seconds=lease_seconds)
        ready.sort(key=lambda place: (_next(place, now), place.book_id, place.name))
        leased: list[Lease] = []
        with self._engine.begin() as connection:
            while ready and len(leased) < limit:
                share = max(1, (limit - len(leased)) // len(ready))
                more = []
                for place in ready[: limit - len(leased)]:
                    allowed = _allowed(connection, place, now, share)
                    calls = _lease(connection, place, now, until, allowed) if allowed else []
                    leased += calls
                    if len(calls) == share:
                        more.append(place)
                ready = more
        return leased

    def leased(self, row_id: int) -> Lease | None:
        """The row behind a message, whatever its book, with those leased together with it; None when nobody holds it."""
        lead = _LEAD
        same = (
            OUTBOX.c.book_id == lead.c.book_id,
            OUTBOX.c.connection == lead.c.connection,
            OUTBOX.c.lease_until == lead.c.lease_until,
            OUTBOX.c.lease_token == lead.c.lease_token,
            OUTBOX.c.lease_token != "",
            HELD_TOGETHER,
        )
        query = select(*_NARROW).select_from(OUTBOX.join(lead, and_(*same))).where(lead.c.id == row_id)
        with self._engine.connect().execution_options(reading=True) as connection:
            found = connection.execute(query.order_by(OUTBOX.c.id)).all()
        lead_row = next((row for row in found if row.id == row_id), None)
        return None if lead_row is None else _lease_of(lead_row, tuple(row.id for row in found))

    def give_back(self, row_ids: Collection[int]) -> None:
        """As the port says."""
        if not row_ids:
            return
        with self._engine.begin() as connection:
            tokens = select(OUTBOX.c.lease_token).where(OUTBOX.c.id.in_(sorted(row_ids)), OUTBOX.c.lease_token != "")
            mine = (HELD, OUTBOX.c.lease_token.in_(tokens), OUTBOX.c.state == OutboxState.LEASED.value)
            free = {"state": OutboxState.PENDING.value, "lease_token": "", "lease_until": None}
            connection.execute(update(OUTBOX).where(*mine).values(**free))

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

    def clock(self) -> datetime | None:
        """The database server's own time; None where the database has no clock but ours."""
        if self._engine.dialect.name != "postgresql":
            return None
        with self._engine.connect().execution_options(reading=True) as connection:
            told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return told

    def counts(self) -> dict[tuple[str, str], int]:
        query = select(OUTBOX.c.connection, OUTBOX.c.state, func.count().label("rows"))
        with self._engine.connect().execution_options(reading=True) as connection:
            found = connection.execute(query.group_by(OUTBOX.c.connection, OUTBOX.c.state)).all()
        return {(row.connection, row.state): row.rows for row in found}


def _places(connection: Connection) -> Sequence[Any]:
    """Connections in use that have rows to lease, now or later, with their limits, first due time and first lease end."""
    place = CONNECTIONS
    here = (OUTBOX.c.book_id == place.c.book_id, OUTBOX.c.connection == place.c.name)
    due = select(func.min(OUTBOX.c.available_at)).where(*here, DUE).scalar_subquery()
    held = select(func.min(OUTBOX.c.lease_until)).where(*here, HELD).scalar_subquery()
    names = (
        "book_id", "name", "circuit_open_until", "throttled_until", "failures_in_a_row", "concurrency", "per_minute",
        "batch", "max_batch",
    )  # fmt: skip
    columns = [place.c[name] for name in names]
    query = select(*columns, due.label("due"), held.label("held")).where(place.c.paused.is_(False))
    return [row for row in connection.execute(query) if row.due is not None or row.held is not None]


def _next(place: Any, now: datetime) -> datetime:
    """When this connection has something to lease."""
    first: datetime = min(moment for moment in (place.due, place.held) if moment is not None)
    rests: list[datetime] = [
        rest for rest in (place.circuit_open_until, place.throttled_until) if rest is not None and rest > now
    ]
    return max([first, *rests])


def _allowed(connection: Connection, place: Any, now: datetime, share: int) -> int:
    """How many calls of its share a connection may have now. Where it has a limit its row is locked while we count, so that
    two dispatchers do not count the same room; another one at it means none for us this time."""
    probing = place.failures_in_a_row >= PROBE_AFTER
    if not (probing or place.concurrency or place.per_minute):
        return share
    mine = (CONNECTIONS.c.book_id == place.book_id, CONNECTIONS.c.name == place.name)
    rest = (CONNECTIONS.c.paused, CONNECTIONS.c.throttled_until, CONNECTIONS.c.circuit_open_until)
    locked = connection.execute(select(*rest).where(*mine).with_for_update(skip_locked=True)).first()
    if locked is None or locked.paused or any(until is not None and until > now for until in locked[1:]):
        return 0
    allowed = share
    if place.concurrency:
        holds = and_(OUTBOX.c.book_id == place.book_id, OUTBOX.c.connection == place.name, OUTBOX.c.lease_until > now)
        calls = select(func.count(distinct(OUTBOX.c.lease_token))).where(HELD, holds)
        allowed = min(allowed, place.concurrency - int(connection.execute(calls).scalar_one()))
    if place.per_minute:
        allowed = min(allowed, max(1, place.per_minute // 60))
    if probing:
        allowed = min(allowed, 1)
    if allowed <= 0:
        return 0
    rests: dict[str, datetime] = {}
    if place.per_minute:
        rests["throttled_until"] = now + timedelta(milliseconds=allowed * 60_000 // place.per_minute)
    if probing:
        rests["circuit_open_until"] = now + PROBE_EVERY
    if rests:
        connection.execute(update(CONNECTIONS).where(*mine).values(**rests))
    return allowed


def _lease(connection: Connection, place: Any, now: datetime, until: datetime, calls: int) -> list[Lease]:
    """Up to `calls` calls of one connection: rows whose lease has run out, then those that are due."""
    together = max(1, min(place.max_batch, place.batch or place.max_batch))
    leased: list[Lease] = []
    for state, moment in ((HELD, OUTBOX.c.lease_until), (DUE, OUTBOX.c.available_at)):
        room = calls - len(leased)
        if room <= 0:
            break
        query = (
            select(OUTBOX.c.id, OUTBOX.c.kind, OUTBOX.c.attempts, OUTBOX.c.batch_limit)
            .where(OUTBOX.c.book_id == place.book_id, OUTBOX.c.connection == place.name, state, moment <= now)
            .order_by(moment, OUTBOX.c.id)
            .limit(room * together)
            .with_for_update(skip_locked=True)  # nothing on SQLite, where a writer is alone
        )
        found = connection.execute(query).all()
        groups = list(_groups(found, together))[:room]
        _take(connection, place, groups, until)
        leased += [
            Lease(
                group[0].id,
                BookId(place.book_id),
                text,
                until,
                place.name,
                group[0].kind,
                group[0].attempts,
                tuple(row.id for row in group),
            )
            for group, text in groups
        ]
    return leased


def _groups(rows: Sequence[Any], together: int) -> Iterator[tuple[list[Any], str]]:
    """Rows that go out in one call, each group with a token of its own; a row that was part of a refused batch goes with no
    more than its own limit says."""
    waiting: dict[int, list[Any]] = {}
    secret = secrets.token_hex(16)
    for row in rows:
        size = min(together, row.batch_limit or together) if row.kind == _TOGETHER else 1
        group = waiting.setdefault(size, [])
        group.append(row)
        if len(group) == size:
            yield waiting.pop(size), f"{secret}-{group[0].id}"
    for group in waiting.values():
        yield group, f"{secret}-{group[0].id}"


def _take(connection: Connection, place: Any, groups: Sequence[tuple[list[Any], str]], until: datetime) -> None:
    """Write the leases: one statement for the rows that go alone, whose tokens end in their numbers, and one per batch."""
    lost = case((OUTBOX.c.state == OutboxState.STARTED.value, 1), else_=0)
    taken = {"state": OutboxState.LEASED.value, "lease_until": until, "lost_leases": OUTBOX.c.lost_leases + lost}
    here = update(OUTBOX).where(OUTBOX.c.book_id == place.book_id)
    for group, token in groups:
        if len(group) > 1:
            ids = [row.id for row in group]
            connection.execute(here.where(OUTBOX.c.id.in_(ids)).values(**taken, lease_token=token))
    alone = {group[0].id: token for group, token in groups if len(group) == 1}
    if alone:
        beginnings = {token.partition("-")[0] for token in alone.values()}
        own = literal(f"{beginnings.pop()}-") + cast(OUTBOX.c.id, Text)
        connection.execute(here.where(OUTBOX.c.id.in_(list(alone))).values(**taken, lease_token=own))


def _lease_of(row: Any, members: tuple[int, ...]) -> Lease:
    first = (row.id, *(one for one in members if one != row.id))
    return Lease(
        row.id, BookId(row.book_id), row.lease_token, row.lease_until, row.connection, row.kind, row.attempts, first
    )
