"""The business tree as the domain's words: pure functions over dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from adapters.broker.diff import vendor
from connectors.diff import number, whole
from hedge_core.errors import ContractViolation
from hedge_core.instruments import canonical_instrument
from hedge_core.model.broker import FundsAnswer, OrderReceipt, OrderState, Position, Quote
from hedge_core.model.futures import SPLITS_TODAY, AccountFunds, Fill, HedgeFlag
from hedge_core.product_table import ProductTable
from hedge_core.rounding import round_half_up
from hedge_core.trading_calendar import EXCHANGE_TIME, TradingCalendar

Row = Mapping[str, Any]
SYSTEM: Final = "DIFF"
_ZERO: Final = Decimal(0)
_NOISE: Final = 6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

UNKNOWN_FUNDS: Final = (
    "delivery_fee",
    "delivery_margin",
    "delivery_result",
    "exercise_fee",
    "exercise_result",
    "fx_pledge_in",
    "fx_pledge_occupied",
    "fx_pledge_out",
    "initial_margin",
    "market_equity",
    "option_value_long",
    "option_value_short",
    "pledge",
    "pledge_change",
    "premium_paid",
    "premium_received",
)
"""Fields of `AccountFunds` that a DIFF account does not state; the premium's sign differs between gateways, so it proves
nothing either."""


def amount(row: Row, name: str) -> Decimal:
    """An amount without the noise of a double; absent is zero."""
    value = number(row.get(name))
    return _ZERO if value is None else _plain(value, 2)


def price(given: Any) -> Decimal | None:
    value = number(given)
    return None if value is None else _plain(value, 0)


def _plain(value: Decimal, places: int) -> Decimal:
    """As many decimals as it has, `places` at least, six at most."""
    rounded = round_half_up(value, _NOISE).normalize()
    exponent = rounded.as_tuple().exponent
    return rounded.quantize(Decimal(1).scaleb(-places)) if isinstance(exponent, int) and exponent > -places else rounded


def day_of(row: Row) -> date:
    """`trading_day` of a row, `yyyymmdd`. ContractViolation without one."""
    text = str(row.get("trading_day", ""))
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date without a zone
    except ValueError:
        raise ContractViolation("trading_day", f"{text!r} is not a date", system=SYSTEM) from None


def moment_of(nanoseconds: Any) -> datetime | None:
    """Nanoseconds since 1970 as an aware moment; None for what is none."""
    value = number(nanoseconds)
    if value is None or value <= 0:
        return None
    return _EPOCH + timedelta(microseconds=int(value // 1000))


def fill_of(row: Row, account: str, today: date, products: ProductTable, calendar: TradingCalendar) -> Fill:
    """A trade. Its trading day is the gateway's: trades of another one are not in the tree."""
    exchange = _text(row, "exchange_id")
    instrument = canonical_instrument(exchange, _text(row, "instrument_id"), today)
    at, lots = price(row.get("price")), whole(row.get("volume"))
    if at is None or lots <= 0:
        raise ContractViolation("trades", "no price or no lots", system=SYSTEM)
    product = products.of_instrument(instrument, today)
    moment = moment_of(row.get("trade_date_time"))
    return Fill(
        account=account,
        exchange=exchange,
        fill_id=_text(row, "exchange_trade_id"),
        trading_day=today,
        instrument=instrument,
        direction=_known(vendor.DIRECTIONS, row, "direction"),
        offset=_known(vendor.OFFSETS, row, "offset"),
        hedge_flag=HedgeFlag.SPECULATION,
        lots=lots,
        price=at,
        turnover=_ZERO if product is None else _plain(at * lots * product.multiplier, 2),
        fee=amount(row, "commission"),
        realised_mtm=_ZERO,
        traded_at=moment,
        traded_on=None if moment is None else moment.astimezone(EXCHANGE_TIME).date(),
    )


def positions_of(rows: Mapping[str, Any], account: str, today: date) -> list[Position]:
    """Both sides of every entry that has lots, or had some today."""
    found = []
    for row in rows.values():
        exchange = _text(row, "exchange_id")
        instrument = canonical_instrument(exchange, _text(row, "instrument_id"), today)
        for side, direction in vendor.SIDES:
            lots = whole(row.get(f"volume_{side}"))
            of_today = min(lots, _today(row, side, exchange, lots))
            if lots == 0 and not whole(row.get(f"pos_{side}_his")):
                continue
            found.append(
                Position(
                    account=account,
                    trading_day=today,
                    instrument=instrument,
                    direction=direction,
                    hedge_flag=None,
                    today_lots=of_today,
                    history_lots=lots - of_today,
                    frozen_lots=whole(row.get(f"volume_{side}_frozen")),
                    position_cost=amount(row, f"position_cost_{side}"),
                    open_cost=amount(row, f"open_cost_{side}"),
                    holding_mtm=amount(row, f"position_profit_{side}"),
                    margin=amount(row, f"margin_{side}"),
                )
            )
    return found


def _today(row: Row, side: str, exchange: str, lots: int) -> int:
    """`volume_*_today` is the counter's own for exchanges that keep today's lots apart; `pos_*` says it for the others."""
    name = f"volume_{side}_today" if exchange in SPLITS_TODAY else f"pos_{side}_today"
    return whole(row.get(name, row.get(f"volume_{side}_today")))


def funds_of(row: Row, account: str, today: date, asked_at: datetime) -> FundsAnswer:
    """An account. The balance is the gateway's own figure: gateways disagree about the sign of the premium in it."""
    equity, margin, available = amount(row, "balance"), amount(row, "margin"), amount(row, "available")
    funds = AccountFunds(
        currency=str(row.get("currency") or "CNY"),
        balance_bf=amount(row, "pre_balance"),
        deposit_withdrawal=amount(row, "deposit") - amount(row, "withdraw"),
        realised_mtm=amount(row, "close_profit"),
        holding_mtm=amount(row, "position_profit"),
        exercise_result=_ZERO,
        delivery_result=_ZERO,
        fee=amount(row, "commission"),
        exercise_fee=_ZERO,
        delivery_fee=_ZERO,
        fx_pledge_in=_ZERO,
        fx_pledge_out=_ZERO,
        pledge_change=_ZERO,
        premium_received=_ZERO,
        premium_paid=_ZERO,
        initial_margin=_ZERO,
        balance_cf=equity,
        pledge=_ZERO,
        equity=equity,
        fx_pledge_occupied=_ZERO,
        margin=margin,
        delivery_margin=_ZERO,
        option_value_long=_ZERO,
        option_value_short=_ZERO,
        market_equity=equity,
        available=available,
        risk_degree=round_half_up(margin / equity, 4) if equity else _ZERO,
        margin_call=max(-available, _ZERO),
    )
    return FundsAnswer(account, today, asked_at, funds, UNKNOWN_FUNDS)


def receipt_of(row: Row, today: date) -> OrderReceipt:
    """An order. One that is finished without a fill is “cancelled” here: only the notice beside it says whether it was
    refused, and it stands in no order."""
    lots, left = whole(row.get("volume_orign")), whole(row.get("volume_left"))
    alive = row.get("status") == "ALIVE"
    state = OrderState.WORKING if alive else OrderState.FILLED if left == 0 else OrderState.CANCELLED
    if not alive and left == lots and not row.get("exchange_order_id"):
        state = OrderState.REFUSED
    return OrderReceipt(
        key=_text(row, "order_id"),
        state=state,
        lots=lots,
        filled_lots=lots - left,
        exchange_order_id=str(row.get("exchange_order_id") or ""),
        vendor_code=str(row.get("status") or ""),
        vendor_text=str(row.get("last_msg") or ""),
        trading_day=today,
    )


def quote_of(row: Row, instrument: str) -> Quote:
    """`datetime` is Beijing time. Gateways that say no trading day leave it open: a price is then dated by nobody."""
    text = str(row.get("datetime") or "")
    try:
        at = datetime.fromisoformat(text[:26]).replace(tzinfo=EXCHANGE_TIME).astimezone(UTC)
    except ValueError:
        at = None
    return Quote(
        instrument=instrument,
        trading_day=day_of(row) if row.get("trading_day") else None,
        at=at,
        last=price(row.get("last_price")),
        settlement=price(row.get("settlement")),
        close=price(row.get("close")),
        previous_settlement=price(row.get("pre_settlement")),
        upper_limit=price(row.get("upper_limit")),
        lower_limit=price(row.get("lower_limit")),
    )


def _text(row: Row, name: str) -> str:
    text = str(row.get(name) or "").strip()
    if not text:
        raise ContractViolation(name, "is missing", system=SYSTEM)
    return text


def _known(table: Mapping[str, Any], row: Row, name: str) -> Any:
    word = str(row.get(name))
    if word not in table:
        raise ContractViolation(name, f"unknown word {word!r}", system=SYSTEM)
    return table[word]
