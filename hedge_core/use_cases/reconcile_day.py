"""One trading day compared three ways (ours, the broker's answers, the statement), with the bank, the ledger and the ERP.

Run again it compares again: what a person has said about a difference stays while the figure stays. The rows decide whether
the day can be settled (`settle`): a difference that nothing explains and nobody has overruled keeps it open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.accounting.posting import month_end
from hedge_core.accounting.rule_sets import BookSettings, FuturesCash, Post, Variation
from hedge_core.cash_kinds import MovementKind, movement_kind
from hedge_core.errors import RuleBroken
from hedge_core.lots import apply_fills
from hedge_core.model.futures import AccountStatement, Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.broker_queries import SeenFill
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.reconciliation import ReconciliationRun
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.reconciliation import (
    Circumstances,
    Held,
    LedgerBalance,
    ReconciliationRow,
    Side,
    blocking,
    carry_over,
    compare,
    compare_transfers,
    explain,
    ledger_ties,
    ours,
    queried,
    queried_figures,
    stated,
)
from hedge_core.reconciliation.transfers import BookedTransfer
from hedge_core.rounding import EXACT
from hedge_core.settlement import Settlement, SettlementInput, settle_day
from hedge_core.settlement.accounts import accounts_of_day
from hedge_core.settlement.figures import FundsResult
from hedge_core.snapshot import decode
from hedge_core.trading_calendar import EXCHANGE_TIME, TradingCalendar
from hedge_core.use_cases.reconcile import in_sight, voucher_rows
from hedge_core.use_cases.settle import gather
from messages import Message

WITHOUT: Final = "reconcile_without"
"""The setting of a book that leaves subjects out, separated by commas: `margin` where the broker takes portfolio margin."""
_CLOSE: Final = time(15, 15)
_AROUND: Final = timedelta(days=10)
_ZERO: Final = Decimal(0)
_VALUED: Final = ("lots", "price", "fee", "realised_mtm")


@dataclass(frozen=True, slots=True)
class ReconciledDay:
    """A day's comparison: its rows, the sources that took part, and what could not be compared, as sentences."""

    trading_day: date
    rows: tuple[ReconciliationRow, ...]
    sources: tuple[str, ...]
    notes: tuple[Message, ...]

    @property
    def blocking(self) -> list[ReconciliationRow]:
        return blocking(self.rows)


def reconcile_day(
    store: Store,
    book: BookId,
    trading_day: date,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    calendar: TradingCalendar,
    adapter: ErpAdapter | None = None,
) -> ReconciledDay:
    """Compare one trading day and keep every difference as a row. `adapter`: also our vouchers with the ERP's documents."""
    documents = _documents(store, book, trading_day, adapter) if adapter is not None else None
    with store.begin(book, actor) as uow, localcontext(EXACT):
        work = _Day(uow, trading_day, list(products), calendar)
        found = work.accounts() + work.transfers() + work.ledger() + (documents or [])
        if documents is not None:
            work.sources.add("erp")
        left_out = {name.strip() for name in uow.book.settings.get(WITHOUT, "").split(",")}
        found = [row for row in found if row.subject not in left_out]
        rows = carry_over(_earlier(uow, trading_day), found, trading_day)
        run = ReconciliationRun(trading_day, clock.now(), actor.name, tuple(sorted(work.sources)))
        uow.reconciliation.save_day(run, rows)
        uow.audit.append(
            "day.reconciled",
            trading_day.isoformat(),
            {
                "sources": list(run.sources),
                "rows": [
                    {"row": row.row_id, "state": row.state.value, "difference": row.difference, "left": row.remainder}
                    for row in rows
                ],
            },
        )
        return ReconciledDay(trading_day, tuple(rows), run.sources, tuple(work.notes))


def _documents(store: Store, book: BookId, day: date, adapter: ErpAdapter) -> list[ReconciliationRow]:
    """Vouchers of ours that have left, up to the day, against what the ERP has; asked outside of any transaction."""
    sent = (VoucherStatus.QUEUED, VoucherStatus.DELIVERED, VoucherStatus.REVERSED)
    with store.read(book) as uow:
        vouchers = [v for v in uow.results.vouchers() if v.status in sent and v.voucher.posting_date <= day]
    vouchers = in_sight(vouchers, adapter)
    found = adapter.find_vouchers([stored.voucher.key for stored in vouchers]) if vouchers else {}
    return voucher_rows(vouchers, found, day)


def _earlier(uow: UnitOfWork, day: date) -> list[ReconciliationRow]:
    """The rows of the comparison before, and what people have said today already."""
    last = uow.reconciliation.last_run(before=day)
    before = {row.identity: row for row in (uow.reconciliation.rows(last.trading_day) if last else ())}
    resolved = {key for key, row in before.items() if row.state.value == "resolved"}
    today = {row.identity: row for row in uow.reconciliation.rows(day) if row.state.value != "resolved"}
    kept = {key: row for key, row in before.items() if key not in resolved}
    return list((kept | today).values())


class _Day:
    """The sides of one day, read from one unit of work."""

    def __init__(self, uow: UnitOfWork, day: date, products: Sequence[Product], calendar: TradingCalendar) -> None:
        self._uow, self._day, self._calendar = uow, day, calendar
        self.sources: set[str] = set()
        self.notes: list[Message] = []
        self._statements = [stored.statement for stored in uow.statements.on_day(day)]
        self._given = gather(uow, day, products)
        self._settled = self._settle(self._given)
        around = uow.statements.fills(day - _AROUND, day + _AROUND)
        self._seen = uow.broker_queries.fills(first=day - _AROUND, last=day + _AROUND)
        self._elsewhere = [f for f in around if f.trading_day != day]
        self._elsewhere += [one.fill for one in self._seen if one.fill.trading_day != day]

    def _settle(self, given: SettlementInput) -> Settlement | None:
        """What we would settle; where a rule is broken our funds are not known, and that is said."""
        outcome = settle_day(given)
        if isinstance(outcome, Settlement):
            return outcome
        self.notes += [Message("reconciliation.no_funds_of_ours", {"reason": broken.message}) for broken in outcome[:3]]
        return None

    def accounts(self) -> list[ReconciliationRow]:
        """Fills, lots and funds of every account and currency."""
        asked = {(one.fill.account, one.fill.currency) for one in self._seen if one.fill.trading_day == self._day}
        stated_of = {(s.account, s.funds.currency): s for s in self._statements}
        rows: list[ReconciliationRow] = []
        for account, currency in sorted(asked | stated_of.keys()):
            several = sum(name == account for name, _ in stated_of) > 1
            rows += self._account(account, currency, stated_of.get((account, currency)), several)
        return rows

    def _account(
        self, account: str, currency: str, statement: AccountStatement | None, several: bool
    ) -> list[ReconciliationRow]:
        named = currency if several else ""
        sides = []
        if statement is not None:
            sides.append(self._ours(account, statement, named))
        sides += self._query(account, currency, named)
        if statement is not None:
            sides.append(stated(statement, named))
        else:
            self.notes.append(Message("reconciliation.no_statement", {"account": account, "day": self._day}))
        self.sources |= {side.source.value for side in sides}
        around = self._circumstances(account, currency, statement, sides)
        return [explain(row, around) for row in compare(sides)]

    def _ours(self, account: str, statement: AccountStatement, named: str) -> Side:
        """Our fills, lots and funds of an account in one currency; without funds where a rule keeps the day open."""
        currency = statement.funds.currency
        mine = [f for f in self._given.fills if f.account == account and (not named or f.currency == currency)]
        margin = {"margin": sum((row.margin for row in statement.positions), _ZERO)}
        extra = {} if {"positions", "positions.margin"} & set(statement.unknown) else margin
        if self._settled is not None:
            figures = self._settled.figures
            pair = (account, currency)
            funds: FundsResult | None = next((f for f in figures.funds() if (f.account, f.currency) == pair), None)
            lots, quoted = figures.lots_after(), figures.quoted()
            if named:
                lots = [lot for lot in lots if quoted[lot.account, lot.instrument] == currency]
        else:
            closed = {account: statement.closed}
            owners = accounts_of_day(self._statements, self._given.fills, self._given.prices)
            held = [lot for lot in self._given.lots if owners.currency(account, lot.instrument) in (None, currency)]
            funds, lots = None, list(apply_fills(held, mine, self._day, closed).after)
        return ours(account, self._day, mine, lots, funds, extra, named)

    def _query(self, account: str, currency: str, named: str) -> list[Side]:
        """The broker's answers of the day; positions and funds only if they were asked for after the close."""
        seen = [one for one in self._seen if (one.fill.account, one.fill.trading_day) == (account, self._day)]
        seen = [one for one in seen if one.fill.currency == currency]
        positions = self._uow.broker_queries.positions(account, self._day)
        funds = self._uow.broker_queries.funds(account, self._day, currency)
        if not seen and positions is None and funds is None:
            return []
        held = None
        if positions is not None and self._after_close(positions.asked_at, account):
            held = [
                Held(row.instrument, row.direction, row.hedge_flag, row.lots)
                for row in positions.positions
                if row.currency == currency
            ]
        figures = {}
        if funds is not None and self._after_close(funds.asked_at, account):
            figures = queried_figures(funds.funds, funds.unknown)
        fills = [one.fill for one in seen] if seen or held is not None else None
        return [queried(account, self._day, fills, held, figures, _fields(seen), named)]

    def _after_close(self, asked_at: datetime, account: str) -> bool:
        local = asked_at.astimezone(EXCHANGE_TIME)
        if local.date() > self._day or (local.date() == self._day and local.time() >= _CLOSE):
            return True
        shown = {"account": account, "time": local.strftime("%H:%M")}
        self.notes.append(Message("reconciliation.asked_early", shown))
        return False

    def _circumstances(
        self, account: str, currency: str, statement: AccountStatement | None, sides: Sequence[Side]
    ) -> Circumstances:
        before = self._uow.statements.previous(account, self._day, currency, statement.view if statement else "mtm")
        days = [day for day in self._uow.statements.days() if abs(day - self._day) <= _AROUND and day != self._day]
        cash = [
            (day, row.amount_in - row.amount_out)
            for day in days
            for stored in self._uow.statements.on_day(day)
            if (stored.statement.account, stored.statement.funds.currency) == (account, currency)
            for row in stored.statement.cash
        ]
        cash += [
            (one.moved_on, one.amount)
            for one in self._uow.reconciliation.transfers()
            if (one.account, one.currency) == (account, currency) and abs(one.moved_on - self._day) <= _AROUND
        ]
        return Circumstances(
            sides=sides,
            statement=statement,
            fills_elsewhere=[fill for fill in self._elsewhere if fill.account == account],
            cash_elsewhere=cash,
            margins=[(row.instrument, row.direction, row.margin) for row in (statement.positions if statement else ())],
            details=statement.positions if statement else (),
            floating=statement.funds.floating if statement else _ZERO,
            floating_before=before.statement.funds.floating if before else _ZERO,
            night_fills=[f for f in (statement.fills if statement else ()) if f.traded_on not in (None, f.trading_day)],
        )

    def transfers(self) -> list[ReconciliationRow]:
        """Bank transfers against the statements' transfers; nothing where no bank list has been given."""
        bank = self._uow.reconciliation.transfers()
        if not bank:
            return []
        self.sources.add("bank")
        begins = min(one.moved_on for one in bank)
        booked = []
        for day in self._uow.statements.days():
            if begins <= day <= self._day:
                for stored in self._uow.statements.on_day(day):
                    booked += _transfers_of(stored.statement, self._uow.book.settings)
        return compare_transfers(bank, booked, self._day, self._calendar.next_day)

    def ledger(self) -> list[ReconciliationRow]:
        """The margin account against the broker, as of the last day whose vouchers are complete."""
        settings = BookSettings.read(self._uow.book.settings)
        if settings.futures_cash is FuturesCash.BANK:
            return []
        vouchers = [v.voucher for v in self._uow.results.vouchers() if v.status is not VoucherStatus.CANCELLED]
        dates = {voucher.posting_date for voucher in vouchers}
        if settings.post is Post.MONTH:
            dates = {day for day in dates if day == month_end(day)}
        through = max((day for day in dates if day <= self._day), default=None)
        if through is None:
            return []
        stored = self._uow.results.last_snapshot(before=through + timedelta(days=1))
        if stored is None:
            return []
        kept = settings.variation is Variation.KEEP
        openings: dict[str, Decimal] = {}
        own = self._uow.book.currency
        for state in self._uow.broker.openings():
            if state.statement.funds.currency != own:
                continue
            floating = sum((row.floating for row in state.statement.positions), _ZERO) if kept else _ZERO
            openings[state.account] = openings.get(state.account, _ZERO) + state.statement.funds.balance_cf - floating
        balances = [
            LedgerBalance(row.account, openings.get(row.account, _ZERO), row.trade_balance if kept else row.balance)
            for row in decode(stored.body).figures.funds()
            if row.currency == own
        ]
        self.sources.add("ledger")
        rows = ledger_ties(vouchers, balances, self._day, through)
        return [replace(row, key=stored.trading_day.isoformat()) for row in rows]


def _fields(seen: Sequence[SeenFill]) -> frozenset[str]:
    silent = {name for one in seen for name in one.unknown}
    return frozenset(name for name in _VALUED if name not in silent)


def _transfers_of(statement: AccountStatement, settings: Mapping[str, str]) -> list[BookedTransfer]:
    """The movements of a statement that are transfers between bank and account."""
    found = []
    for number, row in enumerate(statement.cash, 1):
        if movement_kind(row, settings) is MovementKind.TRANSFER:
            key = f"{statement.trading_day.isoformat()} {number}"
            amount = row.amount_in - row.amount_out
            found.append(
                BookedTransfer(key, statement.account, statement.funds.currency, statement.trading_day, amount)
            )
    return found


def row_of(uow: UnitOfWork, row_id: str, day: date | None = None) -> ReconciliationRow:
    """The difference of that name on `day`, else on the last day compared. `RuleBroken` when there is none."""
    run = uow.reconciliation.run(day) if day is not None else uow.reconciliation.last_run()
    rows = uow.reconciliation.rows(run.trading_day) if run is not None else []
    found = next((row for row in rows if row.row_id == row_id), None)
    if found is None:
        raise RuleBroken("reconciliation_row", row_id, Message("reconciliation.no_row", {"row": row_id}))
    return found


def keep_row(uow: UnitOfWork, event: str, row: ReconciliationRow, **details: object) -> None:
    """The row as a person has changed it, with the event in the audit log."""
    uow.reconciliation.save_row(row)
    shown = {"day": row.trading_day, "difference": row.difference, "left": row.remainder, **details}
    uow.audit.append(f"reconciliation.{event}", row.row_id, shown)
