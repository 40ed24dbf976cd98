"""What happened in the commodity business on a day: pricings, price notes, fills of plans, approvals, rolls, allocations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.model.identity import BookId
from hedge_core.model.physical import Side


@dataclass(frozen=True, slots=True)
class PricingCall:
    """Part of a line fixed at a futures price (点价): with VAT as the exchange quotes it, per base unit. `why` is `called`,
    `forced` (the window ended) or `stop` (the stop price was reached)."""

    event_id: str
    line: str
    on: date
    instrument: str
    quantity: Decimal
    price: Decimal
    why: str = "called"


@dataclass(frozen=True, slots=True)
class PriceNote:
    """A document that re-prices delivered goods: `document` is note, red or blue. Money is signed as the invoice total
    changes: what the buyer owes more is positive."""

    event_id: str
    line: str
    on: date
    document: str
    quantity: Decimal
    price: Decimal
    vat_rate: Decimal
    net: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True)
class PlanFill:
    """A fill tied to a hedge plan; `event_id` is the fill's key."""

    event_id: str
    on: date
    plan_id: str
    lots: int


@dataclass(frozen=True, slots=True)
class PlanApproval:
    """A plan's version approved; `digest` is the hash of what was approved, `event_id` the plan and its digest."""

    event_id: str
    plan_id: str
    on: date
    digest: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Roll:
    """Lots of one position lot replaced by another month's: `chain_id` is kept over all legs (移仓)."""

    event_id: str
    chain_id: str
    on: date
    from_lot: str
    to_lot: str
    lots: int
    closed_price: Decimal
    opened_price: Decimal


@dataclass(frozen=True, slots=True)
class Allocation:
    """One side of an internal allocation between two books: futures handed over at a price, paper only. `quantity` is
    signed as this book's exposure changes; the other book holds the same document with the sign turned."""

    event_id: str
    on: date
    other_book: BookId
    commodity: str
    instrument: str
    month: str
    quantity: Decimal
    price: Decimal
    side: Side
    proposed_by: str
    proposed_in: BookId


@dataclass(frozen=True, slots=True)
class AllocationAgreement:
    """The taker agreed; `event_id` is the allocation's. `digest` is the hash of what was agreed."""

    event_id: str
    on: date
    digest: str
    agreed_by: str


BusinessEvent = PricingCall | PriceNote | PlanFill | PlanApproval | Roll | Allocation | AllocationAgreement

EVENT_KINDS: Final[dict[str, type[BusinessEvent]]] = {
    "pricing": PricingCall,
    "price_note": PriceNote,
    "plan_fill": PlanFill,
    "plan_approval": PlanApproval,
    "roll": Roll,
    "allocation": Allocation,
    "agreement": AllocationAgreement,
}

_SUBJECT: Final[dict[str, str]] = {
    "pricing": "line",
    "price_note": "line",
    "plan_fill": "plan_id",
    "plan_approval": "plan_id",
    "roll": "chain_id",
    "allocation": "other_book",
    "agreement": "event_id",
}


def event_kind(event: object) -> str:
    """The kind an event, or a class of events, is stored under."""
    wanted = event if isinstance(event, type) else type(event)
    return next(kind for kind, made in EVENT_KINDS.items() if made is wanted)


def event_subject(event: BusinessEvent) -> str:
    """What an event is about: a line, a plan, a chain, a book."""
    return str(getattr(event, _SUBJECT[event_kind(event)]))
