"""CTP's capability card."""

from __future__ import annotations

from typing import Final

from hedge_core.ports.broker import BrokerCapabilities

CAPABILITIES: Final = BrokerCapabilities(
    system="ctp",
    queries=frozenset({"funds", "positions", "position_details", "orders", "fills", "instruments", "rates", "prices"}),
    fills_of_past_days=False,
    keeps_hedge_flag=True,
    keeps_today_apart=True,
    fill_fields=frozenset({"turnover"}),
    statement=True,
    pushes=True,
    market_data=True,
    orders=False,
    order_reference="OrderRef (12 digits)",
    settle_seconds=30,
)
"""A counter answers fills of the current trading day only; a fill carries neither fee nor result, its turnover is computed."""
