"""Basis (基差) of an order, of stock and of the market through one function, and what a change of basis is worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum

from hedge_core.errors import RuleBroken
from hedge_core.rounding import EXACT
from messages import Message

_ZERO = Decimal(0)


class BasisKind(StrEnum):
    """Whose price stands on the spot side: what stock cost (库存基差), what an order says (订单基差), what the market
    quotes (市场基差). The formula is the same for all three."""

    INVENTORY = "inventory"
    ORDER = "order"
    MARKET = "market"


@dataclass(frozen=True, slots=True)
class Quote:
    """A price per base unit, and whether VAT is in it (`vat_rate` 0.13 means 13 %). LME-style prices are quoted without,
    and so is a cost taken from the ledger."""

    price: Decimal
    vat_rate: Decimal = _ZERO
    vat_included: bool = True

    @property
    def with_vat(self) -> Decimal:
        """The price with VAT, exact: a basis is rounded only where it is shown."""
        with localcontext(EXACT):
            return self.price if self.vat_included else self.price * (1 + self.vat_rate)


@dataclass(frozen=True, slots=True)
class Premiums:
    """What the goods fetch above the standard grade at the delivery point (升贴水), per base unit with VAT; a discount is
    negative."""

    brand: Decimal = _ZERO
    grade: Decimal = _ZERO
    place: Decimal = _ZERO

    @property
    def total(self) -> Decimal:
        return self.brand + self.grade + self.place


STANDARD = Premiums()
"""Standard grade at the delivery point: nothing to take off."""


@dataclass(frozen=True, slots=True)
class Basis:
    """A basis per base unit with VAT, for the standard grade, against a named instrument on a day. `spot` is the price
    with VAT after the premiums are taken off: `value = spot − futures`."""

    kind: BasisKind
    instrument: str
    on: date
    spot: Decimal
    futures: Decimal

    @property
    def value(self) -> Decimal:
        return self.spot - self.futures


def basis(
    kind: BasisKind, spot: Quote, futures: Quote, *, instrument: str, on: date, premiums: Premiums = STANDARD
) -> Basis:
    """spot with VAT − premiums − futures with VAT (facts 3.3; definitions: standard grade, delivery point, stated contract).

    The kinds differ only in what they give as `spot`: stock its cost and the hedge's opening price as `futures`; an order
    its contract price and the futures price at pricing; the market a quote and the price now. An unpriced order has
    `floating_quote` for a price, so that its basis is the agreed premium whatever the futures price."""
    return Basis(kind, instrument, on, spot.with_vat - premiums.total, futures.with_vat)


def floating_quote(futures: Quote, premium: Decimal) -> Quote:
    """The price with VAT that an unpriced order has at a futures price: futures + the agreed premium."""
    return Quote(futures.with_vat + premium)


def basis_result(quantity: Decimal, then: Basis, now: Basis) -> Decimal:
    """quantity × (basis now − basis then), in price terms with VAT; `quantity` in the base unit, + when we hold the goods
    and are short futures. RuleBroken `basis_instruments_differ`: the two stand on different instruments, so that the
    difference would hold a calendar spread; state both on one (after a roll: `hedge_core.attribution`)."""
    if then.instrument != now.instrument:
        params = {"then": then.instrument, "now": now.instrument}
        raise RuleBroken("basis_instruments_differ", now.instrument, Message("basis.instruments_differ", params))
    with localcontext(EXACT):
        return quantity * (now.value - then.value)
