"""A DIFF session against the stand-in gateway: login, transactions, cuts, settlement texts, orders."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from connectors.diff import DiffAddress, DiffLogin, DiffOrders, DiffQuotes, DiffSession, connect
from hedge_core.errors import AuthFailed, IdempotencyConflict, OutcomeUnknown, Rejected, Unavailable
from sandbox.diff.command import USER, RunningGateway, running_gateway

KEY = "261123000001"
BUY = {
    "order_id": KEY,
    "exchange_id": "SHFE",
    "instrument_id": "cu2605",
    "direction": "BUY",
    "offset": "OPEN",
    "volume": 5,
    "limit_price": 71230.0,
}


@pytest.fixture
def gateway() -> Iterator[RunningGateway]:
    with running_gateway() as running:
        yield running


@contextmanager
def session_of(running: RunningGateway, password: str = "", call_seconds: float = 10) -> Iterator[DiffSession]:
    address = DiffAddress(running.url)
    session = DiffSession(
        lambda seconds: connect(address, seconds),
        DiffLogin("sandbox", USER, password or running.password),
        now=time.monotonic,
        call_seconds=call_seconds,
        quiet_seconds=0.05,
    )
    try:
        yield session
    finally:
        session.close()


def test_the_first_view_is_complete(gateway: RunningGateway) -> None:
    with session_of(gateway) as session:
        view = session.view()
    assert view["trading_day"] == "20261123"
    assert view["accounts"]["CNY"]["balance"] == Decimal("1000000.0")
    assert view["positions"] == {}


def test_a_wrong_password_is_tried_once_and_never_again(gateway: RunningGateway) -> None:
    with session_of(gateway, "wrong-horse") as session:
        for _ in range(3):
            with pytest.raises(AuthFailed, match="402"):
                session.view()
    assert gateway.gateway.logins == [(USER, False)]


def test_what_has_changed_arrives_with_the_next_view(gateway: RunningGateway) -> None:
    with session_of(gateway) as session:
        assert session.view()["trades"] == {}
        order = DiffOrders(session).insert(BUY)
        assert (order["status"], order["volume_left"]) == ("FINISHED", 0)
        view = session.view()
    assert [(row["volume"], row["price"]) for row in view["trades"].values()] == [(5, Decimal("71230.0"))]
    assert view["positions"]["SHFE.cu2605"]["volume_long"] == 5


@pytest.mark.parametrize("fault", ["cut_before_data", "cut_in_data"])
def test_a_cut_line_is_opened_again_and_the_view_is_whole(gateway: RunningGateway, fault: str) -> None:
    with session_of(gateway) as session:
        DiffOrders(session).insert(BUY)
        gateway.gateway.fault(fault)
        gateway.gateway.exchange.set_price("SHFE.cu2605", Decimal("71300"))
        with gateway.gateway.changed:
            gateway.gateway.changed.notify_all()
        view = session.view()
        assert len(view["trades"]) == 1
        assert view["positions"]["SHFE.cu2605"]["last_price"] == Decimal("71300.0")
    assert len(gateway.gateway.logins) == 2


def test_a_line_that_was_reset_while_nobody_looked_is_opened_again(gateway: RunningGateway) -> None:
    with session_of(gateway) as session:
        session.view()
        gateway.gateway.cut_all()
        assert session.view()["trading_day"] == "20261123"


def test_a_gateway_that_is_not_there_is_unavailable() -> None:
    with running_gateway() as running:
        pass
    with session_of(running, call_seconds=2) as session, pytest.raises(Unavailable):
        session.view()


def test_a_settlement_text_is_asked_for_by_day_and_a_simulation_answers_nothing(gateway: RunningGateway) -> None:
    gateway.gateway.statements[USER, "20261120"] = "交易结算单(盯市)"
    with session_of(gateway) as session:
        assert session.settlement_text(20261120) == "交易结算单(盯市)"
        assert session.settlement_text(20261119) == ""
        gateway.gateway.answers_settlement = False
        session.call_seconds = 0.2
        assert session.settlement_text(20261120) is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"limit_price": 99990.0}, "404"),
        ({"limit_price": 100.0}, "405"),
        ({"instrument_id": "cu9999"}, "409"),
        ({"limit_price": 71231.0}, "412"),
        ({"volume": 500}, "413"),
        ({"offset": "CLOSETODAY"}, "414"),
        ({"offset": "CLOSE"}, "415"),
    ],
)
def test_a_refusal_is_a_rejection_in_the_gateways_words(
    gateway: RunningGateway, change: dict[str, object], code: str
) -> None:
    with session_of(gateway) as session, pytest.raises(Rejected) as caught:
        DiffOrders(session).insert(BUY | change)
    assert caught.value.vendor_code == code
    assert "拒绝" in caught.value.vendor_text


def test_the_same_id_again_is_a_conflict_and_nothing_is_sent(gateway: RunningGateway) -> None:
    with session_of(gateway) as session:
        DiffOrders(session).insert(BUY)
        with pytest.raises(IdempotencyConflict):
            DiffOrders(session).insert(BUY)
    assert gateway.gateway.inserts == 1


@pytest.mark.parametrize(
    ("fault", "arrived"), [("lose_order_answer", True), ("drop_order", False), ("silent_order", True)]
)
def test_an_order_without_a_word_is_unknown_and_found_by_its_id(
    gateway: RunningGateway, fault: str, arrived: bool
) -> None:
    gateway.gateway.fault(fault)
    with session_of(gateway) as session:
        session.view()
        session.call_seconds = 0.3
        with pytest.raises(OutcomeUnknown):
            DiffOrders(session).insert(BUY)
    with session_of(gateway) as session:
        assert (DiffOrders(session).find(KEY) is not None) is arrived
    assert gateway.gateway.inserts == 1


def test_a_rest_is_cancelled_and_an_unknown_order_refused(gateway: RunningGateway) -> None:
    gateway.gateway.exchange.set_liquidity("SHFE.cu2605", 2)
    with session_of(gateway) as session:
        orders = DiffOrders(session)
        assert orders.insert(BUY)["volume_left"] == 3
        done = orders.cancel(KEY)
        assert (done["status"], done["volume_left"]) == ("FINISHED", 3)
        assert orders.cancel(KEY)["status"] == "FINISHED"
        with pytest.raises(Rejected):
            orders.cancel("261123000099")


def test_quotes_come_for_what_is_listed_and_an_unknown_symbol_is_left_out(gateway: RunningGateway) -> None:
    address = DiffAddress(gateway.url)
    quotes = DiffQuotes(lambda seconds: connect(address, seconds), now=time.monotonic, call_seconds=10)
    assert quotes.look(["SHFE.cu2605"])["SHFE.cu2605"]["last_price"] == Decimal("71230.0")
    quotes = DiffQuotes(lambda seconds: connect(address, seconds), now=time.monotonic, call_seconds=2)
    assert set(quotes.look(["SHFE.cu2605", "SHFE.xx9999"])) == {"SHFE.cu2605"}
    assert quotes.look([]) == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ws://broker.example:8765/", "wss://u:p@broker.example/"])
def test_an_address_that_would_tell_secrets_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        DiffAddress(url).check()
    DiffAddress("ws://broker.example:8765/", allow_plain=True).check()
