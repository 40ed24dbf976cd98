"""`demo` runs the whole job on the invented company; `sandbox` starts one stand-in by itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cli.demo.group import GROUP, Member, run_group
from cli.demo.month import DEFAULT_FAULTS, Month, Tamper, fresh_folder
from cli.demo.standin import StandIn, write_statements
from cli.demo.summary import Outcome, conclude
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, JsonOption, Session, help_text
from messages import Message


def register(app: typer.Typer) -> None:
    app.command("demo", help=help_text("demo"))(demo)
    pass_on = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("sandbox", help=help_text("sandbox"), context_settings=pass_on)(sandbox)


def demo(
    folder: Annotated[Path, typer.Option("--folder", help=help_text("demo_folder"))] = Path("var/demo"),
    fault: Annotated[list[str], typer.Option("--fault", help=help_text("demo_fault"))] = list(DEFAULT_FAULTS),  # noqa: B006
    as_json: JsonOption = False,
) -> None:
    session = Session(settings=fresh_folder(folder), as_json=as_json)
    outcome = with_group(session, folder, run_demo(session, folder, fault))
    show(session, folder, outcome)
    session.end(PERSON_NEEDED if outcome.reasons else OK)


def run_demo(session: Session, folder: Path, faults: list[str], tamper: Tamper | None = None) -> Outcome:
    """The month in `folder`, compared and written to `summary.json`."""
    started = time.perf_counter()
    inbox = folder / "inbox"
    write_statements(inbox)
    days = [date.fromisoformat(day) for day in json.loads((inbox / "manifest.json").read_text())["trading_days"]]
    with StandIn("kingdee", db=folder / "kingdee.db", faults=faults) as stand_in, session.screen.progress() as bar:
        month = Month(session, stand_in, inbox, bar)
        month.set_up()
        month.begin(Message("demo.go_live"))
        month.go_live()
        month.begin(Message("demo.days"), total=len(days))
        with session.app.runtime() as runtime:
            month.trade(days, runtime)
            month.month_end()
            month.describe(Message("demo.deliver"))
            with month.tally.stage("deliver"):
                runtime.drain(60, quiet_for=30)
        if tamper is not None:
            tamper(month)
        month.describe(Message("demo.compare"))
        outcome = conclude(month, inbox / "manifest.json")
    outcome.figures["seconds"]["total"] = round(time.perf_counter() - started, 2)
    (folder / "summary.json").write_text(json.dumps(outcome.figures, indent=2) + "\n", encoding="utf-8")
    return outcome


def with_group(session: Session, folder: Path, outcome: Outcome, members: tuple[Member, ...] = GROUP) -> Outcome:
    """The other companies of the group after the month, each on its own ERP; their figures stand in the summary as
    `<book>.<name>`, and one that does not tie out is a reason like any other."""
    started = time.perf_counter()
    days = [
        date.fromisoformat(day) for day in json.loads((folder / "inbox" / "manifest.json").read_text())["trading_days"]
    ]
    with session.screen.progress() as bar, session.app.runtime() as runtime:
        figures, reasons = run_group(session, folder, days, bar, runtime, members)
    spent = outcome.figures["seconds"]
    spent["group"] = round(time.perf_counter() - started, 2)
    spent["total"] = round(spent["total"] + spent["group"], 2)
    together = {**outcome.figures, **figures, "seconds": spent}
    (folder / "summary.json").write_text(json.dumps(together, indent=2) + "\n", encoding="utf-8")
    return replace(outcome, figures=together, reasons=(*outcome.reasons, *reasons))


def show(session: Session, folder: Path, outcome: Outcome) -> None:
    """The summary, and what does not tie out."""
    figures = outcome.figures
    if session.as_json:
        session.screen.data(figures)
    else:
        rows = [
            {"what": Message(f"demo.{name}"), "value": value}
            for name, value in figures.items()
            if name != "seconds" and "." not in name
        ]
        session.screen.rows("demo", ("what", "value"), rows)
        shown = ("system", "contracts_pulled", "matches", "vouchers_delivered", "reconciliation_differences")
        books = [name.partition(".")[0] for name in figures if name.endswith(".system")]
        group = [{"book": Word(book), **{name: figures[f"{book}.{name}"] for name in shown}} for book in books]
        if group:
            session.screen.rows("demo_group", ("book", *shown), group)
        spent = [{"what": Message(f"demo.stage_{n}"), "seconds": f"{s:.2f}"} for n, s in figures["seconds"].items()]
        session.screen.rows("demo_seconds", ("what", "seconds"), spent)
    for found in outcome.reconciliation.breaks[:20]:
        session.screen.tell(found.message, "red")
    for reason in outcome.reasons:
        session.screen.tell(Message("demo.does_not_tie", {"reason": reason}), "bold red")
    if not outcome.reasons:
        session.screen.tell(Message("demo.ties_out", {"folder": folder}), "bold green")


def sandbox(context: typer.Context) -> None:
    command = [sys.executable, "-m", "sandbox", *context.args]
    stand_in = subprocess.Popen(command)  # noqa: S603 - our own module; the arguments are the caller's own
    for name in (signal.SIGTERM, signal.SIGINT):  # whoever stops us stops the stand-in, which then ends by itself
        signal.signal(name, lambda number, _: stand_in.send_signal(number))
    raise typer.Exit(stand_in.wait())
