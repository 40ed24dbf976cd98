"""Prices from CTP's depth: dated, with source and time, or a gap that says why; nothing is put in a price's place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.market.broker_prices import BrokerPrices
from messages import say
from tests.support.ctp_broker import CtpUnderTest
from tests.support.ctp_trader import DBL_MAX

DAY = date(2026, 11, 24)
CU = "SHFE.cu2605"


def depth(**changes: Any) -> dict[str, Any]:
    return {
        "InstrumentID": "cu2605", "ExchangeID": "SHFE", "TradingDay": "20261124", "UpdateTime": "15:00:01",
        "LastPrice": 71300.0, "SettlementPrice": 71280.0, "ClosePrice": 71290.0, "PreSettlementPrice": 71000.0,
    } | changes  # fmt: skip


def prices(kind: str, *rows: dict[str, Any], instruments: tuple[str, ...] = (CU,), day: date = DAY) -> Any:
    with CtpUnderTest() as broker:
        broker.counter.tables["DepthMarketData"] = list(rows)
        return BrokerPrices("ctp main", broker.adapter().quotes).prices(kind, instruments, day)


@pytest.mark.parametrize(("kind", "price"), [("settlement", "71280"), ("close", "71290")])
def test_a_price_of_the_day_carries_its_source_and_time(kind: str, price: str) -> None:
    (found,) = prices(kind, depth()).prices
    assert (found.kind, found.subject, found.trading_day, found.price) == (kind, CU, DAY, Decimal(price))
    assert found.source == "ctp main 2026-11-24 15:00:01"


@pytest.mark.parametrize(
    ("rows", "day", "words"),
    [
        ([depth(SettlementPrice=DBL_MAX)], DAY, "no settlement price yet"),
        ([depth()], date(2026, 11, 23), "is of trading day 2026-11-24"),
        ([depth(TradingDay="20261123")], DAY, "is of trading day 2026-11-23"),
        ([depth(TradingDay="")], DAY, "says no trading day"),
        ([], DAY, "does not know"),
    ],
)
def test_a_missing_or_stale_price_is_said_and_no_other_takes_its_place(
    rows: list[dict[str, Any]], day: date, words: str
) -> None:
    answer = prices("settlement", *rows, day=day)
    assert answer.prices == ()
    (gap,) = answer.gaps
    assert words in say(gap.reason, "en")
    assert CU in say(gap.reason, "zh")


def test_one_missing_price_does_not_keep_the_others() -> None:
    answer = prices("close", depth(), instruments=("SHFE.rb2605", CU))
    assert ([p.subject for p in answer.prices], [g.subject for g in answer.gaps]) == ([CU], ["SHFE.rb2605"])


def test_a_quote_has_no_spot_price() -> None:
    with pytest.raises(ValueError, match="spot"):
        prices("spot", depth())
