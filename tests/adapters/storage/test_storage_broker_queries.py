"""Broker answers on both databases: fills once each by road, the latest answer of a day, orders stored before sending."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import IdempotencyConflict
from hedge_core.model.broker import FundsAnswer, HedgeOrder, OrderReceipt, OrderState, Position, order_key
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.broker_queries import PositionsAnswer, Road, StoredOrder
from tests.support import samples
from tests.support.samples import ACCOUNT, DAY

LI = Actor("li.na")
OTHER = BookId("al02")
AT = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
FILL = samples.fill()
ORDER = HedgeOrder(
    order_key(DAY, 1), ACCOUNT, "SHFE.cu2605", Direction.SELL, Offset.OPEN, HedgeFlag.HEDGE, 5, Decimal("71230")
)


def test_a_fill_brought_by_push_and_query_is_one_row_with_both_times(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        assert unit.broker_queries.save_fills("ctp", [FILL], Road.PUSH, AT, ["fee"]) == [FILL]
        assert unit.broker_queries.save_fills("ctp", [FILL], Road.QUERY, LATER, ["fee"]) == []
        assert unit.broker_queries.save_fills("ctp", [FILL], Road.PUSH, LATER) == []
    with store.read(book) as unit:
        (seen,) = unit.broker_queries.fills()
    assert (seen.fill, seen.unknown, seen.pushed_at, seen.queried_at) == (FILL, ("fee",), AT, LATER)
    with store.read(OTHER) as unit:
        assert unit.broker_queries.fills() == []


def test_the_same_number_on_the_other_side_or_another_day_is_another_fill(store: SqlStore, book: BookId) -> None:
    others = [FILL, replace(FILL, direction=Direction.BUY), replace(FILL, trading_day=DAY + timedelta(days=1))]
    with store.begin(book, LI) as unit:
        assert unit.broker_queries.save_fills("ctp", others, Road.QUERY, AT) == others
        assert len(unit.broker_queries.fills(ACCOUNT, DAY, DAY)) == 2
        assert unit.broker_queries.fills("80010002") == []


def test_a_later_answer_replaces_an_earlier_one_and_never_the_other_way_round(store: SqlStore, book: BookId) -> None:
    early, late = (FundsAnswer(ACCOUNT, DAY, at, samples.funds(margin=margin), ("pledge",))
                   for at, margin in ((AT, Decimal("1.50")), (LATER, Decimal("2.50"))))  # fmt: skip
    with store.begin(book, LI) as unit:
        unit.broker_queries.save_funds("ctp", late)
        unit.broker_queries.save_funds("ctp", early)
        assert unit.broker_queries.funds(ACCOUNT, DAY) == late
        assert unit.broker_queries.funds(ACCOUNT, DAY + timedelta(days=1)) is None


def test_an_empty_account_is_an_answer_and_not_the_lack_of_one(store: SqlStore, book: BookId) -> None:
    position = Position(ACCOUNT, DAY, "SHFE.cu2605", Direction.SELL, None, 2, 3, margin=Decimal("1.10"))
    with store.begin(book, LI) as unit:
        assert unit.broker_queries.positions(ACCOUNT, DAY) is None
        unit.broker_queries.save_positions("ctp", PositionsAnswer(ACCOUNT, DAY, AT, ()))
        assert unit.broker_queries.positions(ACCOUNT, DAY) == PositionsAnswer(ACCOUNT, DAY, AT, ())
        unit.broker_queries.save_positions("ctp", PositionsAnswer(ACCOUNT, DAY, LATER, (position,)))
        assert unit.broker_queries.positions(ACCOUNT, DAY) == PositionsAnswer(ACCOUNT, DAY, LATER, (position,))
        assert unit.broker_queries.answered_days(ACCOUNT) == [DAY]


def test_an_order_is_kept_before_it_is_sent_and_its_key_takes_no_other_content(store: SqlStore, book: BookId) -> None:
    stored = StoredOrder("ctp", ORDER, AT, "li.na")
    receipt = OrderReceipt(ORDER.key, OrderState.WORKING, 5, 2, "10031", trading_day=DAY)
    with store.begin(book, LI) as unit:
        assert unit.broker_queries.next_order_number(DAY) == 1
        unit.broker_queries.add_order(stored)
        unit.broker_queries.add_order(stored)
        assert unit.broker_queries.order(ORDER.key) == stored
        with pytest.raises(IdempotencyConflict):
            unit.broker_queries.add_order(replace(stored, order=replace(ORDER, lots=6)))
        unit.broker_queries.set_order_sent(ORDER.key, LATER)
        unit.broker_queries.set_order_receipt(ORDER.key, receipt, LATER)
        assert unit.broker_queries.orders(DAY) == [replace(stored, sent_at=LATER, receipt=receipt, answered_at=LATER)]
        assert unit.broker_queries.next_order_number(DAY) == 2
        assert unit.broker_queries.next_order_number(date(2026, 12, 31)) == 1
        with pytest.raises(KeyError):
            unit.broker_queries.set_order_sent("000000000000", AT)


@pytest.mark.parametrize("number", [0, 1_000_000])
def test_an_order_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="order numbers"):
        order_key(DAY, number)
