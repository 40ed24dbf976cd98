"""The outbox rows of one book: enqueue, start, finish, and a person's decision. `queue.py` leases them across books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Integer, Text, bindparam, cast, func, literal_column, select, update

from adapters.storage import wake
from adapters.storage.schema import OUTBOX, VOUCHERS_ONLY, WAITING
from adapters.storage.scope import Scope
from hedge_core.errors import IdempotencyConflict, RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.ports.storage import OutboxRow, OutboxState
from messages import Message

OUTCOMES: Final = frozenset(
    {OutboxState.DONE, OutboxState.PENDING, OutboxState.UNKNOWN, OutboxState.DEAD, OutboxState.CANCELLED}
)
"""What a started row may become."""

DECISIONS: Final = frozenset({OutboxState.PENDING, OutboxState.CANCELLED, OutboxState.DONE, OutboxState.DEAD})
"""What a person, or a look at the other side, may make of a dead or unknown row."""

_FREE: Final[dict[str, Any]] = {"lease_token": "", "lease_until": None}

# --- what every delivery executes, put together once --------------------------------------------------------------------

_MOMENT: Final = bindparam("moment", type_=OUTBOX.c.available_at.type)
_IDS: Final = bindparam("ids", expanding=True, type_=BigInteger)
_HELD_ROWS: Final = update(OUTBOX).where(
    OUTBOX.c.book_id == bindparam("book"),
    OUTBOX.c.id.in_(_IDS),
    (cast(OUTBOX.c.id, Text) + literal_column("' '") + OUTBOX.c.lease_token).in_(
        bindparam("holds", expanding=True, type_=Text)
    ),
    OUTBOX.c.lease_until > _MOMENT,
)
"""Each row with its own token: rows of several leases start and end together, and a token says nothing about another's row."""
_START: Final = (
    _HELD_ROWS.where(OUTBOX.c.state == OutboxState.LEASED.value)
    .values(
        state=OutboxState.STARTED.value,
        attempts=OUTBOX.c.attempts + 1,
        lease_until=func.coalesce(bindparam("until", type_=OUTBOX.c.lease_until.type), OUTBOX.c.lease_until),
    )
    .returning(OUTBOX)
)
_FINISH: Final = (
    _HELD_ROWS.where(OUTBOX.c.state == OutboxState.STARTED.value)
    .values(
        state=bindparam("becomes"),
        available_at=bindparam("next", type_=OUTBOX.c.available_at.type),
        attempts=OUTBOX.c.attempts - bindparam("back", type_=Integer),
        last_error=bindparam("reason"),
        found_by_lookup=bindparam("found", type_=Boolean),
        unknowns=OUTBOX.c.unknowns + bindparam("unknown", type_=Integer),
        batch_limit=func.coalesce(bindparam("limit", type_=Integer), OUTBOX.c.batch_limit),
        lost_leases=0,
        **_FREE,
    )
    .returning(OUTBOX.c.id)
)
_FOLLOWERS: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.book_id == bindparam("book"), OUTBOX.c.depends_on.in_(_IDS), WAITING)
    .values(waits=False)
)


class Outbox:
    """`hedge_core.ports.storage.OutboxStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def enqueue(
        self,
        connection: str,
        kind: str,
        subject: str,
        key: str,
        content_hash: str,
        available_at: datetime,
        depends_on: int | None = None,
    ) -> int:
        """The id of the new row. A voucher's key stands in the outbox once, however often a person clicks: its row is
        found again, and if it was cancelled it goes back to pending with its attempts, since it may have been sent.
        IdempotencyConflict when the row found has other content; KeyError when the row to wait for does not exist."""
        row = {
            "book_id": self._scope.book,
            "connection": connection,
            "kind": kind,
            "subject": subject,
            "key": key,
            "content_hash": content_hash,
            "state": OutboxState.PENDING.value,
            "attempts": 0,
            "available_at": available_at,
            "depends_on": depends_on,
            "waits": self._must_wait(depends_on),
            "last_error": "",
            "found_by_lookup": False,
            "queued_by": self._scope.actor.name,
            **_FREE,
        }
        statement = self._scope.insert_into(OUTBOX).values(**row)
        if self._scope.connection.dialect.name == "sqlite":  # which counts only in keys of one column
            statement = statement.values(id=select(func.coalesce(func.max(OUTBOX.c.id), 0) + 1).scalar_subquery())
        self._scope.woken.add(wake.OUTBOX)
        added = self._scope.first(statement.on_conflict_do_nothing().returning(OUTBOX.c.id))
        return self._voucher_again(connection, key, content_hash, available_at) if added is None else int(added.id)

    def rows(
        self, state: OutboxState | None = None, *, connection: str = "", limit: int | None = None
    ) -> list[OutboxRow]:
        """By id."""
        query = self._scope.select(OUTBOX).order_by(OUTBOX.c.id).limit(limit)
        if state is not None:
            query = query.where(OUTBOX.c.state == state.value)
        if connection:
            query = query.where(OUTBOX.c.connection == connection)
        return [row_of(row) for row in self._scope.rows(query)]

    def counts(self) -> dict[OutboxState, int]:
        query = self._scope.select(OUTBOX, OUTBOX.c.state, func.count().label("rows")).group_by(OUTBOX.c.state)
        return {OutboxState(row.state): row.rows for row in self._scope.rows(query)}

    def row(self, row_id: int) -> OutboxRow | None:
        found = self._scope.first(self._scope.select(OUTBOX).where(OUTBOX.c.id == row_id))
        return None if found is None else row_of(found)

    def start(self, row_id: int, token: str, now: datetime, lease_until: datetime | None = None) -> OutboxRow | None:
        return next(iter(self.start_together({row_id: token}, now, lease_until)), None)

    def start_together(
        self, held: Mapping[int, str], now: datetime, lease_until: datetime | None = None
    ) -> list[OutboxRow]:
        started = self._scope.connection.execute(_START, {**self._held(held, now), "until": lease_until}).all()
        return sorted((row_of(row) for row in started), key=lambda row: row.id)

    def finish(
        self,
        row_id: int,
        token: str,
        state: OutboxState,
        *,
        available_at: datetime | None = None,
        last_error: str = "",
        give_attempt_back: bool = False,
        found_by_lookup: bool = False,
        batch_limit: int | None = None,
    ) -> bool:
        """As the port says. A lease that has run out no longer holds either (by the store's clock): the next one looks up
        what became of the write. Without `available_at` a row that goes on is due at once."""
        return bool(
            self.finish_together(
                {row_id: token},
                state,
                available_at=available_at,
                last_error=last_error,
                give_attempt_back=give_attempt_back,
                found_by_lookup=found_by_lookup,
                batch_limit=batch_limit,
            )
        )

    def finish_together(
        self,
        held: Mapping[int, str],
        state: OutboxState,
        *,
        available_at: datetime | None = None,
        last_error: str = "",
        give_attempt_back: bool = False,
        found_by_lookup: bool = False,
        batch_limit: int | None = None,
    ) -> set[int]:
        """As the port says."""
        if state not in OUTCOMES:
            raise ValueError(f"a started row does not become {state.value}")
        now = self._scope.clock.now()
        ended = {
            **self._held(held, now), "becomes": state.value, "next": available_at or now,
            "back": int(give_attempt_back), "reason": last_error, "found": found_by_lookup,
            "unknown": int(state is OutboxState.UNKNOWN), "limit": batch_limit,
        }  # fmt: skip
        finished = self._scope.connection.execute(_FINISH, ended).all()
        ids = {int(row.id) for row in finished}
        if ids and state is OutboxState.DONE:
            self._wake_followers(ids)
        return ids

    def release(self, row_id: int, state: OutboxState, reason: str, available_at: datetime) -> None:
        """As the port says. RuleBroken when the row is neither dead nor unknown (any more): somebody was faster."""
        if state not in DECISIONS:
            raise ValueError(f"a person does not make a row {state.value}")
        waiting = (OutboxState.DEAD.value, OutboxState.UNKNOWN.value)
        released = self._scope.run(
            self._scope.update(OUTBOX)
            .where(OUTBOX.c.id == row_id, OUTBOX.c.state.in_(waiting))
            .values(
                state=state.value,
                available_at=available_at,
                last_error=reason,
                decided_by=self._scope.actor.name,
                unknowns=0,
                lost_leases=0,
                batch_limit=0,
                **_FREE,
            )
        )
        if not released:
            found = self.row(row_id)
            params = {"row": row_id, "state": "-" if found is None else found.state.value}
            raise RuleBroken("outbox_release", str(row_id), Message("storage.row_not_waiting", params))
        self._scope.woken.add(wake.OUTBOX)
        if state is OutboxState.DONE:
            self._wake_followers({row_id})

    def _held(self, held: Mapping[int, str], now: datetime) -> dict[str, Any]:
        return {
            "book": self._scope.book, "ids": list(held), "moment": now,
            "holds": [f"{row_id} {token}" for row_id, token in held.items()],
        }  # fmt: skip

    def _must_wait(self, depends_on: int | None) -> bool:
        """Locks the row waited for: it cannot become done between this look and our commit, unseen by its `finish`."""
        if depends_on is None:
            return False
        query = self._scope.select(OUTBOX, OUTBOX.c.state).where(OUTBOX.c.id == depends_on).with_for_update()
        first = self._scope.first(query)
        if first is None:
            raise KeyError(depends_on)
        return bool(first.state != OutboxState.DONE.value)

    def _voucher_again(self, connection: str, key: str, content_hash: str, available_at: datetime) -> int:
        same_key = (OUTBOX.c.connection == connection, OUTBOX.c.key == key, VOUCHERS_ONLY)
        found = self._scope.first(self._scope.select(OUTBOX).where(*same_key).with_for_update())
        if found is None or found.content_hash != content_hash:
            raise IdempotencyConflict(key, system=connection)
        if found.state == OutboxState.CANCELLED.value:
            again = {"state": OutboxState.PENDING.value, "available_at": available_at}
            self._scope.run(self._scope.update(OUTBOX).where(OUTBOX.c.id == found.id).values(**again))
        return int(found.id)

    def _wake_followers(self, row_ids: set[int]) -> None:
        following = {"book": self._scope.book, "ids": sorted(row_ids)}
        if self._scope.connection.execute(_FOLLOWERS, following).rowcount:
            self._scope.woken.add(wake.OUTBOX)


def row_of(row: Any) -> OutboxRow:
    """A row of the table as the port's dataclass."""
    return OutboxRow(
        id=row.id,
        book=BookId(row.book_id),
        connection=row.connection,
        kind=row.kind,
        subject=row.subject,
        key=row.key,
        content_hash=row.content_hash,
        state=OutboxState(row.state),
        attempts=row.attempts,
        available_at=row.available_at,
        lease_token=row.lease_token,
        lease_until=row.lease_until,
        depends_on=row.depends_on,
        last_error=row.last_error,
        found_by_lookup=row.found_by_lookup,
        unknowns=row.unknowns,
        lost_leases=row.lost_leases,
        batch_limit=row.batch_limit,
        queued_by=row.queued_by,
        decided_by=row.decided_by,
    )
