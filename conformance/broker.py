"""The whole suite for a broker adapter: B01 to B10."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

import pytest

from conformance.broker_under_test import BrokerUnderTest, Dealt
from conformance.under_test import Access
from hedge_core.errors import AuthFailed, OutcomeUnknown, Rejected, RuleBroken
from hedge_core.fill_roads import PUSH, QUERY, STATEMENT, RoadFills, count_once
from hedge_core.model.broker import BrokerAccount, OrderState
from hedge_core.model.futures import Direction, Fill, Offset
from hedge_core.model.records import Mapped, Pulled, Quarantined
from hedge_core.ports.broker import BrokerAdapter
from messages import LANGUAGES, say

ALWAYS: Final = ("B01", "B03", "B05", "B07", "B08", "B10")
"""Cases that apply to every road: nobody may declare them away."""
_EXCHANGE_TIME: Final = ZoneInfo("Asia/Shanghai")
BUY, SELL = Direction.BUY, Direction.SELL


class BrokerConformance:
    """Inherit and set `under_test`; name the class (or its file) with `conformance` and the system's name in it."""

    under_test: ClassVar[Callable[[], BrokerUnderTest]]

    @pytest.fixture
    def broker(self, request: pytest.FixtureRequest) -> Iterator[BrokerUnderTest]:
        """The broker, entered for one test; what does not apply to it is skipped with its reason."""
        broker = type(self).under_test()
        name = request.function.__name__.removeprefix("test_")
        for start, reason in broker.not_applicable.items():
            assert not start.startswith(ALWAYS), f"{start} applies to every broker"
            if name.startswith(start):
                pytest.skip(f"{broker.name}: {start} does not apply: {reason}")
        with broker:
            yield broker

    # --- fills --------------------------------------------------------------------------------------------------------

    def test_B01_one_fill_by_three_roads_counts_once(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        dealt = [broker.trade(BUY, Offset.OPEN, 3), broker.trade(SELL, Offset.CLOSE_TODAY, 1)]
        queried = fills_of(adapter.pull_fills(account, None))
        pushed = fills_of(adapter.pushed_fills(account))
        day = broker.finish_day()
        statement = adapter.statement(account, day)
        stated = () if statement is None else statement.fills
        silent = frozenset({"fee", "realised_mtm", "hedge_flag"})
        counted, conflicts = count_once(
            [RoadFills(STATEMENT, stated), RoadFills(QUERY, queried, silent), RoadFills(PUSH, pushed, silent)]
        )
        assert identities(one.fill for one in counted) == Counter(one.identity for one in dealt)
        assert [c for c in conflicts if c.field in ("instrument", "lots", "price")] == []
        if adapter.capabilities.pushes:
            assert identities(pushed) == identities(queried)
        if adapter.capabilities.statement:
            assert identities(stated) == Counter(one.identity for one in dealt)

    def test_B01_asking_again_brings_the_same_fills_and_no_others(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        broker.trade(BUY, Offset.OPEN, 3)
        first = list(adapter.pull_fills(account, None))
        again = list(adapter.pull_fills(account, first[-1].cursor))
        fresh = list(broker.adapter().pull_fills(account, first[-1].cursor))
        known = {one.ref: one.raw for one in first}
        for later in (*again, *fresh):
            assert later.ref in known
        assert fills_of(first)[0].key in {fill.key for fill in fills_of(first)}
        assert len(first[-1].cursor) <= 4096

    def test_B02_a_connection_that_is_cut_in_an_answer_resumes_without_gap_or_repeat(
        self, broker: BrokerUnderTest
    ) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        dealt = [broker.trade(BUY, Offset.OPEN, lots) for lots in (1, 2, 3)]
        broker.cut_next_answer()
        found = fills_of(adapter.pull_fills(account, None))
        assert identities(found) == Counter(one.identity for one in dealt)

    def test_B02_a_session_that_is_lost_between_calls_resumes_without_gap_or_repeat(
        self, broker: BrokerUnderTest
    ) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        dealt = [broker.trade(BUY, Offset.OPEN, 1)]
        first = list(adapter.pull_fills(account, None))
        broker.cut_now()
        dealt += [broker.trade(BUY, Offset.OPEN, 2)]
        second = list(adapter.pull_fills(account, first[-1].cursor))
        assert max(identities(fills_of(second)).values()) == 1
        seen = set(identities(fills_of(first))) | set(identities(fills_of(second)))
        assert seen == {one.identity for one in dealt}

    def test_B07_an_unknown_instrument_is_quarantined_and_stops_nothing(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        broker.plant_unknown_instrument()
        dealt = broker.trade(BUY, Offset.OPEN, 2)
        pulled = list(adapter.pull_fills(account, None))
        held = [one for one in pulled if isinstance(one.outcome, Quarantined)]
        assert len(held) == 1
        assert held[0].raw is not None
        assert held[0].raw.body
        assert isinstance(held[0].outcome, Quarantined)
        assert all(say(held[0].outcome.reason, language).strip() for language in LANGUAGES)
        assert identities(fills_of(pulled)) == Counter([dealt.identity])

    def test_B08_a_fill_of_the_night_session_belongs_to_the_next_trading_day(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        dealt = broker.trade(BUY, Offset.OPEN, 1, night=True)
        (fill,) = fills_of(adapter.pull_fills(account, None))
        assert fill.trading_day == dealt.trading_day
        if fill.traded_at is not None:
            assert fill.traded_at.tzinfo is not None
            assert fill.traded_at.astimezone(_EXCHANGE_TIME).date() < dealt.trading_day

    # --- positions, funds, statement ----------------------------------------------------------------------------------

    def test_B03_positions_are_the_open_lots_of_the_fills(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        dealt = [
            broker.trade(BUY, Offset.OPEN, 3),
            broker.trade(SELL, Offset.OPEN, 2),
            broker.trade(SELL, Offset.CLOSE_TODAY, 1),
        ]
        assert lots_held(adapter, account) == lots_of(dealt)
        for position in adapter.positions(account):
            assert position.today_lots == position.lots
            assert 0 <= position.frozen_lots <= position.lots

    def test_B04_the_statement_is_the_positions_and_the_fills(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        dealt = [broker.trade(BUY, Offset.OPEN, 3), broker.trade(SELL, Offset.CLOSE_TODAY, 1)]
        fills = fills_of(adapter.pull_fills(account, None))
        held = lots_held(adapter, account)
        day = broker.finish_day()
        statement = adapter.statement(account, day)
        assert statement is not None
        assert statement.trading_day == day
        assert statement.account == account.account
        assert identities(statement.fills) == identities(fills) == Counter(one.identity for one in dealt)
        stated: Counter[tuple[str, Direction]] = Counter()
        for row in statement.positions:
            stated[row.instrument, row.direction] += row.lots
        assert stated == held == lots_of(dealt)

    def test_B04_a_day_without_a_statement_is_none_and_not_an_empty_statement(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        assert adapter.statement(the_account(adapter), date(2020, 1, 2)) is None

    def test_B05_an_empty_account_is_an_answer(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        account = the_account(adapter)
        assert list(adapter.positions(account)) == []
        assert list(adapter.pull_fills(account, None)) == []
        assert list(adapter.pushed_fills(account)) == []
        answer = adapter.funds(account)
        assert answer.funds.equity > 0
        assert answer.funds.margin == 0
        assert answer.asked_at.tzinfo is not None
        assert {name for name in answer.unknown if not hasattr(answer.funds, name)} == set()

    # --- logins -------------------------------------------------------------------------------------------------------

    def test_B06_a_wrong_password_is_said_and_never_tried_again(
        self, broker: BrokerUnderTest, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        adapter = broker.adapter(Access.WRONG_SECRET)
        said = []
        health = adapter.check()
        assert next(step.step for step in health.steps if not step.ok) == "login"
        said += [say(step.finding, language) for step in health.steps for language in LANGUAGES]
        for call in (adapter.accounts, adapter.trading_day, adapter.check):
            try:
                call()
            except AuthFailed as error:
                said.append(str(error))
        with pytest.raises(AuthFailed):
            adapter.trading_day()
        assert broker.login_attempts() == 1
        for secret in broker.secrets:
            assert secret not in " ".join(said) + caplog.text

    def test_B06_a_broker_that_is_not_there_is_told_from_a_wrong_password(self, broker: BrokerUnderTest) -> None:
        health = broker.adapter(Access.UNREACHABLE, call_seconds=0.3).check()
        assert next(step.step for step in health.steps if not step.ok) == "reach"

    def test_B06_a_sound_connection_is_said_to_be_sound(self, broker: BrokerUnderTest) -> None:
        health = broker.adapter().check()
        assert health.ok, [(step.step, str(step.finding)) for step in health.steps if not step.ok]

    # --- orders -------------------------------------------------------------------------------------------------------

    def test_B09_a_refused_order_is_reported_as_such(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter(orders=True)
        order = broker.order(1, refused=True)
        with pytest.raises(Rejected) as caught:
            adapter.place_order(order)
        assert caught.value.vendor_text.strip()
        found = adapter.find_order(order.key)
        assert found is None or (found.state.final and found.filled_lots == 0)
        assert fills_of(adapter.pull_fills(the_account(adapter), None)) == []

    def test_B09_an_order_is_taken_found_and_cancelled(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter(orders=True)
        order = broker.order(1)
        placed = adapter.place_order(order)
        assert (placed.key, placed.lots, placed.filled_lots) == (order.key, order.lots, 0)
        found = broker.adapter().find_order(order.key)
        assert found is not None
        assert found.state is OrderState.WORKING
        done = adapter.cancel_order(order.key)
        assert (done.state, done.open_lots) == (OrderState.CANCELLED, 0)
        assert adapter.find_order(broker.order(2).key) is None

    def test_B09_an_order_without_an_answer_is_unknown_and_found_by_its_key(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter(orders=True)
        order = broker.order(1)
        broker.lose_next_order_answer()
        with pytest.raises(OutcomeUnknown):
            adapter.place_order(order)
        found = adapter.find_order(order.key)
        assert found is not None
        assert found.key == order.key
        assert broker.orders_received() == 1

    def test_B10_a_connection_whose_orders_are_off_sends_nothing(self, broker: BrokerUnderTest) -> None:
        adapter = broker.adapter()
        assert adapter.capabilities.orders is False
        order = broker.order(1)
        calls: tuple[Callable[[], object], ...] = (
            lambda: adapter.place_order(order),
            lambda: adapter.cancel_order(order.key),
        )
        for call in calls:
            with pytest.raises(RuleBroken):
                call()
        assert broker.orders_received() == 0
        assert adapter.funds(the_account(adapter)).funds.equity > 0

    def test_B10_switching_off_stops_orders_that_wait(self, broker: BrokerUnderTest) -> None:
        """What a kill switch does: the order is taken back, then the connection is built again without the right."""
        adapter = broker.adapter(orders=True)
        if not adapter.capabilities.orders:
            pytest.skip(f"{broker.name}: sends no orders at all")
        order = broker.order(1)
        adapter.place_order(order)
        assert adapter.cancel_order(order.key).open_lots == 0
        off = broker.adapter(orders=False)
        with pytest.raises(RuleBroken):
            off.place_order(broker.order(2))
        assert broker.orders_received() == 1


def the_account(adapter: BrokerAdapter) -> BrokerAccount:
    (account,) = adapter.accounts()
    return account


def fills_of(pulled: Iterable[Pulled[Fill]]) -> list[Fill]:
    return [one.outcome.item for one in pulled if isinstance(one.outcome, Mapped)]


def identities(fills: Iterable[Fill]) -> Counter[tuple[str, str, str, date]]:
    return Counter((fill.exchange, fill.fill_id, fill.direction.value, fill.trading_day) for fill in fills)


def lots_of(dealt: Sequence[Dealt]) -> Counter[tuple[str, Direction]]:
    """Open lots by instrument and side."""
    lots: Counter[tuple[str, Direction]] = Counter()
    for one in dealt:
        side = one.direction if one.offset.opens else one.direction.opposite
        lots[one.instrument, side] += one.lots if one.offset.opens else -one.lots
    return +lots


def lots_held(adapter: BrokerAdapter, account: BrokerAccount) -> Counter[tuple[str, Direction]]:
    lots: Counter[tuple[str, Direction]] = Counter()
    for position in adapter.positions(account):
        lots[position.instrument, position.direction] += position.lots
    return +lots
