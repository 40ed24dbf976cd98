"""One relationship on one day: designation, instrument and item changes, the reserve, and what is left out of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedge_core.accounting.effectiveness import highly_effective
from hedge_core.accounting.events import AccountingEvent, EventKind, product_of
from hedge_core.accounting.hedge_release import HedgeRelease
from hedge_core.accounting.holdings import HeldLot
from hedge_core.accounting.net_positions import is_balanced, measure_net
from hedge_core.accounting.option_value import TimeValue, TimeValueHedge, measure_time_value
from hedge_core.accounting.relationships import (
    Excluded,
    ExcludedElement,
    HedgeType,
    InstrumentShare,
    ItemKind,
    RebalanceForm,
)
from hedge_core.accounting.reserve import reserve_target
from hedge_core.accounting.rule_sets import ItemCarrying, Variation
from hedge_core.accounting.state import ZERO, HedgeState, Holding, Measured
from hedge_core.rounding import round_money, share_out
from messages import Message

K = EventKind


class HedgeDay(HedgeRelease):
    """Measures one relationship on one day, in four steps: `designate` before the lots are split, `before_lots` and
    `after_lots` around the events of the free lots."""

    # --- before the lots are split ------------------------------------------------------------------------------------

    def designate(self) -> None:
        """Begin the relationship if its day has come, and take over lots newly designated."""
        relationship = self.relationship
        if self.state is None:
            if relationship.designated_on > self._facts.trading_day:
                return
            if self._as_of is not None and relationship.designated_on <= self._as_of:
                self._broken("designation_backdated", Message("accounting.backdated", {"as_of": self._as_of}))
                return
            self.state = HedgeState.at_designation(relationship)
            item = relationship.item
            stock = item.kind is ItemKind.INVENTORY or item.members
            if stock and self._settings.item_carrying is ItemCarrying.TRANSFER:
                self._add(K.ITEM_DESIGNATION, relationship.designated_on, self.state.carrying, sources=item.sources)
        for share in relationship.instruments:
            if share.lot_id not in self.state.taken and share.from_day <= self._facts.trading_day:
                self._take(share)
        for change in self._rebalances:
            if change.form is RebalanceForm.MORE_INSTRUMENT and self._terms.rebalancing:
                self._take(InstrumentShare(change.lot_id, change.lots, change.day))

    def _take(self, share: InstrumentShare) -> None:
        lot = self._held.get(share.lot_id)
        if self._as_of is not None and share.from_day <= self._as_of:
            self._broken("designation_backdated", Message("accounting.backdated", {"as_of": self._as_of}))
        elif self.state is not None and not self.state.is_open:
            self._broken("designation_ended", Message("accounting.relationship_ended", {"lot": share.lot_id}))
        elif lot is None:
            self._broken("designated_lot_missing", Message("accounting.designated_lot_missing", {"lot": share.lot_id}))
        elif share.lots > lot.heads[""].lots:
            free = lot.heads[""].lots
            self._broken(
                "designation_lots",
                Message("accounting.share_too_big", {"lot": share.lot_id, "lots": share.lots, "free": free}),
            )
        else:
            assert self.state is not None  # noqa: S101 - set by designate
            self.state = replace(self.state, taken=self.state.taken | {share.lot_id})
            if lot.day.lots_start and share.from_day == self._facts.trading_day:
                lot.must_measure = True
                self._late.append(share)  # counted from today's settlement: moved after the day is measured
            else:
                if not lot.day.opened_today:
                    self._catch_up(lot)
                self._move_in(lot, share)

    def _catch_up(self, lot: HeldLot) -> None:
        """Book what the free part gained up to the start of the day but had not booked (books that measure monthly)."""
        start = share_out(lot.day.floating_start, [held.lots for held in lot.heads.values()], self._currency)
        free = lot.heads[""]
        change = start[list(lot.heads).index("")] - free.fair_value
        lot.heads[""] = replace(free, fair_value=free.fair_value + change)
        self._lot(K.FAIR_VALUE_CHANGE, lot, change, relationship=None)
        if self._settings.variation is Variation.SWEEP and not lot.day.is_option:
            self._lot(K.VARIATION_SETTLEMENT, lot, change, relationship=None)

    def _move_in(self, lot: HeldLot, share: InstrumentShare) -> None:
        moved = lot.move("", self._id, share.lots, self._currency)
        if lot.day.is_option and lot.day.opened_today:
            self._lot(K.OPTION_PREMIUM, lot, lot.day.premium_of(share.lots), day=share.from_day)
        else:
            carried = lot.carried(moved, self._settings.variation)
            self._lot(K.INSTRUMENT_DESIGNATED, lot, carried, day=share.from_day)

    # --- the instrument and the item ----------------------------------------------------------------------------------

    def before_lots(self) -> list[AccountingEvent]:
        """Measure instrument and item as far as the day asks for it; the lots are split already."""
        state = self.state
        if state is None:
            if self._forced():
                self._broken("relationship_unknown", Message("accounting.not_designated_yet"))
            return []
        cash_flow = self._cash_flow
        closes = any(lot.shares[self._id].lots_closed for lot in self._own())
        closes = closes or any(lot.must_measure and lot.shares[self._id].lots_end for lot in self._own())
        asked = self._forced() or self._regular() or (cash_flow and closes)
        item_due = state.is_open and asked and not self._exposed(state)
        if item_due and self.relationship.item.commodity not in self._facts.item_prices:
            self._broken(
                "item_price_missing",
                Message(
                    "accounting.item_price_missing",
                    {"commodity": self.relationship.item.commodity, "day": self._facts.trading_day},
                ),
            )
            return []
        change = ZERO
        for lot in self._own():
            own_close = lot.shares[self._id].lots_closed > 0
            if item_due or (not cash_flow and (own_close or lot.must_measure)):
                change += self._measure_lot(lot)
            else:
                lot.heads[self._id] = replace(lot.heads[self._id], lots=lot.shares[self._id].lots_end)
        state = replace(
            state,
            instrument_change=state.instrument_change + change,
            instrument_total=state.instrument_total + change,
            ended_time_value=self._ended_time_value,
        )
        if item_due:
            state, left_out = self._measure_excluded(state)
            state = self._measure_item(state)
            if cash_flow and not self.relationship.item.is_nil:
                state = self._measure_reserve(state, change - left_out)
            elif left_out:
                day, account = self._facts.trading_day, self._account()
                self._add(K.INSTRUMENT_CHANGE, day, -left_out, period_end=self._period_end, account=account)
            point = Measured(self._facts.trading_day, state.instrument_total, state.item_total)
            state = replace(state, history=(*state.history, point))
            self._check_effectiveness(state)
            self._check_forecast()
        self.state = state
        events, self._events = self._events, []
        return events

    def _exposed(self, state: HedgeState) -> bool:
        """A nil net position of which a side has left: nothing hedges the rest, which waits for its transaction."""
        item = self.relationship.item
        return item.is_nil and not is_balanced(item, state.members)

    def _measure_lot(self, lot: HeldLot) -> Decimal:
        share = lot.shares[self._id]
        before = lot.heads[self._id]
        got = share.realised_trade + lot.day.premium_of(share.lots_closed)
        change = share.realised_trade + share.floating_end - before.fair_value
        inside = share_out(before.fair_value - before.outside, (share.lots_closed, share.lots_end), self._currency)[1]
        lot.heads[self._id] = Holding(share.lots_end, share.floating_end, share.floating_end - inside)
        period_end = self._period_end and not share.lots_closed
        if self.relationship.hedge_type is HedgeType.FAIR_VALUE:
            self._lot(K.INSTRUMENT_CHANGE, lot, change, period_end=period_end)
        if lot.day.is_option:
            self._lot(K.INSTRUMENT_SETTLEMENT, lot, got - share.exercised, lots=share.lots_closed)
            self._lot(K.INSTRUMENT_RELEASED, lot, share.exercised)
            if lot.day.intrinsic is not None:
                ended = self._ended_time_value or ZERO
                self._ended_time_value = ended + got - lot.day.intrinsic * share.lots_closed
        elif self._settings.variation is Variation.SWEEP:
            brought = before.fair_value if lot.day.opened_today else ZERO
            self._lot(K.INSTRUMENT_VARIATION, lot, change + brought, period_end=period_end)
        else:
            self._lot(K.INSTRUMENT_SETTLEMENT, lot, share.realised_trade, lots=share.lots_closed)
        return change

    def _measure_excluded(self, state: HedgeState) -> tuple[HedgeState, Decimal]:
        """The element left out of the designation, and its change: the designated part of the instrument is the rest."""
        element = self.relationship.excluded
        if element is None:
            return state, ZERO
        now = self._facts.excluded.get(self._id) or self._time_value(state, element)
        if now is None:
            shown = {"element": element.kind.value, "day": self._facts.trading_day}
            self._broken("excluded_value_missing", Message("accounting.excluded_missing", shown))
            return state, ZERO
        start = TimeValue(element.actual, element.aligned)
        product, account = self.relationship.item.commodity, self._account()
        hedge = TimeValueHedge(self._id, product, account, start, element.first_day, element.last_day)
        events, after = measure_time_value(
            hedge,
            self._facts.trading_day,
            now,
            state.excluded,
            self._currency,
            related=element.related,
            share=(state.open_quantity, state.open_quantity + self._gone(state)),
            rule_set=self.relationship.rule_set,
        )
        self._events += [replace(event, period_end=self._period_end) for event in events]
        changed = after.instrument - state.excluded.instrument
        left = replace(state, excluded=after, instrument_change=state.instrument_change - changed)
        return replace(left, instrument_total=state.instrument_total - changed), changed

    def _time_value(self, state: HedgeState, element: ExcludedElement) -> TimeValue | None:
        """The time value that the options' own prices show: premium at settlement less intrinsic value, of closed lots as it
        was when they closed. Only where the terms match the item, so that the aligned value is the same; else None."""
        if element.kind is not Excluded.TIME_VALUE or element.actual != element.aligned:
            return None
        total, known = state.ended_time_value or ZERO, state.ended_time_value is not None
        for lot in self._own():
            share = lot.shares[self._id]
            if not lot.day.is_option:
                continue  # a future that an exercise opened has none
            if lot.day.intrinsic is None:
                return None
            value = share.floating_end + lot.day.premium_of(share.lots_end)
            total, known = total + value - lot.day.intrinsic * share.lots_end, True
        return TimeValue(total, total) if known else None

    def _gone(self, state: HedgeState) -> Decimal:
        return max(self.relationship.item.quantity - state.open_quantity, ZERO)

    def _check_effectiveness(self, state: HedgeState) -> None:
        """Asked at period ends, by the rule sets that gate hedge accounting on it; a stop on the day answers it."""
        asked = self._terms.effectiveness_gate and self._facts.month_end and not self._stops
        if asked and not highly_effective(state.history):
            self._broken("hedge_not_effective", Message("accounting.not_effective", {"day": self._facts.trading_day}))

    def _check_forecast(self) -> None:
        """ASC 815: a forecast transaction that has not come within its stated period plus two months is given up."""
        end, months = self.relationship.forecast_end, self._terms.grace_months
        if end is None or not months or not self._facts.month_end or self._stops or self._movements:
            return
        year, month = divmod(end.year * 12 + end.month - 1 + months, 12)
        if (self._facts.trading_day.year, self._facts.trading_day.month) > (year, month + 1):
            self._broken("forecast_overdue", Message("accounting.forecast_overdue", {"end": end, "months": months}))

    def _measure_item(self, state: HedgeState) -> HedgeState:
        """The item's change as the difference to its target: sign × open quantity × (price − price at designation)."""
        item = self.relationship.item
        price = self._facts.item_prices[item.commodity]
        if item.members:
            net = measure_net(item, state.members, price, self._currency)
            state, target = replace(state, members=net.members), net.change
        else:
            moved = round_money(item.sign * state.open_quantity * (price - item.price), self._currency)
            target = moved + state.offset
        change = target - state.item_change
        if self.relationship.hedge_type is HedgeType.FAIR_VALUE:
            self._add(K.ITEM_CHANGE, self._facts.trading_day, change, period_end=self._period_end)
        return replace(state, item_change=target, item_total=state.item_total + change)

    def _measure_reserve(self, state: HedgeState, change: Decimal) -> HedgeState:
        target = reserve_target(state.instrument_change, state.item_change, self._terms.reserve)
        if state.written_off:
            target = min(ZERO, target - state.written_off) if target < 0 else target
        to_reserve = target - state.reserve
        lots = self._own()
        products = {product_of(lot.day.instrument) for lot in lots}
        self._events.append(
            AccountingEvent(
                K.RESERVE_MEASUREMENT,
                self._facts.trading_day,
                (("instrument", change), ("reserve", to_reserve), ("ineffective", change - to_reserve)),
                account=self._account(),
                product=products.pop() if len(products) == 1 else self.relationship.item.commodity,
                relationship=self._id,
                rule_set=self.relationship.rule_set,
                period_end=self._period_end and not any(lot.shares[self._id].lots_closed for lot in lots),
                sources=self._day_source(),
            )
        )
        return replace(state, reserve=target)

    # --- releases and the end -----------------------------------------------------------------------------------------

    def after_lots(self) -> list[AccountingEvent]:
        """Take over lots designated at the day's settlement, release what left with the goods, end what is over."""
        if self.state is None:
            return []
        for share in self._late:
            self._move_in(self._held[share.lot_id], share)
        for change in self._rebalances:
            self._rebalance(change)
        for loss in self._losses:
            self._give_up_loss(loss)
        for movement in self._movements:
            self._release(movement)
        for stop in self._stops:
            self._stop(stop)
        if not self.state.is_open:
            self._release_instruments()
        holdings = {lot_id: lot.heads[self._id] for lot_id, lot in self._held.items() if lot.heads[self._id].lots}
        self.state = replace(self.state, holdings=holdings)
        return self._events

    def _release_instruments(self) -> None:
        for lot in self._own():
            moved = lot.move(self._id, "", lot.heads[self._id].lots, self._currency)
            self._lot(K.INSTRUMENT_RELEASED, lot, lot.carried(moved, self._settings.variation))
