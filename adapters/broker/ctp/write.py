"""A hedge order as the fields that CTP wants."""

from __future__ import annotations

from adapters.broker.codes import exchange_code
from adapters.broker.ctp import vendor
from hedge_core.errors import RuleBroken
from hedge_core.model.broker import HedgeOrder
from messages import Message


def order_fields(order: HedgeOrder) -> dict[str, object]:
    """Fields of an InputOrder. RuleBroken for what CTP has no word for: a spread, a forced close, the flag “general”."""
    exchange, code = exchange_code(order.instrument)
    if " " in code:
        raise _cannot(order, "instrument", order.instrument)
    if order.offset not in vendor.OFFSET_CODES:
        raise _cannot(order, "offset", order.offset.value)
    if order.hedge_flag not in vendor.HEDGE_FLAG_CODES:
        raise _cannot(order, "hedge_flag", order.hedge_flag.value)
    return {
        **vendor.LIMIT_ORDER,
        "OrderRef": order.key,
        "ExchangeID": exchange,
        "InstrumentID": code,
        "Direction": vendor.DIRECTION_CODES[order.direction],
        "CombOffsetFlag": vendor.OFFSET_CODES[order.offset],
        "CombHedgeFlag": vendor.HEDGE_FLAG_CODES[order.hedge_flag],
        "LimitPrice": float(order.limit_price),
        "VolumeTotalOriginal": order.lots,
    }


def _cannot(order: HedgeOrder, field: str, value: str) -> RuleBroken:
    details = {"field": field, "value": value, "system": "CTP"}
    return RuleBroken("order_form", order.key, Message("broker.order_form", details))
