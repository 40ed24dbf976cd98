"""Orders through a scripted trader API: sent once, refused on evidence only, silence is an unknown outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.ctp import CtpOrders
from hedge_core.errors import IdempotencyConflict, OutcomeUnknown, RateLimited, Rejected, Unavailable
from tests.support.ctp_trader import Counter, Fault, ScriptedTrader, session_of, structure

REF = "261123000001"
FIELDS = {"OrderRef": REF, "InstrumentID": "rb2605", "ExchangeID": "SHFE", "VolumeTotalOriginal": 5}
Told = Callable[[ScriptedTrader, dict[str, Any], int], None]


def order(status: str, submitted: str = "3", **more: Any) -> dict[str, Any]:
    return {**FIELDS, "FrontID": 1, "SessionID": 1, "OrderStatus": status, "OrderSubmitStatus": submitted} | more


def telling(*rows: dict[str, Any]) -> Told:
    def told(trader: ScriptedTrader, fields: dict[str, Any], request_id: int) -> None:
        trader.counter.tables["Order"] = [dict(rows[-1])] if rows else []
        for row in rows:
            trader.push("OnRtnOrder", "Order", **row)

    return told


def refusing(callback: str, kind: str, error: int, text: str) -> Told:
    def told(trader: ScriptedTrader, fields: dict[str, Any], request_id: int) -> None:
        info = structure("RspInfo", ErrorID=error, ErrorMsg=text)
        row = structure(kind, OrderRef=fields["OrderRef"])
        if callback.startswith("OnRsp"):
            trader.tell(callback, row, info, request_id, True)
        else:
            trader.tell(callback, row, info)

    return told


def test_an_order_is_answered_when_the_exchange_has_it() -> None:
    counter = Counter(on_order=telling(order("a", "0"), order("3", OrderSysID="       10031")))
    with session_of(counter) as session:
        row = CtpOrders(session).insert(FIELDS)
    assert (row["OrderStatus"], row["OrderSysID"]) == ("3", "10031")
    assert counter.count("ReqOrderInsert") == 1


def test_an_order_that_only_the_counter_has_is_answered_as_undecided() -> None:
    def told(trader: ScriptedTrader, fields: dict[str, Any], request_id: int) -> None:
        trader.push("OnRtnOrder", "Order", **order("a", "0"))
        trader.drain()
        session.call_seconds = 0.05

    with session_of(Counter(on_order=told)) as session:
        assert CtpOrders(session).insert(FIELDS)["OrderStatus"] == "a"


@pytest.mark.parametrize("callback", ["OnRspOrderInsert", "OnErrRtnOrderInsert"])
def test_a_refusal_of_the_counter_is_a_rejection_in_its_words(callback: str) -> None:
    counter = Counter(on_order=refusing(callback, "InputOrder", 31, "CTP:资金不足"))
    with session_of(counter) as session, pytest.raises(Rejected) as caught:
        CtpOrders(session).insert(FIELDS)
    assert (caught.value.vendor_code, caught.value.vendor_text) == ("31", "CTP:资金不足")


def test_a_reference_that_is_in_use_is_a_conflict() -> None:
    counter = Counter(on_order=refusing("OnRspOrderInsert", "InputOrder", 22, "CTP:不允许重复报单"))
    with session_of(counter) as session, pytest.raises(IdempotencyConflict):
        CtpOrders(session).insert(FIELDS)


def test_silence_is_an_unknown_outcome_and_the_order_is_not_sent_again() -> None:
    counter = Counter(on_order=lambda *_: setattr(session, "call_seconds", 0.05))
    with session_of(counter) as session, pytest.raises(OutcomeUnknown):
        CtpOrders(session).insert(FIELDS)
    assert counter.count("ReqOrderInsert") == 1


def test_a_cut_after_sending_is_an_unknown_outcome_and_the_order_is_found_by_its_reference() -> None:
    def arrives(trader: ScriptedTrader, fields: dict[str, Any], request_id: int) -> None:
        trader.counter.tables["Order"] = [order("3", OrderSysID="10031")]

    counter = Counter(on_order=arrives)
    counter.fail("ReqOrderInsert", Fault(cut_after=0))
    with session_of(counter) as session:
        with pytest.raises(OutcomeUnknown):
            CtpOrders(session).insert(FIELDS)
        found = CtpOrders(session).find(REF)
    assert found is not None
    assert found["OrderSysID"] == "10031"
    assert counter.count("ReqOrderInsert") == 1


@pytest.mark.parametrize(("code", "error"), [(-1, Unavailable), (-2, RateLimited), (-3, RateLimited)])
def test_what_the_api_does_not_take_was_not_sent_and_is_not_tried_again(code: int, error: type[Exception]) -> None:
    counter = Counter()
    counter.fail("ReqOrderInsert", Fault(code=code))
    with session_of(counter) as session, pytest.raises(error):
        CtpOrders(session).insert(FIELDS)
    assert counter.count("ReqOrderInsert") == 1


def test_other_peoples_orders_and_refusals_do_not_answer_ours() -> None:
    def told(trader: ScriptedTrader, fields: dict[str, Any], request_id: int) -> None:
        trader.push("OnRtnOrder", "Order", **order("5", "4") | {"OrderRef": "7", "StatusMsg": "已撤单"})
        refusing("OnErrRtnOrderInsert", "InputOrder", 31, "CTP:资金不足")(trader, {"OrderRef": "8"}, 0)
        trader.push("OnRtnOrder", "Order", **order("0", VolumeTraded=5))

    with session_of(Counter(on_order=told)) as session:
        assert CtpOrders(session).insert(FIELDS)["OrderStatus"] == "0"


def test_two_orders_under_one_reference_are_a_conflict() -> None:
    counter = Counter()
    counter.tables["Order"] = [order("0", OrderSysID="1"), order("3", OrderSysID="2") | {"SessionID": 9}]
    with session_of(counter) as session, pytest.raises(IdempotencyConflict):
        CtpOrders(session).find(REF)


def test_a_cancelled_order_answers_its_last_state() -> None:
    counter = Counter(on_order=telling(order("3", "1"), order("5", VolumeTraded=2)))
    counter.tables["Order"] = [order("3", OrderSysID="10031")]
    with session_of(counter) as session:
        row = CtpOrders(session).cancel(REF)
    assert (row["OrderStatus"], row["VolumeTraded"]) == ("5", 2)
    ((_, sent),) = [request for request in counter.requests if request[0] == "ReqOrderAction"]
    assert (sent["FrontID"], sent["SessionID"], sent["OrderRef"], sent["ActionFlag"]) == (1, 1, REF, "0")


def test_a_final_order_is_not_cancelled_and_an_unknown_one_is_refused() -> None:
    counter = Counter()
    counter.tables["Order"] = [order("0", VolumeTraded=5)]
    with session_of(counter) as session:
        assert CtpOrders(session).cancel(REF)["OrderStatus"] == "0"
        with pytest.raises(Rejected):
            CtpOrders(session).cancel("261123000009")
    assert counter.count("ReqOrderAction") == 0


@pytest.mark.parametrize("callback", ["OnRspOrderAction", "OnErrRtnOrderAction"])
def test_a_refused_cancellation_is_a_rejection(callback: str) -> None:
    kind = "InputOrderAction" if callback.startswith("OnRsp") else "OrderAction"
    counter = Counter(on_order=refusing(callback, kind, 26, "CTP:报单已全成交或已撤销"))
    counter.tables["Order"] = [order("3")]
    with session_of(counter) as session, pytest.raises(Rejected, match="已撤销"):
        CtpOrders(session).cancel(REF)


def test_a_cancellation_without_a_word_is_unknown() -> None:
    counter = Counter(on_order=lambda *_: setattr(session, "call_seconds", 0.05))
    counter.tables["Order"] = [order("3")]
    with session_of(counter) as session, pytest.raises(OutcomeUnknown):
        CtpOrders(session).cancel(REF)
