"""CTP's rows as the domain's words: pure functions over dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from adapters.broker.ctp import vendor
from adapters.broker.session_time import natural_moment
from hedge_core.errors import ContractViolation
from hedge_core.instruments import canonical_instrument
from hedge_core.model.broker import (
    CommissionRate,
    FundsAnswer,
    InstrumentTerms,
    MarginRate,
    OrderReceipt,
    OrderState,
    Position,
    Quote,
)
from hedge_core.model.futures import AccountFunds, Fill, PositionDetail
from hedge_core.product_table import ProductTable
from hedge_core.rounding import round_half_up
from hedge_core.trading_calendar import EXCHANGE_TIME, TradingCalendar

T = TypeVar("T")
Row = Mapping[str, Any]

_ZERO: Final = Decimal(0)
_NOISE: Final = 6
"""Amounts come as doubles that were added up; what lies beyond the sixth decimal is the double's and not the counter's."""

UNKNOWN_FUNDS: Final = (
    "delivery_fee",
    "delivery_result",
    "exercise_fee",
    "exercise_result",
    "fx_pledge_occupied",
    "initial_margin",
    "market_equity",
    "option_value_long",
    "option_value_short",
)
"""Fields of `AccountFunds` that CTP's account does not state."""


def day_of(text: str) -> date:
    """`yyyymmdd`. ContractViolation for anything else."""
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date without a zone
    except ValueError:
        raise ContractViolation("TradingDay", f"{text!r} is not a date", system="CTP") from None


def amount(value: Decimal | None) -> Decimal:
    """An amount or price; absent is zero."""
    return _ZERO if value is None else exact(value)


def exact(value: Decimal) -> Decimal:
    """Without the noise of a double, and without trailing zeros beyond the second decimal."""
    rounded = round_half_up(value, _NOISE).normalize()
    exponent = rounded.as_tuple().exponent
    return rounded.quantize(Decimal("0.01")) if isinstance(exponent, int) and exponent > -2 else rounded


def price(value: Decimal | None) -> Decimal | None:
    """A price as written, without needless zeros; None where there is none."""
    if value is None:
        return None
    short = round_half_up(value, _NOISE).normalize()
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short


def fill_of(row: Row, account: str, today: date, products: ProductTable, calendar: TradingCalendar) -> Fill:
    """A Trade row. Fee and result are zero: CTP does not say them. RuleBroken or ContractViolation for what is not known."""
    day = day_of(row["TradingDay"]) if row["TradingDay"] else today
    instrument = canonical_instrument(row["ExchangeID"], row["InstrumentID"], day)
    at = price(row["Price"])
    if at is None or not row["TradeID"]:
        raise ContractViolation("Trade", "no price or number", system="CTP")
    product = products.of_instrument(instrument, day)
    moment = natural_moment(day, row["TradeTime"], calendar)
    return Fill(
        account=account,
        exchange=row["ExchangeID"],
        fill_id=row["TradeID"],
        trading_day=day,
        instrument=instrument,
        direction=_known(vendor.DIRECTIONS, row, "Direction"),
        offset=_known(vendor.OFFSETS, row, "OffsetFlag"),
        hedge_flag=_known(vendor.HEDGE_FLAGS, row, "HedgeFlag"),
        lots=row["Volume"],
        price=at,
        turnover=_ZERO if product is None else exact(at * row["Volume"] * product.multiplier),
        fee=_ZERO,
        realised_mtm=_ZERO,
        traded_at=moment,
        traded_on=None if moment is None else moment.astimezone(EXCHANGE_TIME).date(),
    )


def positions_of(rows: Iterable[Row], account: str, today: date) -> list[Position]:
    """One position per instrument, side and hedge flag out of up to four rows.

    YdPosition is the history at the start of the day and never shrinks; what is left of it is Position − TodayPosition. Rows
    without lots stay in the answer all day and carry what was realised."""
    found: dict[str, Position] = {}
    for row in rows:
        lots, of_today = row["Position"], row["TodayPosition"]
        one = Position(
            account=account,
            trading_day=today,
            instrument=canonical_instrument(row["ExchangeID"], row["InstrumentID"], today),
            direction=_known(vendor.SIDES, row, "PosiDirection"),
            hedge_flag=_known(vendor.HEDGE_FLAGS, row, "HedgeFlag"),
            today_lots=of_today,
            history_lots=lots - of_today,
            frozen_lots=row[vendor.CROSSED[row["PosiDirection"]]],
            position_cost=amount(row["PositionCost"]),
            open_cost=amount(row["OpenCost"]),
            holding_mtm=amount(row["PositionProfit"]),
            realised_mtm=amount(row["CloseProfit"]),
            margin=amount(row["UseMargin"]),
        )
        known = found.get(one.key)
        found[one.key] = one if known is None else _together(known, one)
    return list(found.values())


def _together(first: Position, second: Position) -> Position:
    names = ("today_lots", "history_lots", "frozen_lots", "position_cost", "open_cost", "holding_mtm")
    return replace(
        first,
        **{
            name: getattr(first, name) + getattr(second, name)  # none of them is None here
            for name in (*names, "realised_mtm", "margin")
        },
    )


def details_of(rows: Iterable[Row], today: date) -> list[PositionDetail]:
    """Open lots one by one; a row whose lots are all closed stays in the answer and is left out."""
    return [
        PositionDetail(
            exchange=row["ExchangeID"],
            instrument=canonical_instrument(row["ExchangeID"], row["InstrumentID"], today),
            open_date=day_of(row["OpenDate"]),
            hedge_flag=_known(vendor.HEDGE_FLAGS, row, "HedgeFlag"),
            direction=_known(vendor.DIRECTIONS, row, "Direction"),
            lots=row["Volume"],
            open_price=price(row["OpenPrice"]) or _ZERO,
            previous_settlement=price(row["LastSettlementPrice"]) or _ZERO,
            settlement_price=price(row["SettlementPrice"]) or _ZERO,
            floating=amount(row["PositionProfitByTrade"]),
            holding_mtm=amount(row["PositionProfitByDate"]),
            margin=amount(row["Margin"]),
        )
        for row in rows
        if row["Volume"]
    ]


def funds_of(row: Row, account: str, today: date, asked_at: datetime) -> FundsAnswer:
    """A TradingAccount row. Balance there includes pledged value, so it is our equity; margin is after the one-sided rule."""
    take = {name: amount(value) for name, value in row.items() if value is None or isinstance(value, Decimal)}
    equity, pledge, margin = take["Balance"], take["Mortgage"], take["CurrMargin"]
    premium = take["CashIn"]
    funds = AccountFunds(
        currency=row["CurrencyID"] or "CNY",
        balance_bf=take["PreBalance"] - take["PreCredit"] - take["PreMortgage"],
        deposit_withdrawal=take["Deposit"] - take["Withdraw"],
        realised_mtm=take["CloseProfit"],
        holding_mtm=take["PositionProfit"],
        exercise_result=_ZERO,
        delivery_result=_ZERO,
        fee=take["Commission"],
        exercise_fee=_ZERO,
        delivery_fee=_ZERO,
        fx_pledge_in=take["FundMortgageIn"],
        fx_pledge_out=take["FundMortgageOut"],
        pledge_change=pledge - take["PreMortgage"],
        premium_received=max(premium, _ZERO),
        premium_paid=max(-premium, _ZERO),
        initial_margin=_ZERO,
        balance_cf=equity - pledge,
        pledge=pledge,
        equity=equity,
        fx_pledge_occupied=_ZERO,
        margin=margin,
        delivery_margin=take["DeliveryMargin"],
        option_value_long=_ZERO,
        option_value_short=_ZERO,
        market_equity=equity,
        available=take["Available"],
        risk_degree=round_half_up(margin / equity, 4) if equity else _ZERO,
        margin_call=max(-take["Available"], _ZERO),
    )
    return FundsAnswer(
        account, day_of(row["TradingDay"]) if row["TradingDay"] else today, asked_at, funds, UNKNOWN_FUNDS
    )


def receipt_of(row: Row, key: str) -> OrderReceipt:
    """An Order row. A cancelled order whose submission the exchange refused is refused; the reason stands in StatusMsg."""
    state = _known(vendor.ORDER_STATES, row, "OrderStatus")
    filled = row["VolumeTraded"]
    if row["OrderSubmitStatus"] == vendor.INSERT_REFUSED and not filled:
        state = OrderState.REFUSED
    return OrderReceipt(
        key=key,
        state=state,
        lots=row["VolumeTotalOriginal"],
        filled_lots=filled,
        exchange_order_id=row["OrderSysID"],
        vendor_code=row["OrderStatus"],
        vendor_text=row["StatusMsg"],
        trading_day=day_of(row["TradingDay"]) if row["TradingDay"] else None,
    )


def terms_of(row: Row, today: date) -> InstrumentTerms:
    return InstrumentTerms(
        instrument=canonical_instrument(row["ExchangeID"], row["InstrumentID"], today),
        name=row["InstrumentName"],
        product=row["ProductID"],
        multiplier=row["VolumeMultiple"],
        tick=price(row["PriceTick"]) or _ZERO,
        delivery_month=f"{row['DeliveryYear']:04d}-{row['DeliveryMonth']:02d}",
        expires_on=day_of(row["ExpireDate"]) if row["ExpireDate"] else None,
        one_sided_margin=row["MaxMarginSideAlgorithm"] == vendor.ONE_SIDED,
        trading=bool(row["IsTrading"]),
    )


def margin_rate_of(row: Row, instrument: str) -> MarginRate:
    return MarginRate(
        instrument=instrument,
        hedge_flag=_known(vendor.HEDGE_FLAGS, row, "HedgeFlag"),
        long_by_money=_rate(row, "LongMarginRatioByMoney"),
        long_by_lot=_rate(row, "LongMarginRatioByVolume"),
        short_by_money=_rate(row, "ShortMarginRatioByMoney"),
        short_by_lot=_rate(row, "ShortMarginRatioByVolume"),
    )


def commission_rate_of(row: Row) -> CommissionRate:
    """The answer may name the product instead of the instrument that was asked for."""
    return CommissionRate(
        subject=row["InstrumentID"],
        open_by_money=_rate(row, "OpenRatioByMoney"),
        open_by_lot=_rate(row, "OpenRatioByVolume"),
        close_by_money=_rate(row, "CloseRatioByMoney"),
        close_by_lot=_rate(row, "CloseRatioByVolume"),
        close_today_by_money=_rate(row, "CloseTodayRatioByMoney"),
        close_today_by_lot=_rate(row, "CloseTodayRatioByVolume"),
    )


def quote_of(row: Row, instrument: str, calendar: TradingCalendar) -> Quote:
    day = day_of(row["TradingDay"]) if row["TradingDay"] else None
    return Quote(
        instrument=instrument,
        trading_day=day,
        at=None if day is None else natural_moment(day, row["UpdateTime"], calendar),
        last=price(row["LastPrice"]),
        settlement=price(row["SettlementPrice"]),
        close=price(row["ClosePrice"]),
        previous_settlement=price(row["PreSettlementPrice"]),
        upper_limit=price(row["UpperLimitPrice"]),
        lower_limit=price(row["LowerLimitPrice"]),
    )


def _rate(row: Row, name: str) -> Decimal:
    """Rates have more decimals than amounts: five digits after 0.0000 are usual."""
    value = row[name]
    return _ZERO if value is None else round_half_up(value, 12).normalize()


def _known(table: Mapping[str, T], row: Row, name: str) -> T:
    code = row[name]
    if code not in table:
        raise ContractViolation(name, f"unknown code {code!r}", system="CTP")
    return table[code]
