"""Statements and prices over broker connections, by command and by job: which days to ask for, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from adapters.broker.statement_files import read_any_statement
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.jobs import Running
from hedge_core.use_cases.fetch_statements import Fetched, days_to_fetch, fetch_statements, instruments_to_price
from hedge_core.use_cases.pull_broker import fix_prices
from hedge_core.use_cases.statements import NEEDS_ACCEPTANCE, NEEDS_REOPENING, NO_APPROVAL, Approval
from worker.bootstrap import WORKER, App

STORED = ("stored", "new_version")


def fetch_days(
    app: App, book: BookId, connection: str, actor: Actor, day: date | None = None, approval: Approval = NO_APPROVAL
) -> list[Fetched]:
    """Fetch and import the statements of `day`; without one, of the counter's trading day and the one before it, where an
    account of the connection lacks its statement."""
    adapter, calendar = app.broker(book, connection), app.calendar(book)
    days = [day] if day is not None else []
    if day is None:
        accounts = [account.account for account in adapter.accounts()]
        with app.store.read(book) as uow:
            days = days_to_fetch(uow, accounts, adapter.trading_day(), calendar)
    return [
        fetch_statements(
            app.store, book, connection, adapter, one, read_any_statement, app.products, actor, app.clock, approval,
            calendar,
        )
        for one in days
    ]  # fmt: skip


def fetch_job(app: App, run: Running) -> tuple[Mapping[str, object], bool]:
    """Fetch what is missing (or the parameter `day`); whether something was stored that a settlement may wait for."""
    name, wanted = str(run.job.params["connection"]), run.job.params.get("day")
    day = date.fromisoformat(str(wanted)) if wanted else None
    try:
        found = fetch_days(app, run.job.book, name, WORKER, day)
    finally:
        app.drop_broker(run.job.book, name)
    states = [one.state for fetched in found for one in fetched.imported]
    run.advance(len(states))
    counts: dict[str, object] = {
        "stored": sum(state in STORED for state in states),
        "unchanged": states.count("unchanged"),
        "left": sum(state in (NEEDS_ACCEPTANCE, NEEDS_REOPENING) for state in states),
        "missing": sum(len(fetched.missing) for fetched in found),
    }
    return counts, bool(counts["stored"])


def prices_job(app: App, run: Running) -> Mapping[str, object]:
    """Fix the day's settlement prices of everything held or dealt; what the source does not have yet is counted and stays
    missing: the settlement says so."""
    params, book = run.job.params, run.job.book
    name, kind = str(params["connection"]), str(params.get("price") or "settlement")
    try:
        adapter = app.broker(book, name)
        day = date.fromisoformat(str(params["day"])) if params.get("day") else adapter.trading_day()
        with app.store.read(book) as uow:
            wanted = instruments_to_price(uow, day)
        fixed = fix_prices(app.store, book, app.market(book, name), kind, wanted, day, WORKER)
    finally:
        app.drop_broker(book, name)
    run.advance(len(fixed.stored))
    return {
        "fixed": len(fixed.stored), "known": fixed.known, "missing": len(fixed.gaps), "different": len(fixed.different),
    }  # fmt: skip
