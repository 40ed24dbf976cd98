"""The port to proposed orders and to the switch that stops them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from hedge_core.model.orders import OrderProposal, OrderStage, OrderSwitch, ProposedOrder


class OrderStore(Protocol):
    """Orders on their way, of one book. What was proposed never changes, and an approval neither."""

    def add(self, proposal: OrderProposal, at: datetime, by: str) -> None:
        """IdempotencyConflict for an id that is there with other content; nothing to do for the same content."""
        ...

    def proposed(self, proposal_id: str) -> ProposedOrder | None: ...
    def proposed_orders(self, stages: Collection[OrderStage] = (), limit: int = 500) -> list[ProposedOrder]:
        """The newest first; no stages: all of them."""
        ...

    def approve(self, proposal_id: str, digest: str, at: datetime, by: str) -> bool:
        """Proposed → approved; False when it is in any other stage."""
        ...

    def start(self, proposal_id: str, order_key: str) -> bool:
        """Approved → sending, under its reference; False when it is in any other stage: exactly one caller sends it."""
        ...

    def move(
        self, proposal_id: str, before: Collection[OrderStage], stage: OrderStage, by: str = "", note: str = ""
    ) -> bool:
        """To another stage, from one of those named; False when it is in none of them."""
        ...

    def switch(self, *, hold: bool = False) -> OrderSwitch:
        """The book's switch. With `hold` nobody else can throw or read-and-hold it until this unit ends: an order that was
        let go under it is seen by whoever stops orders afterwards."""
        ...

    def throw_switch(self, every_book: bool, stopped: bool, at: datetime, by: str, reason: str) -> None:
        """Stop or release orders, the book's own or as part of every book's. Stopping again keeps the first time."""
        ...
