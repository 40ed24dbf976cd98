"""DIFF's capability card."""

from __future__ import annotations

from typing import Final

from hedge_core.ports.broker import BrokerCapabilities

CAPABILITIES: Final = BrokerCapabilities(
    system="diff",
    queries=frozenset({"funds", "positions", "orders", "fills", "prices"}),
    fills_of_past_days=False,
    keeps_hedge_flag=False,
    keeps_today_apart=True,
    fill_fields=frozenset({"fee", "turnover"}),
    statement=True,
    pushes=True,
    market_data=True,
    orders=False,
    order_reference="order_id (12 digits)",
    settle_seconds=30,
)
"""Positions and fills lose the hedge flag on this road: for 套保 accounts CTP or the statement is the truth. Statements come
only from gateways before a CTP counter; a simulation does not answer for them."""
