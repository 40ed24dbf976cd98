"""What a day brings to accounting: results per position lot, fees, money movements, item prices and item movements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hedge_core.accounting.option_value import TimeValue
from hedge_core.accounting.relationships import HedgeStop, ItemMovement, Rebalance, ReserveLoss
from hedge_core.errors import RuleBroken
from hedge_core.model.vouchers import SourceRef
from messages import Message


@dataclass(frozen=True, slots=True)
class LotDay:
    """One position lot on one trading day, as settled: lots and results in the book's currency, gain positive.

    `opened_today` counts lots opened on the day (then `lots_start` is 0). `realised_trade` is counted from the opening
    price, `realised_mtm` from yesterday's settlement (or today's open); `floating_*` are cumulative since opening for the
    lots open at the start and at the end of the day.

    `cost` makes it an option whose premium was paid when it was opened: the premium of one lot, negative if received; its
    results count from it. `intrinsic` is then the intrinsic value of one lot at the day's settlement, None if unknown.
    `exercised` is the fair value that an exercise moves from an option (part of its `realised_trade`) to the future it
    opens, for which it is the value to start from."""

    lot_id: str
    account: str
    instrument: str
    trading_day: date
    opened_today: int
    lots_start: int
    lots_closed: int
    lots_end: int
    realised_trade: Decimal
    realised_mtm: Decimal
    holding_mtm: Decimal
    floating_end: Decimal
    floating_start: Decimal
    cost: Decimal | None = None
    intrinsic: Decimal | None = None
    exercised: Decimal = Decimal(0)

    @property
    def is_option(self) -> bool:
        """Whether its premium was paid at once, so that no daily variation is settled."""
        return self.cost is not None

    def premium_of(self, lots: int) -> Decimal:
        """Premium paid for so many lots (received: negative); zero for a future."""
        return (self.cost or Decimal(0)) * lots

    @property
    def premium(self) -> Decimal:
        """Money of the day for an option: received less paid, without what an exercise moved on."""
        if not self.is_option:
            return Decimal(0)
        handed_on = self.realised_trade + self.premium_of(self.lots_closed) - self.exercised
        return handed_on - self.premium_of(self.opened_today)

    def problems(self) -> list[RuleBroken]:
        """The day's identities: lots add up; mark-to-market result = trade-by-trade result + change of floating."""
        found: list[RuleBroken] = []
        at_start = self.lots_start + self.opened_today
        if (
            min(self.opened_today, self.lots_start, self.lots_closed, self.lots_end) < 0
            or (self.opened_today and self.lots_start)
            or at_start - self.lots_closed != self.lots_end
        ):
            found.append(
                RuleBroken(
                    "lot_day_lots",
                    self.lot_id,
                    Message(
                        "accounting.lot_day_lots",
                        {"start": at_start, "closed": self.lots_closed, "end": self.lots_end},
                    ),
                )
            )
        marked = self.realised_mtm + self.holding_mtm
        traded = self.realised_trade + self.floating_end - self.floating_start
        homeless = (self.realised_trade and not self.lots_closed) or (self.floating_end and not self.lots_end)
        if marked != traded or homeless:
            found.append(
                RuleBroken(
                    "lot_day_result",
                    self.lot_id,
                    Message("accounting.lot_day_result", {"marked": marked, "traded": traded}),
                )
            )
        return found


@dataclass(frozen=True, slots=True)
class FeeCharge:
    """Fees of one account and instrument on a trading day; positive is paid, a rebate is negative."""

    account: str
    instrument: str
    day: date
    amount: Decimal
    sources: tuple[SourceRef, ...] = ()


class CashKind(StrEnum):
    """Why money moved on the broker account, other than by trading."""

    TRANSFER = "transfer"
    INTEREST = "interest"
    PENALTY = "penalty"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Money into (+) or out of (−) a broker account on its bank date. A transfer is a deposit or withdrawal."""

    account: str
    moved_on: date
    kind: CashKind
    amount: Decimal
    sources: tuple[SourceRef, ...] = ()


@dataclass(frozen=True, slots=True)
class DayFacts:
    """Everything accounting needs of one trading day of one book. `lots` has every lot open at the start of the day or
    opened on it. `item_prices` are per commodity and base unit, without VAT. `month_end` marks the last trading day of a
    month. `excluded` has, by relationship, the value of the element left out of its designation, for all instruments
    designated together, closed ones with their last value."""

    trading_day: date
    lots: tuple[LotDay, ...] = ()
    fees: tuple[FeeCharge, ...] = ()
    cash: tuple[CashFlow, ...] = ()
    item_prices: Mapping[str, Decimal] = field(default_factory=dict)
    movements: tuple[ItemMovement, ...] = ()
    stops: tuple[HedgeStop, ...] = ()
    month_end: bool = False
    rebalances: tuple[Rebalance, ...] = ()
    losses: tuple[ReserveLoss, ...] = ()
    excluded: Mapping[str, TimeValue] = field(default_factory=dict)
