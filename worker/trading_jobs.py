"""What follows a settled day by itself: fills without a plan, prices owed without a call, the day's basis, the ledger's ties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.ports.jobs import Running
from hedge_core.use_cases.basis import alerts_now, keep_basis
from hedge_core.use_cases.commodity import business_today
from hedge_core.use_cases.plans import fill_findings
from hedge_core.use_cases.pricing import force_pricings
from hedge_core.use_cases.trial_balance import trial_balance
from messages import Message
from worker.bootstrap import WORKER, App

Counts = Mapping[str, object]

AFTER_SETTLEMENT: Final = ("force", "basis", "fills", "ties")
"""Kinds of jobs that a newly settled day brings, in this order."""
TOLD: Final = 50
"""Sentences kept with a job; the commands show all."""


def fills(app: App, run: Running) -> Counts:
    """Opening fills of a day (parameter `day`, else the last settled one) that keep to no plan: without one, before its
    approval, outside its bounds."""
    day = day_of(app, run)
    found = fill_findings(app.store, run.job.book, app.products, app.clock, day=day)
    run.advance(1)
    return {"day": day.isoformat(), "findings": len(found), "told": [str(one.broken) for one in found[:TOLD]]}


def force(app: App, run: Running) -> Counts:
    """Price what is owed without a call: stop prices that were reached, windows that are over."""
    made = force_pricings(app.store, run.job.book, WORKER, app.clock)
    run.advance(len(made))
    return {
        "priced": len(made),
        "told": [f"{one.line} {one.quantity} @ {one.price} ({one.why})" for one in made[:TOLD]],
    }


def basis(app: App, run: Running) -> Counts:
    """Keep a day's basis, and tell what is missing for it and what left its band."""
    day = day_of(app, run)
    found = keep_basis(app.store, run.job.book, day, app.products, WORKER)
    alerts = alerts_now(app.store, run.job.book, app.clock)
    told = [*(str(one.message) for one in alerts), *(str(one) for one in found.broken)]
    run.advance(len(found.rows))
    counts = {"kept": len(found.rows), "alerts": len(alerts), "missing": len(found.broken)}
    return {"day": day.isoformat(), **counts, "told": told[:TOLD]}


def ties(app: App, run: Running) -> Counts:
    """The ledger's ties from the first of the month to a day, ended with a sentence where one does not hold. Vouchers that
    nobody has made yet are counted and no fault, unless `vouchers` says that all have to be there (month end), or
    `connection` that the ERP's documents are compared too."""
    book, day = run.job.book, day_of(app, run)
    with app.store.read(book) as uow:
        ledger = app.ledger(uow.book.settings)
    name = run.job.params.get("connection")
    adapter = app.erp(book, str(name)) if name else None
    found = trial_balance(app.store, book, day.replace(day=1), day, ledger, adapter)
    run.advance(len(found.ties))
    if found.problems:
        raise found.problems[0]
    loose = [one for one in found.ties if not one.holds]
    unposted = sum(one.name == "vouchers" for one in loose)
    if not (name or run.job.params.get("vouchers")):
        loose = [one for one in loose if one.name != "vouchers"]
    if loose:
        first = loose[0]
        params = {
            "day": first.day, "count": len(loose), "tie": first.name, "subject": first.subject, "ours": first.ours,
            "theirs": first.theirs,
        }  # fmt: skip
        raise RuleBroken("ties_differ", first.subject, Message("job.ties_differ", params))
    return {"day": day.isoformat(), "ties": len(found.ties), "unposted": unposted}


def day_of(app: App, run: Running) -> date:
    """The parameter `day`, else the last settled day, else today."""
    wanted = run.job.params.get("day")
    if wanted:
        return date.fromisoformat(str(wanted))
    with app.store.read(run.job.book) as uow:
        last = uow.results.last_snapshot()
    return last.trading_day if last is not None else business_today(app.clock)
