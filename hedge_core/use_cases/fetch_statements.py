"""Statements fetched over a broker connection: what the broker has of a finished day goes the way of every statement file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hedge_core.errors import ContractViolation
from hedge_core.model.futures import AccountStatement
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.broker import BrokerAdapter
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.product_table import ProductTable
from hedge_core.trading_calendar import TradingCalendar
from hedge_core.use_cases.settle import positions_now
from hedge_core.use_cases.statements import NO_APPROVAL, Approval, ImportedStatement, ReadStatements, import_statements
from messages import Message


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of the statements the broker has, and a sentence for each account without one."""

    imported: tuple[ImportedStatement, ...]
    missing: tuple[Message, ...] = ()


def fetch_statements(
    store: Store,
    book: BookId,
    connection: str,
    adapter: BrokerAdapter,
    day: date,
    read: ReadStatements,
    products: ProductTable,
    actor: Actor,
    clock: Clock,
    approval: Approval = NO_APPROVAL,
    calendar: TradingCalendar | None = None,
) -> Fetched:
    """Import the statements of `day` of every account behind a connection, as files are imported: the same text again
    changes nothing, another text is a new version, a settled day asks to be reopened.

    A broker has a day's statement some time after the close: until then the account is named in `missing`. An answer about
    another account or day is `ContractViolation`, and nothing of it is stored."""
    imported: list[ImportedStatement] = []
    missing: list[Message] = []
    seen: set[bytes] = set()
    for account in adapter.accounts():
        text = adapter.statement_text(account, day)
        if text is None:
            shown = {"account": account.account, "day": day, "connection": connection}
            missing.append(Message("broker.no_statement_yet", shown))
        elif text not in seen:  # one text may have every currency of an account
            seen.add(text)

            def checked(name: str, body: bytes, wanted: str = account.account) -> Sequence[AccountStatement]:
                found = read(name, body)
                for one in found:
                    if (one.account, one.trading_day) != (wanted, day):
                        said = f"statement of {one.account}, {one.trading_day} for {wanted}, {day}"
                        raise ContractViolation("statement", said, system=adapter.capabilities.system)
                return found

            name = f"{connection}_{account.account}_{day:%Y%m%d}.txt"
            imported += import_statements(store, book, name, text, checked, products, actor, clock, approval, calendar)
    return Fetched(tuple(imported), tuple(missing))


def days_to_fetch(uow: UnitOfWork, accounts: Sequence[str], today: date, calendar: TradingCalendar) -> list[date]:
    """The days a broker is asked for by itself: its own trading day and the one before, where an account lacks its daily
    statement."""
    days = (calendar.previous_day(today), today)
    return [day for day in days if any(uow.statements.current(name, day) is None for name in accounts)]


def instruments_to_price(uow: UnitOfWork, day: date) -> list[str]:
    """Instruments whose price the settlement of `day` needs: what is held since the last settled day, what was dealt on the
    day by statement or answer, and what brokers say is held."""
    held, _ = positions_now(uow)
    names = {lot.instrument for lot in held}
    names |= {fill.instrument for fill in uow.statements.fills(day, day)}
    names |= {seen.fill.instrument for seen in uow.broker_queries.fills(first=day, last=day)}
    accounts = {seen.fill.account for seen in uow.broker_queries.fills()} | set(uow.statements.accounts())
    answers = [uow.broker_queries.positions(account, day) for account in sorted(accounts)]
    return sorted(names | {row.instrument for answer in answers if answer for row in answer.positions})
