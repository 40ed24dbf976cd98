"""A hedge order on its way: proposed, approved by somebody else, sent once, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.model.broker import HedgeOrder, OrderReceipt, OrderState
from hedge_core.model.futures import Direction, HedgeFlag, Offset


class OrderStage(StrEnum):
    """`proposed → approved → sending → working | filled | cancelled | refused | unknown | missing`; before it is sent also
    `withdrawn` (by a person) and `stopped` (by the switch).

    `sending`: its reference is stored; whether it went out says `sent_at` of the order. `unknown`: it may have arrived.
    `missing`: the broker was asked after its settle time and has no such order; it is never sent again, a new proposal is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    MISSING = "missing"
    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"


BEFORE_SENDING: Final = frozenset({OrderStage.PROPOSED, OrderStage.APPROVED})
MAY_FILL: Final = frozenset({OrderStage.SENDING, OrderStage.UNKNOWN, OrderStage.MISSING, OrderStage.WORKING})
"""Stages in which the broker may (still) have it: these are asked for, and cancelled by the switch."""
ON_ITS_WAY: Final = frozenset({OrderStage.APPROVED, OrderStage.SENDING, OrderStage.UNKNOWN, OrderStage.WORKING})
"""Stages whose lots count beside the position when another order is checked."""

STAGE_OF: Final = {
    OrderState.WORKING: OrderStage.WORKING,
    OrderState.FILLED: OrderStage.FILLED,
    OrderState.CANCELLED: OrderStage.CANCELLED,
    OrderState.REFUSED: OrderStage.REFUSED,
    OrderState.UNCERTAIN: OrderStage.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class OrderProposal:
    """What is proposed and approved: nothing of it may differ from what is sent. `plan_id` is empty without a plan."""

    proposal_id: str
    connection: str
    account: str
    instrument: str
    direction: Direction
    offset: Offset
    hedge_flag: HedgeFlag
    lots: int
    limit_price: Decimal
    plan_id: str = ""
    why: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: what an approval is bound to."""
        return canonical_hash({name: getattr(self, name) for name in OrderProposal.__slots__})

    def order(self, key: str) -> HedgeOrder:
        """As the broker gets it, under its reference."""
        return HedgeOrder(
            key,
            self.account,
            self.instrument,
            self.direction,
            self.offset,
            self.hedge_flag,
            self.lots,
            self.limit_price,
        )


@dataclass(frozen=True, slots=True)
class ProposedOrder:
    """A proposal with its state. `order_key` is the reference at the broker, empty until it is being sent; `note` is the
    broker's or our own last word about it."""

    proposal: OrderProposal
    stage: OrderStage
    proposed_at: datetime
    proposed_by: str
    approved_at: datetime | None = None
    approved_by: str = ""
    approved_digest: str = ""
    order_key: str = ""
    sent_at: datetime | None = None
    receipt: OrderReceipt | None = None
    ended_by: str = ""
    note: str = ""

    @property
    def filled(self) -> int:
        return 0 if self.receipt is None else self.receipt.filled_lots


@dataclass(frozen=True, slots=True)
class OrderSwitch:
    """The switch that stops all orders of a book, and the one that stops those of every book: by whom, since when, why."""

    book_since: datetime | None = None
    book_by: str = ""
    book_reason: str = ""
    all_since: datetime | None = None
    all_by: str = ""
    all_reason: str = ""

    @property
    def stopped(self) -> bool:
        return self.book_since is not None or self.all_since is not None

    @property
    def since(self) -> datetime | None:
        return min((one for one in (self.book_since, self.all_since) if one is not None), default=None)

    @property
    def who(self) -> str:
        return self.all_by if self.all_since is not None else self.book_by

    @property
    def reason(self) -> str:
        return self.all_reason if self.all_since is not None else self.book_reason
