"""What keeps a day from being settled before any figure is looked at: it is no trading day, it is out of order or before the
go-live, or differences are open."""

from __future__ import annotations

from datetime import date
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.ports.storage import UnitOfWork
from hedge_core.reconciliation import blocking
from hedge_core.trading_calendar import TradingCalendar
from messages import Message

RECONCILE: Final = "reconcile"
REQUIRED: Final = "required"
"""The setting of a book, and its value, that lets no day be settled that has not been reconciled."""


def closed_gate(uow: UnitOfWork, day: date, calendar: TradingCalendar | None) -> list[RuleBroken]:
    """Every reason not to settle the day; empty if it may go on."""
    return [*_no_trading_day(uow, day, calendar), *_out_of_order(uow, day), *_unreconciled(uow, day)]


def _no_trading_day(uow: UnitOfWork, day: date, calendar: TradingCalendar | None) -> list[RuleBroken]:
    """What brokers say wins over the calendar: with a statement or an answer of the day it was a trading day."""
    if calendar is None or not calendar.knows(day) or calendar.is_trading_day(day):
        return []
    if uow.statements.on_day(day) or uow.broker_queries.fills(first=day, last=day):
        return []
    shown = {"day": day, "next": calendar.next_day(day)}
    return [RuleBroken("no_trading_day", day.isoformat(), Message("calendar.no_trading_day", shown))]


def _out_of_order(uow: UnitOfWork, day: date) -> list[RuleBroken]:
    """Days are settled in order: none up to the go-live, and none for the first time when a later one has been."""
    live = [state.trading_day for state in uow.broker.openings()]
    if live and day <= min(live):
        shown = {"day": day, "live": min(live)}
        return [RuleBroken("before_go_live", day.isoformat(), Message("settlement.before_go_live", shown))]
    snapshots = uow.results.snapshots()
    later = [one.trading_day for one in snapshots if one.trading_day > day and one.status == "final"]
    if later and all(one.trading_day != day for one in snapshots):
        shown = {"day": day, "later": min(later)}
        return [RuleBroken("day_out_of_order", day.isoformat(), Message("settlement.day_out_of_order", shown))]
    return []


def newer_statements(uow: UnitOfWork, day: date) -> list[str]:
    """The accounts whose statement of the day came after the day was compared: its rows speak of an older one."""
    run = uow.reconciliation.run(day)
    if run is None:
        return []
    return sorted({one.statement.account for one in uow.statements.on_day(day) if one.imported_at > run.ran_at})


def _unreconciled(uow: UnitOfWork, day: date) -> list[RuleBroken]:
    newer = newer_statements(uow, day)
    if newer:
        shown = {"day": day, "accounts": ", ".join(newer)}
        return [RuleBroken("reconciliation_stale", day.isoformat(), Message("reconciliation.stale", shown))]
    if uow.book.settings.get(RECONCILE) == REQUIRED and uow.reconciliation.run(day) is None:
        return [RuleBroken("not_reconciled", day.isoformat(), Message("reconciliation.not_run", {"day": day}))]
    return [
        RuleBroken(
            "unreconciled", row.row_id, Message("reconciliation.blocks", {"row": row.row_id, "finding": row.message})
        )
        for row in blocking(uow.reconciliation.rows(day))
    ]
