"""One relationship on one day: its state, the day's facts that concern it, and how its events are written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from hedge_core.accounting.events import AccountingEvent, EventKind, day_sources, one_amount, product_of
from hedge_core.accounting.holdings import HeldLot
from hedge_core.accounting.inputs import DayFacts
from hedge_core.accounting.relationships import HedgeRelationship, HedgeType, InstrumentShare
from hedge_core.accounting.rule_sets import TERMS, BookSettings, Measure
from hedge_core.accounting.state import HedgeState
from hedge_core.errors import RuleBroken
from hedge_core.model.vouchers import SourceRef
from messages import Message


class HedgeEvents:
    """What the steps of a day share. `state` is None until the designation begins."""

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
        self._rebalances = [one for one in facts.rebalances if one.relationship_id == self._id]
        self._losses = [one for one in facts.losses if one.relationship_id == self._id]
        self._late: list[InstrumentShare] = []
        self._ended_time_value = state.ended_time_value if state is not None else None
        self._events: list[AccountingEvent] = []

    def _own(self) -> list[HeldLot]:
        return [lot for lot in self._held.values() if lot.heads[self._id].lots or self._closed_today(lot)]

    def _closed_today(self, lot: HeldLot) -> bool:
        return self._id in lot.shares and lot.shares[self._id].lots_closed > 0

    def _account(self) -> str:
        """The one broker account of the instruments; empty if there are several."""
        named = {share.lot_id.partition("/")[0] for share in self.relationship.instruments if "/" in share.lot_id}
        accounts = {lot.day.account for lot in self._own()} or named
        return accounts.pop() if len(accounts) == 1 else ""

    def _forced(self) -> bool:
        return bool(self._movements or self._stops or self._rebalances or self._losses)

    def _regular(self) -> bool:
        return self._settings.measure is Measure.DAY or self._facts.month_end

    @property
    def _period_end(self) -> bool:
        return self._settings.measure is Measure.MONTH and self._facts.month_end and not self._forced()

    @property
    def _cash_flow(self) -> bool:
        return self.relationship.hedge_type is HedgeType.CASH_FLOW

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
        account: str = "",
    ) -> None:
        self._add_all(kind, day, one_amount(amount), period_end=period_end, sources=sources, account=account)

    def _add_all(
        self,
        kind: EventKind,
        day: date,
        amounts: tuple[tuple[str, Decimal], ...],
        *,
        period_end: bool = False,
        sources: tuple[SourceRef, ...] = (),
        account: str = "",
    ) -> None:
        self._events.append(
            AccountingEvent(
                kind,
                day,
                amounts,
                account=account,
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
