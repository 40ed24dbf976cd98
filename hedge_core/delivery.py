"""Exchange delivery (交割): the position closes at the delivery settlement price, the receipt changes hands, the invoice
comes later.

A statement's 交割明细 opens a case; the settlement of that day closes the lots (`settlement.untraded`) and takes the case's first
step; the others are recorded by people, each on its own day with its paper. The state of a delivery is the first step that is
not complete, and what it still lacks is said in quantity or money.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hedge_core.errors import RuleBroken
from hedge_core.model.futures import AccountStatement, Delivery, Direction, PositionDetail, Product
from hedge_core.rounding import round_money
from messages import Message

if TYPE_CHECKING:  # the settlement engine behind it is not needed to read or store a delivery
    from hedge_core.settlement.rows import LotClose

_ZERO: Final = Decimal(0)


class DeliveryStep(StrEnum):
    """What happens to a delivery, in no order of time but the position's close, which comes first."""

    CLOSED = "closed"
    PAYMENT = "payment"
    RECEIPT = "receipt"
    INVOICE = "invoice"


ORDER: Final = {
    Direction.BUY: (DeliveryStep.CLOSED, DeliveryStep.PAYMENT, DeliveryStep.RECEIPT, DeliveryStep.INVOICE),
    Direction.SELL: (DeliveryStep.CLOSED, DeliveryStep.RECEIPT, DeliveryStep.PAYMENT, DeliveryStep.INVOICE),
}
"""By the side of the position: who takes goods pays first, who gives them hands the receipt over first."""

IN_MONEY: Final = frozenset({DeliveryStep.PAYMENT})
"""Steps counted in money; the others are counted in the product's unit."""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step, or a part of it: on which day, by which paper (receipt or invoice number, statement row), and how much:
    money for a payment, the product's unit otherwise."""

    step: DeliveryStep
    on: date
    paper: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DeliveryCase:
    """One delivery of an account. `direction` is the side of the position: buy takes goods. `quantity` = lots × multiplier
    in `unit`; `price` is the delivery settlement price per unit, VAT included."""

    delivery_id: str
    account: str
    instrument: str
    direction: Direction
    lots: int
    quantity: Decimal
    unit: str
    price: Decimal
    currency: str
    delivered_on: date
    taken: tuple[StepTaken, ...] = ()

    @property
    def value(self) -> Decimal:
        """What the goods cost, VAT included."""
        return round_money(self.quantity * self.price, self.currency)

    def missing(self) -> list[tuple[DeliveryStep, Decimal]]:
        """Every step that is not complete, in order, with what it lacks: money for a payment, else quantity."""
        found = []
        for step in ORDER[self.direction]:
            wanted = self.value if step in IN_MONEY else self.quantity
            done = sum((one.amount for one in self.taken if one.step is step), _ZERO)
            if done != wanted:
                found.append((step, wanted - done))
        return found

    @property
    def state(self) -> str:
        """`waits_for_<step>` of the first step that is not complete; `complete`."""
        missing = self.missing()
        return f"waits_for_{missing[0][0].value}" if missing else "complete"

    def take(self, taken: StepTaken) -> DeliveryCase:
        """The case with a step recorded. `RuleBroken` for nothing, for more than is missing, for a paper recorded twice,
        and for a step before the position was closed."""
        lacks = dict(self.missing()).get(taken.step, _ZERO)
        shown = {"delivery": self.delivery_id, "paper": taken.paper, "amount": taken.amount, "missing": lacks}
        if any((one.step, one.paper) == (taken.step, taken.paper) for one in self.taken):
            raise RuleBroken("delivery_twice", self.delivery_id, Message("delivery.twice", shown))
        if not _ZERO < taken.amount <= lacks:
            raise RuleBroken("delivery_too_much", self.delivery_id, Message("delivery.too_much", shown))
        if taken.on < self.delivered_on:
            shown = {"delivery": self.delivery_id, "day": self.delivered_on}
            raise RuleBroken("delivery_too_early", self.delivery_id, Message("delivery.too_early", shown))
        return replace(self, taken=(*self.taken, taken))


def deliveries_of(
    statement: AccountStatement, held_before: Iterable[PositionDetail], products: dict[str, Product]
) -> list[DeliveryCase]:
    """The deliveries of a statement as cases that wait for the settlement of its day. `held_before` are the positions of the
    day before, which tell the side where a counter prints the closing one; `products` by instrument.
    `RuleBroken("unknown_instrument")` for a product that the table lacks."""
    sides: dict[str, set[Direction]] = {}
    for held in held_before:
        sides.setdefault(held.instrument, set()).add(held.direction)
    found = []
    for number, row in enumerate(statement.deliveries, 1):
        product = products.get(row.instrument)
        if product is None:
            shown = {"instrument": row.instrument}
            raise RuleBroken("unknown_instrument", row.instrument, Message("delivery.unknown_product", shown))
        key = f"{statement.account}:{statement.trading_day.isoformat()}:{number}"
        quantity = Decimal(row.lots * product.multiplier)
        found.append(
            DeliveryCase(
                key,
                statement.account,
                row.instrument,
                _side(row, sides.get(row.instrument, set())),
                row.lots,
                quantity,
                product.unit,
                row.delivery_price,
                statement.funds.currency,
                statement.trading_day,
            )
        )
    return found


def _side(row: Delivery, held: set[Direction]) -> Direction:
    return next(iter(held)) if len(held) == 1 else row.direction


def closed_by_settlement(
    cases: Iterable[DeliveryCase], closes: Iterable[LotClose], day: date
) -> tuple[list[DeliveryCase], list[RuleBroken]]:
    """The cases of a settled day whose position its settlement closed, with that step taken: the paper is the close's own
    number, the side that of the lots it took. A case that people have gone on with keeps its side and steps.
    `delivery_without_position` names a case of the day that no close belongs to."""
    gone: dict[str, list[LotClose]] = {}
    for row in closes:
        if row.delivered:
            gone.setdefault(row.fill_key, []).append(row)
    found: list[DeliveryCase] = []
    broken: list[RuleBroken] = []
    for case in sorted(cases, key=lambda one: one.delivery_id):
        if case.delivered_on != day or any(one.step is DeliveryStep.CLOSED for one in case.taken):
            continue
        key = next((name for name, rows in sorted(gone.items()) if _is_close_of(case, rows)), None)
        if key is None:
            shown = {"delivery": case.delivery_id, "instrument": case.instrument, "lots": case.lots}
            broken.append(
                RuleBroken("delivery_without_position", case.delivery_id, Message("delivery.no_position", shown))
            )
            continue
        side = gone.pop(key)[0].direction if not case.taken else case.direction
        closed = StepTaken(DeliveryStep.CLOSED, day, key, case.quantity)
        found.append(replace(case, direction=side, taken=(closed, *case.taken)))
    return found, broken


def _is_close_of(case: DeliveryCase, rows: Sequence[LotClose]) -> bool:
    first = rows[0]
    same = (first.account, first.instrument, first.close_price) == (case.account, case.instrument, case.price)
    return same and sum(row.lots for row in rows) == case.lots


# --- pledged receipts -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PledgedReceipt:
    """A standard warehouse receipt pledged with a broker in place of money (仓单充抵保证金): `quantity` × `price` × `rate`
    counts as margin from `pledged_on` until the day it is released. The goods stay ours."""

    receipt_no: str
    account: str
    currency: str
    commodity: str
    quantity: Decimal
    unit: str
    price: Decimal
    rate: Decimal
    pledged_on: date
    released_on: date | None = None

    def value_on(self, day: date) -> Decimal:
        """What it counts for on a day; zero before it was pledged and from its release on."""
        held = self.pledged_on <= day and (self.released_on is None or day < self.released_on)
        return round_money(self.quantity * self.price * self.rate, self.currency) if held else _ZERO


def pledge_on(receipts: Iterable[PledgedReceipt], account: str, currency: str, day: date) -> Decimal:
    """What an account's pledged receipts count for on a day."""
    mine = (one for one in receipts if (one.account, one.currency) == (account, currency))
    return sum((one.value_on(day) for one in mine), _ZERO)


def equity_with(balance: Decimal, pledge: Decimal) -> Decimal:
    """A pledge raises the equity and never the balance: no money has moved."""
    return balance + pledge
