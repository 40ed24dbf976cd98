"""How parts of a hedge end: goods bought or sold, rebalancing, losses given up, and hedge accounting discontinued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.accounting.events import EventKind
from hedge_core.accounting.hedge_events import HedgeEvents
from hedge_core.accounting.net_positions import leave_net
from hedge_core.accounting.option_value import TimeValueState
from hedge_core.accounting.relationships import (
    HedgeStop,
    ItemKind,
    ItemMovement,
    Rebalance,
    RebalanceForm,
    Related,
    ReserveLoss,
    StopReason,
)
from hedge_core.accounting.rule_sets import ItemCarrying
from hedge_core.accounting.state import ZERO, Aside, HedgeState
from hedge_core.model.vouchers import SourceRef
from hedge_core.rounding import round_money, share_out
from messages import Message

K = EventKind

_TIME_VALUE: Final[Mapping[bool, EventKind]] = {True: K.TIME_VALUE_TO_COST, False: K.TIME_VALUE_TO_REVENUE}
"""Where the deferred element of a transaction goes, by whether the company buys."""


class HedgeRelease(HedgeEvents):
    """Measured already; what leaves takes its share of every cumulative amount with it, exact in total."""

    # --- goods --------------------------------------------------------------------------------------------------------

    def _release(self, movement: ItemMovement) -> None:
        state = self._now
        if state.members:
            self._release_member(movement)
            return
        available = state.open_quantity + state.aside.quantity
        if not 0 < movement.quantity <= available:
            self._too_much(movement.quantity, available)
            return
        hedged = min(movement.quantity, state.open_quantity)
        carrying, adjustment, reserve, deferred = self._take_out(hedged)
        if hedged < movement.quantity:
            late = self._take_aside(movement.quantity - hedged)
            carrying, adjustment = carrying + late.carrying, adjustment + late.adjustment
            reserve, deferred = reserve + late.reserve, deferred + late.reserve
        kind = self.relationship.item.kind
        if movement.net is not None:
            self._goods(movement, kind, movement.net)
        if kind is ItemKind.INVENTORY:
            self._cost(movement, carrying, adjustment)
        elif not self._cash_flow:
            released = K.COMMITMENT_TO_COST if kind.bought else K.COMMITMENT_TO_REVENUE
            self._add(released, movement.day, adjustment, sources=movement.sources)
        elif kind.bought and not self._terms.basis_adjustment:
            state = self._now
            self.state = replace(state, deferred=state.deferred + deferred)
        else:
            released = K.BASIS_ADJUSTMENT if kind.bought else K.RESERVE_TO_REVENUE
            self._add(released, movement.day, reserve, sources=movement.sources)

    def _release_member(self, movement: ItemMovement) -> None:
        state = self._now
        member = next((m for m in self.relationship.item.members if m.name == movement.member), None)
        if member is None:
            known = ", ".join(m.name for m in self.relationship.item.members)
            self._broken("net_member", Message("accounting.net_member", {"name": movement.member, "known": known}))
            return
        open_quantity = state.members[member.name].open_quantity
        if not 0 < movement.quantity <= open_quantity:
            self._too_much(movement.quantity, open_quantity)
            return
        if movement.net is not None:
            self._goods(movement, member.kind, movement.net)
        item = self.relationship.item
        natural = item.is_nil and self._cash_flow
        left = leave_net(state, item, member, movement.quantity, self._currency, natural=natural)
        self.state = left.state
        if self._cash_flow:
            kind = K.BASIS_ADJUSTMENT if member.kind.bought else K.RESERVE_TO_NET_RESULT
            self._add(kind, movement.day, left.reserve, sources=movement.sources)
            return
        if member.kind is ItemKind.INVENTORY:
            self._cost(movement, left.carrying, ZERO)
        kind = K.COMMITMENT_TO_COST if member.kind.bought else K.ITEM_TO_NET_RESULT
        self._add(kind, movement.day, left.change, sources=movement.sources)

    def _goods(self, movement: ItemMovement, kind: ItemKind, net: Decimal) -> None:
        sale, purchase = (K.DELIVERY_SALE, K.DELIVERY_PURCHASE) if movement.delivery else (K.SALE, K.PURCHASE)
        amounts = (("gross", net + movement.vat), ("net", net), ("vat", movement.vat))
        self._add_all(purchase if kind.bought else sale, movement.day, amounts, sources=movement.sources)

    def _cost(self, movement: ItemMovement, carrying: Decimal, adjustment: Decimal) -> None:
        booked = movement.booked_cost
        transfer = self._settings.item_carrying is ItemCarrying.TRANSFER
        if transfer and booked is None:
            self._add(K.COST_OF_SALES, movement.day, carrying + adjustment, sources=movement.sources)
        elif booked is None:
            amounts = (("carrying", carrying), ("adjustment", adjustment))
            self._add_all(K.COST_ADJUSTMENT, movement.day, amounts, sources=movement.sources)
        else:  # the ERP took its cost from stock: with `transfer` the stock gets that back from the hedged item
            self._add(K.COST_BOOKED, movement.day, booked, sources=movement.sources)
            if transfer:
                self._add(K.ITEM_RETURN, movement.day, booked, sources=movement.sources)
            difference = carrying + adjustment - booked if transfer else adjustment
            self._add(K.COST_DIFFERENCE, movement.day, difference, sources=movement.sources)

    def _take_out(self, quantity: Decimal) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Take `quantity` out of the open layer: its carrying amount, adjustment, reserve, and reserve that waits."""
        state = self._now
        if quantity == 0:
            return ZERO, ZERO, ZERO, ZERO
        weights = (quantity, state.open_quantity - quantity)

        def shared(amount: Decimal) -> list[Decimal]:
            return share_out(amount, weights, self._currency)

        carrying, carrying_left = shared(state.carrying)
        adjustment, adjustment_left = shared(state.item_change)
        reserve, reserve_left = shared(state.reserve)
        self.state = replace(
            state,
            open_quantity=weights[1],
            carrying=carrying_left,
            item_change=adjustment_left,
            instrument_change=shared(state.instrument_change)[1],
            reserve=reserve_left,
            offset=shared(state.offset)[1],
            written_off=shared(state.written_off)[1],
            excluded=self._release_excluded(state.excluded, weights),
        )
        return carrying, adjustment, reserve, reserve

    def _release_excluded(self, state: TimeValueState, weights: tuple[Decimal, Decimal]) -> TimeValueState:
        """The released part's share of the deferred element goes where the transaction goes."""
        element = self.relationship.excluded
        if element is None:
            return state
        reserve = share_out(state.reserve, weights, self._currency)[1]
        amortised = share_out(state.amortised, weights, self._currency)[1]
        released = state.balance - reserve - amortised
        kind = self.relationship.item.kind
        transaction = element.related is Related.TRANSACTION and kind is not ItemKind.INVENTORY
        self._add(
            _TIME_VALUE[kind.bought] if transaction else K.TIME_VALUE_TO_PROFIT, self._facts.trading_day, released
        )
        return replace(state, reserve=reserve, amortised=amortised)

    def _take_aside(self, quantity: Decimal) -> Aside:
        state = self._now
        aside = state.aside
        weights = (quantity, aside.quantity - quantity)
        carrying, carrying_left = share_out(aside.carrying, weights, self._currency)
        adjustment, adjustment_left = share_out(aside.adjustment, weights, self._currency)
        reserve, reserve_left = share_out(aside.reserve, weights, self._currency)
        self.state = replace(state, aside=Aside(weights[1], carrying_left, adjustment_left, reserve_left))
        return Aside(quantity, carrying, adjustment, reserve)

    def _too_much(self, quantity: Decimal, available: Decimal) -> None:
        self._broken(
            "release_quantity", Message("accounting.release_quantity", {"quantity": quantity, "open": available})
        )

    # --- rebalancing, losses, the end ---------------------------------------------------------------------------------

    def _less_item(self, change: Rebalance) -> None:
        state = self._now
        if not 0 < change.quantity <= state.open_quantity:
            self._too_much(change.quantity, state.open_quantity)
            return
        carrying, adjustment, reserve, _ = self._take_out(change.quantity)
        kind = self.relationship.item.kind
        if kind is ItemKind.INVENTORY and self._settings.item_carrying is ItemCarrying.TRANSFER:
            self._add(K.ITEM_RETURN, change.day, carrying + adjustment, sources=change.sources)
        elif kind is not ItemKind.INVENTORY and not change.expected:
            self._give_up(change.day, adjustment, reserve, change.sources)
        else:
            state = self._now
            aside = state.aside
            kept = Aside(
                aside.quantity + change.quantity,
                aside.carrying + carrying,
                aside.adjustment + adjustment,
                aside.reserve + reserve,
            )
            self.state = replace(state, aside=kept)

    def _more_item(self, change: Rebalance) -> None:
        """Measured from the day's price: the target of the whole is corrected by what the price had moved before."""
        state, item = self._now, self.relationship.item
        price = self._facts.item_prices[item.commodity]
        correction = round_money(item.sign * change.quantity * (price - item.price), self._currency)
        if item.kind is ItemKind.INVENTORY and self._settings.item_carrying is ItemCarrying.TRANSFER:
            self._add(K.ITEM_DESIGNATION, change.day, change.carrying_amount, sources=change.sources)
        self.state = replace(
            state,
            open_quantity=state.open_quantity + change.quantity,
            carrying=state.carrying + change.carrying_amount,
            offset=state.offset - correction,
        )

    def _less_instrument(self, change: Rebalance) -> None:
        lot = self._held.get(change.lot_id)
        held = lot.heads[self._id].lots if lot is not None else 0
        if lot is None or not 0 < change.lots <= held:
            message = Message("accounting.rebalance_lots", {"lot": change.lot_id, "lots": change.lots, "held": held})
            self._broken("rebalance_lots", message)
            return
        moved = lot.move(self._id, "", change.lots, self._currency)
        self._lot(K.INSTRUMENT_RELEASED, lot, lot.carried(moved, self._settings.variation), day=change.day)

    def _rebalance(self, change: Rebalance) -> None:
        if not self._terms.rebalancing:
            shown = {"rule_set": self.relationship.rule_set.value}
            self._broken("rebalancing_unknown", Message("accounting.rebalancing_unknown", shown))
        elif self.relationship.item.members:
            self._broken("rebalancing_unknown", Message("accounting.rebalancing_net"))
        elif change.form is RebalanceForm.LESS_ITEM:
            self._less_item(change)
        elif change.form is RebalanceForm.MORE_ITEM:
            self._more_item(change)
        elif change.form is RebalanceForm.LESS_INSTRUMENT:
            self._less_instrument(change)

    def _give_up_loss(self, loss: ReserveLoss) -> None:
        state = self._now
        if not 0 < loss.amount <= -state.reserve:
            shown = {"amount": loss.amount, "reserve": state.reserve}
            self._broken("reserve_loss", Message("accounting.reserve_loss", shown))
            return
        self._add(K.RESERVE_TO_PROFIT, loss.day, -loss.amount, sources=loss.sources)
        self.state = replace(state, reserve=state.reserve + loss.amount, written_off=state.written_off - loss.amount)

    def _give_up(self, day: date, adjustment: Decimal, reserve: Decimal, sources: tuple[SourceRef, ...]) -> None:
        """A transaction that is no longer expected takes everything gathered for it to profit or loss."""
        if self._cash_flow:
            self._add(K.RESERVE_TO_PROFIT, day, reserve, sources=sources)
        else:
            self._add(K.ITEM_CHANGE, day, -adjustment, sources=sources)

    def _stop(self, stop: HedgeStop) -> None:
        if stop.reason is StopReason.VOLUNTARY and not self._terms.voluntary_stop:
            shown = {"rule_set": self.relationship.rule_set.value}
            self._broken("stop_voluntary", Message("accounting.stop_voluntary", shown))
            return
        state = self._now
        item = self.relationship.item.kind
        if state.members:
            self._stop_net(stop, state)
            return
        if item is ItemKind.INVENTORY:
            if self._settings.item_carrying is ItemCarrying.TRANSFER:
                self._add(K.ITEM_RETURN, stop.day, state.carrying + state.item_change, sources=stop.sources)
                state = replace(state, open_quantity=ZERO, carrying=ZERO, item_change=ZERO, offset=ZERO)
            self._add(K.TIME_VALUE_TO_PROFIT, stop.day, state.excluded.balance, sources=stop.sources)
            state = replace(state, excluded=TimeValueState(state.excluded.instrument))
        elif not stop.expected:
            adjustment = state.item_change + state.aside.adjustment
            self._give_up(stop.day, adjustment, state.reserve + state.deferred + state.aside.reserve, stop.sources)
            self._add(K.TIME_VALUE_TO_PROFIT, stop.day, state.excluded.balance, sources=stop.sources)
            state = replace(
                state,
                open_quantity=ZERO,
                item_change=ZERO,
                reserve=ZERO,
                deferred=ZERO,
                aside=Aside(),
                excluded=TimeValueState(state.excluded.instrument),
            )
        self.state = replace(state, stopped=True)

    def _stop_net(self, stop: HedgeStop, state: HedgeState) -> None:
        """Both sides are kept for their transactions, or given up together."""
        if not stop.expected:
            if self._cash_flow:
                self._add(K.RESERVE_TO_PROFIT, stop.day, state.reserve, sources=stop.sources)
            else:
                self._add(K.ITEM_CHANGE, stop.day, -state.item_change, sources=stop.sources)
            nothing = {name: replace(member, open_quantity=ZERO, change=ZERO) for name, member in state.members.items()}
            state = replace(state, members=nothing, item_change=ZERO, reserve=ZERO, open_quantity=ZERO)
        self.state = replace(state, stopped=True)

    @property
    def _now(self) -> HedgeState:
        """The state; the steps after the designation are only taken with one."""
        assert self.state is not None  # noqa: S101 - the steps after the designation are only taken with a state
        return self.state
