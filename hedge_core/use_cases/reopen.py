"""Opening a settled day again: one person asks with a reason, another approves; its snapshots stay readable."""

from __future__ import annotations

from datetime import date
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.column_blocks import Reopening
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.use_cases.settle import FINAL, SUPERSEDED
from messages import Message

ASKED: Final = "asked"
APPROVED: Final = "approved"
REFUSED: Final = "refused"


def ask_to_reopen(store: Store, book: BookId, day: date, reason: str, actor: Actor) -> Reopening:
    """Nothing happens to the day until somebody else approves. `RuleBroken`: `reopen_reason` without one,
    `reopen_not_settled`, `reopen_asked` while a request for the day waits."""
    if not reason.strip():
        raise _refused("reason", day)
    with store.begin(book, actor) as uow:
        if uow.results.snapshot(day) is None:
            raise _refused("not_settled", day)
        waiting = _waiting(uow, day)
        if waiting is not None:
            raise _refused("asked", day, name=waiting.asked_by)
        asked = uow.columns.ask_reopening(day, reason)
        uow.audit.append("day.reopening_asked", day.isoformat(), {"number": asked.number, "reason": reason})
    return asked


def approve_reopening(store: Store, book: BookId, day: date, actor: Actor) -> tuple[date, ...]:
    """Open the day and every settled one after it, which rest on it; answers them, the day first. `RuleBroken`:
    `reopen_none` without a request, `reopen_own` for whoever asked."""
    with store.begin(book, actor) as uow:
        asked = _asked(uow, day)
        if asked.asked_by == actor.name:
            raise _refused("own", day, name=actor.name)
        opened = [one for one in uow.results.snapshots() if one.trading_day >= day and one.status == FINAL]
        for snapshot in opened:
            uow.results.set_snapshot_status(snapshot.trading_day, snapshot.version, SUPERSEDED)
        uow.columns.decide_reopening(day, asked.number, APPROVED)
        days = tuple(sorted(snapshot.trading_day for snapshot in opened))
        uow.audit.append(
            "day.reopened", day.isoformat(), {"reason": asked.reason, "asked_by": asked.asked_by, "days": list(days)}
        )
    return days


def refuse_reopening(store: Store, book: BookId, day: date, actor: Actor) -> None:
    """The day stays as it is."""
    with store.begin(book, actor) as uow:
        asked = _asked(uow, day)
        uow.columns.decide_reopening(day, asked.number, REFUSED)
        uow.audit.append("day.reopening_refused", day.isoformat(), {"number": asked.number})


def _waiting(uow: UnitOfWork, day: date) -> Reopening | None:
    found = [row for row in uow.columns.reopenings() if row.trading_day == day and row.status == ASKED]
    return found[-1] if found else None


def _asked(uow: UnitOfWork, day: date) -> Reopening:
    waiting = _waiting(uow, day)
    if waiting is None:
        raise _refused("none", day)
    return waiting


def _refused(why: str, day: date, **params: object) -> RuleBroken:
    return RuleBroken(f"reopen_{why}", day.isoformat(), Message(f"reopen.{why}", {"day": day, **params}))
