"""Where a hedged result comes from: basis, price on the open part, rolls, VAT, fees and funding, nothing left over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

from hedge_core.basis import Quote
from hedge_core.rounding import MINOR_UNITS

_NONE: Final = Fraction(0)
_ZERO: Final = Decimal(0)

LINES: Final = ("basis", "price", "roll", "vat_rate", "vat_delivery", "fees", "funding")
"""The lines of an attribution, in the order a person reads them."""


@dataclass(frozen=True, slots=True)
class SpotChange:
    """Goods and their price then and now: `quantity` in the base unit, + for long price risk (stock, priced purchases).
    The two prices may carry different VAT rates: the rate of a sale is that of its day."""

    quantity: Decimal
    then: Quote
    now: Quote


@dataclass(frozen=True, slots=True)
class FuturesLeg:
    """A futures position from its opening (or the last settlement) to its closing (or the settlement now): `quantity` in
    the base unit, − when sold; prices per base unit as the exchange quotes them. The legs of a roll follow each other."""

    instrument: str
    quantity: Decimal | Fraction
    opened: Decimal
    closed: Decimal


@dataclass(frozen=True, slots=True)
class Attribution:
    """A result and its lines, exact, in the ledger's currency; gains are positive, fees paid are negative.

    `spot` and `futures` are computed from prices, leg by leg, without the lines: `residual` compares two ways."""

    spot: Fraction
    futures: Fraction
    basis: Fraction
    price: Fraction
    roll: Fraction
    vat_rate: Fraction
    vat_delivery: Fraction
    fees: Fraction
    funding: Fraction

    @property
    def total(self) -> Fraction:
        return self.spot + self.futures + self.fees + self.funding

    @property
    def residual(self) -> Fraction:
        """What the lines do not explain: zero, exactly."""
        return self.total - sum((self._line(name) for name in LINES), _NONE)

    def rounded(self, currency: str = "CNY") -> dict[str, Decimal]:
        """The lines to the minor unit, so that they add up to the rounded total: what is left by cutting goes, unit by
        unit, to the largest remainders. No line is moved by a whole unit."""
        places = MINOR_UNITS.get(currency, 2)
        exact = {name: self._line(name) * 10**places for name in LINES}
        cut = {name: value.numerator // value.denominator for name, value in exact.items()}
        left = _half_away(self.total * 10**places) - sum(cut.values())
        for name in sorted(LINES, key=lambda line: (cut[line] - exact[line], LINES.index(line)))[:left]:
            cut[name] += 1
        return {name: Decimal(cut[name]).scaleb(-places) for name in LINES}

    def _line(self, name: str) -> Fraction:
        value: Fraction = getattr(self, name)
        return value


def attribute(
    spot: SpotChange,
    legs: Sequence[FuturesLeg],
    *,
    fees: Decimal | Fraction = _ZERO,
    funding: Decimal | Fraction = _ZERO,
    delivered: Decimal | Fraction = _ZERO,
) -> Attribution:
    """The attribution of a hedge (facts 3.10), with v = 1 + VAT, q goods, p futures (p = −h when sold):

        basis          q/v × Δ(S − F)       F runs from the first leg's opening to the last leg's closing
        price          (q/v + p) × ΔF       the part that no futures stand against; across a roll with what was carried
        roll           −p × (opening of the next leg − closing of this one), carried quantity (facts 3.7)
        vat_rate       q × S now × (1/v now − 1/v then): the rate changed in between
        vat_delivery   d × (1/v − 1) × ΔF of the last leg, for `delivered` goods d: futures are not taxed, the delivery is,
                       so that 1:1 locks nothing (facts 3.4); taken out of `price`

    Without legs everything is price. `fees` is what was paid (≥ 0), `funding` is signed (interest paid is −), `delivered`
    is signed as the goods are: + when ours went to the exchange. ValueError if fees are negative or more is delivered
    than the last leg stands against. S is taken with VAT; F as quoted, so for a net-quoted contract give S without VAT
    and a rate of zero."""
    last = -Fraction(legs[-1].quantity) if legs else _NONE
    gone = Fraction(delivered)
    if fees < 0 or gone * (last - gone) < 0:
        raise ValueError(f"fees {fees} or delivery {delivered} cannot be")
    quantity = Fraction(spot.quantity)
    then, now = Fraction(spot.then.with_vat), Fraction(spot.now.with_vat)
    per_then, per_now = 1 / Fraction(1 + spot.then.vat_rate), 1 / Fraction(1 + spot.now.vat_rate)
    net = quantity * per_then
    moves = [(Fraction(leg.quantity), Fraction(leg.closed) - Fraction(leg.opened)) for leg in legs]
    gaps = [(_carried(one, two), Fraction(two.opened) - Fraction(one.closed)) for one, two in pairwise(legs)]
    path = sum((change for _, change in (*moves, *gaps)), _NONE)
    delivery = gone * (per_then - 1) * moves[-1][1] if legs else _NONE
    open_part = sum(((net + held) * change for held, change in (*moves, *gaps)), _NONE)
    return Attribution(
        spot=quantity * (now * per_now - then * per_then),
        futures=sum((held * change for held, change in moves), _NONE),
        basis=net * (now - then - path) if legs else _NONE,
        price=open_part - delivery if legs else net * (now - then),
        roll=-sum((held * change for held, change in gaps), _NONE),
        vat_rate=quantity * now * (per_now - per_then),
        vat_delivery=delivery,
        fees=-Fraction(fees),
        funding=Fraction(funding),
    )


def _carried(one: FuturesLeg, two: FuturesLeg) -> Fraction:
    """The quantity that a roll moved: the smaller of the two positions; nothing if the side changed."""
    first, second = Fraction(one.quantity), Fraction(two.quantity)
    if first * second <= 0:
        return _NONE
    return first if abs(first) <= abs(second) else second


def _half_away(value: Fraction) -> int:
    """Half away from zero, as `hedge_core.rounding` rounds."""
    size = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return size if value >= 0 else -size
