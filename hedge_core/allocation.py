"""Internal allocation between books of one company: futures handed over on paper, one document with two entries that mirror."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hedge_core.canonical import canonical_hash
from hedge_core.errors import RuleBroken
from hedge_core.model.events import Allocation, AllocationAgreement
from hedge_core.model.identity import BookId
from hedge_core.model.physical import Side
from messages import Message


def allocation_digest(allocation: Allocation, book: BookId) -> str:
    """SHA-256 over what both sides agree on: the same from either book."""
    giver_first = sorted([(book, allocation.quantity), (allocation.other_book, -allocation.quantity)])
    return canonical_hash(
        [
            allocation.event_id, allocation.on, [list(side) for side in giver_first], allocation.commodity,
            allocation.instrument, allocation.month, allocation.price,
        ]
    )  # fmt: skip


def mirrored(allocation: Allocation, book: BookId) -> Allocation:
    """The other book's entry of the same document: the sign and the side turned, everything else alike."""
    side = Side.SALE if allocation.side is Side.PURCHASE else Side.PURCHASE
    return replace(allocation, other_book=book, quantity=-allocation.quantity, side=side)


def problems(allocation: Allocation, book: BookId) -> tuple[RuleBroken, ...]:
    """What is wrong with a proposal: `allocation_same_book`, `allocation_quantity`, `allocation_price`,
    `allocation_side` (a purchase gets long)."""
    rules = (
        ("same_book", allocation.other_book == book),
        ("quantity", allocation.quantity == 0),
        ("price", allocation.price <= 0),
        ("side", (allocation.quantity > 0) is not (allocation.side is Side.PURCHASE)),
    )
    params = {"allocation": allocation.event_id}
    return tuple(
        RuleBroken(f"allocation_{name}", allocation.event_id, Message(f"allocation.{name}", params))
        for name, is_broken in rules
        if is_broken
    )


@dataclass(frozen=True, slots=True)
class AllocationState:
    """One book's side of an allocation. `state` is proposed, agreed, or one_sided where the other book has no mirror."""

    book: BookId
    allocation: Allocation
    state: str
    agreed_by: str = ""


def unpaired(
    ours: BookId, our_rows: Iterable[Allocation], theirs: BookId, their_rows: Iterable[Allocation]
) -> tuple[str, ...]:
    """Ids of allocations between two books whose entries do not mirror each other; empty when all do."""
    here = {one.event_id: one for one in our_rows if one.other_book == theirs}
    there = {one.event_id: one for one in their_rows if one.other_book == ours}
    return tuple(
        name
        for name in sorted(here.keys() | there.keys())
        if name not in here or name not in there or mirrored(here[name], ours) != there[name]
    )


def agreement_holds(allocation: Allocation, book: BookId, agreement: AllocationAgreement | None) -> bool:
    """Whether an agreement is of exactly this content."""
    return agreement is not None and agreement.digest == allocation_digest(allocation, book)
