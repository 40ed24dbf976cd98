"""A hedge order as the fields that DIFF wants."""

from __future__ import annotations

from adapters.broker.codes import exchange_code
from adapters.broker.diff import vendor
from hedge_core.errors import RuleBroken
from hedge_core.model.broker import HedgeOrder
from messages import Message


def order_fields(order: HedgeOrder) -> dict[str, object]:
    """Fields of an insert_order. RuleBroken for what DIFF has no word for."""
    exchange, code = exchange_code(order.instrument)
    if " " in code:
        raise _cannot(order, "instrument", order.instrument)
    if order.offset not in vendor.OFFSET_WORDS:
        raise _cannot(order, "offset", order.offset.value)
    if order.hedge_flag not in vendor.HEDGE_FLAG_WORDS:
        raise _cannot(order, "hedge_flag", order.hedge_flag.value)
    return {
        **vendor.LIMIT_ORDER,
        "order_id": order.key,
        "exchange_id": exchange,
        "instrument_id": code,
        "direction": vendor.DIRECTION_WORDS[order.direction],
        "offset": vendor.OFFSET_WORDS[order.offset],
        "volume": order.lots,
        "limit_price": float(order.limit_price),
        "hedge_flag": vendor.HEDGE_FLAG_WORDS[order.hedge_flag],
    }


def _cannot(order: HedgeOrder, field: str, value: str) -> RuleBroken:
    details = {"field": field, "value": value, "system": "DIFF"}
    return RuleBroken("order_form", order.key, Message("broker.order_form", details))
