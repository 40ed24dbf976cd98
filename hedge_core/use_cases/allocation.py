"""Internal allocations: proposed in one book, agreed in the other by somebody else, entered in both; and the group's view.

Each entry is written in a transaction of its own book, so that no transaction ever spans two. Every step can be repeated:
a proposal or agreement that reached one book only is completed by doing it again, and until then it stands as one-sided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hedge_core.allocation import (
    AllocationState,
    agreement_holds,
    allocation_digest,
    mirrored,
    problems,
    unpaired,
)
from hedge_core.canonical import canonical_hash
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.exposure import ExposureRow
from hedge_core.exposure_views import exposure_by_book
from hedge_core.model.events import Allocation, AllocationAgreement
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.physical import Side
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.products import delivery_month, products_by_instrument
from hedge_core.use_cases.commodity import business_today
from hedge_core.use_cases.exposure import exposure_now
from messages import Message


def propose_allocation(
    store: Store,
    book: BookId,
    other: BookId,
    instrument: str,
    quantity: Decimal,
    price: Decimal,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    *,
    on: date | None = None,
) -> Allocation:
    """Hand futures exposure of `quantity` (signed as OUR exposure changes, base unit) over from or to another book at a
    price. InvalidInput for an instrument or book that is not known; the RuleBroken of `hedge_core.allocation.problems`."""
    day = on or business_today(clock)
    product = products_by_instrument([instrument], products, day).get(instrument)
    month = delivery_month(instrument)
    if product is None or month is None:
        raise InvalidInput("allocation", 0, "", Message("allocation.instrument", {"instrument": instrument}))
    if other not in {known.book for known in store.books()}:
        raise InvalidInput("allocation", 0, "", Message("allocation.no_book", {"book": other}))
    name = f"A{canonical_hash([sorted([book, other]), book, instrument, quantity, price, day])[:16]}"
    side = Side.PURCHASE if quantity > 0 else Side.SALE
    made = Allocation(name, day, other, product.commodity, instrument, month, quantity, price, side, actor.name, book)
    wrong = problems(made, book)
    if wrong:
        raise wrong[0]
    _enter(store, book, made, actor)
    _enter(store, other, mirrored(made, book), actor)
    return made


def agree_allocation(store: Store, book: BookId, allocation_id: str, actor: Actor, clock: Clock) -> AllocationAgreement:
    """Agree in the book that was asked; from then on it counts in both. InvalidInput when there is none. RuleBroken
    `allocation_own` for who proposed it or in the book that did, `allocation_one_sided` where the two entries do not
    mirror each other."""
    with store.read(book) as uow:
        mine = _find(uow, allocation_id)
    if mine.proposed_by == actor.name or mine.proposed_in == book:
        params = {"allocation": allocation_id, "actor": mine.proposed_by, "book": mine.proposed_in}
        raise RuleBroken("allocation_own", allocation_id, Message("allocation.own", params))
    with store.read(mine.other_book) as uow:
        theirs = uow.commodity.events(Allocation)
    if allocation_id in unpaired(
        book, [mine], mine.other_book, [one for one in theirs if one.event_id == allocation_id]
    ):
        raise RuleBroken(
            "allocation_one_sided", allocation_id, Message("allocation.one_sided", {"allocation": allocation_id})
        )
    agreement = AllocationAgreement(allocation_id, business_today(clock), allocation_digest(mine, book), actor.name)
    for one in (book, mine.other_book):
        with store.begin(one, actor) as uow:
            if any(known.event_id == allocation_id for known in uow.commodity.events(AllocationAgreement)):
                continue
            uow.commodity.add_event(agreement)
            uow.audit.append("allocation.agreed", allocation_id, {"digest": agreement.digest, "by": actor.name})
    return agreement


def allocations(store: Store, book: BookId) -> tuple[AllocationState, ...]:
    """The book's allocations with their state, read in both books; nothing of the other book is answered but whether its
    entry mirrors ours."""
    with store.read(book) as uow:
        mine = uow.commodity.events(Allocation)
        agreements = {one.event_id: one for one in uow.commodity.events(AllocationAgreement)}
    answer = []
    for one in mine:
        with store.read(one.other_book) as uow:
            theirs = [row for row in uow.commodity.events(Allocation) if row.event_id == one.event_id]
            agreed_there = any(row.event_id == one.event_id for row in uow.commodity.events(AllocationAgreement))
        here = agreement_holds(one, book, agreements.get(one.event_id))
        state = (
            "one_sided"
            if unpaired(book, [one], one.other_book, theirs) or here is not agreed_there
            else ("agreed" if here else "proposed")
        )
        by = agreements[one.event_id].agreed_by if here else ""
        answer.append(AllocationState(book, one, state, by))
    return tuple(answer)


def group_exposure(
    store: Store, books: Sequence[BookId], products: Iterable[Product], clock: Clock
) -> tuple[ExposureRow, ...]:
    """Exposure totals of several books side by side, read only. Internal allocations add up to nothing over both books."""
    table = list(products)
    return exposure_by_book(exposure_now(store, book, table, clock).exposure for book in books)


def _enter(store: Store, book: BookId, entry: Allocation, actor: Actor) -> None:
    with store.begin(book, actor) as uow:
        known = [one for one in uow.commodity.events(Allocation) if one.event_id == entry.event_id]
        if not known:
            uow.commodity.add_event(entry)
            details = {"other": entry.other_book, "quantity": entry.quantity, "price": entry.price}
            uow.audit.append("allocation.proposed", entry.event_id, details)
        elif replace(known[0], proposed_by=entry.proposed_by) != entry:
            params = {"allocation": entry.event_id}
            raise RuleBroken("allocation_one_sided", entry.event_id, Message("allocation.one_sided", params))


def _find(uow: UnitOfWork, allocation_id: str) -> Allocation:
    found = next((one for one in uow.commodity.events(Allocation) if one.event_id == allocation_id), None)
    if found is None:
        raise InvalidInput("allocation", 0, "", Message("allocation.none", {"allocation": allocation_id}))
    return found
