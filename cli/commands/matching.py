"""Matching (期现匹配): the modes, ending matches, their history, rolls that carry them on, and the result they bring."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from cli.commands.pricing import decimal
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.attribution import LINES
from hedge_core.errors import InvalidInput
from hedge_core.matching_modes import HAND, Constraints
from hedge_core.matching_optimal import MonthWindow
from hedge_core.model.events import Roll
from hedge_core.model.futures import HedgeFlag
from hedge_core.use_cases.match import Matched, Mode, account_findings, match, match_hand, release_breaks, unmatch
from hedge_core.use_cases.result import result_now
from hedge_core.use_cases.rolls import find_rolls, keep_rolls, roll_chains
from messages import Message

roll_app = typer.Typer(no_args_is_help=True, help=help_text("roll"))
Day = Annotated[datetime, typer.Argument(metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("day"))]
Texts = list[str]
RESULT_COLUMNS = ("subject", "kind", "commodity", "spot_quantity", "futures_quantity", *LINES, "total")
ROLL_COLUMNS = ("chain", "date", "from_lot", "to_lot", "lots", "closed_price", "opened_price")


class MatchMode(StrEnum):
    """The modes of `hedgebridge match`."""

    FIFO = Mode.FIFO.value
    TAG = Mode.TAG.value
    OPTIMAL = Mode.OPTIMAL.value
    ONE_TO_ONE = Mode.ONE_TO_ONE.value
    HAND = HAND


class By(StrEnum):
    """What results are listed by."""

    ORDER = "order"
    LOT = "lot"
    BOOK = "book"


def register(app: typer.Typer) -> None:
    app.command("match", help=help_text("match"))(match_legs)
    app.command("matches", help=help_text("matches"))(matches)
    app.command("unmatch", help=help_text("unmatch"))(unmatch_legs)
    app.command("result", help=help_text("result"))(result)
    app.add_typer(roll_app, name="roll")


def match_legs(
    mode: Annotated[MatchMode, typer.Option("--mode", help=help_text("match_mode"))] = MatchMode.FIFO,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=help_text("dry_run"))] = False,
    release: Annotated[str, typer.Option("--release", metavar="REASON", help=help_text("release"))] = "",
    account: Annotated[Texts, typer.Option("--account", metavar="ACCOUNT", help=help_text("match_account"))] = [],  # noqa: B006
    flag: Annotated[Texts, typer.Option("--flag", metavar="FLAG", help=help_text("match_flag"))] = [],  # noqa: B006
    commodity: Annotated[Texts, typer.Option("--commodity", metavar="CODE", help=help_text("match_commodity"))] = [],  # noqa: B006
    months: Annotated[str, typer.Option("--months", metavar="FROM:TO", help=help_text("match_months"))] = "",
    side: Annotated[str, typer.Option("--side", metavar="long|short", help=help_text("match_side"))] = "",
    leg: Annotated[str, typer.Option("--leg", metavar="RECORD", help=help_text("match_leg"))] = "",
    lot: Annotated[str, typer.Option("--lot", metavar="LOT", help=help_text("match_lot"))] = "",
    spot: Annotated[str, typer.Option("--spot", metavar="QUANTITY", help=help_text("match_spot"))] = "",
    futures: Annotated[str, typer.Option("--futures", metavar="QUANTITY", help=help_text("match_futures"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    if release:
        ended = release_breaks(app.store, here, app.products, release, session.actor, app.clock)
        session.screen.tell(Message("cli.matches_ended", {"count": ended}))
    if mode is MatchMode.HAND:
        if not (leg and lot and spot):
            raise InvalidInput("--mode", 0, "", Message("cli.match_hand"))
        done = match_hand(
            app.store, here, leg, lot, decimal(spot, "--spot"), decimal(futures, "--futures") if futures else None,
            app.products, session.actor, app.clock, dry_run=dry_run,
        )  # fmt: skip
    else:
        limits = Constraints(
            accounts=frozenset(account),
            hedge_flags=frozenset(_flag(name) for name in flag) if flag else None,
            commodities=frozenset(commodity),
            months=_window(months) if months else None,
            long_risk=_long(side) if side else None,
        )
        done = match(
            app.store, here, app.products, session.actor, app.clock, dry_run=dry_run, mode=Mode(mode.value),
            limits=limits,
        )  # fmt: skip
    _show(session, done)


def _show(session: Session, done: Matched) -> None:
    rows = [
        {"match": m.match_id, "leg": str(m.leg), "lot": m.lot_id, "instrument": m.instrument,
         "spot_quantity": m.spot_quantity, "futures_quantity": m.futures_quantity, "why": Message(m.why)}
        for m in done.matching.new
    ]  # fmt: skip
    columns = ("match", "leg", "lot", "instrument", "spot_quantity", "futures_quantity", "why")
    session.screen.rows("matches", columns, rows, spare=("match", "why"))
    for broken in done.matching.breaks:
        session.screen.tell(broken.message, "yellow")
    session.screen.tell(Message("cli.notes_queued", {"count": done.notes_queued}))
    session.end(PERSON_NEEDED if done.matching.breaks else OK)


def _flag(name: str) -> HedgeFlag:
    try:
        return HedgeFlag(name)
    except ValueError:
        known = ", ".join(one.value for one in HedgeFlag)
        raise InvalidInput("--flag", 0, "", Message("cli.one_of", {"text": name, "known": known})) from None


def _long(side: str) -> bool:
    if side not in ("long", "short"):
        raise InvalidInput("--side", 0, "", Message("cli.one_of", {"text": side, "known": "long, short"}))
    return side == "long"


def _window(text: str) -> MonthWindow:
    first, _, last = text.partition(":")
    low, high = decimal(first, "--months"), decimal(last or first, "--months")
    if low != int(low) or high != int(high) or low > high:
        raise InvalidInput("--months", 0, "", Message("cli.months_form", {"text": text}))
    return MonthWindow(int(low), int(high))


def matches(
    history: Annotated[bool, typer.Option("--history", help=help_text("matches_history"))] = False,
    accounts: Annotated[bool, typer.Option("--accounts", help=help_text("matches_accounts"))] = False,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    if accounts:
        found = account_findings(session.app.store, session.book, session.app.clock)
        rows = [
            {"kind": "other_account", "subject": one.match.match_id, "finding": one.message} for one in found.mismatches
        ]
        rows += [{"kind": "opposed", "subject": one.instrument, "finding": one.message} for one in found.opposed]
        session.screen.rows("account_findings", ("kind", "subject", "finding"), rows)
        session.end(PERSON_NEEDED if rows else OK)
        return
    with session.app.store.read(session.book) as uow:
        kept = uow.commodity.match_history()
    listed = [
        {"match": m.match_id, "date": m.matched_on, "leg": str(m.leg), "lot": m.lot_id, "instrument": m.instrument,
         "spot_quantity": m.spot_quantity, "futures_quantity": m.futures_quantity, "why": Message(m.why),
         "ended": reason if ended else None}
        for m, ended, reason in kept
        if history or ended is None
    ]  # fmt: skip
    columns = ("match", "date", "leg", "lot", "instrument", "spot_quantity", "futures_quantity", "why", "ended")
    session.screen.rows("matches", columns, listed, spare=("ended", "date", "why"))


def unmatch_legs(
    match_ids: Annotated[Texts, typer.Argument(metavar="MATCH…", help=help_text("match_ids"))],
    reason: Annotated[str, typer.Option("--reason", metavar="REASON", help=help_text("reason"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    ended = unmatch(session.app.store, session.book, match_ids, reason, session.actor, session.app.clock)
    session.screen.tell(Message("cli.matches_ended", {"count": ended}))


def result(
    by: Annotated[By, typer.Option("--by", help=help_text("result_by"))] = By.ORDER,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    found = result_now(app.store, session.book, app.products, app.clock)
    kinds = {By.ORDER: lambda kind: kind not in ("stock", "futures"), By.LOT: lambda kind: kind == "stock"}
    wanted = kinds.get(by, lambda kind: True)
    rows = [
        {"subject": row.subject, "kind": Word(row.kind), "commodity": row.commodity, "spot_quantity": row.spot_quantity,
         "futures_quantity": row.futures_quantity, **row.lines, "total": row.total}
        for row in found.rows
        if wanted(row.kind)
    ]  # fmt: skip
    if by is By.BOOK:
        rows = [{"subject": session.book, "kind": Word("book"), **found.total, "total": sum(found.total.values())}]
    session.screen.rows("result", RESULT_COLUMNS, rows, spare=("kind", "commodity", "spot_quantity", *LINES[2:]))
    session.screen.tell(Message("cli.positions_of", {"day": found.on}))
    for broken in found.broken:
        session.screen.tell(broken.message, "yellow")
    session.end(PERSON_NEEDED if found.broken else OK)


# --- rolls ------------------------------------------------------------------------------------------------------------


@roll_app.command("find", help=help_text("roll_find"))
def roll_find(day: Day, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    found = find_rolls(session.app.store, session.book, day.date())
    session.screen.rows("rolls", ROLL_COLUMNS, [_roll(one) for one in found])


@roll_app.command("keep", help=help_text("roll_keep"))
def roll_keep(day: Day, book: BookOption = "", who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, who, as_json)
    app = session.app
    kept = keep_rolls(app.store, session.book, day.date(), app.products, session.actor, app.clock)
    session.screen.rows("rolls", ROLL_COLUMNS, [_roll(one) for one in kept.rolls])
    session.screen.tell(Message("cli.rolls_kept", {"rolls": len(kept.rolls), "matches": len(kept.rematched)}))


@roll_app.command("list", help=help_text("roll_list"))
def roll_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    rows = []
    for chain in roll_chains(session.app.store, session.book, session.app.products):
        for step in chain.steps:
            rows.append(
                {**_roll(step.roll), "instrument": step.instrument_to, "before": step.instrument_from,
                 "quantity": step.quantity, "gain": step.gain, "total": chain.gain}
            )  # fmt: skip
    columns = ("chain", "date", "before", "instrument", "quantity", "closed_price", "opened_price", "gain", "total")
    session.screen.rows("rolls", columns, rows, spare=("total",))


def _roll(one: Roll) -> dict[str, object]:
    return {
        "chain": one.chain_id, "date": one.on, "from_lot": one.from_lot, "to_lot": one.to_lot, "lots": one.lots,
        "closed_price": one.closed_price, "opened_price": one.opened_price,
    }  # fmt: skip
