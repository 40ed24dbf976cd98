"""Importing a broker's statement: checked against itself and against the day before, kept in versions, never overwritten.

the same file again                          nothing to do
an identity that must hold is off            refused with the sum that is off; nothing stored
an identity that may be off                  stored only with a reason for accepting it
another content for a day already there      a new version; what differs is listed; the old one is kept
… and that day has been settled              refused until one person reopens the day with a reason and another approves
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.futures import AccountStatement, PositionLot, SettlementPrice
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import OpeningState, Store, StoredStatement, UnitOfWork
from hedge_core.product_table import ProductTable
from hedge_core.statement_diff import Difference, diff_statements
from hedge_core.statement_findings import Finding, Severity
from hedge_core.statement_form_checks import check_any_statement, two_view_findings
from hedge_core.statement_roll import older_lots
from hedge_core.trading_calendar import EXCHANGE_TIME, TradingCalendar
from hedge_core.use_cases.deliveries import note_deliveries
from hedge_core.use_cases.settle import opening_position
from messages import Message

NEEDS_ACCEPTANCE: Final = "needs_acceptance"
NEEDS_REOPENING: Final = "needs_reopening"
_LOOK_BACK: Final = 31
_AHEAD: Final = timedelta(days=1)
"""How far the clock of a machine may lag behind the day that a broker has finished."""
HOME_CURRENCY: Final = "CNY"

ReadStatements = Callable[[str, bytes], Sequence[AccountStatement]]
"""(file name, bytes) -> statements, or InvalidInput."""


@dataclass(frozen=True, slots=True)
class ImportedStatement:
    """What became of one statement of a file. `state` is stored, unchanged, new_version, needs_acceptance or
    needs_reopening; in the last two nothing was stored."""

    account: str
    trading_day: date
    state: str
    version: int
    fills: int
    warnings: tuple[Finding, ...] = ()
    changes: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's reasons for going on: accepting warnings; reopening a settled day, which somebody else approves."""

    accept: str = ""
    reopen: str = ""
    approved_by: str = ""

    def reopens(self, account: str, actor: Actor) -> bool:
        """Whether a settled day may be reopened: with a reason, approved by another person than who asks."""
        if self.approved_by and self.approved_by == actor.name:
            raise RuleBroken("reopen_approval", account, Message("import.approves_own", {"name": actor.name}))
        return bool(self.reopen and self.approved_by)


NO_APPROVAL: Final = Approval()


def import_statements(
    store: Store,
    book: BookId,
    source_name: str,
    body: bytes,
    read: ReadStatements,
    products: ProductTable,
    actor: Actor,
    clock: Clock,
    approval: Approval = NO_APPROVAL,
    calendar: TradingCalendar | None = None,
) -> list[ImportedStatement]:
    """Import every statement of one file, all of them or none: when one of them needs a person's decision, the answer
    says which and nothing is stored. With a `calendar` a trading day without a statement is told from a holiday."""
    digest = hashlib.sha256(body).hexdigest()
    statements = read(source_name, body)
    try:
        with store.begin(book, actor) as uow:
            done = [
                _import_one(uow, statement, body, digest, source_name, products, actor, clock, approval, calendar)
                for statement in statements
            ]
            if any(result.state in (NEEDS_ACCEPTANCE, NEEDS_REOPENING) for result in done):
                raise _NothingStored(done)
    except _NothingStored as stopped:
        return stopped.results
    return done


class _NothingStored(Exception):
    """Leaves the unit of work without storing anything, carrying the results."""

    def __init__(self, results: list[ImportedStatement]) -> None:
        self.results = results
        super().__init__()


def _import_one(
    uow: UnitOfWork,
    statement: AccountStatement,
    body: bytes,
    digest: str,
    source_name: str,
    products: ProductTable,
    actor: Actor,
    clock: Clock,
    approval: Approval,
    calendar: TradingCalendar | None,
) -> ImportedStatement:
    account, day, currency = statement.account, statement.trading_day, statement.funds.currency
    current = uow.statements.current(account, day, currency, statement.form)
    version = current.version if current else 0
    if current is not None and current.digest == digest:
        return ImportedStatement(account, day, "unchanged", version, len(statement.fills))
    _refuse_before_go_live(uow, statement, source_name)
    _refuse_ahead(statement, source_name, clock)
    before = _statement_before(uow, statement)
    days = _days_without(before, statement, calendar)
    findings = check_any_statement(statement, before, products, days) + _other_view(uow, statement)
    if before is None and uow.broker.openings():
        findings += _from_nowhere(statement)
    refused = [finding for finding in findings if finding.severity is Severity.REFUSE]
    if refused:
        raise InvalidInput(source_name, 0, refused[0].identity, _all_of(refused))
    changes = tuple(diff_statements(current.statement, statement)) if current else ()
    result = ImportedStatement(account, day, "stored", version + 1, len(statement.fills), tuple(findings), changes)
    if findings and not approval.accept:
        return replace(result, state=NEEDS_ACCEPTANCE, version=version)
    settled = uow.results.snapshot(day) is not None and _settled_with(uow, statement)
    if settled and not approval.reopens(account, actor):
        return replace(result, state=NEEDS_REOPENING, version=version)
    stored = StoredStatement(
        statement, version + 1, digest, source_name, clock.now(), actor.name, approval.accept if findings else ""
    )
    uow.statements.add(stored, body)
    uow.broker.save_prices(_missing_prices(uow, statement, source_name))
    if settled:
        _reopen(uow, day, approval)
    if statement.deliveries and _settled_with(uow, statement):
        note_deliveries(uow, statement, before, products)
    uow.audit.append(
        "statement.imported",
        f"{account}:{day.isoformat()}",
        {
            "version": version + 1, "digest": digest, "fills": len(statement.fills),
            "warnings": [finding.identity for finding in findings], "accepted": approval.accept if findings else "",
        },
    )  # fmt: skip
    return result if current is None else replace(result, state="new_version")


def _all_of(findings: Sequence[Finding]) -> Message:
    """The first finding as it is; several of them with how many more there are."""
    first = findings[0].message
    if len(findings) == 1:
        return first
    return Message("import.several", {"first": first, "more": len(findings) - 1})


def _from_nowhere(statement: AccountStatement) -> list[Finding]:
    """In a book that has gone live, a new account's first statement with lots from before: its opening state is missing, or
    it is another book's. Stored, it keeps the day open for good."""
    lots = 0 if statement.monthly else older_lots(statement)
    shown = {"account": statement.account, "lots": lots}
    return [Finding(Severity.WARN, "first_statement", Message("import.lots_from_before", shown))] if lots else []


def _refuse_before_go_live(uow: UnitOfWork, statement: AccountStatement, source_name: str) -> None:
    opening = _opening(uow, statement.account, statement.funds.currency)
    if opening is not None and statement.trading_day <= opening.trading_day:
        reason = Message("import.before_go_live", {"day": opening.trading_day, "account": statement.account})
        raise InvalidInput(source_name, 0, "trading day", reason)


def _refuse_ahead(statement: AccountStatement, source_name: str, clock: Clock) -> None:
    """A statement is written after its day: one that is dated ahead has a wrong date."""
    today = clock.now().astimezone(EXCHANGE_TIME).date()
    if statement.trading_day > today + _AHEAD:
        shown = {"day": statement.trading_day, "today": today}
        raise InvalidInput(source_name, 0, "trading day", Message("import.ahead", shown))


def _opening(uow: UnitOfWork, account: str, currency: str) -> OpeningState | None:
    states = (state for state in uow.broker.openings() if state.account == account)
    return next((state for state in states if state.statement.funds.currency == currency), None)


def _settled_with(uow: UnitOfWork, statement: AccountStatement) -> bool:
    """Whether settlements read this form: not the month, and not the other view beside the mark-to-market one."""
    if statement.monthly:
        return False
    account, day, currency = statement.account, statement.trading_day, statement.funds.currency
    return statement.view == "mtm" or uow.statements.current(account, day, currency, "mtm") is None


def _other_view(uow: UnitOfWork, statement: AccountStatement) -> list[Finding]:
    """The two views of a day stand beside each other and agree on what both state; one never replaces the other."""
    if statement.monthly:
        return []
    other = "trade" if statement.view == "mtm" else "mtm"
    stored = uow.statements.current(statement.account, statement.trading_day, statement.funds.currency, other)
    if stored is None:
        return []
    pair = (statement, stored.statement) if statement.view == "mtm" else (stored.statement, statement)
    return two_view_findings(*pair)


def _statement_before(uow: UnitOfWork, statement: AccountStatement) -> AccountStatement | None:
    """The latest statement that ends before this one begins, in the same view if that day has it; else the opening state."""
    account, currency = statement.account, statement.funds.currency
    stored = uow.statements.previous(account, statement.first_day, currency, statement.view)
    if stored is not None:
        return stored.statement
    opening = _opening(uow, account, currency)
    starts = opening is not None and opening.trading_day < statement.first_day
    return opening.statement if opening and starts else None


def _days_without(
    before: AccountStatement | None, statement: AccountStatement, calendar: TradingCalendar | None
) -> list[date] | None:
    """Trading days between two statements; None where the calendar does not know, or does not apply: it is that of the
    Chinese exchanges, whose accounts are in yuan."""
    if before is None or calendar is None or statement.funds.currency != HOME_CURRENCY:
        return None
    return calendar.days_between(before.trading_day, statement.first_day)


def _missing_prices(uow: UnitOfWork, statement: AccountStatement, source_name: str) -> list[SettlementPrice]:
    """Settlement prices the statement was made with, where no price file has given one: a price file wins, and a
    disagreement shows as a difference of the day's settlement."""
    day = statement.trading_day
    known = uow.broker.prices("settlement", day)
    found = {
        row.instrument: SettlementPrice(
            "settlement", row.instrument, day, row.settlement_price, statement.funds.currency, source_name
        )
        for row in statement.positions
        if row.instrument not in known
    }
    return list(found.values())


def _reopen(uow: UnitOfWork, day: date, approval: Approval) -> None:
    """The day and every later one must be settled again; their snapshots stay readable as superseded."""
    for snapshot in uow.results.snapshots():
        if snapshot.trading_day >= day and snapshot.status == "final":
            uow.results.set_snapshot_status(snapshot.trading_day, snapshot.version, "superseded")
    uow.audit.append("day.reopened", day.isoformat(), {"reason": approval.reopen, "approved_by": approval.approved_by})


# --- opening state ----------------------------------------------------------------------------------------------------


def import_opening(
    store: Store,
    book: BookId,
    source_name: str,
    body: bytes,
    read: ReadStatements,
    products: ProductTable,
    actor: Actor,
) -> list[OpeningState]:
    """Take lots (持仓明细) and funds of an account's last statement before go-live. Nothing of that day or before is
    booked. The same file again changes nothing; another one is refused once days have been imported on top of it."""
    digest = hashlib.sha256(body).hexdigest()
    states = []
    statements = read(source_name, body)
    with store.begin(book, actor) as uow:
        for statement in statements:
            present = _opening(uow, statement.account, statement.funds.currency)
            if present is not None and present.digest == digest:
                states.append(present)
                continue
            if present is not None or uow.statements.current(
                statement.account, statement.trading_day, statement.funds.currency
            ):
                raise RuleBroken(
                    "opening_once", statement.account, Message("import.opening_once", {"account": statement.account})
                )
            findings = check_any_statement(statement, None, products)
            refused = [finding for finding in findings if finding.severity is Severity.REFUSE]
            if refused:
                raise InvalidInput(source_name, 0, refused[0].identity, _all_of(refused))
            state = OpeningState(
                statement.account, statement.trading_day, digest, _opening_lots(uow, statement), statement, actor.name
            )
            uow.broker.add_opening(state)
            uow.broker.save_prices(_missing_prices(uow, statement, source_name))
            uow.audit.append(
                "opening.imported",
                statement.account,
                {
                    "trading_day": statement.trading_day,
                    "digest": digest,
                    "lots": len(state.lots),
                    "currency": statement.funds.currency,
                },
            )
            states.append(state)
    return states


def _opening_lots(uow: UnitOfWork, statement: AccountStatement) -> tuple[PositionLot, ...]:
    """Lots of 持仓明细, numbered in the order of opening date, so that ids and FIFO order agree. A second currency of the
    account stands in the id, so that its lots are no others'."""
    second = any(state.account == statement.account for state in uow.broker.openings())
    name = f"{statement.account}.{statement.funds.currency}" if second else statement.account
    rows = sorted(enumerate(statement.positions), key=lambda pair: (pair[1].open_date, pair[1].instrument, pair[0]))
    return tuple(
        PositionLot(
            lot_id=f"opening/{name}/{number:05d}",
            account=statement.account,
            instrument=row.instrument,
            direction=row.direction,
            hedge_flag=row.hedge_flag,
            open_date=row.open_date,
            open_price=row.open_price,
            lots=row.lots,
        )
        for number, (_, row) in enumerate(rows, 1)
    )


# --- prices -----------------------------------------------------------------------------------------------------------


def import_prices(
    store: Store,
    book: BookId,
    prices: Sequence[SettlementPrice],
    actor: Actor,
    *,
    partial: bool = False,
    correct: str = "",
) -> int:
    """Store the prices of one file, or none. A price already used by a final snapshot cannot be replaced by another
    figure unless `correct` says why: its snapshots stay as they are until a recalculation is accepted. A settlement
    list for the next day to settle must price every instrument that is held, unless it is known to be `partial`: one
    list per exchange, say."""
    with store.begin(book, actor) as uow:
        if not partial:
            _refuse_unpriced_positions(uow, [price for price in prices if price.kind == "settlement"])
        for price in prices:
            known = uow.broker.prices(price.kind, price.trading_day).get(price.subject)
            settled = price.kind == "settlement" and uow.results.snapshot(price.trading_day) is not None
            if known is not None and settled and known.price != price.price and not correct:
                reason = Message("import.price_settled", {"subject": price.subject, "day": price.trading_day})
                raise InvalidInput(price.source, 0, price.subject, reason)
        uow.broker.save_prices(prices)
        if prices:
            days = sorted({price.trading_day for price in prices})
            uow.audit.append(
                "prices.imported",
                prices[0].kind,
                {"prices": len(prices), "first": days[0], "last": days[-1]} | ({"correct": correct} if correct else {}),
            )
    return len(prices)


def _refuse_unpriced_positions(uow: UnitOfWork, prices: Sequence[SettlementPrice]) -> None:
    """Only the next day to settle is judged: what will be held on later days is not known yet."""
    if not prices:
        return
    day = min(price.trading_day for price in prices)
    lots, _, last = opening_position(uow, uow.results.last_snapshot(before=day), day)
    if last is None or any(
        uow.broker.prices("settlement", last + timedelta(days=n)) for n in range(1, min((day - last).days, _LOOK_BACK))
    ):
        return
    priced = {price.subject for price in prices if price.trading_day == day} | set(uow.broker.prices("settlement", day))
    missing = sorted({lot.instrument for lot in lots} - priced)
    if missing:
        reason = Message("import.unpriced_position", {"subjects": ", ".join(missing), "day": day})
        raise InvalidInput(prices[0].source, 0, missing[0], reason)
