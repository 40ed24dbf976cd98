"""Who holds the lots of a day: each position lot split between its free part and the relationships that designated it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from hedge_core.accounting.inputs import DayFacts, LotDay
from hedge_core.accounting.rule_sets import Variation
from hedge_core.accounting.state import ZERO, Holding, MeasureState
from hedge_core.errors import RuleBroken
from hedge_core.rounding import share_out
from messages import Message


@dataclass(frozen=True, slots=True)
class LotShare:
    """One head's part of a lot's day."""

    lots_closed: int
    lots_end: int
    realised_trade: Decimal
    floating_end: Decimal
    exercised: Decimal = ZERO


@dataclass(slots=True)
class HeldLot:
    """A lot while its day is measured. `heads`: holdings by relationship id, `""` for the part outside hedge accounting,
    in the order in which they close. `must_measure`: something on this day needs its fair value, whatever the rhythm."""

    day: LotDay
    heads: dict[str, Holding]
    shares: dict[str, LotShare] = field(default_factory=dict)
    must_measure: bool = False

    def move(self, source: str, target: str, lots: int, currency: str) -> Holding:
        """Move `lots` with their share of fair value from one head to another; the moved part is returned."""
        giver = self.heads[source]
        weights = (lots, giver.lots - lots)
        value, value_left = share_out(giver.fair_value, weights, currency)
        outside, outside_left = share_out(giver.outside, weights, currency)
        self.heads[source] = Holding(giver.lots - lots, value_left, outside_left)
        taker = self.heads[target]
        self.heads[target] = Holding(taker.lots + lots, taker.fair_value + value, taker.outside + outside)
        return Holding(lots, value, outside)

    def carried(self, part: Holding, variation: Variation) -> Decimal:
        """What of a part stands on the instrument's account: an option's premium with its result; a future's result where
        variation is kept, and what an exercise brought in until the day's variation is settled."""
        if self.day.is_option:
            return part.fair_value + self.day.premium_of(part.lots)
        kept = variation is Variation.KEEP or (bool(self.day.exercised) and not self.shares)
        return part.fair_value if kept else ZERO

    def split(self, currency: str) -> None:
        """Share the day's closes among the heads in their order, and the results in proportion, exact in total."""
        left = self.day.lots_closed
        closed: list[int] = []
        for holding in self.heads.values():
            closed.append(min(left, holding.lots))
            left -= closed[-1]
        ends = [holding.lots - gone for holding, gone in zip(self.heads.values(), closed, strict=True)]
        realised = share_out(self.day.realised_trade, closed, currency)
        floating = share_out(self.day.floating_end, ends, currency)
        moved = share_out(self.day.exercised, closed, currency) if self.day.is_option else [ZERO] * len(closed)
        self.shares = {
            head: LotShare(*figures)
            for head, figures in zip(self.heads, zip(closed, ends, realised, floating, moved, strict=True), strict=True)
        }


def hold_lots(facts: DayFacts, state: MeasureState, heads: list[str]) -> tuple[dict[str, HeldLot], list[RuleBroken]]:
    """Every lot of the day with its holdings at the start; broken where the state and the day do not join: a lot missing,
    or with other lots than yesterday's end."""
    held: dict[str, HeldLot] = {}
    problems: list[RuleBroken] = []
    for day in facts.lots:
        holdings = {"": state.lots.get(day.lot_id, Holding(0))}
        for head in heads:
            hedge = state.hedges.get(head)
            holdings[head] = Holding(0) if hedge is None else hedge.holdings.get(day.lot_id, Holding(0))
        known = sum(holding.lots for holding in holdings.values())
        if day.opened_today:
            # what an exercise brought in is no result of the future's: the option had it
            brought = ZERO if day.is_option else day.exercised
            holdings[""] = Holding(day.opened_today, brought, brought)
        elif known == 0 and day.lots_start:
            holdings[""] = Holding(day.lots_start, day.floating_start)  # opening state: booked before go-live
        if known and known != day.lots_start:
            problems.append(
                RuleBroken(
                    "lots_continue",
                    day.lot_id,
                    Message("accounting.lots_continue", {"before": known, "start": day.lots_start}),
                )
            )
        held[day.lot_id] = HeldLot(day, holdings, must_measure=bool(day.exercised))
    known_lots = set(state.lots)
    for hedge in state.hedges.values():
        known_lots |= set(hedge.holdings)
    for lot_id in sorted(known_lots - set(held)):
        problems.append(
            RuleBroken("lot_missing", lot_id, Message("accounting.lot_missing", {"day": facts.trading_day}))
        )
    return held, problems
