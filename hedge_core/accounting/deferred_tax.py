"""Deferred tax on results that tax looks at only when a position is closed: rate × booked amounts, the reserve's part in OCI."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from hedge_core.accounting.events import AccountingEvent, EventKind, one_amount
from hedge_core.accounting.relationships import HedgeRelationship, HedgeType
from hedge_core.accounting.state import ZERO, HedgeState, MeasureState, TaxState
from hedge_core.model.vouchers import SourceRef
from hedge_core.rounding import round_money


def temporary_differences(state: MeasureState, relationships: Iterable[HedgeRelationship]) -> tuple[Decimal, Decimal]:
    """(through profit or loss, through the reserve): fair values of open lots and adjustments of hedged items, of which
    the balance of the reserves belongs in other comprehensive income. A reserve outlives its closed instrument: its part
    of the tax then moves between the two and the sum stays."""
    types = {one.relationship_id: one.hedge_type for one in relationships}
    booked = sum((holding.fair_value for holding in state.lots.values()), ZERO)
    reserve = ZERO
    for name, hedge in state.hedges.items():
        booked += sum((holding.fair_value for holding in hedge.holdings.values()), ZERO)
        if types.get(name) is HedgeType.FAIR_VALUE:
            booked += hedge.item_change + hedge.aside.adjustment
        reserve += reserve_balance(hedge)
    return booked - reserve, reserve


def reserve_balance(hedge: HedgeState) -> Decimal:
    """Everything of a relationship in other comprehensive income, gain positive."""
    return hedge.reserve + hedge.deferred + hedge.aside.reserve + hedge.excluded.balance


def measure_tax(
    on: date, state: MeasureState, relationships: Iterable[HedgeRelationship], rate: Decimal, currency: str = "CNY"
) -> tuple[list[AccountingEvent], TaxState]:
    """Events that bring the booked deferred tax to its target, and what is booked then. A net debit is shown as an asset."""
    profit, reserve = (round_money(rate * part, currency) for part in temporary_differences(state, relationships))
    booked = state.tax
    after = TaxState(profit, reserve, max(-(profit + reserve), ZERO))
    sources = (SourceRef("snapshot", on.isoformat()),)
    events = [
        AccountingEvent(kind, on, one_amount(change), period_end=True, sources=sources)
        for kind, change in (
            (EventKind.TAX_ON_PROFIT, after.profit - booked.profit),
            (EventKind.TAX_ON_RESERVE, after.reserve - booked.reserve),
            (EventKind.TAX_PRESENTATION, after.asset - booked.asset),
        )
    ]
    return events, after
