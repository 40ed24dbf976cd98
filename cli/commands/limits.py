"""Limits and the alerts they raise: keep rules, check them now, see what is broken and say who looks after it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.documents.limits import PACKS, pack, read_limits
from cli.commands.brokers import content
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.model.limits import Breach, Moment, Proposal
from hedge_core.use_cases.commodity import business_today
from hedge_core.use_cases.limits import acknowledge, check_limits, import_limits
from messages import Message

limit_app = typer.Typer(no_args_is_help=True, help=help_text("limit"))
alert_app = typer.Typer(no_args_is_help=True, help=help_text("alert"))
RULE_COLUMNS = (
    "rule", "kind", "low", "high", "account", "commodity", "product", "month", "role", "view", "blocks", "owner",
)  # fmt: skip
BREACH_COLUMNS = ("rule", "subject", "figure", "low", "high", "since", "proposal", "finding")
ALERT_COLUMNS = (
    "alert",
    "rule",
    "subject",
    "figure",
    "high",
    "since",
    "last_seen",
    "proposal",
    "owner",
    "acknowledged",
)


def register(app: typer.Typer) -> None:
    app.add_typer(limit_app, name="limit")
    app.add_typer(alert_app, name="alert")


@limit_app.command("import", help=help_text("limit_import"))
def limit_import(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help=help_text("files"))] = None,
    named_pack: Annotated[str, typer.Option("--pack", metavar="soe", help=help_text("limit_pack"))] = "",
    since: Annotated[
        datetime | None,
        typer.Option("--from", metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("limit_from")),
    ] = None,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    app = session.app
    if (file is None) is (not named_pack) or (named_pack and named_pack not in PACKS):
        message = Message("cli.limit_file_or_pack", {"known": ", ".join(PACKS)})
        raise InvalidInput("limits", 0, "--pack", message)
    usual = since.date() if since else business_today(app.clock)
    name, body = (file.name, content(file)) if file is not None else (f"limits_{named_pack}.csv", pack(named_pack))
    read, new = import_limits(app.store, session.book, read_limits(name, body, usual), session.actor)
    session.screen.tell(Message("cli.limits_kept", {"count": read, "new": new}))


@limit_app.command("list", help=help_text("limit_list"))
def limit_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    with app.store.read(session.book) as uow:
        rules = uow.limits.rules(business_today(app.clock))
    rows = [
        {"rule": rule.rule_id, "kind": rule.kind.value, "low": rule.low, "high": rule.high, "account": rule.account,
         "commodity": rule.commodity, "product": rule.product, "month": rule.month, "role": rule.role,
         "view": rule.view.value if rule.view else None, "blocks": Word("yes" if rule.blocks else "no"),
         "owner": rule.owner}
        for rule in rules
    ]  # fmt: skip
    session.screen.rows("limits", RULE_COLUMNS, rows, spare=("view", "role", "product"))


@limit_app.command("check", help=help_text("limit_check"))
def limit_check(
    moment: Annotated[Moment, typer.Option("--moment", help=help_text("limit_moment"))] = Moment.DAY,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    done = check_limits(app.store, here, app.products, session.actor, app.clock, moment, app.calendar(here))
    rows = [_breach(one) for one in done.breaches]
    session.screen.rows("limit_findings", BREACH_COLUMNS, rows, spare=("low",))
    counts = {"checked": done.checked, "broken": len(done.breaches), "new": done.raised, "cleared": done.cleared}
    session.screen.tell(Message("cli.limits_checked", counts))
    session.end(PERSON_NEEDED if done.breaches else OK)


@alert_app.command("list", help=help_text("alert_list"))
def alert_list(
    every: Annotated[bool, typer.Option("--all", help=help_text("alert_all"))] = False,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        alerts = uow.limits.alerts() if every else uow.limits.open_alerts()
    rows = [
        {**_breach(one.breach), "alert": one.alert_id, "since": one.first_seen, "last_seen": one.last_seen,
         "owner": one.owner, "acknowledged": one.acknowledged_by, "note": one.note, "cleared": one.cleared_at}
        for one in alerts
    ]  # fmt: skip
    columns = (
        (*ALERT_COLUMNS, "cleared", "note", "finding") if session.as_json or every else (*ALERT_COLUMNS, "finding")
    )
    session.screen.rows("alerts", columns, rows, spare=("last_seen", "high", "owner"))
    session.end(PERSON_NEEDED if any(one.acknowledged_at is None and one.cleared_at is None for one in alerts) else OK)


@alert_app.command("acknowledge", help=help_text("alert_acknowledge"))
def alert_acknowledge(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help=help_text("alert_id"))],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help=help_text("alert_note"))] = "",
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help=help_text("alert_owner"))] = "",
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    done = acknowledge(
        session.app.store, session.book, alert, session.actor, session.app.clock, note=note, owner=owner
    )  # fmt: skip
    session.screen.tell(Message("cli.alert_acknowledged", {"alert": alert, "actor": done.acknowledged_by}))


def _breach(one: Breach) -> dict[str, Any]:
    return {
        "rule": one.rule_id, "subject": one.subject, "figure": one.figure, "low": one.low, "high": one.high,
        "since": one.since, "proposal": _proposal(one.proposal), "finding": one.message,
    }  # fmt: skip


def _proposal(one: Proposal | None) -> Message | None:
    """What would put it right, as a sentence."""
    if one is None:
        return None
    params = {
        "lots": one.lots, "instrument": one.instrument, "account": one.account, "left": one.lots_left,
        "after": "-" if one.exposure_after is None else one.exposure_after,
    }  # fmt: skip
    return Message(f"cli.proposal_{one.direction.value}_{one.offset.value}", params)
