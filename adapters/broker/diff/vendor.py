"""DIFF's words and ours, as tables."""

from __future__ import annotations

from typing import Final

from hedge_core.model.futures import Direction, HedgeFlag, Offset

DIRECTIONS: Final = {"BUY": Direction.BUY, "SELL": Direction.SELL}
OFFSETS: Final = {"OPEN": Offset.OPEN, "CLOSE": Offset.CLOSE, "CLOSETODAY": Offset.CLOSE_TODAY}
SIDES: Final = (("long", Direction.BUY), ("short", Direction.SELL))

DIRECTION_WORDS: Final = {direction: word for word, direction in DIRECTIONS.items()}
OFFSET_WORDS: Final = {
    Offset.OPEN: "OPEN",
    Offset.CLOSE: "CLOSE",
    Offset.CLOSE_YESTERDAY: "CLOSE",
    Offset.CLOSE_TODAY: "CLOSETODAY",
}
"""On exchanges that keep today's lots apart CLOSE means the older ones."""
HEDGE_FLAG_WORDS: Final = {
    HedgeFlag.SPECULATION: "SPECULATION",
    HedgeFlag.ARBITRAGE: "ARBITRAGE",
    HedgeFlag.HEDGE: "HEDGE",
    HedgeFlag.MARKET_MAKER: "MARKETMAKER",
}

LIMIT_ORDER: Final[dict[str, object]] = {
    "price_type": "LIMIT",
    "volume_condition": "ANY",
    "time_condition": "GFD",
}

ACCOUNT_FIELDS: Final = (
    "available",
    "balance",
    "close_profit",
    "commission",
    "currency",
    "deposit",
    "float_profit",
    "margin",
    "position_profit",
    "pre_balance",
    "premium",
    "static_balance",
    "withdraw",
)
POSITION_FIELDS: Final = tuple(
    name.format(side=side)
    for side in ("long", "short")
    for name in (
        "volume_{side}",
        "volume_{side}_today",
        "volume_{side}_frozen",
        "pos_{side}_today",
        "pos_{side}_his",
        "open_cost_{side}",
        "position_cost_{side}",
        "position_profit_{side}",
        "margin_{side}",
    )
)
ORDER_FIELDS: Final = (
    "direction",
    "exchange_id",
    "exchange_order_id",
    "instrument_id",
    "last_msg",
    "offset",
    "order_id",
    "status",
    "volume_left",
    "volume_orign",
)
TRADE_FIELDS: Final = (
    "direction",
    "exchange_id",
    "exchange_trade_id",
    "instrument_id",
    "offset",
    "order_id",
    "price",
    "trade_date_time",
    "trade_id",
    "volume",
)
QUOTE_FIELDS: Final = (
    "close",
    "datetime",
    "last_price",
    "lower_limit",
    "pre_settlement",
    "settlement",
    "upper_limit",
)
"""The names that we read, kept here so that a test can hold them against another reader of the protocol."""
