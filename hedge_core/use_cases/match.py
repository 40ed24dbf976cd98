"""Matching spot legs to fills in one of the modes, kept, ended with a reason, and written back to the lines they hedge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.matching import ONE_TO_ONE, Matching, spot_legs, vat_adjusted
from hedge_core.matching_modes import (
    HAND,
    AccountMismatch,
    Constraints,
    OpposedAccounts,
    Sides,
    account_mismatches,
    match_by_hand,
    match_by_tag,
    match_one_to_one,
    match_within,
    opposed_accounts,
)
from hedge_core.matching_optimal import match_optimal
from hedge_core.model.futures import HedgeFlag, PositionLot, Product
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.matches import SpotLeg
from hedge_core.model.terms import Tag
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Connection, Store, UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.use_cases.commodity import business, business_today
from hedge_core.use_cases.post import queue_hedge_notes
from hedge_core.use_cases.settle import commodities_of, positions_now, vat_rates
from messages import Message

EVERYTHING: Final = Constraints()

NOTED_KINDS: Final = ("sale_line", "purchase_line")
"""Kinds of record that have a place for a hedge note in the ERP."""
OWN_PLACE: Final = frozenset({"odoo", "file_drop"})
"""Systems with a place for notes that needs no configuration: a model or an internal note, a file. A system that another
package brings says so by the option `hedge_notes`."""
PLACES_BY_KIND: Final = ("hedge_fields", "hedge_note", "hedge_texts")
"""Options that name a place for each kind: a field of the line, a call that writes one, a type of item text."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The matching after a run, the day it stands for, and how many hedge notes were queued for the ERP."""

    matching: Matching
    matched_on: date
    notes_queued: int = 0


class Mode(StrEnum):
    """How matches are found; a person's own choice is `match_hand`."""

    FIFO = "fifo"
    TAG = "tag"
    OPTIMAL = "optimal"
    ONE_TO_ONE = "one_to_one"


def match(
    store: Store,
    book: BookId,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    *,
    dry_run: bool = False,
    mode: Mode = Mode.FIFO,
    limits: Constraints = EVERYTHING,
) -> Matched:
    """Match what is free and queue the notes of the order lines concerned, in one transaction. A `dry_run` shows
    the same result and keeps nothing. The ratio is the book's setting `hedge_ratio`: one_to_one or vat_adjusted; its
    `match_hedge_flags` hold unless `limits` names flags of its own."""
    with store.read(book) if dry_run else store.begin(book, actor) as uow:
        sides = _sides(uow, products, business_today(clock))
        flags = limits.hedge_flags if limits.hedge_flags is not None else _flags(uow)
        matching = _BY_MODE[mode](uow, sides, replace(limits, hedge_flags=flags))
        return _kept(uow, matching, sides.on, mode.value, clock, dry_run)


def match_hand(
    store: Store,
    book: BookId,
    leg: str,
    lot_id: str,
    spot_quantity: Decimal,
    futures_quantity: Decimal | None,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    *,
    dry_run: bool = False,
) -> Matched:
    """One match that a person chose; the RuleBroken of `hedge_core.matching_modes.match_by_hand` where it cannot be."""
    with store.read(book) if dry_run else store.begin(book, actor) as uow:
        sides = _sides(uow, products, business_today(clock))
        matching = match_by_hand(sides, leg, lot_id, spot_quantity, futures_quantity)
        return _kept(uow, matching, sides.on, HAND, clock, dry_run)


def unmatch(store: Store, book: BookId, match_ids: Sequence[str], reason: str, actor: Actor, clock: Clock) -> int:
    """End matches with a reason; the history keeps them and their ids are never given again. InvalidInput for an id that
    is no live match of this book: nothing is ended then."""
    with store.begin(book, actor) as uow:
        live = {kept.match_id: kept for kept in uow.results.matches()}
        for match_id in match_ids:
            if match_id not in live:
                raise InvalidInput("match", 0, "", Message("match.none", {"match": match_id}))
        for match_id in dict.fromkeys(match_ids):
            uow.results.end_match(match_id, reason)
        uow.audit.append("matches.ended", book, {"reason": reason, "matches": sorted(set(match_ids))})
        queue_notes(uow, [live[match_id].leg for match_id in match_ids], clock)
        return len(set(match_ids))


@dataclass(frozen=True, slots=True)
class AccountFindings:
    """Matches in another account than their leg's mark says, and instruments held both ways across accounts."""

    mismatches: tuple[AccountMismatch, ...]
    opposed: tuple[OpposedAccounts, ...]


def account_findings(store: Store, book: BookId, clock: Clock) -> AccountFindings:
    """What stands in the wrong account; marks are the tags in force."""
    with store.read(book) as uow:
        tags = uow.commodity.in_force(Tag, business_today(clock))
        wanted = {tag.subject: tag.account for tag in tags if tag.account}
        lots, _ = positions_now(uow)
        return AccountFindings(account_mismatches(uow.results.matches(), wanted), opposed_accounts(lots))


def release_breaks(
    store: Store, book: BookId, products: Iterable[Product], reason: str, actor: Actor, clock: Clock
) -> int:
    """End the matches that no longer fit (their fill was closed, their goods are gone), with a reason, and write the
    notes again. Answers how many were ended; the history keeps them."""
    with store.begin(book, actor) as uow:
        sides = _sides(uow, products, business_today(clock))
        on = sides.on
        broken = {name for found in sides.finish(()).breaks for name in found.match_ids}
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


def _sides(uow: UnitOfWork, products: Iterable[Product], today: date) -> Sides:
    legs, lots, in_force, on = both_sides(uow, products, today)
    adjusted = uow.book.settings.get("hedge_ratio", "one_to_one") == "vat_adjusted"
    rates = vat_rates(uow.book, {leg.commodity for leg in legs})
    ratios = {name: vat_adjusted(rate) if adjusted else Fraction(ONE_TO_ONE) for name, rate in rates.items()}
    accepted, used = uow.results.matches(), uow.results.ended_match_ids()
    return Sides(uow.book.book, legs, lots, in_force, on, accepted, ratios, used)


def _flags(uow: UnitOfWork) -> frozenset[HedgeFlag] | None:
    flags = uow.book.settings.get("match_hedge_flags", "")
    return frozenset(HedgeFlag(name.strip()) for name in flags.split(",")) if flags else None


def _optimal(uow: UnitOfWork, sides: Sides, limits: Constraints) -> Matching:
    legs = [leg for leg in sides.legs if limits.allows_leg(leg)]
    lots = [lot for lot in sides.lots if limits.allows_lot(lot)]
    found = match_optimal(
        sides.book, legs, lots, sides.products, sides.on, window=limits.months, accepted=sides.accepted,
        ratios=sides.ratios, used_ids=sides.used_ids,
    )  # fmt: skip
    return sides.finish(found.new)


def _tagged(uow: UnitOfWork, sides: Sides, limits: Constraints) -> Matching:
    tags = {tag.subject: tag.tag for tag in uow.commodity.in_force(Tag, sides.on)}
    return match_by_tag(sides, tags, limits)


_BY_MODE: Final[Mapping[Mode, Callable[[UnitOfWork, Sides, Constraints], Matching]]] = {
    Mode.FIFO: lambda uow, sides, limits: match_within(sides, limits),
    Mode.TAG: _tagged,
    Mode.OPTIMAL: _optimal,
    Mode.ONE_TO_ONE: lambda uow, sides, limits: match_one_to_one(sides, limits),
}


def _kept(uow: UnitOfWork, matching: Matching, on: date, method: str, clock: Clock, dry_run: bool) -> Matched:
    if dry_run or not matching.new:
        return Matched(matching, on)
    uow.results.add_matches(matching.new)
    ids = [made.match_id for made in matching.new]
    uow.audit.append("matches.accepted", on.isoformat(), {"method": method, "matches": ids})
    return Matched(matching, on, queue_notes(uow, [made.leg for made in matching.new], clock))


def queue_notes(uow: UnitOfWork, legs: Sequence[ExternalRef], clock: Clock) -> int:
    """Queue the hedge notes of these legs at the connections that have a place for them; answers how many."""
    queued = 0
    for connection in uow.connections():
        kinds = kinds_with_place(connection)
        own = [leg for leg in legs if leg.connection == connection.name and leg.kind in kinds]
        queued += queue_hedge_notes(uow, connection.name, own, clock.now())
    return queued


def kinds_with_place(connection: Connection) -> frozenset[str]:
    """The kinds of line whose notes a connection takes: those that one of `PLACES_BY_KIND` names; all
    of them where notes go to files (`notes_folder`) or where the system has a place of its own; none with `hedge_notes` off."""
    options = connection.options
    if not options.get("hedge_notes", True):
        return frozenset()
    everywhere = connection.system in OWN_PLACE or options.get("notes_folder") or options.get("hedge_notes")
    named = {kind for option in PLACES_BY_KIND for kind in options.get(option) or ()}  # type: ignore[attr-defined]
    return frozenset(kind for kind in NOTED_KINDS if everywhere or kind in named)
