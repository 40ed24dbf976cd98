"""Orders on their way and the switch that stops them: `hedge_core.ports.orders.OrderStore` of one book."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapters.storage.broker_queries import BrokerQueries
from adapters.storage.codec import decode, encode
from adapters.storage.schema.limits import ORDER_PROPOSALS, ORDER_SWITCHES
from adapters.storage.scope import Scope
from hedge_core.errors import IdempotencyConflict
from hedge_core.model.orders import OrderProposal, OrderStage, OrderSwitch, ProposedOrder

_NOTHING = {"book_by": "", "book_reason": "", "all_by": "", "all_reason": ""}


class Orders:
    """See `hedge_core.ports.orders.OrderStore`. The order under its reference is `broker_queries`'."""

    def __init__(self, scope: Scope, sent: BrokerQueries) -> None:
        self._scope = scope
        self._sent = sent

    def add(self, proposal: OrderProposal, at: datetime, by: str) -> None:
        known = self.proposed(proposal.proposal_id)
        if known is not None:
            if known.proposal != proposal:
                raise IdempotencyConflict(proposal.proposal_id, system="HedgeBridge")
            return
        row = {
            "proposal_id": proposal.proposal_id, "stage": OrderStage.PROPOSED.value, "payload": encode(proposal),
            "digest": proposal.digest, "proposed_at": at, "proposed_by": by, "approved_by": "", "approved_digest": "",
            "ended_by": "", "note": "",
        }  # fmt: skip
        self._scope.insert(ORDER_PROPOSALS, [row])

    def proposed(self, proposal_id: str) -> ProposedOrder | None:
        query = self._scope.select(ORDER_PROPOSALS).where(ORDER_PROPOSALS.c.proposal_id == proposal_id)
        found = self._scope.first(query)
        return None if found is None else self._read(found)

    def proposed_orders(self, stages: Collection[OrderStage] = (), limit: int = 500) -> list[ProposedOrder]:
        table = ORDER_PROPOSALS
        query = self._scope.select(table)
        if stages:
            query = query.where(table.c.stage.in_(sorted(stage.value for stage in stages)))
        ordered = query.order_by(table.c.proposed_at.desc(), table.c.proposal_id).limit(limit)
        return [self._read(row) for row in self._scope.rows(ordered)]

    def approve(self, proposal_id: str, digest: str, at: datetime, by: str) -> bool:
        values = {
            "stage": OrderStage.APPROVED.value,
            "approved_at": at,
            "approved_by": by,
            "approved_digest": digest,
        }
        return self._change(proposal_id, (OrderStage.PROPOSED,), values)

    def start(self, proposal_id: str, order_key: str) -> bool:
        values = {"stage": OrderStage.SENDING.value, "order_key": order_key}
        return self._change(proposal_id, (OrderStage.APPROVED,), values)

    def move(
        self, proposal_id: str, before: Collection[OrderStage], stage: OrderStage, by: str = "", note: str = ""
    ) -> bool:
        return self._change(proposal_id, before, {"stage": stage.value, "ended_by": by, "note": note})

    # --- the switch ---------------------------------------------------------------------------------------------------

    def switch(self, *, hold: bool = False) -> OrderSwitch:
        if hold:
            self._hold()
        row = self._scope.first(self._scope.select(ORDER_SWITCHES))
        if row is None:
            return OrderSwitch()
        return OrderSwitch(
            row.book_since, row.book_by, row.book_reason, row.all_since, row.all_by, row.all_reason
        )  # fmt: skip

    def throw_switch(self, every_book: bool, stopped: bool, at: datetime, by: str, reason: str) -> None:
        now = self.switch(hold=True)
        part = "all" if every_book else "book"
        since = now.all_since if every_book else now.book_since
        if stopped and since is not None:
            return
        values = {f"{part}_since": at, f"{part}_by": by, f"{part}_reason": reason}
        if not stopped:
            values = {f"{part}_since": None, f"{part}_by": "", f"{part}_reason": ""}
        self._scope.run(self._scope.update(ORDER_SWITCHES).values(values))

    def _hold(self) -> None:
        """The row's lock, which ends with the transaction: writing it is what holds it on both databases."""
        new = self._scope.insert_into(ORDER_SWITCHES).values({"book_id": self._scope.book, **_NOTHING})
        self._scope.run(new.on_conflict_do_nothing())
        self._scope.run(self._scope.update(ORDER_SWITCHES).values(book_by=ORDER_SWITCHES.c.book_by))

    # --- parts --------------------------------------------------------------------------------------------------------

    def _change(self, proposal_id: str, before: Collection[OrderStage], values: dict[str, Any]) -> bool:
        table = ORDER_PROPOSALS
        stages = sorted(stage.value for stage in before)
        query = self._scope.update(table).where(table.c.proposal_id == proposal_id, table.c.stage.in_(stages))
        return bool(self._scope.run(query.values(values)))

    def _read(self, row: Any) -> ProposedOrder:
        found = ProposedOrder(
            decode(row.payload, OrderProposal), OrderStage(row.stage), row.proposed_at, row.proposed_by,
            row.approved_at, row.approved_by, row.approved_digest, row.order_key or "", None, None, row.ended_by,
            row.note,
        )  # fmt: skip
        sent = self._sent.order(row.order_key) if row.order_key else None
        return found if sent is None else replace(found, sent_at=sent.sent_at, receipt=sent.receipt)
