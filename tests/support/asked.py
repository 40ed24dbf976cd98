"""Samples of what brokers answered, of orders, and of recalculations."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hedge_core.model.broker import FundsAnswer, HedgeOrder, OrderReceipt, OrderState, Position, order_key
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from hedge_core.ports.broker_queries import PositionsAnswer, StoredOrder
from hedge_core.ports.column_blocks import Recalculation, ResultDay, StoredBlock
from tests.support import samples
from tests.support.samples import ACCOUNT, DAY

ORDER = HedgeOrder(
    order_key(DAY, 1), ACCOUNT, "SHFE.cu2605", Direction.SELL, Offset.OPEN, HedgeFlag.HEDGE, 5, Decimal("71230")
)
RECEIPT = OrderReceipt(ORDER.key, OrderState.WORKING, 5, 2, "10031", trading_day=DAY)
_AT = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def funds(at: datetime) -> FundsAnswer:
    return FundsAnswer(ACCOUNT, DAY, at, samples.funds(), ())


def positions(at: datetime) -> PositionsAnswer:
    held = Position(ACCOUNT, DAY, "SHFE.cu2605", Direction.SELL, None, 2, 3, margin=Decimal("1.10"))
    return PositionsAnswer(ACCOUNT, DAY, at, (held,))


def stored(by: str) -> StoredOrder:
    return StoredOrder("k3", ORDER, _AT, by)


def block(digest: str) -> StoredBlock:
    return StoredBlock(ACCOUNT, "CNY", DAY, 9, 1, digest, b"block")


def recalculation(by: str) -> Recalculation:
    return Recalculation(1, DAY, DAY, "proposed", "d", b"keys", {"fills": 1, "snapshots": []}, _AT, by)


def result_day() -> ResultDay:
    return ResultDay(DAY, "aa", "", b"body")
