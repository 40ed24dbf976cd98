"""Accounting periods of a book: closed so that nothing more is dated into them, opened again with reason and approval."""

from __future__ import annotations

import re
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.accounting import PeriodChange
from hedge_core.ports.storage import Store, UnitOfWork
from messages import Message

_UNFINISHED: Final = (
    VoucherStatus.DRAFT,
    VoucherStatus.SUBMITTED,
    VoucherStatus.APPROVED,
    VoucherStatus.QUEUED,
)


def close_period(store: Store, book: BookId, period: str, reason: str, actor: Actor) -> None:
    """Close a month (`2026-03`). RuleBroken while a voucher of it is not yet in the ERP, or when it is closed already."""
    with store.begin(book, actor) as uow:
        _known_form(period)
        if period in uow.accounting.closed_periods():
            raise RuleBroken("period", period, Message("period.closed", {"period": period}))
        unfinished = [
            stored.voucher.voucher_id
            for stored in uow.results.vouchers()
            if stored.status in _UNFINISHED and f"{stored.voucher.posting_date:%Y-%m}" == period
        ]
        if unfinished:
            shown = {"count": len(unfinished), "period": period, "first": unfinished[0]}
            raise RuleBroken("period", period, Message("period.unfinished", shown))
        _change(uow, period, True, reason, "")


def open_period(store: Store, book: BookId, period: str, reason: str, approved_by: str, actor: Actor) -> None:
    """Open a closed month again. Somebody else has to approve it. RuleBroken when it is not closed."""
    with store.begin(book, actor) as uow:
        _known_form(period)
        if period not in uow.accounting.closed_periods():
            raise RuleBroken("period", period, Message("period.not_closed", {"period": period}))
        if not approved_by or approved_by == actor.name:
            raise RuleBroken("period", period, Message("period.approval", {"name": actor.name}))
        _change(uow, period, False, reason, approved_by)


def period_history(store: Store, book: BookId) -> list[PeriodChange]:
    """Every change, by period and order; the last of a period is its state."""
    with store.read(book) as uow:
        return uow.accounting.periods()


def _change(uow: UnitOfWork, period: str, closed: bool, reason: str, approved_by: str) -> None:
    uow.accounting.change_period(period, closed, reason, approved_by)
    kind = "period.closed" if closed else "period.opened"
    uow.audit.append(kind, period, {"reason": reason, "approved_by": approved_by})


def _known_form(period: str) -> None:
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", period) is None:
        raise RuleBroken("period", period, Message("period.form", {"period": period}))
