"""CTP's codes and ours, as tables (the values stand in the API's header `ThostFtdcUserApiDataType.h`)."""

from __future__ import annotations

from typing import Final

from hedge_core.model.broker import OrderState
from hedge_core.model.futures import Direction, HedgeFlag, Offset

DIRECTIONS: Final = {"0": Direction.BUY, "1": Direction.SELL}
SIDES: Final = {"2": Direction.BUY, "3": Direction.SELL}
"""PosiDirection: long, short. “Net” (1) is no exchange's of ours."""
CROSSED: Final = {"2": "ShortFrozen", "3": "LongFrozen"}
"""Closing a long position freezes its short side, and the other way round."""

OFFSETS: Final = {
    "0": Offset.OPEN,
    "1": Offset.CLOSE,
    "2": Offset.FORCED_CLOSE,
    "3": Offset.CLOSE_TODAY,
    "4": Offset.CLOSE_YESTERDAY,
    "5": Offset.FORCED_REDUCE,
    "6": Offset.LOCAL_FORCED_CLOSE,
}
HEDGE_FLAGS: Final = {
    "1": HedgeFlag.SPECULATION,
    "2": HedgeFlag.ARBITRAGE,
    "3": HedgeFlag.HEDGE,
    "5": HedgeFlag.MARKET_MAKER,
}
"""6 and 7 are spreads whose legs have different flags; a fill of one leg never carries them."""

ORDER_STATES: Final = {
    "0": OrderState.FILLED,
    "1": OrderState.WORKING,
    "2": OrderState.UNCERTAIN,
    "3": OrderState.WORKING,
    "4": OrderState.UNCERTAIN,
    "5": OrderState.CANCELLED,
    "a": OrderState.UNCERTAIN,
    "b": OrderState.WORKING,
    "c": OrderState.WORKING,
}
"""OrderStatus; a cancelled order whose submission was refused is refused."""
INSERT_REFUSED: Final = "4"
"""OrderSubmitStatus"""
ONE_SIDED: Final = "1"
"""MaxMarginSideAlgorithm"""

DIRECTION_CODES: Final = {direction: code for code, direction in DIRECTIONS.items()}
OFFSET_CODES: Final = {
    offset: code
    for code, offset in OFFSETS.items()
    if offset in (Offset.OPEN, Offset.CLOSE, Offset.CLOSE_TODAY, Offset.CLOSE_YESTERDAY)
}
HEDGE_FLAG_CODES: Final = {flag: code for code, flag in HEDGE_FLAGS.items()}

LIMIT_ORDER: Final[dict[str, object]] = {
    "OrderPriceType": "2",
    "TimeCondition": "3",
    "VolumeCondition": "1",
    "MinVolume": 1,
    "ContingentCondition": "1",
    "ForceCloseReason": "0",
    "IsAutoSuspend": 0,
    "UserForceClose": 0,
}
"""A limit order good for the day, any volume, at once."""
