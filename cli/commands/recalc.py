"""`hedgebridge recalc` and `hedgebridge day`: recomputing history as a proposal, and opening a settled day again."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.ports.column_blocks import Recalculation
from hedge_core.use_cases.history_inputs import verify_blocks
from hedge_core.use_cases.past_records import CHANGED, RELEASED, UNMAPPED, WAITING, Kind, RecordChange
from hedge_core.use_cases.recalculate import STAGES, Proposed, day_changes, propose, reject
from hedge_core.use_cases.reopen import approve_reopening, ask_to_reopen, refuse_reopening
from messages import Message

recalc_app = typer.Typer(invoke_without_command=True, help=help_text("recalc"))
day_app = typer.Typer(no_args_is_help=True, help=help_text("day_app"))

Day = Annotated[datetime, typer.Argument(metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("day"))]
Run = Annotated[int, typer.Argument(metavar="RUN", help=help_text("recalc_run"))]
Reason = Annotated[str, typer.Option("--reason", metavar="REASON", help=help_text("recalc_reason"))]
DAY_COLUMNS = ("day", "state", "version", "results", "lines", "differences")
RUN_COLUMNS = (
    "run", "from_day", "through_day", "status", "fills", "days", "lines", "made_by", "decided_by", "reason", "mapping",
)  # fmt: skip
LINE_COLUMNS = ("section", "key", "field", "before", "after")
RECORD_COLUMNS = ("document", "state", "field", "before", "after", "reason", "record", "since")
REOPENING_COLUMNS = ("day", "number", "status", "reason", "asked_by", "decided_by")
_SHOWN = 20


def register(app: typer.Typer) -> None:
    app.add_typer(recalc_app, name="recalc")
    app.add_typer(day_app, name="day")


@recalc_app.callback()
def recalc(
    context: typer.Context,
    first: Annotated[
        datetime | None,
        typer.Option("--from", metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("recalc_from")),
    ] = None,
    exposure: Annotated[bool, typer.Option("--exposure", help=help_text("recalc_exposure"))] = False,
    mapping: Annotated[
        list[str], typer.Option("--mapping", metavar="CONNECTION/KIND=FILE", help=help_text("recalc_mapping"))
    ] = [],  # noqa: B006 - typer reads it and never changes it
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    session = Session(book, who, as_json)
    if first is None:
        raise InvalidInput("--from", 0, "", Message("recalc.from_missing"))
    app = session.app
    bodies = _mappings(session, mapping)
    changes: list[RecordChange] = []
    with session.screen.progress() as bar:
        task = bar.add_task("", total=None)

        def told(stage: str, done: int, of: int) -> None:
            text = Message(f"recalc.stage_{stage}", {"number": STAGES.index(stage) + 1, "of": len(STAGES)})
            bar.update(task, description=session.screen.text(text), completed=done, total=of or None)

        if bodies:
            from worker.mapping_runs import propose_with

            proposed, changes = propose_with(app, session.book, first.date(), bodies, session.actor, told)
        else:
            proposed = propose(
                app.store, session.book, first.date(), app.products, session.actor, app.clock, exposure=exposure,
                progress=told,
            )  # fmt: skip
    _show(session, proposed, changes)
    if bodies:
        from worker.mapping_runs import never_received

        _say_records(session, proposed, changes, never_received(app, session.book, bodies))
    changed = any(day.state == "changed" for day in proposed.days) or any(one.state != WAITING for one in changes)
    session.end(PERSON_NEEDED if proposed.broken or changed else OK)


def _mappings(session: Session, given: list[str]) -> dict[Kind, bytes]:
    """`connection/kind=file` as mapping texts by kind; InvalidInput for another form, a file that is no mapping of the kind,
    and a kind that no settled day depends on."""
    bodies: dict[Kind, bytes] = {}
    if not given:
        return bodies
    from cli.commands.mappings import spec_for
    from mapping import SpecFormat, dump_spec
    from worker.mapping_runs import COUNTED

    for one in given:
        name, _, file = one.partition("=")
        connection, _, kind = name.partition("/")
        if not kind or not file:
            raise InvalidInput("--mapping", 0, "", Message("recalc.mapping_form", {"value": one}))
        spec, _ = spec_for(session, name, Path(file))
        if spec.kind not in COUNTED:
            raise InvalidInput("--mapping", 0, name, Message("recalc.mapping_counts_nowhere", {"name": name}))
        bodies[connection, kind] = dump_spec(spec, SpecFormat.YAML)
    return bodies


def _say_records(
    session: Session, proposed: Proposed, changes: list[RecordChange], missing: dict[str, tuple[int, int]]
) -> None:
    """What the proposed mappings make of the records, and what keeps the run from being accepted."""
    if session.as_json:
        return
    counts = Counter(change.state for change in changes)
    names = (CHANGED, RELEASED, UNMAPPED, WAITING)
    session.screen.tell(Message("recalc.mapping_records", {name: counts[name] for name in names}))
    for change in [one for one in changes if one.state == UNMAPPED][:_SHOWN]:
        shown = {"record": change.name or change.ref, "reason": change.reason or ""}
        session.screen.tell(Message("recalc.mapping_unmapped", shown), "red")
    if counts[UNMAPPED]:
        session.screen.tell(Message("recalc.mapping_blocked"), "red")
    for field, (lacking, of) in missing.items():
        session.screen.tell(Message("recalc.mapping_field", {"field": field, "lacking": lacking, "of": of}), "yellow")
    unlike = [day.trading_day for day in proposed.days if not day.reproduced]
    if unlike:
        session.screen.tell(Message("recalc.mapping_not_reproduced", {"days": _days(tuple(unlike))}), "yellow")


@recalc_app.command("records", help=help_text("recalc_records"))
def recalc_records(run: Run, book: BookOption = "", as_json: JsonOption = False) -> None:
    from worker.mapping_runs import changes_of

    session = Session(book, as_json=as_json)
    rows = [row for change in changes_of(session.app, session.book, run) for row in _record_rows(change)]
    session.screen.rows("recalculation_records", RECORD_COLUMNS, rows, spare=("record", "since"))


def _record_rows(change: RecordChange) -> list[dict[str, object]]:
    head = {
        "record": str(change.ref), "document": change.name, "since": change.since, "state": Word(change.state),
        "field": "", "before": None, "after": None, "reason": change.reason or "",
    }  # fmt: skip
    if not change.fields:
        return [head]
    return [{**head, "field": name, "before": was, "after": now} for name, was, now in change.fields]


def _show(session: Session, proposed: Proposed, changes: list[RecordChange]) -> None:
    rows = [
        {"day": day.trading_day, "state": Word(day.state), "version": day.version or None,
         "results": len(day.results), "lines": len(day.lines), "differences": len(day.differences)}
        for day in proposed.days
    ]  # fmt: skip
    shown = rows if session.as_json else [row for row in rows if row["state"] != Word("same")][:_SHOWN]
    if session.as_json:
        session.screen.record(
            "recalculated",
            {"run": proposed.run or None, "fills": proposed.fills, "days": rows,
             "broken": [session.screen.text(rule.message) for rule in proposed.broken],
             **({"records": [row for change in changes for row in _record_rows(change)]} if changes else {})},
        )  # fmt: skip
    elif shown:
        session.screen.rows("recalculated_days", DAY_COLUMNS, shown)
    for broken in proposed.broken:
        session.screen.tell(broken.message, "red")
    if proposed.left_out:
        session.screen.tell(Message("recalc.left_out", {"instruments": ", ".join(proposed.left_out)}))
    if proposed.run:
        changed = sum(day.state == "changed" for day in proposed.days)
        params = {"run": proposed.run, "days": len(proposed.days), "changed": changed, "fills": proposed.fills}
        session.screen.tell(Message("recalc.stored", params))


@recalc_app.command("list", help=help_text("recalc_list"))
def recalc_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        runs = uow.columns.recalculations()
    session.screen.rows(
        "recalculations", RUN_COLUMNS, [_run_row(run) for run in runs], spare=("decided_by", "reason", "mapping")
    )


def _run_row(run: Recalculation) -> dict[str, object]:
    return {
        "run": run.run, "from_day": run.from_day, "through_day": run.through_day, "status": Word(run.status),
        "fills": run.summary["fills"], "days": run.summary["days"], "lines": run.summary["lines"],
        "made_by": run.made_by, "decided_by": run.decided_by or None, "reason": run.reason or None,
        "mapping": [f"{name} {spec}" for name, spec, *_ in run.summary.get("mappings", [])],  # type: ignore[attr-defined]
    }  # fmt: skip


@recalc_app.command("show", help=help_text("recalc_show"))
def recalc_show(run: Run, day: Day, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    results, lines = day_changes(session.app.store, session.book, run, day.date())
    rows = [
        {"section": "results", "key": row.key, "field": row.column, "before": row.before, "after": row.after}
        for row in results
    ] + [
        {"section": row.section, "key": row.key, "field": row.column, "before": row.before, "after": row.after}
        for row in lines
    ]
    session.screen.rows("snapshot_diff", LINE_COLUMNS, rows)


@recalc_app.command("accept", help=help_text("recalc_accept"))
def recalc_accept(run: Run, reason: Reason, book: BookOption = "", who: AsOption = "") -> None:
    from worker.mapping_runs import accept_run

    session = Session(book, who)
    again = accept_run(session.app, session.book, run, reason, session.actor)
    session.screen.tell(Message("recalc.accepted", {"run": run}))
    if again:
        session.screen.tell(Message("recalc.settle_again", {"days": _days(again)}), "yellow")
    session.end(PERSON_NEEDED if again else OK)


@recalc_app.command("reject", help=help_text("recalc_reject"))
def recalc_reject(run: Run, reason: Reason, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    reject(session.app.store, session.book, run, reason, session.actor)
    session.screen.tell(Message("recalc.rejected", {"run": run}))


@recalc_app.command("verify", help=help_text("recalc_verify"))
def recalc_verify(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    broken = verify_blocks(session.app.store, session.book)
    for rule in broken:
        session.screen.tell(rule.message, "red")
    session.screen.record("recalculated", {"broken": len(broken)})
    session.end(PERSON_NEEDED if broken else OK)


# --- opening a day again ----------------------------------------------------------------------------------------------


@day_app.command("reopen", help=help_text("day_reopen"))
def day_reopen(day: Day, reason: Reason, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    ask_to_reopen(session.app.store, session.book, day.date(), reason, session.actor)
    session.screen.tell(Message("recalc.reopening_asked", {"day": day.date()}))
    session.end(PERSON_NEEDED)


@day_app.command("approve", help=help_text("day_approve"))
def day_approve(day: Day, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    opened = approve_reopening(session.app.store, session.book, day.date(), session.actor)
    session.screen.tell(Message("recalc.reopened", {"days": _days(opened)}))


@day_app.command("refuse", help=help_text("day_refuse"))
def day_refuse(day: Day, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    refuse_reopening(session.app.store, session.book, day.date(), session.actor)
    session.screen.tell(Message("recalc.reopening_refused", {"day": day.date()}))


@day_app.command("list", help=help_text("day_list"))
def day_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        rows = uow.columns.reopenings()
    shown = [
        {"day": row.trading_day, "number": row.number, "status": Word(row.status), "reason": row.reason,
         "asked_by": row.asked_by, "decided_by": row.decided_by or None}
        for row in rows
    ]  # fmt: skip
    session.screen.rows("reopenings", REOPENING_COLUMNS, shown)


def _days(days: tuple[date, ...]) -> str:
    return ", ".join(day.isoformat() for day in days)
