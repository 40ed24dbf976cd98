"""What accounting carries from day to day: booked fair values of lots and the figures of each hedge relationship."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

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
class HedgeState:
    """Figures of one relationship. The first block is about the open layer only: what a released part took with it is
    gone from it. `reserve` is gain positive; `deferred` is reserve that waits for a later event (no basis adjustment).
    `instrument_total` and `item_total` run over the relationship's life, for its effectiveness."""

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
    holdings: Mapping[str, Holding] = field(default_factory=dict)

    @classmethod
    def at_designation(cls, relationship: HedgeRelationship) -> HedgeState:
        return cls(relationship.item.quantity, relationship.item.carrying_amount)

    @property
    def is_open(self) -> bool:
        """Still measured: not stopped, and part of the item is left."""
        return not self.stopped and self.open_quantity > 0


@dataclass(frozen=True, slots=True)
class MeasureState:
    """State after `as_of`: free holdings by lot, relationships by id. An empty state is a book before its first day.
    Folding the same days over it from the start gives the same state: nothing else is remembered."""

    as_of: date | None = None
    lots: Mapping[str, Holding] = field(default_factory=dict)
    hedges: Mapping[str, HedgeState] = field(default_factory=dict)
