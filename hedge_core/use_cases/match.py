"""Matching spot legs to fills: suggested FIFO, kept, and written back to the order lines they hedge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.matching import ONE_TO_ONE, Matching, match_fifo, spot_legs, vat_adjusted
from hedge_core.model.futures import HedgeFlag, PositionLot, Product
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.matches import SpotLeg
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.use_cases.commodity import business, business_today
from hedge_core.use_cases.post import queue_hedge_notes
from hedge_core.use_cases.settle import commodities_of, positions_now, vat_rates
from messages import Message

NOTED_KINDS: Final = ("sale_line", "purchase_line")
"""Kinds of record that have a place for a hedge note in the ERP."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The matching after a run, the day it stands for, and how many hedge notes were queued for the ERP."""

    matching: Matching
    matched_on: date
    notes_queued: int = 0


def match(
    store: Store, book: BookId, products: Iterable[Product], actor: Actor, clock: Clock, *, dry_run: bool = False
) -> Matched:
    """Match what is free, FIFO, and queue the notes of the order lines concerned, in one transaction. A `dry_run` shows
    the same result and keeps nothing. The ratio is the book's setting `hedge_ratio`: one_to_one or vat_adjusted."""
    with store.begin(book, actor) as uow:
        legs, lots, in_force, on = both_sides(uow, products, business_today(clock))
        matching = _fifo(uow, legs, lots, in_force, on)
        if dry_run or not matching.new:
            return Matched(matching, on)
        uow.results.add_matches(matching.new)
        uow.audit.append(
            "matches.accepted", on.isoformat(), {"method": "fifo", "matches": [m.match_id for m in matching.new]}
        )
        return Matched(matching, on, queue_notes(uow, [m.leg for m in matching.new], clock))


def release_breaks(
    store: Store, book: BookId, products: Iterable[Product], reason: str, actor: Actor, clock: Clock
) -> int:
    """End the matches that no longer fit (their fill was closed, their goods are gone), with a reason, and write the
    notes again. Answers how many were ended; the history keeps them."""
    with store.begin(book, actor) as uow:
        legs, lots, in_force, on = both_sides(uow, products, business_today(clock))
        broken = {name for found in _fifo(uow, legs, lots, in_force, on).breaks for name in found.match_ids}
        ended = [kept for kept in uow.results.matches() if kept.match_id in broken]
        for old in ended:
            uow.results.end_match(old.match_id, reason)
        if ended:
            uow.audit.append("matches.ended", on.isoformat(), {"reason": reason, "matches": sorted(broken)})
            queue_notes(uow, [old.leg for old in ended], clock)
        return len(ended)


def both_sides(
    uow: UnitOfWork, products: Iterable[Product], on: date | None = None
) -> tuple[tuple[SpotLeg, ...], list[PositionLot], dict[str, Product], date]:
    """What there is to match now: spot legs, open lots, the products of their instruments, and the day of the lots.
    Terms and pricings count as of `on`, else as of that day. RuleBroken while there is no position at all."""
    lots, day = positions_now(uow)
    if day is None:
        raise RuleBroken("match_without_positions", uow.book.book, Message("match.no_positions"))
    held = business(uow, max(day, on or day))
    lines, inventory = held.lines, held.inventory
    in_force = products_by_instrument({lot.instrument for lot in lots}, products, day)
    rates = vat_rates(uow.book, commodities_of(lines, inventory, in_force))
    seen = uow.physical.inventory_first_seen()
    first_seen = {stock.ref: seen[str(stock.ref)].date() for stock in inventory if str(stock.ref) in seen}
    return spot_legs(lines, inventory, first_seen, rates), lots, in_force, day


def _fifo(
    uow: UnitOfWork, legs: Sequence[SpotLeg], lots: Sequence[PositionLot], in_force: dict[str, Product], on: date
) -> Matching:
    flags = uow.book.settings.get("match_hedge_flags", "")
    adjusted = uow.book.settings.get("hedge_ratio", "one_to_one") == "vat_adjusted"
    rates = vat_rates(uow.book, {leg.commodity for leg in legs})
    ratios = {name: vat_adjusted(rate) if adjusted else Fraction(ONE_TO_ONE) for name, rate in rates.items()}
    return match_fifo(
        uow.book.book,
        legs,
        lots,
        in_force,
        on,
        accepted=uow.results.matches(),
        used_ids=uow.results.ended_match_ids(),
        ratios=ratios,
        hedge_flags={HedgeFlag(name.strip()) for name in flags.split(",")} if flags else None,
    )


def queue_notes(uow: UnitOfWork, legs: Sequence[ExternalRef], clock: Clock) -> int:
    """Queue the hedge notes of these legs at the connections that have a place for them (option `hedge_fields`); answers
    how many."""
    with_place = {c.name: c.options.get("hedge_fields") or {} for c in uow.connections()}
    queued = 0
    for connection, fields in with_place.items():
        own = [leg for leg in legs if leg.connection == connection and leg.kind in NOTED_KINDS and leg.kind in fields]  # type: ignore[operator]
        queued += queue_hedge_notes(uow, connection, own, clock.now())
    return queued
