"""From one statement to the next: balance, lots and prices of yesterday are where today begins (rule 5 of the facts)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import AccountStatement, Direction
from hedge_core.statement_findings import Finding, Severity, compared
from messages import Message

LotKey = tuple[str, Direction, str]
"""Instrument, side of the lot, hedge flag (empty where 平仓明细 does not print it)."""

SATURDAY: Final = 5


def roll_findings(
    statement: AccountStatement, previous: AccountStatement, days_between: Sequence[date] | None
) -> list[Finding]:
    """What does not roll from `previous` to `statement`; see `check_statement` for the arguments and ValueErrors.

    Without a calendar, weekdays between the two may be holidays or missing statements: what rolls is taken as complete,
    what does not is refused and the gap named first."""
    if (statement.account, statement.funds.currency) != (previous.account, previous.funds.currency):
        raise ValueError("statements of two accounts or currencies do not roll")
    if previous.trading_day >= statement.first_day:
        raise ValueError(f"{previous.trading_day} is not before {statement.first_day}")
    shown = {"previous": previous.trading_day}
    if statement.view != previous.view:
        return [Finding(Severity.WARN, "roll_view", Message("statement.check_roll_view", shown))]
    if days_between:
        message = Message("statement.check_missing_day", {**shown, "days": len(days_between)})
        return [Finding(Severity.WARN, "missing_day", message)]
    findings = [*_balance(statement, previous)]
    if statement.first_day == statement.trading_day:
        findings += [*_prices(statement, previous), *_lots(statement, previous)]
    weekdays = _weekdays_between(previous.trading_day, statement.first_day)
    if findings and weekdays and days_between is None:
        message = Message("statement.check_maybe_missing_day", {**shown, "days": weekdays})
        findings.insert(0, Finding(Severity.REFUSE, "missing_day", message))
    return findings


def older_lots(statement: AccountStatement) -> int:
    """Lots that the statement closes or carries and that were not opened on its days; 0 where it does not list them all."""
    if {"fills", "positions"} & set(statement.unknown) or statement.exercises or statement.deliveries:
        return 0
    left: Counter[tuple[str, Direction]] = Counter()
    for row in statement.positions:
        left[row.instrument, row.direction] += row.lots
    for fill in statement.fills:
        if fill.offset.opens:
            left[fill.instrument, fill.direction] -= fill.lots
        else:
            left[fill.instrument, fill.direction.opposite] += fill.lots
    return sum(lots for lots in left.values() if lots > 0)


def _balance(statement: AccountStatement, previous: AccountStatement) -> Iterator[Finding]:
    expected, found = previous.funds.balance_cf, statement.funds.balance_bf
    shown = {"previous": previous.trading_day}
    yield from compared(Severity.REFUSE, "roll_balance", "statement.check_roll_balance", expected, found, **shown)


def _prices(statement: AccountStatement, previous: AccountStatement) -> Iterator[Finding]:
    """Yesterday's 今结算 is today's 昨结算, for every contract held over night."""
    settled = {row.instrument: row.settlement_price for row in previous.positions}
    settled |= {line.instrument: line.settlement_price for line in previous.summary}
    printed = {(row.instrument, row.previous_settlement) for row in statement.positions}
    printed |= {(line.instrument, line.previous_settlement) for line in statement.summary}
    printed |= {(lot.instrument, lot.previous_settlement) for lot in statement.closed}
    for instrument, found in sorted(printed):
        if instrument in settled:
            shown = {"instrument": instrument, "previous": previous.trading_day}
            expected = settled[instrument]
            yield from compared(Severity.REFUSE, "roll_price", "statement.check_roll_price", expected, found, **shown)


def _lots(statement: AccountStatement, previous: AccountStatement) -> Iterator[Finding]:
    """Yesterday's lots + opens − closes = today's, by contract, side and hedge flag, then by the date of opening too.

    Closing fills carry the hedge flag, 平仓明细 the date of opening (and the flag in long layouts only)."""
    touched = _touched_by_options_or_delivery(statement)
    expected: Counter[LotKey] = Counter()
    found: Counter[LotKey] = Counter()
    for row in previous.positions:
        expected[row.instrument, row.direction, row.hedge_flag.value] += row.lots
    for fill in statement.fills:
        if fill.offset.opens:
            expected[fill.instrument, fill.direction, fill.hedge_flag.value] += fill.lots
        else:
            expected[fill.instrument, fill.direction.opposite, fill.hedge_flag.value] -= fill.lots
    for row in statement.positions:
        found[row.instrument, row.direction, row.hedge_flag.value] += row.lots
    findings: list[Finding] = []
    for key in sorted(expected.keys() | found.keys()):
        instrument, direction, flag = key
        shown = {"instrument": instrument, "direction": direction.value, "flag": flag, "previous": previous.trading_day}
        severity = Severity.WARN if _product(instrument) in touched else Severity.REFUSE
        findings += compared(severity, "roll_lots", "statement.check_roll_lots", expected[key], found[key], **shown)
    return iter(findings or _dated_lots(statement, previous, touched))


def _dated_lots(statement: AccountStatement, previous: AccountStatement, touched: frozenset[str]) -> list[Finding]:
    """The same by date of opening. A night session's lot may print its trading day or the evening before: a contract is
    fine if it adds up either way."""
    by_flag = all(lot.hedge_flag is not None for lot in statement.closed)
    carried: Counter[tuple[LotKey, date]] = Counter()
    found: Counter[tuple[LotKey, date]] = Counter()
    for rows, counter in ((previous.positions, carried), (statement.positions, found)):
        for row in rows:
            flag = row.hedge_flag.value if by_flag else ""
            counter[(row.instrument, row.direction, flag), row.open_date] += row.lots
    for lot in statement.closed:
        flag = lot.hedge_flag.value if by_flag and lot.hedge_flag else ""
        carried[(lot.instrument, lot.direction.opposite, flag), lot.open_date] -= lot.lots
    by_trading_day, by_evening = carried.copy(), carried.copy()
    for fill in statement.fills:
        if fill.offset.opens:
            key: LotKey = (fill.instrument, fill.direction, fill.hedge_flag.value if by_flag else "")
            by_trading_day[key, fill.trading_day] += fill.lots
            by_evening[key, fill.traded_on or fill.trading_day] += fill.lots
    findings: list[Finding] = []
    every = by_trading_day.keys() | by_evening.keys() | found.keys()
    days_of: dict[LotKey, set[date]] = {}
    for key, day in every:
        days_of.setdefault(key, set()).add(day)
    for key in sorted(days_of):
        days = sorted(days_of[key])
        if any(all(way[key, day] == found[key, day] for day in days) for way in (by_trading_day, by_evening)):
            continue
        instrument, direction, flag = key
        severity = Severity.WARN if _product(instrument) in touched else Severity.REFUSE
        for day in days:
            findings += compared(
                severity,
                "roll_lots",
                "statement.check_roll_lots_dated",
                by_trading_day[key, day],
                found[key, day],
                instrument=instrument,
                direction=direction.value,
                flag=flag or "-",
                opened=day,
                previous=previous.trading_day,
            )
    return findings


def _touched_by_options_or_delivery(statement: AccountStatement) -> frozenset[str]:
    """Products whose lots exercise, assignment or delivery has changed without a fill."""
    moved = {row.instrument for row in statement.exercises} | {row.instrument for row in statement.deliveries}
    return frozenset(_product(instrument) for instrument in moved)


def _product(instrument: str) -> str:
    parts = parse_instrument(instrument)
    return f"{parts.exchange}.{parts.product}" if parts else instrument


def _weekdays_between(first: date, last: date) -> int:
    days = (first + timedelta(days=step) for step in range(1, min((last - first).days, 366)))
    return sum(day.weekday() < SATURDAY for day in days)
