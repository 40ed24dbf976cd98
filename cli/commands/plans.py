"""Hedge plans (套保方案): propose, approve, tie fills, and plan against execution."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.documents.terms import read_terms
from cli.commands.brokers import content
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.hedge_plans import FillFinding
from hedge_core.model.terms import HedgePlan
from hedge_core.use_cases.commodity import business_today
from hedge_core.use_cases.plans import approve_plan, fill_findings, plans_now, propose_plan, tie_fill
from messages import Message

plan_app = typer.Typer(no_args_is_help=True, help=help_text("plan"))
PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help=help_text("plan_id"))]
COLUMNS = (
    "plan", "commodity", "side", "planned", "opened", "still_open", "remaining", "average", "target_ratio",
    "hedge_ratio", "floating", "margin", "first_day", "last_day", "approved_by",
)  # fmt: skip
SPARE = (
    "approved_by",
    "last_day",
    "hedge_ratio",
    "still_open",
    "average",
    "floating",
    "margin",
    "first_day",
    "target_ratio",
)


def register(app: typer.Typer) -> None:
    app.add_typer(plan_app, name="plan")


@plan_app.command("add", help=help_text("plan_add"))
def plan_add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=help_text("files"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    app = session.app
    for _, plan in read_terms(file.name, content(file), "plan", business_today(app.clock)):
        if isinstance(plan, HedgePlan):
            version = propose_plan(app.store, session.book, plan, session.actor, app.clock)
            session.screen.tell(Message("cli.plan_proposed", {"plan": plan.plan_id, "version": version}))


@plan_app.command("approve", help=help_text("plan_approve"))
def plan_approve(plan: PlanArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    approval = approve_plan(session.app.store, session.book, plan, session.actor, session.app.clock)
    session.screen.tell(Message("cli.plan_approved", {"plan": plan, "actor": approval.approved_by}))


@plan_app.command("tie", help=help_text("plan_tie"))
def plan_tie(
    fill: Annotated[str, typer.Argument(metavar="FILL", help=help_text("plan_fill"))],
    plan: PlanArgument,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    tie_fill(session.app.store, session.book, fill, plan, session.actor)
    session.screen.tell(Message("cli.plan_tied", {"fill": fill, "plan": plan}))


@plan_app.command("fills", help=help_text("plan_fills"))
def plan_fills(
    day: Annotated[
        datetime | None, typer.Option("--day", metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("plan_day"))
    ] = None,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    found = fill_findings(app.store, session.book, app.products, app.clock, day=day.date() if day else None)
    _findings(session, found)
    session.end(PERSON_NEEDED if found else OK)


@plan_app.command("list", help=help_text("plan_list"))
def plan_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    plans = plans_now(app.store, session.book, app.products, app.clock)
    rows = [
        {"plan": done.plan.plan_id, "commodity": done.plan.commodity, "side": Word(done.plan.side.value),
         "planned": done.plan.quantity, "opened": done.opened, "still_open": done.still_open,
         "remaining": done.remaining, "average": done.average_price, "target_ratio": done.plan.target_ratio,
         "hedge_ratio": done.ratio, "floating": done.floating, "margin": done.margin_used,
         "first_day": done.plan.first_day, "last_day": done.plan.last_day, "approved_by": done.approved_by}
        for done in (plan.execution for plan in plans)
    ]  # fmt: skip
    session.screen.rows("plans", COLUMNS, rows, spare=SPARE)
    for plan in plans:
        for broken in plan.execution.broken:
            session.screen.tell(broken.message, "yellow")
    session.end(PERSON_NEEDED if any(plan.execution.broken for plan in plans) else OK)


@plan_app.command("show", help=help_text("plan_show"))
def plan_show(plan: PlanArgument, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    found = [
        one for one in plans_now(app.store, session.book, app.products, app.clock) if one.execution.plan.plan_id == plan
    ]
    if not found:
        raise InvalidInput("plan", 0, "", Message("plan.none", {"plan": plan}))
    done, terms = found[0].execution, found[0].execution.plan
    session.screen.record(
        "plan",
        {"plan": terms.plan_id, "commodity": terms.commodity, "what": terms.what, "side": Word(terms.side.value),
         "planned": terms.quantity, "target_ratio": terms.target_ratio, "ratio_low": terms.ratio_low,
         "ratio_high": terms.ratio_high, "instruments": list(terms.instruments), "price_low": terms.price_low,
         "price_high": terms.price_high, "first_day": terms.first_day, "last_day": terms.last_day,
         "budget": terms.budget, "stop_loss": terms.stop_loss, "accounts": list(terms.accounts),
         "purpose": Word(terms.purpose.value), "vat_adjusted": terms.vat_adjusted, "approved_by": done.approved_by,
         "approved_on": done.approved_on, "opened": done.opened, "still_open": done.still_open,
         "remaining": done.remaining, "average": done.average_price, "hedge_ratio": done.ratio,
         "margin": done.margin_used, "fee": done.fees, "floating": done.floating},
    )  # fmt: skip
    for one in (*done.broken, *(finding.broken for finding in found[0].findings)):
        session.screen.tell(one.message, "yellow")
    session.end(PERSON_NEEDED if done.broken or found[0].findings else OK)


def _findings(session: Session, found: tuple[FillFinding, ...]) -> None:
    rows = [
        {"day": one.on, "fill": one.fill, "plan": one.plan_id or None, "rule": one.broken.rule,
         "reason": one.broken.reason}
        for one in found
    ]  # fmt: skip
    session.screen.rows("plan_fills", ("day", "fill", "plan", "rule", "reason"), rows, spare=("rule", "plan"))
