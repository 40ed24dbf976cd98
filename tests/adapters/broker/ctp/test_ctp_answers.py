"""CTP's rows as the domain's words: the traps of positions, funds, rates, times and absent figures."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.broker.ctp import CtpAdapter, CtpOptions, read
from adapters.reference import load_calendar, load_products
from connectors.ctp.values import copied
from hedge_core.errors import ContractViolation, Rejected, RuleBroken
from hedge_core.model.broker import HedgeOrder, OrderState, order_key
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from tests.support.ctp_broker import FUNDS, NOW, CtpUnderTest
from tests.support.ctp_trader import ACCOUNT, DBL_MAX, Counter, session_of, structure

DAY = date(2026, 11, 24)


def row(kind: str, /, **fields: Any) -> dict[str, Any]:
    return copied(structure(kind, **fields))


def position(place: str, lots: int, today: int, **more: Any) -> dict[str, Any]:
    fields = {"ExchangeID": "SHFE", "InstrumentID": "cu2605", "PosiDirection": "2", "HedgeFlag": "3"} | more
    return row("InvestorPosition", PositionDate=place, Position=lots, TodayPosition=today, **fields)


def test_up_to_four_rows_of_one_side_become_two_positions_by_hedge_flag() -> None:
    """YdPosition is yesterday's and never shrinks: what is left of it is Position − TodayPosition."""
    rows = [
        position("1", 5, 5, PositionCost=100.0, UseMargin=10.0),
        position("2", 2, 0, YdPosition=9, PositionCost=50.0, UseMargin=5.5),
        position("1", 3, 3, HedgeFlag="1"),
        position("2", 0, 0, HedgeFlag="1", YdPosition=4, CloseProfit=-40.0),
    ]
    hedge, speculation = read.positions_of(rows, ACCOUNT, DAY)
    assert (hedge.hedge_flag, hedge.today_lots, hedge.history_lots, hedge.lots) == (HedgeFlag.HEDGE, 5, 2, 7)
    assert (hedge.position_cost, hedge.margin) == (Decimal("150.00"), Decimal("15.50"))
    assert (speculation.today_lots, speculation.history_lots, speculation.realised_mtm) == (3, 0, Decimal("-40.00"))


def test_an_exchange_that_keeps_no_days_apart_answers_one_row_for_both() -> None:
    (one,) = read.positions_of([position("1", 7, 3, ExchangeID="DCE", InstrumentID="m2609")], ACCOUNT, DAY)
    assert (one.today_lots, one.history_lots) == (3, 4)


def test_closing_a_long_position_freezes_its_short_side() -> None:
    (long,) = read.positions_of([position("1", 7, 7, ShortFrozen=2, LongFrozen=1)], ACCOUNT, DAY)
    (short,) = read.positions_of([position("1", 7, 7, PosiDirection="3", ShortFrozen=2, LongFrozen=1)], ACCOUNT, DAY)
    assert (long.frozen_lots, short.frozen_lots) == (2, 1)


def test_a_position_closed_today_stays_with_what_it_realised() -> None:
    (gone,) = read.positions_of([position("1", 0, 0, CloseProfit=-40.0)], ACCOUNT, DAY)
    assert (gone.lots, gone.realised_mtm) == (0, Decimal("-40.00"))


def test_funds_as_a_counter_answered_them() -> None:
    """20000000 − 40 − 60 − 9 = 19999891; less 16601 of margin and 3300 frozen: 19979990."""
    answered = row(
        "TradingAccount", TradingDay="20261124", CurrencyID="CNY", PreBalance=20000000.0, CloseProfit=-40.0,
        PositionProfit=-60.0, Commission=9.000000000000002, Balance=19999891.0, CurrMargin=16601.0, FrozenMargin=3300.0,
        Available=19979990.0, Mortgage=0.0, FundMortgageIn=DBL_MAX,
    )  # fmt: skip
    answer = read.funds_of(answered, ACCOUNT, DAY, NOW)
    funds = answer.funds
    assert (str(funds.fee), str(funds.equity), str(funds.available)) == ("9.00", "19999891.00", "19979990.00")
    assert funds.balance_bf + funds.realised_mtm + funds.holding_mtm - funds.fee == funds.balance_cf
    assert funds.fx_pledge_in == 0
    assert "exercise_fee" in answer.unknown


def test_pledged_value_raises_the_equity_and_not_the_balance() -> None:
    funds = read.funds_of(
        row("TradingAccount", Balance=1500.0, Mortgage=500.0, PreMortgage=200.0), ACCOUNT, DAY, NOW
    ).funds
    assert (funds.equity, funds.pledge, funds.balance_cf, funds.pledge_change) == (1500, 500, 1000, 300)


@pytest.mark.parametrize(
    ("trading_day", "clock_time", "moment"),
    [
        ("20261124", "10:00:01", datetime(2026, 11, 24, 2, 0, 1, tzinfo=UTC)),
        ("20261124", "21:30:05", datetime(2026, 11, 23, 13, 30, 5, tzinfo=UTC)),
        ("20261123", "21:30:05", datetime(2026, 11, 20, 13, 30, 5, tzinfo=UTC)),
        ("20261123", "00:30:05", datetime(2026, 11, 20, 16, 30, 5, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("dated", ["20261120", "20261123", "20261124"])
def test_the_moment_of_a_fill_follows_from_the_trading_day_whatever_date_the_exchange_wrote(
    trading_day: str, clock_time: str, moment: datetime, dated: str
) -> None:
    trade = row(
        "Trade", ExchangeID="SHFE", InstrumentID="cu2605", TradeID="7", Direction="0", OffsetFlag="0", HedgeFlag="3",
        Price=71230.0, Volume=2, TradeDate=dated, TradeTime=clock_time, TradingDay=trading_day,
    )  # fmt: skip
    fill = read.fill_of(trade, ACCOUNT, DAY, load_products(), load_calendar())
    assert fill.traded_at == moment
    assert f"{fill.trading_day:%Y%m%d}" == trading_day
    assert (str(fill.price), str(fill.turnover), fill.fee) == ("71230", "712300.00", 0)


def test_a_fill_with_a_code_nobody_knows_is_a_contract_violation() -> None:
    trade = row(
        "Trade", ExchangeID="SHFE", InstrumentID="cu2605", TradeID="7", Direction="9", OffsetFlag="0", HedgeFlag="3"
    )
    with pytest.raises(ContractViolation, match="Direction"):
        read.fill_of(trade, ACCOUNT, DAY, load_products(), load_calendar())


def test_details_terms_and_rates() -> None:
    counter = Counter(trading_day="20261124", frequency=50)
    counter.tables["InvestorPositionDetail"] = [
        {"ExchangeID": "SHFE", "InstrumentID": "cu2605", "OpenDate": "20261120", "HedgeFlag": "3", "Direction": "1",
         "Volume": 2, "OpenPrice": 71230.0, "LastSettlementPrice": 71000.0, "SettlementPrice": DBL_MAX,
         "PositionProfitByTrade": -5.0, "PositionProfitByDate": 3.0, "Margin": 85476.0},
        {"ExchangeID": "SHFE", "InstrumentID": "cu2605", "OpenDate": "20261120", "HedgeFlag": "3", "Direction": "1"},
    ]  # fmt: skip
    counter.tables["Instrument"] = [
        {"ExchangeID": "CZCE", "InstrumentID": "SR605", "InstrumentName": "白糖605", "ProductID": "SR", "ProductClass": "1",
         "VolumeMultiple": 10, "PriceTick": 1.0, "DeliveryYear": 2026, "DeliveryMonth": 5, "ExpireDate": "20260515",
         "MaxMarginSideAlgorithm": "0", "IsTrading": 1},
        {"ExchangeID": "CZCE", "InstrumentID": "SR605C5800", "ProductClass": "2"},
    ]  # fmt: skip
    counter.tables["InstrumentMarginRate"] = [
        {"InstrumentID": "SR605", "HedgeFlag": "3", "LongMarginRatioByMoney": 0.07, "ShortMarginRatioByMoney": 0.08}
    ]
    counter.tables["InstrumentCommissionRate"] = [
        {"InstrumentID": "SR605", "OpenRatioByMoney": 5.01e-05, "CloseTodayRatioByVolume": 3.01}
    ]
    with session_of(counter) as session:
        adapter = CtpAdapter("ctp", session, load_products(), load_calendar(), CtpOptions(), lambda: NOW)
        (account,) = adapter.accounts()
        (detail,) = adapter.position_details(account)
        (terms,) = adapter.instruments()
        (margin,) = adapter.margin_rates("CZCE.SR2605", HedgeFlag.HEDGE)
        (fee,) = adapter.commission_rates("CZCE.SR2605")
    assert (detail.lots, detail.direction, detail.open_date) == (2, Direction.SELL, date(2026, 11, 20))
    assert (detail.settlement_price, detail.holding_mtm) == (0, Decimal("3.00"))
    assert (terms.instrument, terms.multiplier, terms.delivery_month) == ("CZCE.SR2605", 10, "2026-05")
    assert (str(margin.long_by_money), str(margin.short_by_money)) == ("0.07", "0.08")
    assert (fee.open_by_money, fee.close_today_by_lot) == (Decimal("0.0000501"), Decimal("3.01"))
    asked = dict(counter.requests[-2][1])
    assert (asked["InstrumentID"], asked["HedgeFlag"]) == ("SR605", "3")


@pytest.mark.parametrize(
    ("status", "submitted", "filled", "state"),
    [
        ("0", "3", 2, OrderState.FILLED),
        ("1", "3", 1, OrderState.WORKING),
        ("3", "3", 0, OrderState.WORKING),
        ("5", "3", 1, OrderState.CANCELLED),
        ("5", "4", 0, OrderState.REFUSED),
        ("a", "0", 0, OrderState.UNCERTAIN),
    ],
)
def test_states_of_orders(status: str, submitted: str, filled: int, state: OrderState) -> None:
    order = row(
        "Order", OrderStatus=status, OrderSubmitStatus=submitted, VolumeTotalOriginal=2, VolumeTraded=filled,
        StatusMsg="全部成交",
    )  # fmt: skip
    receipt = read.receipt_of(order, "261124000001")
    assert (receipt.state, receipt.filled_lots, receipt.vendor_text) == (state, filled, "全部成交")
    assert receipt.open_lots == (0 if state.final else 2 - filled)


def order(**changes: Any) -> HedgeOrder:
    fields = {
        "key": order_key(DAY, 1), "account": ACCOUNT, "instrument": "CZCE.SR2605", "direction": Direction.SELL,
        "offset": Offset.OPEN, "hedge_flag": HedgeFlag.HEDGE, "lots": 2, "limit_price": Decimal("5800"),
    } | changes  # fmt: skip
    return HedgeOrder(**fields)


@pytest.mark.parametrize(
    "changes",
    [{"hedge_flag": HedgeFlag.GENERAL}, {"offset": Offset.FORCED_CLOSE}, {"instrument": "CZCE.SPD SR2605&SR2609"},
     {"account": "another"}],
)  # fmt: skip
def test_an_order_that_has_no_form_is_refused_before_anything_is_sent(changes: dict[str, Any]) -> None:
    with CtpUnderTest() as broker:
        with pytest.raises(RuleBroken):
            broker.adapter(orders=True).place_order(order(**changes))
        assert broker.orders_received() == 0


def test_the_statement_is_confirmed_only_where_a_person_has_asked_for_it() -> None:
    for confirm in (False, True):
        counter = Counter(trading_day="20261124", frequency=50)
        counter.on_order = lambda trader, fields, number: setattr(session, "call_seconds", 0.05)
        counter.tables["TradingAccount"] = [dict(FUNDS)]
        with session_of(counter) as session:
            options = CtpOptions(orders=True, confirm_settlement=confirm)
            adapter = CtpAdapter("ctp", session, load_products(), load_calendar(), options, lambda: NOW)
            health = adapter.check()
            assert health.ok is confirm
            with pytest.raises(Exception, match="CTP"):
                adapter.place_order(order())
        assert counter.count("ReqSettlementInfoConfirm") == int(confirm)


def test_an_account_in_another_currency_is_not_answered_with_this_one() -> None:
    with CtpUnderTest() as broker:
        adapter = broker.adapter()
        (account,) = adapter.accounts()
        from dataclasses import replace

        with pytest.raises(Rejected):
            adapter.funds(replace(account, currency="USD"))
