"""The dispatcher's narrow view across books: which outbox rows are due, and leases on them.

However long the outbox is, a look touches one index entry per connection and the rows it leases: rows that wait for another
row are outside the index, and rows of a paused connection are under that connection's own part of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Text,
    and_,
    bindparam,
    case,
    cast,
    distinct,
    func,
    literal_column,
    select,
    text,
    update,
)

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

_LEAD: Final = OUTBOX.alias("lead")

_NARROW: Final = tuple(
    OUTBOX.c[name] for name in ("id", "book_id", "connection", "kind", "lease_token", "lease_until", "attempts")
)

# --- the statements, put together once: that would cost more than executing them ---------------------------------------

_MOMENT: Final = bindparam("moment", type_=OUTBOX.c.available_at.type)
_IDS: Final = bindparam("ids", expanding=True, type_=BigInteger)
_BOOK: Final = OUTBOX.c.book_id == bindparam("book")
_PLACE: Final = (_BOOK, OUTBOX.c.connection == bindparam("place"))

_LIMITS: Final = (
    "book_id", "name", "circuit_open_until", "throttled_until", "failures_in_a_row", "concurrency", "per_minute",
    "batch", "max_batch",
)  # fmt: skip


def _first(moment: Any, state: Any, index: str) -> Any:
    """The earliest of a connection's rows: the first entry of its part of the index, whatever the planner believes."""
    here = (OUTBOX.c.book_id == CONNECTIONS.c.book_id, OUTBOX.c.connection == CONNECTIONS.c.name)
    earliest = select(moment).where(*here, state).order_by(moment, OUTBOX.c.id).limit(1)
    return earliest.with_hint(OUTBOX, f"INDEXED BY {index}", "sqlite").scalar_subquery()


def _walk(moment: Any, state: Any, index: str) -> Any:
    """The rows of a connection that may be leased, along the index; nothing is skipped for a lock on SQLite, where a writer
    is alone."""
    return (
        select(OUTBOX.c.id, OUTBOX.c.kind, OUTBOX.c.attempts, OUTBOX.c.batch_limit)
        .where(*_PLACE, state, moment <= _MOMENT)
        .order_by(moment, OUTBOX.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .with_hint(OUTBOX, f"INDEXED BY {index}", "sqlite")
    )


_PLACES: Final = select(
    *(CONNECTIONS.c[name] for name in _LIMITS),
    _first(OUTBOX.c.available_at, DUE, "ix_outbox_due").label("due"),
    _first(OUTBOX.c.lease_until, HELD, "ix_outbox_held").label("held"),
).where(CONNECTIONS.c.paused.is_(False))

_WALKS: Final = (
    ("held", _walk(OUTBOX.c.lease_until, HELD, "ix_outbox_held")),
    ("due", _walk(OUTBOX.c.available_at, DUE, "ix_outbox_due")),
)

_LOST: Final = case((OUTBOX.c.state == OutboxState.STARTED.value, 1), else_=0)
_TAKE: Final = (
    update(OUTBOX)
    .where(_BOOK, OUTBOX.c.id.in_(_IDS))
    .values(state=OutboxState.LEASED.value, lease_until=_MOMENT, lost_leases=OUTBOX.c.lost_leases + _LOST)
)
_TAKE_TOGETHER: Final = _TAKE.values(lease_token=bindparam("token"))
_TAKE_ALONE: Final = _TAKE.values(
    lease_token=bindparam("token", type_=Text) + literal_column("'-'") + cast(OUTBOX.c.id, Text)
)

_LEASED: Final = (
    select(*_NARROW)
    .select_from(
        OUTBOX.join(
            _LEAD,
            and_(
                OUTBOX.c.book_id == _LEAD.c.book_id,
                OUTBOX.c.connection == _LEAD.c.connection,
                OUTBOX.c.lease_until == _LEAD.c.lease_until,
                OUTBOX.c.lease_token == _LEAD.c.lease_token,
                OUTBOX.c.lease_token != "",
                HELD_TOGETHER,
            ),
        )
    )
    .where(_LEAD.c.id == bindparam("id"))
    .order_by(OUTBOX.c.id)
)
_HELD_NOW: Final = select(OUTBOX.c.id).where(OUTBOX.c.id.in_(_IDS), HELD, OUTBOX.c.lease_until > _MOMENT)
_IN_WORK: Final = select(func.count()).select_from(OUTBOX).where(HELD, OUTBOX.c.lease_until > _MOMENT)
_CALLS: Final = select(func.count(distinct(OUTBOX.c.lease_token))).where(HELD, *_PLACE, OUTBOX.c.lease_until > _MOMENT)


class DueRows:
    """`hedge_core.ports.storage.Queue`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(walking=True)
        self._reading = self._engine.execution_options(reading=True)

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> list[Lease]:
        """As the port says, at most `limit` calls. Connections share them evenly before one gets more, so that the backlog
        of one book does not make the others wait; within a connection the earliest due come first."""
        if limit <= 0:
            return []
        places = None
        if self._engine.dialect.name == "sqlite":  # a look must not take the writer's place
            with self._looking() as connection:
                places = _places(connection)
            if not _ready(places, now):
                return []
        until = now + timedelta(seconds=lease_seconds)
        leased: list[Lease] = []
        with self._engine.begin() as connection:  # elsewhere one transaction looks and takes
            ready = _ready(_places(connection) if places is None else places, now)
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
        with self._looking() as connection:
            found = connection.execute(_LEASED, {"id": row_id}).all()
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
        with self._looking() as connection:
            return int(connection.execute(_IN_WORK, {"moment": now}).scalar_one())

    def held(self, row_ids: Collection[int], now: datetime) -> set[int]:
        """As the port says."""
        if not row_ids:
            return set()
        with self._looking() as connection:
            return set(connection.execute(_HELD_NOW, {"ids": sorted(row_ids), "moment": now}).scalars())

    def next_due(self, now: datetime) -> datetime | None:
        """When there is something to lease, as far as the tables say now; None when there is nothing to wait for. A time
        that has passed means at once."""
        with self._looking() as connection:
            return min((_next(place, now) for place in _places(connection)), default=None)

    def clock(self) -> datetime | None:
        """The database server's own time; None where the database has no clock but ours."""
        if self._engine.dialect.name != "postgresql":
            return None
        with self._looking() as connection:
            told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return told

    def counts(self) -> dict[tuple[str, str], int]:
        query = select(OUTBOX.c.connection, OUTBOX.c.state, func.count().label("rows"))
        with self._looking() as connection:
            found = connection.execute(query.group_by(OUTBOX.c.connection, OUTBOX.c.state)).all()
        return {(row.connection, row.state): row.rows for row in found}

    def _looking(self) -> Connection:
        return self._reading.connect()


def _places(connection: Connection) -> Sequence[Any]:
    """Connections in use that have rows to lease, now or later, with their limits, first due time and first lease end."""
    return [row for row in connection.execute(_PLACES) if row.due is not None or row.held is not None]


def _ready(places: Sequence[Any], now: datetime) -> list[Any]:
    """Those with something to lease now, the longest due first."""
    ready = [place for place in places if _next(place, now) <= now]
    return sorted(ready, key=lambda place: (_next(place, now), place.book_id, place.name))


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
        here = {"book": place.book_id, "place": place.name, "moment": now}
        allowed = min(allowed, place.concurrency - int(connection.execute(_CALLS, here).scalar_one()))
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
    here = {"book": place.book_id, "place": place.name, "moment": now}
    for first, walk in _WALKS:
        room = calls - len(leased)
        if room <= 0:
            break
        begins = getattr(place, first)
        if begins is None or begins > now:
            continue  # as the look at the places found it; what came since is there at the next one
        found = connection.execute(walk, {**here, "most": room * together}).all()
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
    here = {"book": place.book_id, "moment": until}
    for group, token in groups:
        if len(group) > 1:
            connection.execute(_TAKE_TOGETHER, {**here, "ids": [row.id for row in group], "token": token})
    alone = {group[0].id: token for group, token in groups if len(group) == 1}
    if alone:
        beginnings = {token.partition("-")[0] for token in alone.values()}
        connection.execute(_TAKE_ALONE, {**here, "ids": list(alone), "token": beginnings.pop()})


def _lease_of(row: Any, members: tuple[int, ...]) -> Lease:
    first = (row.id, *(one for one in members if one != row.id))
    return Lease(
        row.id, BookId(row.book_id), row.lease_token, row.lease_until, row.connection, row.kind, row.attempts, first
    )
