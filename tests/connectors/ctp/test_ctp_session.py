"""A CTP session against a scripted trader API: complete answers, the counter's pace, cuts, and refusals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.ctp import CtpLogin
from connectors.ctp.session import USUAL_PAUSE
from hedge_core.errors import AuthFailed, RateLimited, Rejected, Unavailable
from tests.support.ctp_trader import ACCOUNT, DBL_MAX, LOGIN, Counter, Fault, Pace, session_of, structure

TRADES = [{"TradeID": f"  {number}", "Price": 3300.5, "Volume": number} for number in (1, 2, 3)]


def test_the_sequence_is_authenticate_log_in_query_and_nothing_is_confirmed() -> None:
    counter = Counter()
    counter.tables["Trade"] = TRADES
    with session_of(counter) as session:
        rows = session.query("Trade")
        assert [(row["TradeID"], row["Price"], row["Volume"]) for row in rows] == [
            ("1", Decimal("3300.5"), 1),
            ("2", Decimal("3300.5"), 2),
            ("3", Decimal("3300.5"), 3),
        ]
        assert session.trading_day() == "20261123"
    assert counter.calls == ["ReqAuthenticate", "ReqUserLogin", "ReqQryTrade"]
    assert counter.requests[2][1]["InvestorID"] == ACCOUNT


def test_an_empty_answer_is_an_empty_list() -> None:
    with session_of(Counter()) as session:
        assert session.query("InvestorPosition") == []


def test_a_double_that_is_absent_is_none_and_never_a_number() -> None:
    counter = Counter()
    counter.tables["DepthMarketData"] = [
        {"InstrumentID": "rb2605", "SettlementPrice": DBL_MAX, "LastPrice": 3300.0, "ClosePrice": float("nan")}
    ]
    with session_of(counter) as session:
        (row,) = session.query("DepthMarketData")
    assert (row["SettlementPrice"], row["ClosePrice"], row["LastPrice"]) == (None, None, Decimal("3300.0"))


def test_text_in_gbk_bytes_and_as_text_reads_alike() -> None:
    counter = Counter()
    counter.tables["Instrument"] = [
        {"InstrumentName": "螺纹钢2605".encode("gb18030") + b"\0rest"},
        {"InstrumentName": "螺纹钢2605"},
    ]
    with session_of(counter) as session:
        assert {row["InstrumentName"] for row in session.query("Instrument")} == {"螺纹钢2605"}


def test_the_settlement_text_is_joined_before_it_is_decoded() -> None:
    text = ("交易结算单(盯市)\r\n资金状况\r\n" * 60).encode("gb18030")
    pieces = [text[place : place + 499] for place in range(0, len(text), 499)]
    assert any(piece.decode("gb18030", "replace") not in text.decode("gb18030") for piece in pieces), "cuts characters"
    counter = Counter()
    counter.tables["SettlementInfo"] = [
        {"TradingDay": "20261120", "SequenceNo": number, "Content": piece + b"\0"}
        for number, piece in reversed(list(enumerate(pieces, 1)))
    ]
    with session_of(counter) as session:
        assert session.settlement_text("20261120") == text
        assert session.settlement_text("20261119") == b""


@pytest.mark.parametrize("code", [-2, -3])
def test_too_many_and_too_often_wait_and_ask_again(code: int) -> None:
    counter = Counter()
    counter.fail("ReqQryTrade", Fault(code=code), Fault(code=code))
    counter.tables["Trade"] = TRADES
    pace = Pace()
    with session_of(counter, pace=pace) as session:
        assert len(session.query("Trade")) == 3
    assert counter.count("ReqQryTrade") == 3
    assert sum(pace.waits) >= 2 * USUAL_PAUSE


def test_a_counter_that_is_always_too_busy_is_rate_limited_after_the_deadline() -> None:
    counter = Counter()
    counter.fail("ReqQryTrade", *[Fault(code=-3)] * 50)
    with session_of(counter) as session, pytest.raises(RateLimited):
        session.query("Trade")
    assert counter.count("ReqQryTrade") < 50


def test_error_90_is_asked_again() -> None:
    counter = Counter()
    counter.fail("ReqQryTradingAccount", Fault(error=(90, "CTP:查询未就绪，请稍后重试")))
    counter.tables["TradingAccount"] = [{"Balance": 19999891.0}]
    with session_of(counter) as session:
        assert session.query("TradingAccount")[0]["Balance"] == Decimal("19999891.0")
    assert counter.count("ReqQryTradingAccount") == 2


@pytest.mark.parametrize(("frequency", "pause"), [(0, USUAL_PAUSE), (2, 0.5), (4, 0.25)])
def test_the_pace_is_what_the_front_allows(frequency: int, pause: float) -> None:
    counter = Counter(frequency=frequency)
    pace = Pace()
    with session_of(counter, pace=pace) as session:
        session.query("Trade")
        session.query("Order")
        session.query("Trade")
    assert pace.waits == [pytest.approx(pause)] * 2


def test_a_cut_in_the_middle_of_an_answer_logs_in_again_and_gives_the_whole_answer_once() -> None:
    counter = Counter()
    counter.tables["Trade"] = TRADES
    counter.fail("ReqQryTrade", Fault(cut_after=2))
    with session_of(counter) as session:
        assert [row["TradeID"] for row in session.query("Trade")] == ["1", "2", "3"]
    assert counter.calls == ["ReqAuthenticate", "ReqUserLogin", "ReqQryTrade"] * 2


def test_a_cut_between_queries_logs_in_again() -> None:
    counter = Counter()
    with session_of(counter) as session:
        session.query("Trade")
        counter.traders[0].cut()
        counter.traders[0].drain()
        counter.trading_day = "20261124"
        session.query("Trade")
        assert session.trading_day() == "20261124"
    assert counter.count("ReqUserLogin") == 2


def test_a_front_that_does_not_come_back_is_unavailable() -> None:
    counter = Counter()
    with session_of(counter) as session:
        session.query("Trade")
        counter.traders[0].cut(back=False)
        counter.traders[0].drain()
        session.call_seconds = 0.05
        with pytest.raises(Unavailable, match="0x2001"):
            session.query("Trade")


def test_a_front_that_never_answers_and_a_query_without_answer_are_unavailable() -> None:
    with session_of(Counter(reachable=False), call_seconds=0.05) as session, pytest.raises(Unavailable, match="41205"):
        session.query("Trade")
    counter = Counter()
    with session_of(counter) as session:
        session.query("Trade")
        counter.fail("ReqQryTrade", Fault(silent=True))
        session.call_seconds = 0.05
        with pytest.raises(Unavailable, match="no complete answer"):
            session.query("Trade")


def test_a_wrong_password_is_tried_once_and_never_again_even_after_a_reconnect() -> None:
    counter = Counter()
    wrong = CtpLogin(LOGIN.front, LOGIN.broker, LOGIN.user, "wrong-horse", LOGIN.app_id, LOGIN.auth_code)
    with session_of(counter, login=wrong) as session:
        with pytest.raises(AuthFailed, match="不合法的登录"):
            session.query("Trade")
        counter.traders[0].cut()
        counter.traders[0].drain()
        with pytest.raises(AuthFailed):
            session.query("Trade")
    assert counter.count("ReqUserLogin") == 1
    assert "horse" not in repr(wrong)


@pytest.mark.parametrize("error", [63, 64, 75])
def test_a_refused_program_is_not_tried_again_either(error: int) -> None:
    counter = Counter()
    counter.fail("ReqAuthenticate", Fault(error=(error, "CTP:refused")))
    with session_of(counter) as session:
        for _ in range(2):
            with pytest.raises(AuthFailed):
                session.query("Trade")
    assert counter.calls == ["ReqAuthenticate"]


def test_a_counter_that_is_not_open_is_unavailable_and_may_be_asked_later() -> None:
    counter = Counter()
    counter.fail("ReqUserLogin", Fault(error=(7, "CTP:还没有初始化")))
    with session_of(counter) as session:
        with pytest.raises(Unavailable, match="还没有初始化"):
            session.query("Trade")
        assert session.query("Trade") == []


def test_another_error_is_a_rejection_in_the_counters_words() -> None:
    counter = Counter()
    counter.fail("ReqQryInstrument", Fault(error=(16, "CTP:找不到合约")))
    with session_of(counter) as session, pytest.raises(Rejected) as caught:
        session.query("Instrument")
    assert (caught.value.vendor_code, caught.value.vendor_text) == ("16", "CTP:找不到合约")


def test_a_recorded_sequence_of_callbacks_makes_one_answer_and_foreign_answers_are_left_out() -> None:
    """As LocalCTP answered a position query: rows of zero lots stay in it, another request's rows come in between."""
    counter = Counter()
    counter.fail("ReqQryInvestorPosition", Fault(silent=True))
    with session_of(counter) as session:
        session.query("Trade")
        answer = session.collector.expect(session.next_id())
        mine = session._request_id
        trader = counter.traders[0]
        row = {"InstrumentID": "rb2505", "PosiDirection": "2", "HedgeFlag": "1", "PositionDate": "1"}
        trader.replay([("OnRspQryInvestorPosition", "InvestorPosition", row | {"Position": 3}, None, False)], mine)
        trader.replay([("OnRspQryTrade", "Trade", {}, None, True)], 77)
        trader.replay([("OnRspQryInvestorPosition", "InvestorPosition", row | {"Position": 0}, None, True)], mine)
        trader.drain()
        assert answer.done
        assert [found["Position"] for found in answer.rows] == [3, 0]


def test_a_structure_is_copied_within_the_callback() -> None:
    """The library reuses its memory after the callback has returned."""
    counter = Counter()
    with session_of(counter) as session:
        session.query("Trade")
        told = structure("Trade", TradeID="1", Price=1.0)
        counter.traders[0].tell("OnRtnTrade", told)
        counter.traders[0].drain()
        told.TradeID = "garbage"
        assert [row["TradeID"] for row in session.take_events("OnRtnTrade")] == ["1"]
        assert session.take_events("OnRtnTrade") == []


def test_confirming_happens_only_when_it_is_called() -> None:
    counter = Counter()
    with session_of(counter) as session:
        assert session.settlement_confirmed() is False
        session.confirm_settlement()
        assert session.settlement_confirmed() is True
    assert counter.count("ReqSettlementInfoConfirm") == 1
