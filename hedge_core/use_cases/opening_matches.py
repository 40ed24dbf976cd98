"""Earlier matches at go-live: taken over once, checked against what is open on both sides, audited like any other match."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import Direction, PositionLot, Product
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.use_cases.match import both_sides, queue_notes
from messages import Message

OPENING: Final = "opening"
DOCUMENT: Final = "opening_matches"
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class EarlierMatch:
    """One row of the file. The leg is a record, or a contract's number with or without a line; quantities in the base
    unit; `open_price` as 持仓明细 prints it."""

    row: int
    leg: ExternalRef | None
    contract_no: str
    line_no: int | None
    account: str
    instrument: str
    open_date: date
    open_price: Decimal
    spot_quantity: Decimal
    futures_quantity: Decimal


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Matches that are new, how many had been taken over before, and the hedge notes queued for the ERP."""

    new: tuple[HedgeMatch, ...]
    known: int
    notes_queued: int


def import_opening_matches(
    store: Store,
    book: BookId,
    source_name: str,
    body: bytes,
    rows: Sequence[EarlierMatch],
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
) -> TakenOver:
    """Take over the matches of one file, all or none; the file is kept. A row that was taken over before, ended or not,
    is left alone, so that the same file again changes nothing.

    InvalidInput names the row and field of a leg or an opening lot that is not there, of quantities that exceed what is
    open, and of two sides with the same price risk."""
    with store.begin(book, actor) as uow:
        known_ids = uow.results.ended_match_ids() | {match.match_id for match in uow.results.matches()}
        numbered = list(_numbered(book, rows))
        new = [(row, number) for row, number in numbered if _row_id(book, row, number) not in known_ids]
        if not new:
            return TakenOver((), len(rows), 0)
        sides = _Sides(uow, source_name, products)
        matches = [sides.match(row, _row_id(book, row, number)) for row, number in new]
        uow.results.add_matches(matches)
        uow.save_document(DOCUMENT, source_name, body)
        uow.audit.append(
            "opening.matches",
            source_name,
            {"digest": hashlib.sha256(body).hexdigest(), "matches": [match.match_id for match in matches]},
        )
        notes = queue_notes(uow, [match.leg for match in matches], clock)
        return TakenOver(tuple(matches), len(rows) - len(new), notes)


def _numbered(book: BookId, rows: Iterable[EarlierMatch]) -> Iterable[tuple[EarlierMatch, int]]:
    """Each row with how many rows before it say the same: equal rows are several matches."""
    seen: dict[str, int] = {}
    for row in rows:
        content = _row_id(book, row, 0)
        yield row, seen.get(content, 0)
        seen[content] = seen.get(content, 0) + 1


def _row_id(book: BookId, row: EarlierMatch, number: int) -> str:
    leg = [str(row.leg) if row.leg else "", row.contract_no, row.line_no]
    lot = [row.account, row.instrument, row.open_date, row.open_price]
    return f"M{canonical_hash([OPENING, book, leg, lot, row.spot_quantity, row.futures_quantity, number])[:16]}"


class _Sides:
    """What is open on both sides and how much of it is matched, row after row."""

    def __init__(self, uow: UnitOfWork, source: str, products: Iterable[Product]) -> None:
        legs, lots, self._products, _ = both_sides(uow, products)
        self._source = source
        self._legs = {leg.ref: leg for leg in legs}
        self._lots = [lot for lot in lots if lot.lot_id.startswith(f"{OPENING}/")]
        self._lines = uow.physical.contract_lines()
        self._days = {state.account: state.trading_day for state in uow.broker.openings()}
        self._spot: dict[ExternalRef, Decimal] = {}
        self._futures: dict[str, Decimal] = {}
        for match in uow.results.matches():
            self._count(match)

    def match(self, row: EarlierMatch, match_id: str) -> HedgeMatch:
        """The row as a match, counted from now on."""
        for field in ("spot_quantity", "futures_quantity"):
            if getattr(row, field) <= 0:
                raise self._refused(row, field, "not_positive", value=getattr(row, field))
        leg = self._leg(row)
        free = abs(leg.quantity) - self._spot.get(leg.ref, _ZERO)
        if row.spot_quantity > free:
            raise self._refused(row, "spot_quantity", "leg_too_small", leg=leg.ref, asked=row.spot_quantity, free=free)
        lot = self._lot(row)
        if (lot.direction is Direction.BUY) is (leg.quantity > 0):
            raise self._refused(row, "instrument", "same_risk", leg=leg.ref, instrument=row.instrument)
        match = HedgeMatch(
            match_id, leg.ref, lot.lot_id, lot.account, lot.instrument, leg.commodity, row.spot_quantity,
            row.futures_quantity, self._days[lot.account], OPENING, "matching.why_opening",
        )  # fmt: skip
        if self._products[lot.instrument].commodity != leg.commodity:
            raise self._refused(row, "instrument", "other_commodity", leg=leg.ref, instrument=row.instrument)
        self._count(match)
        return match

    def _count(self, match: HedgeMatch) -> None:
        self._spot[match.leg] = self._spot.get(match.leg, _ZERO) + match.spot_quantity
        self._futures[match.lot_id] = self._futures.get(match.lot_id, _ZERO) + match.futures_quantity

    def _leg(self, row: EarlierMatch) -> SpotLeg:
        if row.leg is not None:
            name, refs = str(row.leg), [row.leg]
        else:
            name = row.contract_no if row.line_no is None else f"{row.contract_no}/{row.line_no}"
            refs = [
                line.ref
                for line in self._lines
                if line.contract_no == row.contract_no and row.line_no in (None, line.line_no)
            ]
        found = [self._legs[ref] for ref in refs if ref in self._legs]
        if len(found) != 1:
            problem = "several_legs" if found else "no_leg"
            raise self._refused(row, "key" if row.leg else "contract", problem, leg=name, count=len(found))
        return found[0]

    def _lot(self, row: EarlierMatch) -> PositionLot:
        """The opening lot of the row: among equal ones the first with enough left."""
        equal = [
            lot
            for lot in self._lots
            if (lot.account, lot.instrument, lot.open_date, lot.open_price)
            == (row.account, row.instrument, row.open_date, row.open_price)
            and lot.instrument in self._products
        ]
        if not equal:
            fill = f"{row.account} {row.instrument} {row.open_date} {row.open_price}"
            raise self._refused(row, "account", "no_lot", fill=fill)
        free = [self._size(lot) - self._futures.get(lot.lot_id, _ZERO) for lot in equal]
        for lot, left in zip(equal, free, strict=True):
            if row.futures_quantity <= left:
                return lot
        raise self._refused(row, "futures_quantity", "lot_too_small", asked=row.futures_quantity, free=max(free))

    def _size(self, lot: PositionLot) -> Decimal:
        return Decimal(lot.lots * self._products[lot.instrument].multiplier)

    def _refused(self, row: EarlierMatch, field: str, problem: str, **params: object) -> InvalidInput:
        shown = {name: str(value) if isinstance(value, ExternalRef) else value for name, value in params.items()}
        return InvalidInput(self._source, row.row, field, Message(f"matching.opening_{problem}", shown))
