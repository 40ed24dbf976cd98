"""Exposure and the daily settlement."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from cli.commands.basis import named_book
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.exposure import ExposureRow
from hedge_core.snapshot import decode, diff
from hedge_core.use_cases import limits
from hedge_core.use_cases.allocation import group_exposure
from hedge_core.use_cases.exposure import ExposureNow, exposure_now
from hedge_core.use_cases.settle import Settled, accept_proposal
from messages import Message

snapshot_app = typer.Typer(no_args_is_help=True, help=help_text("snapshot"))

Day = Annotated[datetime, typer.Argument(metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("day"))]
MOST_VERSIONS = 999_999
"""No day has so many versions: a larger number is a slip."""
FUNDS_COLUMNS = (
    "account", "currency", "balance", "equity", "margin", "realised_mtm", "holding_mtm", "fee", "floating", "realised_trade",
)  # fmt: skip
LOT_COLUMNS = (
    "lot", "instrument", "direction", "open_price", "lots_start", "closed", "lots_end", "realised_trade",
    "holding_mtm", "floating",
)  # fmt: skip
EXPOSURE_COLUMNS = (
    "commodity", "month", "unit", "inventory", "priced_purchases", "priced_sales", "unpriced_purchases",
    "unpriced_sales", "spot_exposure", "futures", "options", "internal", "net", "direction", "hedge_ratio", "net_vat",
    "hedge_ratio_vat", "physical", "virtual_stock", "in_transit", "at_processors",
)  # fmt: skip
EXPOSURE_SPARE = (
    "hedge_ratio", "unit", "hedge_ratio_vat", "inventory", "priced_purchases", "priced_sales", "net_vat", "unpriced_purchases",
    "unpriced_sales", "options", "internal", "physical", "virtual_stock", "in_transit", "at_processors",
)  # fmt: skip
PARTNER_COLUMNS = (
    "commodity", "month", "unit", "priced_purchases", "priced_sales", "unpriced_purchases", "unpriced_sales",
    "spot_exposure", "direction",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("exposure", help=help_text("exposure"))(exposure)
    app.command("settle", help=help_text("settle"))(settle_day)
    app.add_typer(snapshot_app, name="snapshot")


class View(StrEnum):
    """What the exposure is listed by."""

    MONTH = "month"
    PARTNER = "partner"
    OWNER = "owner"
    PLANNED = "planned"
    CURRENCY = "currency"


def exposure(
    totals: Annotated[bool, typer.Option("--totals", help=help_text("totals"))] = False,
    by: Annotated[View, typer.Option("--by", help=help_text("exposure_by"))] = View.MONTH,
    group: Annotated[list[str], typer.Option("--group", metavar="BOOK", help=help_text("exposure_group"))] = [],  # noqa: B006
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    if group:
        rows = group_exposure(app.store, [named_book(name) for name in group], app.products, app.clock)
        shown = [{"book": row.book, **_exposure_row(row)} for row in rows]
        session.screen.rows("exposure", ("book", *EXPOSURE_COLUMNS), shown, spare=EXPOSURE_SPARE)
        return
    now = exposure_now(app.store, session.book, app.products, app.clock)
    _VIEWS[by](session, now, totals)
    if now.positions_of is not None:
        session.screen.tell(Message("cli.positions_of", {"day": now.positions_of}))
    for broken in now.broken:
        session.screen.tell(broken.message, "red")
    session.end(PERSON_NEEDED if now.broken else OK)


def _by_month(session: Session, now: ExposureNow, totals: bool) -> None:
    found = now.exposure
    rows = [_exposure_row(row) for row in (found.totals if totals else (*found.rows, *found.totals))]
    session.screen.rows("exposure", EXPOSURE_COLUMNS, rows, spare=EXPOSURE_SPARE)


def _by_partner(session: Session, now: ExposureNow, totals: bool) -> None:
    rows = [
        {"partner": name, **_exposure_row(row)}
        for name, part in now.by_partner.items()
        for row in (part.totals if totals else (*part.rows, *part.totals))
    ]
    session.screen.rows("exposure", ("partner", *PARTNER_COLUMNS), rows, spare=EXPOSURE_SPARE)


def _by_owner(session: Session, now: ExposureNow, totals: bool) -> None:
    rows = [
        {"commodity": one.commodity, "owner": one.owner, "holder": one.holder, "ours": one.ours, "unit": one.unit,
         "quantity": one.quantity}
        for one in now.owners
    ]  # fmt: skip
    session.screen.rows("owners", ("commodity", "owner", "holder", "ours", "unit", "quantity"), rows)


def _planned(session: Session, now: ExposureNow, totals: bool) -> None:
    rows = [
        {"commodity": one.commodity, "month": one.month, "unit": one.unit, "planned": one.planned,
         "weighted": one.weighted}
        for one in now.planned
    ]  # fmt: skip
    session.screen.rows("planned", ("commodity", "month", "unit", "planned", "weighted"), rows)


def _by_currency(session: Session, now: ExposureNow, totals: bool) -> None:
    rows = [
        {"currency": row.currency, "month": row.month, "amount": row.amount, "converted": own}
        for row, own in now.currencies
    ]
    session.screen.rows("currencies", ("currency", "month", "amount", "converted"), rows)


_VIEWS = {
    View.MONTH: _by_month,
    View.PARTNER: _by_partner,
    View.OWNER: _by_owner,
    View.PLANNED: _planned,
    View.CURRENCY: _by_currency,
}


def _exposure_row(row: ExposureRow) -> dict[str, object]:
    side = "flat" if row.net == 0 else "long" if row.net > 0 else "short"
    return {
        "commodity": row.commodity, "month": Word(row.month), "unit": row.unit, "inventory": row.inventory,
        "priced_purchases": row.priced_purchases, "priced_sales": row.priced_sales,
        "unpriced_purchases": row.unpriced_purchases, "unpriced_sales": row.unpriced_sales,
        "spot_exposure": row.exposure, "futures": row.futures, "net": row.net,
        "direction": Word(side), "hedge_ratio": row.hedge_ratio, "net_vat": row.net_vat,
        "hedge_ratio_vat": row.hedge_ratio_vat, "physical": row.physical, "options": row.options,
        "internal": row.internal, "virtual_stock": row.virtual_stock, "in_transit": row.in_transit,
        "at_processors": row.at_processors,
    }  # fmt: skip


def settle_day(
    day: Day,
    overrule: Annotated[str, typer.Option("--overrule", metavar="REASON", help=help_text("overrule"))] = "",
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help=help_text("approved_by"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    done = limits.settle_day(
        app.store, here, day.date(), app.products, session.actor, app.clock, overrule=overrule, approved_by=approved_by,
        calendar=app.calendar(here),
    )  # fmt: skip
    result, looked = done.settled, done.limits
    session.screen.record(
        "settled",
        {"day": result.trading_day, "state": Word(result.state), "version": result.version or None,
         "snapshot": result.digest or None, "differences": len(result.differences), "broken": len(result.broken),
         "limits_broken": len(looked.breaches) if looked is not None else None},
    )  # fmt: skip
    tell_result(session, result)
    for breach in looked.breaches if looked is not None else ():
        session.screen.tell(breach.message, "yellow")
    if done.blocked is not None:
        session.screen.tell(done.blocked.message, "red")
    held = done.blocked is not None or result.state not in ("settled", "unchanged")
    session.end(PERSON_NEEDED if held else OK)


def tell_result(session: Session, result: Settled) -> None:
    """Every rule that broke and every difference, as sentences."""
    for broken in result.broken:
        session.screen.tell(broken.message, "red")
    for difference in result.differences:
        session.screen.tell(difference.message, "yellow")


@snapshot_app.command("show", help=help_text("snapshot_show"))
def snapshot_show(
    day: Day,
    version: Annotated[int | None, typer.Option("--version", min=1, max=MOST_VERSIONS)] = None,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        stored = uow.results.snapshot(day.date(), version)
    if stored is None:
        raise _no_snapshot(day.date())
    figures = decode(stored.body).figures
    funds = [
        {"account": f.account, "currency": f.currency, "balance": f.balance, "equity": f.equity, "realised_mtm": f.realised_mtm,
         "holding_mtm": f.holding_mtm, "fee": f.fee, "margin": f.margin,
         "floating": f.floating, "realised_trade": f.realised_trade}
        for f in figures.funds()
    ]  # fmt: skip
    lots = [
        {"lot": r.lot_id, "instrument": r.instrument, "direction": r.direction, "open_price": r.open_price,
         "lots_start": r.start, "closed": r.closed, "lots_end": r.end, "realised_trade": r.realised_trade,
         "holding_mtm": r.holding_mtm, "floating": r.floating}
        for r in figures.lots()
    ]  # fmt: skip
    prices = [
        {"subject": p.instrument, "kind": Word(p.kind), "price": p.price, "source": p.source, "day": p.trading_day}
        for p in figures.header.prices
    ]  # fmt: skip
    head = {
        "day": day.date(), "version": stored.version, "status": Word(stored.status), "snapshot": stored.digest,
        "previous": stored.previous_digest or None,
    }  # fmt: skip
    if as_json:
        session.screen.record("snapshot", {**head, "funds": funds, "lots": lots, "prices": prices})
        return
    session.screen.record("snapshot", head)
    session.screen.rows("funds", FUNDS_COLUMNS, funds, spare=FUNDS_COLUMNS[3:])
    session.screen.rows("lots", LOT_COLUMNS, lots, spare=("lots_start", "closed", "realised_trade", "holding_mtm"))
    session.screen.rows("broker_prices", ("subject", "day", "kind", "price", "source"), prices)


@snapshot_app.command("diff", help=help_text("snapshot_diff"))
def snapshot_diff(
    day: Day,
    first: Annotated[int, typer.Option("--from", metavar="VERSION", min=1, max=MOST_VERSIONS)],
    second: Annotated[int, typer.Option("--to", metavar="VERSION", min=1, max=MOST_VERSIONS)],
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        sides = [uow.results.snapshot(day.date(), version) for version in (first, second)]
    if sides[0] is None or sides[1] is None:
        raise _no_snapshot(day.date())
    rows = [
        {"section": c.section, "key": c.key, "field": c.column, "before": c.before, "after": c.after}
        for c in diff(decode(sides[0].body), decode(sides[1].body))
    ]
    session.screen.rows("snapshot_diff", ("section", "key", "field", "before", "after"), rows)


@snapshot_app.command("accept", help=help_text("snapshot_accept"))
def snapshot_accept(
    day: Day,
    version: Annotated[int, typer.Option("--version", min=1, max=MOST_VERSIONS)],
    reason: Annotated[str, typer.Option("--reason")],
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help=help_text("approved_by"))] = "",
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    accept_proposal(session.app.store, session.book, day.date(), version, reason, session.actor, approved_by)
    session.screen.tell(Message("cli.proposal_accepted", {"day": day.date(), "version": version}))


def _no_snapshot(day: date) -> InvalidInput:
    return InvalidInput("snapshot", 0, "", Message("cli.no_snapshot", {"day": day}))
