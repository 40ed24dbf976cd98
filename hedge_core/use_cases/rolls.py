"""Rolls of a book: suggested from a settled day's trades, kept as chains, and carried over by the matches they move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext

from hedge_core.canonical import canonical_hash
from hedge_core.errors import InvalidInput
from hedge_core.exposure import QUANTITY_PLACES
from hedge_core.model.events import Roll
from hedge_core.model.futures import Direction, Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.matches import HedgeMatch
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.rolls import RollChain, chains, suggest_rolls
from hedge_core.rounding import EXACT, round_half_up
from hedge_core.snapshot import decode
from hedge_core.use_cases.match import queue_notes
from messages import Message

ROLLED = "rolled"
WHY_ROLLED = "matching.why_rolled"


def find_rolls(store: Store, book: BookId, day: date) -> tuple[Roll, ...]:
    """What a settled day's trades look like; nothing is kept. InvalidInput for a day that is not settled."""
    with store.read(book) as uow:
        return _suggested(uow, day)


@dataclass(frozen=True, slots=True)
class KeptRolls:
    """Rolls kept, and the matches that went over to the new lots."""

    rolls: tuple[Roll, ...]
    rematched: tuple[HedgeMatch, ...]


def keep_rolls(
    store: Store, book: BookId, day: date, products: Iterable[Product], actor: Actor, clock: Clock
) -> KeptRolls:
    """Keep the rolls of a day. Matches of a rolled lot end with the roll as their reason and go on against the new lot, as
    far as its quantity reaches: the hedge went on, and its history says how."""
    with store.begin(book, actor) as uow:
        made = _suggested(uow, day)
        names = _instruments(uow)
        in_force = products_by_instrument(names.values(), products, day)
        rematched: list[HedgeMatch] = []
        for roll in made:
            uow.commodity.add_event(roll)
            uow.audit.append(
                "roll.kept", roll.event_id, {"chain": roll.chain_id, "from": roll.from_lot, "to": roll.to_lot}
            )
            rematched += _rematch(uow, roll, names, in_force)
        queue_notes(uow, [match.leg for match in rematched], clock)
        return KeptRolls(made, tuple(rematched))


def roll_chains(store: Store, book: BookId, products: Iterable[Product]) -> tuple[RollChain, ...]:
    """Every chain with the cost of its steps."""
    with store.read(book) as uow:
        names, sides = _instruments(uow), _directions(uow)
        in_force = products_by_instrument(names.values(), products, date.max)
        return chains(uow.commodity.events(Roll), sides, names, in_force)


def _suggested(uow: UnitOfWork, day: date) -> tuple[Roll, ...]:
    stored = uow.results.snapshot(day)
    if stored is None:
        raise InvalidInput("roll", 0, "", Message("cli.no_snapshot", {"day": day}))
    figures = decode(stored.body).figures
    opened = [lot for lot in figures.lots_after() if lot.open_date == day]
    return suggest_rolls(day, figures.closes(), opened, uow.commodity.events(Roll))


def _rematch(uow: UnitOfWork, roll: Roll, names: dict[str, str], products: dict[str, Product]) -> list[HedgeMatch]:
    """The matches of the old lot, oldest first, as matches of the new one."""
    used = {kept.match_id for kept in uow.results.matches()} | uow.results.ended_match_ids()
    left = Decimal(roll.lots * products[names[roll.to_lot]].multiplier)
    made = []
    for old in [kept for kept in uow.results.matches() if kept.lot_id == roll.from_lot]:
        if left <= 0:
            break
        moved = min(left, old.futures_quantity)
        left -= moved
        spot = old.spot_quantity if moved == old.futures_quantity else _share(old, moved)
        match_id = f"M{canonical_hash([uow.book.book, str(old.leg), roll.to_lot, roll.event_id])[:16]}"
        if match_id in used:
            continue
        new = replace(
            old, match_id=match_id, lot_id=roll.to_lot, instrument=names[roll.to_lot], matched_on=roll.on,
            spot_quantity=spot, futures_quantity=moved, method=ROLLED, why=WHY_ROLLED,
        )  # fmt: skip
        uow.results.end_match(old.match_id, f"{ROLLED} {roll.event_id}")
        kept = [new]
        if moved < old.futures_quantity:
            rest_id = f"M{canonical_hash([uow.book.book, str(old.leg), roll.from_lot, roll.event_id, 'rest'])[:16]}"
            kept.append(
                replace(
                    old, match_id=rest_id, spot_quantity=old.spot_quantity - spot,
                    futures_quantity=old.futures_quantity - moved,
                )
            )  # fmt: skip
        uow.results.add_matches(kept)
        ids = [match.match_id for match in kept]
        uow.audit.append("matches.rolled", old.match_id, {"roll": roll.event_id, "matches": ids})
        made += kept
    return made


def _share(old: HedgeMatch, moved: Decimal) -> Decimal:
    with localcontext(EXACT):
        return round_half_up(old.spot_quantity * moved / old.futures_quantity, QUANTITY_PLACES)


def _instruments(uow: UnitOfWork) -> dict[str, str]:
    """Instrument by lot id: of every opening fill and every lot of an opening state."""
    names = {fill.key: fill.instrument for fill in uow.statements.fills()}
    return names | {lot.lot_id: lot.instrument for state in uow.broker.openings() for lot in state.lots}


def _directions(uow: UnitOfWork) -> dict[str, Direction]:
    sides = {fill.key: fill.direction for fill in uow.statements.fills()}
    return sides | {lot.lot_id: lot.direction for state in uow.broker.openings() for lot in state.lots}
