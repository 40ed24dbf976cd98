"""Jobs about limits and orders: the look during the day, the look after a settlement, and orders followed at the broker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from hedge_core.model.identity import BookId
from hedge_core.model.limits import Moment
from hedge_core.model.orders import MAY_FILL
from hedge_core.ports.jobs import Running
from hedge_core.use_cases.limits import after_settlement, check_limits
from hedge_core.use_cases.orders import refresh_order
from worker.bootstrap import WORKER, App

Counts = Mapping[str, object]


def limits(app: App, run: Running) -> Counts:
    """Check the limits of the day; what is broken is an alert, and an alert whose rule holds again clears."""
    book = run.job.book
    done = check_limits(app.store, book, app.products, WORKER, app.clock, Moment.DAY, app.calendar(book))
    run.advance(1)
    return {"checked": done.checked, "broken": len(done.breaches), "new": done.raised, "cleared": done.cleared}


def orders(app: App, run: Running) -> Counts:
    """Ask the brokers what became of every order that is not over. Nothing is ever sent from here."""
    book = run.job.book
    with app.store.read(book) as uow:
        out = [one for one in uow.orders.proposed_orders(MAY_FILL) if one.sent_at is not None]
    left = 0
    for one in out:
        adapter = app.broker(book, one.proposal.connection)
        now = refresh_order(app.store, book, one.proposal.proposal_id, adapter, WORKER, app.clock)
        left += now.stage in MAY_FILL
        run.advance(1)
    return {"asked": len(out), "left": left}


def settled(app: App, book: BookId, day: date | None) -> None:
    """The look after a day is settled, and again before the next: RuleBroken where a rule that blocks is broken and nobody
    has acknowledged it."""
    if day is not None:
        after_settlement(app.store, book, day, app.products, WORKER, app.clock, app.calendar(book))
