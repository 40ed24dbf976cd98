"""The morning sheet on screen: goods, futures, accounts, and what waits for people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import typer

from cli.screen import Word, plain
from cli.session import OK, PERSON_NEEDED, BookOption, JsonOption, Session, help_text
from hedge_core.morning import MorningSheet
from hedge_core.rounding import round_half_up
from hedge_core.use_cases.morning import morning_sheet
from messages import Message

GOODS = (
    "commodity", "inventory", "priced_in", "priced_out", "unpriced_in", "unpriced_out", "due_in", "due_out", "unit",
)  # fmt: skip
NET = ("commodity", "spot_exposure", "futures", "net", "net_vat", "day_result", "market_basis", "unit")
MONTHS = ("commodity", "month", "futures", "unit")
ACCOUNTS = (
    "account", "currency", "equity", "margin", "available", "risk_degree", "day_result", "fee", "limit_days", "cash_needed",
)  # fmt: skip
NEAR = ("instrument", "account", "direction", "lots", "month", "days_left", "lots_off")
DUE = ("commodity", "line", "side", "quantity", "unit", "last_day", "days_left")
TONNE_PLACES = 3
"""The VAT-adjusted figure is a quotient: shown to the kilogram of a tonne, whole in JSON."""
BREAKS = ("subject", "key", "finding")
UNMAPPED = ("connection", "kind", "count")
STALE = ("kind", "subject", "latest")


def register(app: typer.Typer) -> None:
    app.command("morning", help=help_text("morning"))(morning)


def morning(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    sheet, broken = morning_sheet(app.store, session.book, app.products, app.clock)
    if as_json:
        shown = _json(sheet) | {"broken": [rule.message for rule in broken]}
        session.screen.data(plain(shown, session.screen.lang))
    else:
        _show(session, sheet)
        for rule in broken:
            session.screen.tell(rule.message, "red")
    waits = broken or sheet.breaks or sheet.stale or sheet.unmapped or any(one.lots_off for one in sheet.near_delivery)
    session.end(PERSON_NEEDED if waits else OK)


def _show(session: Session, sheet: MorningSheet) -> None:
    screen = session.screen
    screen.tell(Message("morning.head", {"today": sheet.today, "day": sheet.day or "–"}), "bold")
    screen.rows("morning_goods", GOODS, _goods(sheet), spare=("unit",))
    screen.rows("morning_net", NET, _net(sheet), spare=("unit",))
    screen.rows("morning_months", MONTHS, _months(sheet))
    screen.rows("morning_accounts", ACCOUNTS, _accounts(sheet), spare=("limit_days", "currency", "fee"))
    if len(sheet.accounts) > 1 and sheet.equity is not None:
        screen.tell(Message("morning.equity", {"equity": f"{sheet.equity:,.2f}", "currency": sheet.currency}))
    for row in sheet.accounts:
        if row.cash_needed is None:
            screen.tell(Message("morning.no_cash", {"account": row.account, "currency": row.currency}), "yellow")
    lists = (
        ("morning_due", DUE, _due(sheet)), ("morning_near", NEAR, _near(sheet)), ("morning_breaks", BREAKS, _breaks(sheet)),
        ("morning_unmapped", UNMAPPED, _unmapped(sheet)), ("morning_stale", STALE, _stale(sheet)),
    )  # fmt: skip
    empty = []
    for title, columns, rows in lists:
        if rows:
            screen.rows(title, columns, rows, spare=("unit",) if title == "morning_due" else ())
        else:
            empty.append(screen.text(Message(f"cli.title_{title}")))
    if empty:
        screen.tell(Message("morning.none", {"lists": ", ".join(empty)}))


def _goods(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [
        {"commodity": row.commodity, "unit": row.unit, "inventory": row.stock, "priced_in": row.priced_in,
         "priced_out": row.priced_out, "unpriced_in": row.unpriced_in, "unpriced_out": row.unpriced_out,
         "due_in": row.due_in, "due_out": row.due_out}
        for row in sheet.commodities
    ]  # fmt: skip


def _net(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [
        {"commodity": row.commodity, "unit": row.unit, "spot_exposure": row.spot_exposure, "futures": row.futures,
         "net": row.net, "net_vat": round_half_up(row.net_vat, TONNE_PLACES),
         "day_result": row.results.get(sheet.currency) if set(row.results) <= {sheet.currency} else dict(row.results),
         "market_basis": None if row.basis is None else row.basis.basis}
        for row in sheet.commodities
    ]  # fmt: skip


def _months(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [
        {"commodity": row.commodity, "month": month, "futures": futures, "unit": row.unit}
        for row in sheet.commodities
        for month, futures in row.futures_by_month.items()
    ]


def _accounts(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [
        {"account": row.account, "currency": row.currency, "equity": row.equity, "margin": row.margin,
         "available": row.available, "risk_degree": _percent(row.risk_degree),
         "day_result": row.result, "fee": row.fee, "limit_days": row.limit_days, "cash_needed": row.cash_needed}
        for row in sheet.accounts
    ]  # fmt: skip


def _percent(share: Decimal | None) -> str | None:
    return None if share is None else f"{round_half_up(share * 100, 2)} %"


def _due(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [
        {"commodity": one.commodity, "line": one.line, "side": Word(one.side), "quantity": one.quantity, "unit": one.unit,
         "last_day": one.last_day, "days_left": one.days_left}
        for one in sheet.due
    ]  # fmt: skip


def _near(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [
        {"instrument": one.instrument, "account": one.account, "direction": Word(one.side), "lots": one.lots,
         "month": one.month, "days_left": one.days_left,
         "lots_off": Message("morning.no_rule") if one.lots_off is None else one.lots_off}
        for one in sheet.near_delivery
    ]  # fmt: skip


def _breaks(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [{"subject": Word(one.source), "key": one.subject, "finding": one.finding} for one in sheet.breaks]


def _unmapped(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [{"connection": one.connection, "kind": one.kind, "count": one.count} for one in sheet.unmapped]


def _stale(sheet: MorningSheet) -> list[dict[str, Any]]:
    return [{"kind": Word(one.kind), "subject": one.subject, "latest": one.latest} for one in sheet.stale]


def _json(sheet: MorningSheet) -> dict[str, Any]:
    """Every figure of the sheet by its own name."""
    named: dict[str, Any] = {
        "today": sheet.today, "day": sheet.day, "currency": sheet.currency, "equity": sheet.equity,
        "other_results": sheet.other_results,
    }  # fmt: skip
    lists = ("commodities", "accounts", "positions", "due", "near_delivery", "breaks", "unmapped", "stale")
    return named | {name: [_fields(one) for one in getattr(sheet, name)] for name in lists}


def _fields(row: Any) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return {name: _fields(value) if hasattr(value, "__dataclass_fields__") and not isinstance(value, Message) else value
            for name, value in shown.items()}  # fmt: skip
