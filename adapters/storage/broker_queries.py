"""What brokers answered: fills once each by the roads they came, the latest funds and positions of a day, hedge orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, TypeVar

from adapters.storage.codec import decode, decode_open, encode, encode_open
from adapters.storage.schema import BROKER_ANSWERS, BROKER_FILLS, HEDGE_ORDERS
from adapters.storage.scope import Scope, pages
from hedge_core.errors import IdempotencyConflict
from hedge_core.model.broker import FundsAnswer, HedgeOrder, OrderReceipt
from hedge_core.model.futures import Fill
from hedge_core.ports.broker_queries import PositionsAnswer, Road, SeenFill, StoredOrder

T = TypeVar("T")

_FUNDS: Final = "funds"
_POSITIONS: Final = "positions"
_SEEN_AT: Final = {Road.PUSH: "pushed_at", Road.QUERY: "queried_at"}
_IDENTITY: Final = ("account", "trading_day", "exchange", "fill_id", "direction")


class BrokerQueries:
    """`hedge_core.ports.broker_queries.BrokerQueryStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    # --- fills --------------------------------------------------------------------------------------------------------

    def save_fills(
        self, connection: str, fills: Sequence[Fill], road: Road, at: datetime, unknown: Sequence[str] = ()
    ) -> list[Fill]:
        """The primary key decides what is new: two roads at the same moment make one row."""
        column = _SEEN_AT[road]
        table = BROKER_FILLS
        new: list[Fill] = []
        for page in pages(fills):
            for fill in page:
                row = {
                    "book_id": self._scope.book,
                    **_identity(fill),
                    "connection": connection,
                    "unknown": encode_open(sorted(unknown)),
                    "payload": encode(fill),
                    column: at,
                }
                statement = self._scope.insert_into(table).values(row).on_conflict_do_nothing()
                if self._scope.first(statement.returning(table.c.fill_id)) is not None:
                    new.append(fill)
                    continue
                self._scope.run(
                    self._scope.update(table)
                    .where(*(table.c[name] == value for name, value in _identity(fill).items()))
                    .where(table.c[column].is_(None))
                    .values({column: at})
                )
        return new

    def fills(self, account: str | None = None, first: date | None = None, last: date | None = None) -> list[SeenFill]:
        query = self._scope.select(BROKER_FILLS)
        if account is not None:
            query = query.where(BROKER_FILLS.c.account == account)
        if first is not None:
            query = query.where(BROKER_FILLS.c.trading_day >= first)
        if last is not None:
            query = query.where(BROKER_FILLS.c.trading_day <= last)
        return sorted((_seen(row) for row in self._scope.rows(query)), key=_order)

    # --- funds and positions ------------------------------------------------------------------------------------------

    def save_funds(self, connection: str, answer: FundsAnswer) -> None:
        self._answer(_FUNDS, connection, answer, answer.funds.currency)

    def funds(self, account: str, trading_day: date, currency: str = "CNY") -> FundsAnswer | None:
        return self._latest(_FUNDS, account, trading_day, currency, FundsAnswer)

    def save_positions(self, connection: str, answer: PositionsAnswer) -> None:
        self._answer(_POSITIONS, connection, answer, "")

    def positions(self, account: str, trading_day: date) -> PositionsAnswer | None:
        return self._latest(_POSITIONS, account, trading_day, "", PositionsAnswer)

    def answered_days(self, account: str) -> list[date]:
        table = BROKER_ANSWERS
        query = self._scope.select(table, table.c.trading_day).where(
            table.c.account == account, table.c.kind == _POSITIONS
        )
        return [row.trading_day for row in self._scope.rows(query.order_by(table.c.trading_day))]

    def _answer(self, kind: str, connection: str, answer: FundsAnswer | PositionsAnswer, currency: str) -> None:
        table = BROKER_ANSWERS
        row = {
            "book_id": self._scope.book,
            "account": answer.account,
            "kind": kind,
            "currency": currency,
            "trading_day": answer.trading_day,
            "connection": connection,
            "asked_at": answer.asked_at,
            "payload": encode(answer),
        }
        new = self._scope.insert_into(table).values(row)
        changed = {name: new.excluded[name] for name in ("connection", "asked_at", "payload")}
        self._scope.run(
            new.on_conflict_do_update(
                index_elements=list(table.primary_key),
                set_=changed,
                where=table.c.asked_at <= new.excluded.asked_at,
            )
        )

    def _latest(self, kind: str, account: str, trading_day: date, currency: str, shape: type[T]) -> T | None:
        table = BROKER_ANSWERS
        query = self._scope.select(table, table.c.payload).where(
            table.c.account == account,
            table.c.kind == kind,
            table.c.currency == currency,
            table.c.trading_day == trading_day,
        )
        found = self._scope.first(query)
        return None if found is None else decode(found.payload, shape)

    # --- orders -------------------------------------------------------------------------------------------------------

    def next_order_number(self, trading_day: date) -> int:
        last = self._scope.first(self._of_day(trading_day).order_by(HEDGE_ORDERS.c.key.desc()).limit(1))
        return 1 if last is None else int(last.key[6:]) + 1

    def add_order(self, stored: StoredOrder) -> None:
        known = self.order(stored.order.key)
        if known is not None:
            if (known.connection, known.order) != (stored.connection, stored.order):
                raise IdempotencyConflict(stored.order.key, system=stored.connection)
            return
        self._scope.insert(
            HEDGE_ORDERS,
            [
                {
                    "key": stored.order.key,
                    "connection": stored.connection,
                    "account": stored.order.account,
                    "payload": encode(stored.order),
                    "stored_at": stored.stored_at,
                    "stored_by": stored.stored_by,
                    "sent_at": stored.sent_at,
                    "receipt": None if stored.receipt is None else encode(stored.receipt),
                    "answered_at": stored.answered_at,
                }
            ],
        )

    def order(self, key: str) -> StoredOrder | None:
        found = self._scope.first(self._scope.select(HEDGE_ORDERS).where(HEDGE_ORDERS.c.key == key))
        return None if found is None else _stored(found)

    def orders(self, trading_day: date | None = None) -> list[StoredOrder]:
        query = self._scope.select(HEDGE_ORDERS) if trading_day is None else self._of_day(trading_day)
        return [_stored(row) for row in self._scope.rows(query.order_by(HEDGE_ORDERS.c.key))]

    def set_order_sent(self, key: str, at: datetime) -> None:
        self._change_order(key, {"sent_at": at})

    def set_order_receipt(self, key: str, receipt: OrderReceipt, at: datetime) -> None:
        self._change_order(key, {"receipt": encode(receipt), "answered_at": at})

    def _of_day(self, trading_day: date) -> Any:
        prefix = f"{trading_day:%y%m%d}"
        column = HEDGE_ORDERS.c.key
        return self._scope.select(HEDGE_ORDERS).where(column >= f"{prefix}000000", column <= f"{prefix}999999")

    def _change_order(self, key: str, values: dict[str, Any]) -> None:
        if not self._scope.run(self._scope.update(HEDGE_ORDERS).where(HEDGE_ORDERS.c.key == key).values(values)):
            raise KeyError(key)


def _identity(fill: Fill) -> dict[str, Any]:
    return {name: getattr(fill, name) for name in _IDENTITY} | {"direction": fill.direction.value}


def _seen(row: Any) -> SeenFill:
    return SeenFill(
        row.connection, decode(row.payload, Fill), tuple(decode_open(row.unknown)), row.pushed_at, row.queried_at
    )


def _order(seen: SeenFill) -> tuple[Any, ...]:
    fill = seen.fill
    number = int(fill.fill_id) if fill.fill_id.isascii() and fill.fill_id.isdigit() else -1
    return fill.trading_day, fill.exchange, number, fill.fill_id, fill.account, fill.direction.value


def _stored(row: Any) -> StoredOrder:
    return StoredOrder(
        connection=row.connection,
        order=decode(row.payload, HedgeOrder),
        stored_at=row.stored_at,
        stored_by=row.stored_by,
        sent_at=row.sent_at,
        receipt=None if row.receipt is None else decode(row.receipt, OrderReceipt),
        answered_at=row.answered_at,
    )
