"""What accounting carries from day to day: booked fair values of lots and the figures of each hedge relationship."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from hedge_core.accounting.option_value import TimeValueState
from hedge_core.accounting.relationships import HedgeRelationship

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """Lots of one position lot under one head (outside hedge accounting, or one relationship).

    `fair_value` is the floating result booked so far; with `variation = keep` it stands on the instrument's account.
    `outside` is the part of it whose result was not booked to 公允价值变动损益, but under a relationship."""

    lots: int
    fair_value: Decimal = ZERO
    outside: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Aside:
    """A part taken out of the hedge whose transaction is still expected: what was gathered on it waits for the goods."""

    quantity: Decimal = ZERO
    carrying: Decimal = ZERO
    adjustment: Decimal = ZERO
    reserve: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class MemberState:
    """One side of a net position: what is still open of it, its carrying amount, and its change since designation."""

    open_quantity: Decimal
    carrying: Decimal = ZERO
    change: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: cumulative changes of instrument and item over the relationship's life."""

    day: date
    instrument: Decimal
    item: Decimal


@dataclass(frozen=True, slots=True)
class HedgeState:
    """Figures of one relationship. The first block is about the open layer only: what a released part took with it is
    gone from it. `reserve` is gain positive; `deferred` is reserve that waits for a later event (no basis adjustment).
    `instrument_total` and `item_total` run over the relationship's life, for its effectiveness, and `history` keeps them by
    day. `offset` corrects the item's target for quantity that joined at another price. `written_off` is the loss of the
    reserve (negative) that went to profit or loss because it is not expected to be recovered. `ended_time_value` is the time
    value that options had when they ended; None before the first option."""

    open_quantity: Decimal
    carrying: Decimal
    item_change: Decimal = ZERO
    instrument_change: Decimal = ZERO
    reserve: Decimal = ZERO

    deferred: Decimal = ZERO
    instrument_total: Decimal = ZERO
    item_total: Decimal = ZERO
    stopped: bool = False
    taken: frozenset[str] = frozenset()
    offset: Decimal = ZERO
    aside: Aside = field(default_factory=lambda: Aside())
    members: Mapping[str, MemberState] = field(default_factory=dict)
    excluded: TimeValueState = field(default_factory=lambda: TimeValueState())
    written_off: Decimal = ZERO
    ended_time_value: Decimal | None = None
    history: tuple[Measured, ...] = ()
    holdings: Mapping[str, Holding] = field(default_factory=dict)

    @classmethod
    def at_designation(cls, relationship: HedgeRelationship) -> HedgeState:
        item = relationship.item
        members = {m.name: MemberState(m.quantity, m.carrying_amount) for m in item.members}
        carrying = sum((m.carrying_amount for m in item.members), ZERO) if item.members else item.carrying_amount
        return cls(item.quantity, carrying, members=members)

    @property
    def is_open(self) -> bool:
        """Still measured: not stopped, and part of the item is left."""
        if self.members:
            return not self.stopped and any(member.open_quantity for member in self.members.values())
        return not self.stopped and self.open_quantity > 0


@dataclass(frozen=True, slots=True)
class TaxState:
    """Deferred tax booked so far: expense and reserve as debits of the liability, and what is shown as an asset."""

    profit: Decimal = ZERO
    reserve: Decimal = ZERO
    asset: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class MeasureState:
    """State after `as_of`: free holdings by lot, relationships by id. An empty state is a book before its first day.
    Folding the same days over it from the start gives the same state: nothing else is remembered."""

    as_of: date | None = None
    lots: Mapping[str, Holding] = field(default_factory=dict)
    hedges: Mapping[str, HedgeState] = field(default_factory=dict)
    tax: TaxState = field(default_factory=lambda: TaxState())
