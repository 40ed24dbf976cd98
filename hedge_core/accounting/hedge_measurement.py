"""One relationship on one day: designation, instrument and item changes, the reserve, releases with the goods, the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.accounting.events import AccountingEvent, EventKind, day_sources, one_amount, product_of
from hedge_core.accounting.holdings import HeldLot
from hedge_core.accounting.inputs import DayFacts
from hedge_core.accounting.relationships import (
    HedgeRelationship,
    HedgeStop,
    HedgeType,
    InstrumentShare,
    ItemKind,
    ItemMovement,
)
from hedge_core.accounting.reserve import reserve_target
from hedge_core.accounting.rule_sets import TERMS, BookSettings, ItemCarrying, Measure, Variation
from hedge_core.accounting.state import ZERO, HedgeState, Holding
from hedge_core.errors import RuleBroken
from hedge_core.model.vouchers import SourceRef
from hedge_core.rounding import round_money, share_out
from messages import Message

K = EventKind

_GOODS: Final[Mapping[ItemKind, EventKind]] = {
    ItemKind.INVENTORY: K.SALE,
    ItemKind.FIRM_PURCHASE: K.PURCHASE,
    ItemKind.FIRM_SALE: K.SALE,
    ItemKind.FORECAST_PURCHASE: K.PURCHASE,
    ItemKind.FORECAST_SALE: K.SALE,
}
"""The ERP's entry that comes with a movement of the item."""

_RELEASE: Final[Mapping[ItemKind, EventKind]] = {
    ItemKind.FIRM_PURCHASE: K.COMMITMENT_TO_COST,
    ItemKind.FIRM_SALE: K.COMMITMENT_TO_REVENUE,
    ItemKind.FORECAST_PURCHASE: K.BASIS_ADJUSTMENT,
    ItemKind.FORECAST_SALE: K.RESERVE_TO_REVENUE,
}
"""Where the accumulated adjustment or reserve of a released part goes; inventory has two forms (`ItemCarrying`)."""


class HedgeDay:
    """Measures one relationship on one day, in four steps: `designate` before the lots are split, `before_lots` and
    `after_lots` around the events of the free lots. `state` is None until the designation begins."""

    def __init__(
        self,
        relationship: HedgeRelationship,
        state: HedgeState | None,
        facts: DayFacts,
        as_of: date | None,
        settings: BookSettings,
        held: Mapping[str, HeldLot],
        currency: str,
    ) -> None:
        self.relationship = relationship
        self.state = state
        self.problems: list[RuleBroken] = []
        self._id = relationship.relationship_id
        self._facts = facts
        self._as_of = as_of
        self._settings = settings
        self._held = held
        self._currency = currency
        self._terms = TERMS[relationship.rule_set]
        self._movements = [movement for movement in facts.movements if movement.relationship_id == self._id]
        self._stops = [stop for stop in facts.stops if stop.relationship_id == self._id]
        self._late: list[InstrumentShare] = []
        self._events: list[AccountingEvent] = []

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
            if item.kind is ItemKind.INVENTORY and self._settings.item_carrying is ItemCarrying.TRANSFER:
                self._add(K.ITEM_DESIGNATION, relationship.designated_on, item.carrying_amount, sources=item.sources)
        for share in relationship.instruments:
            if share.lot_id not in self.state.taken and share.from_day <= self._facts.trading_day:
                self._take(share)

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
                self._catch_up(lot)
                self._move_in(lot, share)

    def _catch_up(self, lot: HeldLot) -> None:
        """Book what the free part gained up to the start of the day but had not booked (books that measure monthly)."""
        start = share_out(lot.day.floating_start, [held.lots for held in lot.heads.values()], self._currency)
        free = lot.heads[""]
        change = start[list(lot.heads).index("")] - free.fair_value
        lot.heads[""] = replace(free, fair_value=free.fair_value + change)
        self._lot(K.FAIR_VALUE_CHANGE, lot, change, relationship=None)
        if self._settings.variation is Variation.SWEEP:
            self._lot(K.VARIATION_SETTLEMENT, lot, change, relationship=None)

    def _move_in(self, lot: HeldLot, share: InstrumentShare) -> None:
        moved = lot.move("", self._id, share.lots, self._currency)
        if self._settings.variation is Variation.KEEP:
            self._lot(K.INSTRUMENT_DESIGNATED, lot, moved.fair_value, day=share.from_day)

    # --- the instrument and the item ----------------------------------------------------------------------------------

    def before_lots(self) -> list[AccountingEvent]:
        """Measure instrument and item as far as the day asks for it; the lots are split already."""
        state = self.state
        if state is None:
            if self._forced():
                self._broken("relationship_unknown", Message("accounting.not_designated_yet"))
            return []
        cash_flow = self.relationship.hedge_type is HedgeType.CASH_FLOW
        closes = any(lot.shares[self._id].lots_closed for lot in self._own())
        item_due = state.is_open and (self._forced() or self._regular() or (cash_flow and closes))
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
        )
        if item_due:
            state = self._measure_item(state)
            if cash_flow:
                state = self._measure_reserve(state, change)
        self.state = state
        events, self._events = self._events, []
        return events

    def _measure_lot(self, lot: HeldLot) -> Decimal:
        share = lot.shares[self._id]
        before = lot.heads[self._id]
        change = share.realised_trade + share.floating_end - before.fair_value
        inside = share_out(before.fair_value - before.outside, (share.lots_closed, share.lots_end), self._currency)[1]
        lot.heads[self._id] = Holding(share.lots_end, share.floating_end, share.floating_end - inside)
        period_end = self._period_end and not share.lots_closed
        if self.relationship.hedge_type is HedgeType.FAIR_VALUE:
            self._lot(K.INSTRUMENT_CHANGE, lot, change, period_end=period_end)
        if self._settings.variation is Variation.SWEEP:
            self._lot(K.INSTRUMENT_VARIATION, lot, change, period_end=period_end)
        else:
            self._lot(K.INSTRUMENT_SETTLEMENT, lot, share.realised_trade, lots=share.lots_closed)
        return change

    def _measure_item(self, state: HedgeState) -> HedgeState:
        """The item's change as the difference to its target: sign × open quantity × (price − price at designation)."""
        item = self.relationship.item
        price = self._facts.item_prices[item.commodity]
        target = round_money(item.kind.sign * state.open_quantity * (price - item.price), self._currency)
        change = target - state.item_change
        if self.relationship.hedge_type is HedgeType.FAIR_VALUE:
            self._add(K.ITEM_CHANGE, self._facts.trading_day, change, period_end=self._period_end)
        return replace(state, item_change=target, item_total=state.item_total + change)

    def _measure_reserve(self, state: HedgeState, change: Decimal) -> HedgeState:
        target = reserve_target(state.instrument_change, state.item_change, self._terms.reserve)
        to_reserve = target - state.reserve
        lots = self._own()
        accounts = {lot.day.account for lot in lots}
        products = {product_of(lot.day.instrument) for lot in lots}
        self._events.append(
            AccountingEvent(
                K.RESERVE_MEASUREMENT,
                self._facts.trading_day,
                (("instrument", change), ("reserve", to_reserve), ("ineffective", change - to_reserve)),
                account=accounts.pop() if len(accounts) == 1 else "",
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
        for movement in self._movements:
            self._release(movement)
        for stop in self._stops:
            self._stop(stop)
        if not self.state.is_open:
            self._release_instruments()
        holdings = {lot_id: lot.heads[self._id] for lot_id, lot in self._held.items() if lot.heads[self._id].lots}
        self.state = replace(self.state, holdings=holdings)
        return self._events

    def _release(self, movement: ItemMovement) -> None:
        state = self.state
        assert state is not None  # noqa: S101 - after_lots checked it
        if not 0 < movement.quantity <= state.open_quantity:
            self._broken(
                "release_quantity",
                Message("accounting.release_quantity", {"quantity": movement.quantity, "open": state.open_quantity}),
            )
            return
        weights = (movement.quantity, state.open_quantity - movement.quantity)
        carrying, carrying_left = share_out(state.carrying, weights, self._currency)
        adjustment, adjustment_left = share_out(state.item_change, weights, self._currency)
        reserve, reserve_left = share_out(state.reserve, weights, self._currency)
        _, instrument_left = share_out(state.instrument_change, weights, self._currency)
        kind = self.relationship.item.kind
        deferred = state.deferred
        if movement.net is not None:
            self._goods(movement, movement.net)
        if kind is ItemKind.INVENTORY:
            self._cost(movement, carrying, adjustment)
        elif self.relationship.hedge_type is HedgeType.FAIR_VALUE:
            self._add(_RELEASE[kind], movement.day, adjustment, sources=movement.sources)
        elif kind is ItemKind.FORECAST_PURCHASE and not self._terms.basis_adjustment:
            deferred += reserve
        else:
            self._add(_RELEASE[kind], movement.day, reserve, sources=movement.sources)
        self.state = replace(
            state,
            open_quantity=weights[1],
            carrying=carrying_left,
            item_change=adjustment_left,
            instrument_change=instrument_left,
            reserve=reserve_left,
            deferred=deferred,
        )

    def _goods(self, movement: ItemMovement, net: Decimal) -> None:
        kind = _GOODS[self.relationship.item.kind]
        amounts = one_amount(net)
        if kind is K.SALE:
            amounts = (("gross", net + movement.vat), ("net", net), ("vat", movement.vat))
        self._add_all(kind, movement.day, amounts, sources=movement.sources)

    def _cost(self, movement: ItemMovement, carrying: Decimal, adjustment: Decimal) -> None:
        if self._settings.item_carrying is ItemCarrying.TRANSFER:
            self._add(K.COST_OF_SALES, movement.day, carrying + adjustment, sources=movement.sources)
        else:
            amounts = (("carrying", carrying), ("adjustment", adjustment))
            self._add_all(K.COST_ADJUSTMENT, movement.day, amounts, sources=movement.sources)

    def _stop(self, stop: HedgeStop) -> None:
        state = self.state
        assert state is not None  # noqa: S101 - after_lots checked it
        item = self.relationship.item.kind
        if item is ItemKind.INVENTORY:
            if self._settings.item_carrying is ItemCarrying.TRANSFER:
                self._add(K.ITEM_RETURN, stop.day, state.carrying + state.item_change, sources=stop.sources)
                state = replace(state, open_quantity=ZERO, carrying=ZERO, item_change=ZERO)
        elif not stop.expected:
            if self.relationship.hedge_type is HedgeType.FAIR_VALUE:
                self._add(K.ITEM_CHANGE, stop.day, -state.item_change, sources=stop.sources)
            else:
                self._add(K.RESERVE_TO_PROFIT, stop.day, state.reserve + state.deferred, sources=stop.sources)
            state = replace(state, open_quantity=ZERO, item_change=ZERO, reserve=ZERO, deferred=ZERO)
        self.state = replace(state, stopped=True)

    def _release_instruments(self) -> None:
        for lot in self._own():
            moved = lot.move(self._id, "", lot.heads[self._id].lots, self._currency)
            if self._settings.variation is Variation.KEEP:
                self._lot(K.INSTRUMENT_RELEASED, lot, moved.fair_value)

    # --- small questions ----------------------------------------------------------------------------------------------

    def _own(self) -> list[HeldLot]:
        return [lot for lot in self._held.values() if lot.heads[self._id].lots or self._closed_today(lot)]

    def _closed_today(self, lot: HeldLot) -> bool:
        return self._id in lot.shares and lot.shares[self._id].lots_closed > 0

    def _forced(self) -> bool:
        return bool(self._movements or self._stops)

    def _regular(self) -> bool:
        return self._settings.measure is Measure.DAY or self._facts.month_end

    @property
    def _period_end(self) -> bool:
        return self._settings.measure is Measure.MONTH and self._facts.month_end and not self._forced()

    def _day_source(self) -> tuple[SourceRef, ...]:
        return day_sources("relationship", self._id, self._facts.trading_day)

    def _broken(self, rule: str, reason: Message) -> None:
        self.problems.append(RuleBroken(rule, self._id, reason))

    def _add(
        self,
        kind: EventKind,
        day: date,
        amount: Decimal,
        *,
        period_end: bool = False,
        sources: tuple[SourceRef, ...] = (),
    ) -> None:
        self._add_all(kind, day, one_amount(amount), period_end=period_end, sources=sources)

    def _add_all(
        self,
        kind: EventKind,
        day: date,
        amounts: tuple[tuple[str, Decimal], ...],
        *,
        period_end: bool = False,
        sources: tuple[SourceRef, ...] = (),
    ) -> None:
        self._events.append(
            AccountingEvent(
                kind,
                day,
                amounts,
                product=self.relationship.item.commodity,
                relationship=self._id,
                rule_set=self.relationship.rule_set,
                period_end=period_end,
                sources=sources + self._day_source(),
            )
        )

    def _lot(
        self,
        kind: EventKind,
        lot: HeldLot,
        amount: Decimal,
        *,
        day: date | None = None,
        lots: int = 0,
        period_end: bool = False,
        relationship: str | None = "",
    ) -> None:
        self._events.append(
            AccountingEvent(
                kind,
                day or lot.day.trading_day,
                one_amount(amount),
                account=lot.day.account,
                product=product_of(lot.day.instrument),
                lots=lots,
                relationship=self._id if relationship == "" else relationship,
                rule_set=self.relationship.rule_set,
                period_end=period_end,
                sources=day_sources("position_lot", lot.day.lot_id, lot.day.trading_day),
            )
        )
