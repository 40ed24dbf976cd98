"""What can run by itself: one line per kind of job in `KINDS`, name → function with what it needs.

A new kind: write `def name(app, run) -> counts` where its subject is, and add a line below. `run.job.params` say what to do,
`run.advance(n, pages=1)` tells progress between pages and is where a job stops that was cancelled, `run.job.checkpoint` is
what `run.advance(checkpoint=…)` last kept. A job that is run again must be harmless: it is, if it stands on use cases that
are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from adapters.broker.inbox import Taken
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.identity import Actor
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import PullScope
from hedge_core.ports.jobs import Running
from hedge_core.trading_calendar import EXCHANGE_TIME
from hedge_core.use_cases.limits import settle_day
from hedge_core.use_cases.outbox import resolve_unknown
from hedge_core.use_cases.pull import PullResult, pull_contracts, pull_inventory, pull_masters
from hedge_core.use_cases.schedule import add_job
from hedge_core.use_cases.sweep import sweep
from messages import Message
from worker import trading_jobs
from worker.anchoring import checkpoint_and_anchor
from worker.bootstrap import WORKER, App
from worker.broker_statements import fetch_job, prices_job
from worker.job_runs import JobKind
from worker.limit_jobs import limits, orders, settled
from worker.statement_inbox import look_once

Counts = Mapping[str, object]

_WHATS: Final = ("all", "masters", "contracts", "inventory")


def pull(app: App, run: Running) -> Counts:
    """Pull from a connection. Pages and their cursors are stored as they come, so that it goes on where it was."""
    params = run.job.params
    name, what = str(params["connection"]), str(params.get("what") or "all")
    if what not in _WHATS:
        raise InvalidInput("job", 0, "what", Message("job.pull_what", {"value": what, "known": ", ".join(_WHATS)}))
    try:
        scope = PullScope(str(params.get("scope") or PullScope.CHANGED.value))
    except ValueError:
        known = ", ".join(one.value for one in PullScope)
        message = Message("job.pull_scope", {"value": params.get("scope"), "known": known})
        raise InvalidInput("job", 0, "scope", message) from None
    adapter = app.erp(run.job.book, name)
    common = (app.store, run.job.book, name, adapter, WORKER, app.clock)
    pulls = adapter.capabilities.pulls
    finished = [str(one) for one in _listed(run.job.checkpoint.get("finished"))]
    steps: dict[str, Callable[[], PullResult]] = {}
    if what in ("all", "masters"):
        steps |= {f"masters.{kind.value}": _masters(common, kind) for kind in MasterKind}
    if what in ("all", "contracts") and (what != "all" or "contracts" in pulls):
        steps["contracts"] = lambda: pull_contracts(*common, scope, run.advance)
    if what in ("all", "inventory") and (what != "all" or "inventory" in pulls):
        steps["inventory"] = lambda: pull_inventory(*common, run.advance)
    for step, do in steps.items():
        if step in finished:
            continue
        found = do()
        finished.append(step)
        run.advance(
            found.read if step.startswith("masters") else 0,
            checkpoint={"finished": finished},
            read=found.read,
            stored=found.stored,
            unchanged=found.unchanged,
            quarantined=found.quarantined,
            gone=found.gone,
        )
    return {}


def _masters(common: tuple[Any, ...], kind: MasterKind) -> Callable[[], PullResult]:
    return lambda: pull_masters(*common, kind)


def statements(app: App, run: Running) -> Counts:
    """Look into the watched folders once. A statement that was stored may complete a day: then it is settled next."""
    taken, waiting = look_once(app, run.job.book, WORKER)
    run.advance(len(taken))
    counts: dict[str, object] = {
        state: sum(one.state == state for one in taken) for state in ("done", "refused", "left")
    }
    if any(_stored(one) for one in taken):
        with app.store.begin(run.job.book, WORKER) as uow:
            if not uow.jobs.unfinished("settle"):
                add_job(uow, KINDS, "settle", {})
    return {**counts, "waiting": len(waiting)}


def fetch(app: App, run: Running) -> Counts:
    """Fetch the day's statements over a broker connection. One that was stored may complete a day: it is settled next."""
    counts, stored = fetch_job(app, run)
    if stored:
        with app.store.begin(run.job.book, WORKER) as uow:
            if not uow.jobs.unfinished("settle"):
                add_job(uow, KINDS, "settle", {})
    return counts


def _stored(one: Taken) -> bool:
    return one.state == "done"


def settle_days(app: App, run: Running) -> Counts:
    """Settle every trading day that has all its statements, oldest first, up to today (or the parameter `day`). A day that
    lacks a statement waits, and so do those after it; one that a person has to look at ends the job with its sentence."""
    book = run.job.book
    calendar = app.calendar(book)
    wanted = run.job.params.get("day")
    last = date.fromisoformat(str(wanted)) if wanted else app.clock.now().astimezone(EXCHANGE_TIME).date()
    with app.store.read(book) as uow:
        done = uow.results.last_snapshot()
        openings = uow.broker.openings()
        accounts = {state.account for state in openings} or set(uow.statements.accounts())
        days = [day for day in uow.statements.days() if day <= last]
        start = max([state.trading_day for state in openings], default=None)
    settled(app, book, done.trading_day if done else None)
    after = max([day for day in (done.trading_day if done else None, start) if day is not None], default=None)
    for day in sorted(set(days)):
        if after is not None and day <= after:
            continue
        with app.store.read(book) as uow:
            have = {stored.statement.account for stored in uow.statements.on_day(day)}
        live = {state.account for state in openings if state.trading_day < day} or accounts
        if missing := live - have:
            run.advance(0, waiting=1)
            return {"first_missing": f"{day.isoformat()} {', '.join(sorted(missing))}"}
        looked = settle_day(app.store, book, day, app.products, WORKER, app.clock, calendar=calendar)
        outcome = looked.settled
        if outcome.broken:
            raise outcome.broken[0]
        if outcome.state == "differs":
            message = Message("job.day_differs", {"day": day, "count": len(outcome.differences)})
            raise RuleBroken("day_differs", day.isoformat(), message)
        run.advance(1, settled=1)
        _follow(app, run, day)
        if looked.blocked is not None:
            raise looked.blocked
    return {}


def _follow(app: App, run: Running, day: date) -> None:
    """What a settled day brings: its own jobs, once."""
    with app.store.begin(run.job.book, WORKER) as uow:
        for kind in trading_jobs.AFTER_SETTLEMENT:
            add_job(uow, KINDS, kind, {"day": day.isoformat()})


def resolve(app: App, run: Running) -> Counts:
    """Ask the ERP for every document whose outcome is not known, in one go."""
    name = str(run.job.params["connection"])
    adapter = app.erp(run.job.book, name)
    found = resolve_unknown(app.store, run.job.book, name, adapter, WORKER, app.clock)
    run.advance(found.asked)
    return {"asked": found.asked, "found": found.found, "conflicts": found.conflicts, "missing": found.missing}


def sweep_ledger(app: App, run: Running) -> Counts:
    """Compare every voucher with the ERP, both ways."""
    name = str(run.job.params["connection"])
    days = int(str(run.job.params.get("days") or 45))
    found = sweep(app.store, run.job.book, name, app.erp(run.job.book, name), WORKER, app.clock, days, run.advance)
    findings = [str(one.message) for one in found.findings[:50]]
    return {"compared": found.compared, "findings": len(found.findings), "told": findings}


def checkpoint(app: App, run: Running) -> Counts:
    """Sign the audit log as it is and take the note where the book's settings say."""
    name, _, anchored = checkpoint_and_anchor(app, run.job.book, Actor(WORKER.name, authenticated=True))
    run.advance(1)
    return {"checkpoint": name, "anchors": len(anchored)}


KINDS: dict[str, JobKind] = {
    "pull": JobKind(pull, needs=("connection",), alone="pull", by=("connection",)),
    "statements": JobKind(statements, alone="statements"),
    "fetch": JobKind(fetch, needs=("connection",), alone="broker", by=("connection",)),
    "prices": JobKind(prices_job, needs=("connection",), alone="broker", by=("connection",)),
    "settle": JobKind(settle_days, alone="settle"),
    "limits": JobKind(limits, alone="limits"),
    "orders": JobKind(orders, alone="orders"),
    "force": JobKind(trading_jobs.force, alone="desk"),
    "basis": JobKind(trading_jobs.basis, alone="basis"),
    "fills": JobKind(trading_jobs.fills),
    "ties": JobKind(trading_jobs.ties),
    "resolve": JobKind(resolve, needs=("connection",), alone="resolve", by=("connection",)),
    "sweep": JobKind(sweep_ledger, needs=("connection",), alone="sweep", by=("connection",)),
    "checkpoint": JobKind(checkpoint, alone="checkpoint"),
}
"""Every kind of job there is."""


def queues() -> list[str]:
    """The queues of all kinds, in order."""
    return sorted({kind.queue for kind in KINDS.values()})


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
