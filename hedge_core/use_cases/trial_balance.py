"""Trial balance and sub-ledger of a book from its vouchers, and the ties: vouchers to measured events, events to the settled
days' snapshots, delivered vouchers to the ERP. Every tie carries both figures; none is ever made to fit by a plug."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.accounting.deferred_tax import reserve_balance
from hedge_core.accounting.entries import entries_of
from hedge_core.accounting.events import AccountingEvent, EventKind
from hedge_core.accounting.inputs import DayFacts, FeeCharge
from hedge_core.accounting.posting import month_end
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, Measure, Variation
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.model.vouchers import Voucher, VoucherStatus
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.storage import Store, StoredVoucher, UnitOfWork
from hedge_core.rounding import round_money
from hedge_core.settlement.figures import FundsResult
from hedge_core.snapshot import decode
from hedge_core.use_cases.account import Ledger, MeasuredBook, measured_book
from hedge_core.use_cases.accounting_days import CHARGE, options_at_start
from hedge_core.use_cases.reconcile import in_sight
from messages import Message

ZERO: Final = Decimal(0)
TOLERANCE: Final = "rounding_tolerance"
"""Setting: how far a tie may be off and still hold, in the book's currency. Default 0.00: our figures are exact, and so are
the broker's; the difference is shown and never booked."""

_LEFT: Final = (VoucherStatus.DELIVERED, VoucherStatus.REVERSED)
_CLEARED: Final = (EventKind.DEPOSIT, EventKind.WITHDRAWAL)
"""Whose bank line is the bank's own side, not the broker's cash under another name (`futures_cash = bank`)."""
_INSTRUMENTS: Final = (AccountRole.DERIVATIVE, AccountRole.HEDGING_INSTRUMENT)


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One account (of the sub-ledger: with its dimensions) over a period, in the book's currency; balances are debit −
    credit."""

    account: str
    dimensions: tuple[tuple[str, str], ...]
    opening: Decimal
    debit: Decimal
    credit: Decimal

    @property
    def closing(self) -> Decimal:
        return self.opening + self.debit - self.credit


@dataclass(frozen=True, slots=True)
class Tie:
    """Two figures that must agree. `explained` is a known part that is not booked by us (option premium, exercise,
    delivery results of the statement); `difference` = ours + explained − theirs."""

    name: str
    subject: str
    day: date
    ours: Decimal
    theirs: Decimal
    explained: Decimal = ZERO
    tolerance: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        return self.ours + self.explained - self.theirs

    @property
    def holds(self) -> bool:
        return abs(self.difference) <= self.tolerance


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """The balance of a period, its sub-ledger, the ties, and the problems that kept days from being measured."""

    first_day: date
    last_day: date
    accounts: tuple[BalanceRow, ...]
    sub_ledger: tuple[BalanceRow, ...]
    ties: tuple[Tie, ...]
    problems: tuple[RuleBroken, ...] = ()

    @property
    def total(self) -> Decimal:
        """Sum of the closing balances: zero."""
        return sum((row.closing for row in self.accounts), ZERO)


def trial_balance(
    store: Store,
    book: BookId,
    first_day: date,
    last_day: date,
    ledger: Ledger,
    adapter: ErpAdapter | None = None,
    *,
    delivered_only: bool = False,
) -> TrialBalance:
    """The trial balance of all vouchers dated up to `last_day` (or only of those delivered), with the ties of every settled
    day of the period; with an adapter, delivered vouchers are compared with the ERP's documents too."""
    with store.read(book) as uow:
        tolerance = rounding_tolerance(uow.book.settings)
        stored = [s for s in uow.results.vouchers() if s.status is not VoucherStatus.CANCELLED]
        measured = measured_book(uow, last_day, ledger)
        funds = _funds(uow, last_day)
        own = uow.book.currency
    counted = [s for s in stored if not delivered_only or s.status in _LEFT]
    vouchers = [s.voucher for s in counted if s.voucher.posting_date <= last_day]
    ties = [*_day_ties(measured, measured.days, "", funds.get(own, {}), first_day, tolerance)]
    for currency, days in measured.foreign.items():
        ties += _day_ties(measured, days, currency, funds.get(currency, {}), first_day, tolerance)
        ties += foreign_ties(measured, currency, funds.get(currency, {}), (first_day, last_day), vouchers, tolerance)
    ties += _reserve_ties(measured, last_day, tolerance)
    ties += _voucher_ties(measured, stored, last_day, tolerance)
    if adapter is not None:
        ties += _erp_ties(stored, adapter, first_day, last_day, tolerance)
    return TrialBalance(
        first_day,
        last_day,
        tuple(_rows(vouchers, first_day, by_dimension=False)),
        tuple(_rows(vouchers, first_day, by_dimension=True)),
        tuple(ties),
        measured.posted.problems,
    )


def rounding_tolerance(settings: Mapping[str, str]) -> Decimal:
    """The book's tolerance. Raises `RuleBroken("book_setting")` for one that is no amount."""
    text = settings.get(TOLERANCE, "0.00")
    try:
        found = Decimal(text)
    except ArithmeticError:
        found = Decimal(-1)
    if not 0 <= found < 100:
        shown = {"value": text, "allowed": "0.00, 0.05"}
        raise RuleBroken("book_setting", TOLERANCE, Message("accounting.setting_unknown", shown))
    return found


def _rows(vouchers: Iterable[Voucher], first_day: date, *, by_dimension: bool) -> Iterator[BalanceRow]:
    sums: dict[tuple[str, tuple[tuple[str, str], ...]], list[Decimal]] = {}
    for voucher in vouchers:
        for line in voucher.lines:
            key = (line.account, line.dimensions if by_dimension else ())
            row = sums.setdefault(key, [ZERO, ZERO, ZERO])
            if voucher.posting_date < first_day:
                row[0] += line.debit - line.credit
            else:
                row[1] += line.debit
                row[2] += line.credit
    for (account, dimensions), (opening, debit, credit) in sorted(sums.items()):
        yield BalanceRow(account, dimensions, opening, debit, credit)


# --- events against snapshots -----------------------------------------------------------------------------------------


Funds = Mapping[date, Mapping[str, FundsResult]]
"""Funds by settled day and account, of one currency."""


def _funds(uow: UnitOfWork, through: date) -> dict[str, dict[date, dict[str, FundsResult]]]:
    found: dict[str, dict[date, dict[str, FundsResult]]] = {}
    for listed in uow.results.snapshots():
        if listed.status == "final" and listed.trading_day <= through:
            stored = uow.results.snapshot(listed.trading_day, listed.version)
            if stored is not None:
                for row in decode(stored.body).figures.funds():
                    found.setdefault(row.currency, {}).setdefault(listed.trading_day, {})[row.account] = row
    return found


def _day_ties(
    measured: MeasuredBook,
    days: Sequence[DayFacts],
    currency: str,
    funds: Funds,
    first_day: date,
    tolerance: Decimal,
) -> Iterator[Tie]:
    """Broker cash as booked = the statement's balance of the view that the settings keep, every day it is measured; what
    stands on the instruments' accounts = the value of options, and where variation is kept the floating result besides."""
    if measured.posted.problems:
        return
    settings = measured.settings
    keeps = settings.variation is Variation.KEEP or not settings.terms.fair_value
    optioned = {lot.account for facts in days for lot in facts.lots if lot.is_option}
    cash: dict[str, Decimal] = {}
    instruments: dict[str, Decimal] = {}
    other: dict[str, Decimal] = {}
    events = _by_day(event for event in measured.measured.events if event.currency == currency)
    waiting = sorted(events)
    for facts in sorted(days, key=lambda one: one.trading_day):
        day = facts.trading_day
        for account, row in funds.get(day, {}).items():
            if account not in cash:
                cash[account] = row.balance_before - (row.floating_before if keeps else ZERO)
                instruments[account] = row.floating_before if settings.variation is Variation.KEEP else ZERO
                instruments[account] += options_at_start(facts.lots, account)
            # delivered lots, premiums and charges of the summary are booked: what is left of `other` is not
            charged = sum((fee.amount for fee in facts.fees if fee.account == account and _is_charge(fee)), ZERO)
            booked = row.delivery_mtm + sum((lot.premium for lot in facts.lots if lot.account == account), ZERO)
            other[account] = other.get(account, ZERO) + row.other - booked + charged
        until = month_end(day) if facts.month_end else day
        while waiting and waiting[0] <= until:
            for event in events[waiting.pop(0)]:
                _book(event, settings, cash, instruments)
        if day < first_day or not (settings.measure is Measure.DAY or facts.month_end):
            continue
        for account, row in sorted(funds.get(day, {}).items()):
            theirs = row.trade_balance if keeps else row.balance
            name = "margin_trade" if keeps else "margin_mtm"
            subject = f"{account} {currency}".strip()
            yield Tie(name, subject, day, cash[account], theirs, other[account], tolerance)
            if settings.variation is Variation.KEEP and settings.terms.fair_value:
                both, equity = cash[account] + instruments[account], row.balance + row.option_value
                yield Tie("margin_and_instruments", subject, day, both, equity, other[account], tolerance)
            elif account in optioned and settings.terms.fair_value:
                yield Tie("options", subject, day, instruments[account], row.option_value, ZERO, tolerance)


def foreign_ties(
    measured: MeasuredBook,
    currency: str,
    funds: Funds,
    period: tuple[date, date],
    vouchers: Sequence[Voucher],
    tolerance: Decimal,
) -> Iterator[Tie]:
    """At each month's end that is complete: the margin accounts in the book's currency, with what was there at go-live, = the
    brokers' balances at the rate of the day."""
    plan = measured.plan
    if measured.posted.problems or plan is None or _booked_by_erp(measured):
        return
    settings = measured.settings
    keeps = settings.variation is Variation.KEEP or not settings.terms.fair_value
    margin = AccountRole.MARGIN_ACCOUNT
    before = sum((o.own for o in plan.openings if (o.currency, o.role) == (currency, margin)), ZERO)
    for end in plan.month_ends:
        if not period[0] <= end <= period[1]:
            continue
        last: dict[str, FundsResult] = {}
        for day in sorted(day for day in funds if day <= end):
            last |= funds[day]
        theirs = ZERO
        for row in last.values():
            balance = row.trade_balance if keeps else row.balance
            theirs += round_money(balance * plan.rate(currency, end), vouchers[0].currency if vouchers else "CNY")
        lines = [line for v in vouchers if v.posting_date <= end for line in v.lines if line.role == margin.value]
        mine = [line for line in lines if line.foreign is not None and line.foreign.currency == currency]
        ours = before + sum((line.debit - line.credit for line in mine), ZERO)
        yield Tie("margin_translated", currency, end, ours, theirs, ZERO, tolerance)


def _booked_by_erp(measured: MeasuredBook) -> bool:
    """Whether some of the margin account's lines are the ERP's own, so that our vouchers are not the whole of it."""
    margin = AccountRole.MARGIN_ACCOUNT.value
    return any(role == margin for entry in measured.posted.expected for role, *_ in entry.lines)


def _is_charge(fee: FeeCharge) -> bool:
    return any(source.kind == CHARGE for source in fee.sources)


def _by_day(events: Iterable[AccountingEvent]) -> dict[date, list[AccountingEvent]]:
    found: dict[date, list[AccountingEvent]] = {}
    for event in events:
        found.setdefault(event.day, []).append(event)
    return found


def _book(
    event: AccountingEvent, settings: BookSettings, cash: dict[str, Decimal], instruments: dict[str, Decimal]
) -> None:
    for entry in entries_of(event, settings):
        for line in entry.lines:
            amount = line.debit - line.credit
            brokers = line.role is AccountRole.MARGIN_ACCOUNT
            if brokers or (line.role is AccountRole.BANK and event.account and event.kind not in _CLEARED):
                cash[event.account] = cash.get(event.account, ZERO) + amount
            elif line.role in _INSTRUMENTS and event.account:
                instruments[event.account] = instruments.get(event.account, ZERO) + amount


def _reserve_ties(measured: MeasuredBook, last_day: date, tolerance: Decimal) -> Iterator[Tie]:
    """The reserve as booked = the reserve that the measurement carries, by relationship."""
    booked: dict[str, Decimal] = {}
    roles = (AccountRole.HEDGE_RESERVE, AccountRole.HEDGE_COST_RESERVE)
    for event in measured.measured.events:
        for entry in entries_of(event, measured.settings):
            for line in entry.lines:
                if line.role in roles and event.relationship is not None:
                    before = booked.get(event.relationship, ZERO)
                    booked[event.relationship] = before + line.credit - line.debit
    for name, state in sorted(measured.measured.state.hedges.items()):
        yield Tie("reserve", name, last_day, booked.get(name, ZERO), reserve_balance(state), ZERO, tolerance)


# --- vouchers against events, and the ERP against vouchers ------------------------------------------------------------


def _voucher_ties(
    measured: MeasuredBook, stored: Sequence[StoredVoucher], last_day: date, tolerance: Decimal
) -> Iterator[Tie]:
    """By account: what the vouchers say = what the measured events ask for. Off while a voucher is outdated."""
    if measured.posted.problems:
        return
    wanted = _balances(v for v in measured.posted.vouchers if v.posting_date <= last_day)
    kept = _balances(s.voucher for s in stored if s.voucher.posting_date <= last_day)
    for account in sorted(wanted.keys() | kept.keys()):
        ours, asked = kept.get(account, ZERO), wanted.get(account, ZERO)
        yield Tie("vouchers", account, last_day, ours, asked, ZERO, tolerance)


def _balances(vouchers: Iterable[Voucher]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for voucher in vouchers:
        for line in voucher.lines:
            found[line.account] = found.get(line.account, ZERO) + line.debit - line.credit
    return found


def _erp_ties(
    stored: Sequence[StoredVoucher], adapter: ErpAdapter, first_day: date, last_day: date, tolerance: Decimal
) -> Iterator[Tie]:
    """By period: the sum of what was delivered = the sum of the ERP's documents under our references, on the dates it has
    them. A document on another date, missing or twice shows in the month it is in. Where the ERP tells what stands on which
    account, each account too: a line moved to another one shows in both."""
    sent = [s for s in stored if s.status in _LEFT and s.voucher.posting_date <= last_day]
    left = [s.voucher for s in in_sight(sent, adapter)]
    found = adapter.find_vouchers([voucher.key for voucher in left]) if left else {}
    ours: dict[date, Decimal] = {}
    theirs: dict[date, Decimal] = {}
    for voucher in left:
        month = month_end(voucher.posting_date)
        ours[month] = ours.get(month, ZERO) + voucher.total
        for document in found.get(voucher.key, []):
            there = month_end(document.posting_date or voucher.posting_date)
            total = document.total if document.total is not None else voucher.total
            theirs[there] = theirs.get(there, ZERO) + total
    documents = [one for voucher in left for one in found.get(voucher.key, [])]
    if documents and all(one.accounts for one in documents):
        booked = _balances(left)
        there_booked: dict[str, Decimal] = {}
        for document in documents:
            for account, amount in document.accounts:
                there_booked[account] = there_booked.get(account, ZERO) + amount
        for account in sorted(booked.keys() | there_booked.keys()):
            mine, its = booked.get(account, ZERO), there_booked.get(account, ZERO)
            yield Tie("erp_account", account, last_day, mine, its, ZERO, tolerance)
    for month in sorted(ours.keys() | theirs.keys()):
        if month >= first_day:
            period = f"{month:%Y-%m}"
            yield Tie("erp", period, month, ours.get(month, ZERO), theirs.get(month, ZERO), ZERO, tolerance)
