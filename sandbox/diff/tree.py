"""The business tree as the gateway shows it, and the merge patch between two of its states."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.diff.exchange import BUY, Account, Exchange

NAN = float("nan")


def user_tree(exchange: Exchange, account: Account) -> dict[str, Any]:
    """`trade/<user>`: account, positions, orders, fills."""
    figures = exchange.figures(account)
    balance = figures["balance"]
    day = exchange.trading_day.strftime("%Y%m%d")
    shown = {name: float(value) for name, value in figures.items()}
    return {
        "user_id": account.user,
        "trading_day": day,
        "trade_more_data": False,
        "session": {"user_id": account.user, "trading_day": day},
        "accounts": {
            "CNY": {
                "user_id": account.user,
                "currency": "CNY",
                "pre_balance": float(account.pre_balance),
                "deposit": float(account.deposit),
                "withdraw": float(account.withdraw),
                "close_profit": float(account.close_profit),
                "commission": float(account.fee),
                "premium": 0.0,
                "frozen_commission": 0.0,
                "frozen_premium": 0.0,
                "risk_ratio": float(figures["margin"] / balance) if balance else 0.0,
                **shown,
            }
        },
        "positions": {symbol: _position(exchange, account, symbol) for symbol in sorted(account.touched)},
        "orders": {
            order.order_id: {
                "user_id": account.user,
                "order_id": order.order_id,
                "exchange_order_id": order.exchange_id,
                **_instrument(order.symbol),
                "direction": order.direction,
                "offset": order.offset,
                "volume_orign": order.lots,
                "volume_left": order.left,
                "limit_price": float(order.price),
                "price_type": "LIMIT",
                "status": "ALIVE" if order.alive else "FINISHED",
                "last_msg": order.message,
                "insert_date_time": order.at,
            }
            for order in account.orders.values()
        },
        "trades": {
            fill.key: {
                "user_id": account.user,
                "trade_id": fill.key,
                "exchange_trade_id": fill.exchange_trade_id,
                "order_id": fill.order_id,
                **_instrument(fill.symbol),
                "direction": fill.direction,
                "offset": fill.offset,
                "volume": fill.lots,
                "price": float(fill.price),
                "commission": float(fill.fee),
                "trade_date_time": fill.at,
            }
            for fill in account.fills.values()
        },
    }


def _instrument(symbol: str) -> dict[str, str]:
    exchange, _, code = symbol.partition(".")
    return {"exchange_id": exchange, "instrument_id": code}


def _position(exchange: Exchange, account: Account, symbol: str) -> dict[str, Any]:
    instrument = exchange.instruments[symbol]
    at = instrument.last if instrument.settlement is None else instrument.settlement
    row: dict[str, Any] = {"user_id": account.user, **_instrument(symbol), "last_price": float(instrument.last)}
    total = dict.fromkeys(("float_profit", "position_profit", "margin"), Decimal(0))
    for name, side in (("long", BUY), ("short", "SELL")):
        held = [lot for lot in account.lots if (lot.symbol, lot.side) == (symbol, side)]
        today = sum(lot.lots for lot in held if lot.today)
        lots = sum(lot.lots for lot in held)
        sign = 1 if side == BUY else -1
        frozen = sum(
            order.left
            for order in account.orders.values()
            if order.alive and order.symbol == symbol and order.offset != "OPEN" and order.direction != side
        )
        size = instrument.multiplier
        open_cost = sum((lot.open_price * lot.lots * size for lot in held), Decimal(0))
        cost = sum((lot.base * lot.lots * size for lot in held), Decimal(0))
        results = {
            "float_profit": sum((sign * (at - lot.open_price) * lot.lots * size for lot in held), Decimal(0)),
            "position_profit": sum((sign * (at - lot.base) * lot.lots * size for lot in held), Decimal(0)),
            "margin": cost * instrument.margin,
        }
        row |= {
            f"volume_{name}": lots,
            f"volume_{name}_today": today,
            f"volume_{name}_his": lots - today,
            f"volume_{name}_frozen": frozen,
            f"pos_{name}_today": today,
            f"pos_{name}_his": lots - today,
            f"open_cost_{name}": float(open_cost),
            f"position_cost_{name}": float(cost),
            f"open_price_{name}": float(open_cost / lots / size) if lots else NAN,
            f"position_price_{name}": float(cost / lots / size) if lots else "-",
        }
        for figure, value in results.items():
            row[f"{figure}_{name}"] = float(value)
            total[figure] += value
    return row | {figure: float(value) for figure, value in total.items()}


def quote(exchange: Exchange, symbol: str) -> dict[str, Any]:
    """`quotes/<symbol>`. Prices that are not known yet are a dash or a bare NaN, as real gateways write them."""
    instrument = exchange.instruments[symbol]
    local = exchange.clock.timestamp() + 8 * 3600
    moment = type(exchange.clock).fromtimestamp(local, exchange.clock.tzinfo)
    return {
        "instrument_id": symbol,
        "datetime": moment.strftime("%Y-%m-%d %H:%M:%S.000000"),
        "trading_day": exchange.trading_day.strftime("%Y%m%d"),
        "last_price": float(instrument.last),
        "pre_settlement": float(instrument.pre_settlement),
        "settlement": "-" if instrument.settlement is None else float(instrument.settlement),
        "close": NAN if instrument.close is None else float(instrument.close),
        "upper_limit": float(instrument.limit(1)),
        "lower_limit": float(instrument.limit(-1)),
    }


def patch_between(before: Any, after: Any) -> dict[str, Any]:
    """The RFC 7386 patch from one object to another; empty when nothing has changed."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            patch[name] = value
        elif isinstance(value, dict) and isinstance(before[name], dict):
            if inner := patch_between(before[name], value):
                patch[name] = inner
        elif value != before[name] and not (value != value and before[name] != before[name]):
            patch[name] = value
    return patch
