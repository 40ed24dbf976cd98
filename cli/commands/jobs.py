"""Jobs with their progress, and the schedules that make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli.commands.books import pairs
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, help_text
from hedge_core.errors import InvalidInput
from hedge_core.ports.jobs import Job, JobState, Schedule
from hedge_core.trading_calendar import EXCHANGE_TIME
from hedge_core.use_cases import schedule as use_case
from messages import Message

job_app = typer.Typer(no_args_is_help=True, help=help_text("job"))
schedule_app = typer.Typer(no_args_is_help=True, help=help_text("schedule"))

JobArgument = Annotated[int, typer.Argument(metavar="JOB")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
ParamOption = Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help=help_text("job_set"))]


def register(app: typer.Typer) -> None:
    app.add_typer(job_app, name="job")
    app.add_typer(schedule_app, name="schedule")


@job_app.command("list", help=help_text("job_list"))
def job_list(
    state: Annotated[JobState | None, typer.Option("--state")] = None,
    kind: Annotated[str, typer.Option("--kind")] = "",
    schedule: Annotated[str, typer.Option("--schedule", metavar="NAME")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        states = (state,) if state else ()
        found = uow.jobs.jobs(states=states, kind=kind, schedule=schedule, limit=limit)
    columns = ("job", "kind", "schedule", "state", "made_at", "seconds", "done", "total", "counts", "reason")
    session.screen.rows("jobs", columns, [_shown(job) for job in found], spare=("reason", "counts", "total", "seconds"))


@job_app.command("show", help=help_text("job_show"))
def job_show(job_id: JobArgument, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        job = uow.jobs.job(job_id)
    if job is None:
        raise InvalidInput("job", 0, "", Message("job.none", {"job": job_id}))
    more = {
        "params": dict(job.params), "checkpoint": dict(job.checkpoint), "attempts": job.attempts, "made_by": job.made_by,
        "due_at": job.due_at, "started_at": job.started_at, "ended_at": job.ended_at, "cancel_asked": job.cancel_asked,
    }  # fmt: skip
    session.screen.record("job", {**_shown(job), **more})
    session.end(PERSON_NEEDED if job.state is JobState.FAILED else OK)


@job_app.command("add", help=help_text("job_add"))
def job_add(
    kind: Annotated[str, typer.Argument(metavar="KIND")],
    params: ParamOption = [],  # noqa: B006
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    with session.app.store.begin(session.book, session.actor) as uow:
        job = use_case.add_job(uow, _kinds(), kind, dict(pairs(params)))
    session.screen.tell(Message("cli.job_added", {"job": job}))


@job_app.command("cancel", help=help_text("job_cancel"))
def job_cancel(job_id: JobArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    state = use_case.cancel_job(session.app.store, session.book, job_id, session.actor)
    name = "job_cancelled" if state is JobState.CANCELLED else "job_will_stop"
    session.screen.tell(Message(f"cli.{name}", {"job": job_id}))


@job_app.command("resume", help=help_text("job_resume"))
def job_resume(job_id: JobArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    use_case.resume_job(session.app.store, session.book, job_id, session.actor, session.app.clock)
    session.screen.tell(Message("cli.job_resumed", {"job": job_id}))


# --- schedules --------------------------------------------------------------------------------------------------------


@schedule_app.command("list", help=help_text("schedule_list"))
def schedule_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        rows = [_line(one, uow.jobs.jobs(schedule=one.name, limit=1)) for one in uow.schedules.schedules()]
    columns = ("schedule", "kind", "when", "params", "paused", "next_at", "last_at", "state", "seconds", "counts")
    session.screen.rows("schedules", columns, rows, spare=("counts", "params", "seconds", "last_at"))


@schedule_app.command("add", help=help_text("schedule_add"))
def schedule_add(
    name: NameArgument,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help=help_text("schedule_kind"))],
    when: Annotated[str, typer.Option("--when", metavar="RULE", help=help_text("schedule_when"))],
    params: ParamOption = [],  # noqa: B006
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    app, here = session.app, session.book
    wanted = Schedule(name, here, kind, when, dict(pairs(params)), None)
    kept = use_case.save_schedule(app.store, here, wanted, _kinds(), app.calendar(here), session.actor, app.clock)
    due = "-" if kept.next_at is None else kept.next_at.astimezone(EXCHANGE_TIME).strftime("%Y-%m-%d %H:%M")
    session.screen.tell(Message("cli.schedule_saved", {"name": name, "next": due}))


@schedule_app.command("remove", help=help_text("schedule_remove"))
def schedule_remove(name: NameArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    use_case.remove_schedule(session.app.store, session.book, name, session.actor)
    session.screen.tell(Message("cli.schedule_removed", {"name": name}))


@schedule_app.command("pause", help=help_text("schedule_pause"))
def schedule_pause(name: NameArgument, book: BookOption = "", who: AsOption = "") -> None:
    _pause(Session(book, who), name, paused=True)


@schedule_app.command("resume", help=help_text("schedule_resume"))
def schedule_resume(name: NameArgument, book: BookOption = "", who: AsOption = "") -> None:
    _pause(Session(book, who), name, paused=False)


@schedule_app.command("run", help=help_text("schedule_run"))
def schedule_run(name: NameArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    job = use_case.run_now(session.app.store, session.book, name, _kinds(), session.actor)
    session.screen.tell(Message("cli.job_added", {"job": job}))


def _pause(session: Session, name: str, *, paused: bool) -> None:
    app, here = session.app, session.book
    use_case.pause_schedule(app.store, here, name, session.actor, app.clock, app.calendar(here), paused=paused)
    session.screen.tell(Message("cli.schedule_paused" if paused else "cli.schedule_resumed", {"name": name}))


def _line(schedule: Schedule, jobs: Sequence[Job]) -> dict[str, Any]:
    last = _shown(jobs[0]) if jobs else {"state": None, "seconds": None, "counts": None}
    return {
        "schedule": schedule.name, "kind": schedule.kind, "when": schedule.when, "params": dict(schedule.params),
        "paused": schedule.paused, "next_at": schedule.next_at, "last_at": schedule.last_at, "state": last["state"],
        "seconds": last["seconds"], "counts": last["counts"],
    }  # fmt: skip


def _shown(job: Job) -> dict[str, Any]:
    ran = job.ended_at - job.started_at if job.ended_at and job.started_at else None
    return {
        "job": job.id, "kind": Word(job.kind), "schedule": job.schedule, "state": job.state, "made_at": job.made_at,
        "seconds": None if ran is None else f"{ran.total_seconds():.1f}", "done": job.done, "total": job.total,
        "counts": dict(job.counts), "reason": job.error,
    }  # fmt: skip


def _kinds() -> Any:
    from worker.jobs import KINDS  # heavy, and not needed to list

    return KINDS
