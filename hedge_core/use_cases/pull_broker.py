"""Pulling from a broker while the day runs: fills by push and by query, positions, funds; and prices fixed for a trading day.

A fill counts once by (account, trading day, exchange, fill id, direction), on whatever road it comes. Its raw form, the fill
and the cursor are saved in one transaction. A fill that cannot be understood waits in quarantine and stops nothing. Days on
which nobody asked are said: a broker answers the fills of its current trading day only, what is missed comes with the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hedge_core.errors import ContractViolation, Rejected, RuleBroken
from hedge_core.fill_roads import PUSH, QUERY, STATEMENT, FillConflict, RoadFills, count_once
from hedge_core.model.broker import BrokerAccount, PriceGap
from hedge_core.model.futures import Fill, SettlementPrice
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.records import Mapped, Pulled, Quarantined
from hedge_core.ports.broker import BrokerAdapter, MarketData
from hedge_core.ports.broker_queries import PositionsAnswer, Road
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.trading_calendar import TradingCalendar
from messages import Message

NEVER_STATED = ("fee", "premium", "realised_mtm", "turnover")
"""Figures of a fill that a broker may leave to its statement; the capability card says which it states."""


@dataclass(slots=True)
class BrokerPull:
    """What a pull of one account found. `fills` are those of the trading day counted once over push, query and statement;
    `problems` are answers that could not be understood; `missed` trading days of which neither a query nor a statement is
    known."""

    account: str
    currency: str
    trading_day: date
    read: int = 0
    new: int = 0
    quarantined: int = 0
    fills: int = 0
    positions: int | None = None
    equity: object = None
    conflicts: list[FillConflict] = field(default_factory=list)
    problems: list[Message] = field(default_factory=list)
    missed: list[date] = field(default_factory=list)


def pull_broker(
    store: Store,
    book: BookId,
    connection: str,
    adapter: BrokerAdapter,
    actor: Actor,
    clock: Clock,
    calendar: TradingCalendar,
) -> list[BrokerPull]:
    """Every account of a connection. Errors of the connection itself are raised; what was saved before stays saved."""
    day = adapter.trading_day()
    results = []
    for account in adapter.accounts():
        result = BrokerPull(account.account, account.currency, day)
        with store.read(book) as uow:
            since = uow.records.cursor(connection, _cursor_kind(account))
            result.missed = _missed(uow, account.account, day, calendar)
        pushed = list(adapter.pushed_fills(account))
        pulled = list(adapter.pull_fills(account, since))
        unknown = _unknown(adapter)
        with store.begin(book, actor) as uow:
            _save(uow, connection, pushed, Road.PUSH, clock, unknown, result)
            _save(uow, connection, pulled, Road.QUERY, clock, unknown, result)
            if pulled:
                uow.records.save_cursor(connection, _cursor_kind(account), pulled[-1].cursor)
            if result.new:
                uow.audit.append(
                    "broker.fills", f"{connection}:{account.account}", {"day": day, "new": result.new}
                )  # fmt: skip
        _ask_positions(store, book, connection, adapter, account, actor, clock, result)
        _ask_funds(store, book, connection, adapter, account, actor, result)
        with store.read(book) as uow:
            result.fills, result.conflicts = known_fills(uow, account.account, day)
        results.append(result)
    return results


def known_fills(uow: UnitOfWork, account: str, day: date) -> tuple[int, list[FillConflict]]:
    """How many fills of an account's day are known, each once over all roads, and where the roads disagree."""
    stated = uow.statements.current(account, day)
    seen = uow.broker_queries.fills(account, day, day)
    silent = frozenset(name for one in seen for name in one.unknown)
    roads = [
        RoadFills(STATEMENT, stated.statement.fills if stated else ()),
        RoadFills(QUERY, [one.fill for one in seen if one.queried_at is not None], silent),
        RoadFills(PUSH, [one.fill for one in seen if one.pushed_at is not None], silent),
    ]
    counted, conflicts = count_once(roads)
    return len(counted), conflicts


def _save(
    uow: UnitOfWork,
    connection: str,
    items: Sequence[Pulled[Fill]],
    road: Road,
    clock: Clock,
    unknown: Sequence[str],
    result: BrokerPull,
) -> None:
    result.read += len(items)
    by_kind: dict[str, list[str]] = {}
    for item in items:
        by_kind.setdefault(item.ref.kind, []).append(item.ref.key)
    known = {kind: uow.records.known(connection, kind, keys) for kind, keys in by_kind.items()}
    changed: list[Pulled[Any]] = [
        item
        for item in items
        if item.raw is not None
        and known[item.ref.kind].get(item.ref.key) != (item.raw.digest, _spec(item))
    ]  # fmt: skip
    if changed:
        uow.records.save_raw(changed)
    result.quarantined += sum(isinstance(item.outcome, Quarantined) for item in changed)
    result.new += len(uow.broker_queries.save_fills(connection, _mapped(items), road, clock.now(), unknown))


def _mapped(items: Iterable[Pulled[Fill]]) -> list[Fill]:
    return [item.outcome.item for item in items if isinstance(item.outcome, Mapped)]


def _spec(item: Pulled[Fill]) -> str:
    return item.outcome.spec if isinstance(item.outcome, Mapped | Quarantined) else ""


def _unknown(adapter: BrokerAdapter) -> list[str]:
    card = adapter.capabilities
    silent = [name for name in NEVER_STATED if name not in card.fill_fields]
    return silent if card.keeps_hedge_flag else [*silent, "hedge_flag"]


def _ask_positions(
    store: Store,
    book: BookId,
    connection: str,
    adapter: BrokerAdapter,
    account: BrokerAccount,
    actor: Actor,
    clock: Clock,
    result: BrokerPull,
) -> None:
    try:
        found = tuple(adapter.positions(account))
    except (RuleBroken, ContractViolation, Rejected) as error:
        result.problems.append(error.message)
        return
    result.positions = len(found)
    answer = PositionsAnswer(account.account, result.trading_day, clock.now(), found)
    with store.begin(book, actor) as uow:
        uow.broker_queries.save_positions(connection, answer)


def _ask_funds(
    store: Store,
    book: BookId,
    connection: str,
    adapter: BrokerAdapter,
    account: BrokerAccount,
    actor: Actor,
    result: BrokerPull,
) -> None:
    try:
        answer = adapter.funds(account)
    except (RuleBroken, ContractViolation, Rejected) as error:
        result.problems.append(error.message)
        return
    result.equity = answer.funds.equity
    with store.begin(book, actor) as uow:
        uow.broker_queries.save_funds(connection, answer)


def _missed(uow: UnitOfWork, account: str, day: date, calendar: TradingCalendar) -> list[date]:
    """From the last day asked (which may have gone on after the question) to yesterday, without those with a statement."""
    before = [asked for asked in uow.broker_queries.answered_days(account) if asked < day]
    if not before:
        return []
    between = calendar.days_between(before[-1], day)
    return [one for one in (before[-1], *(between or ())) if uow.statements.current(account, one) is None]


def _cursor_kind(account: BrokerAccount) -> str:
    return f"fills/{account.account}/{account.currency}"


# --- prices -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FixedPrices:
    """Prices stored, prices that were there already, those that differ from what is fixed (known, offered), and gaps."""

    stored: tuple[SettlementPrice, ...]
    known: int
    different: tuple[tuple[SettlementPrice, SettlementPrice], ...]
    gaps: tuple[PriceGap, ...]


def fix_prices(
    store: Store,
    book: BookId,
    market: MarketData,
    kind: str,
    instruments: Sequence[str],
    trading_day: date,
    actor: Actor,
) -> FixedPrices:
    """Fix the prices of a trading day from a market source. A price that is fixed already is never replaced from here: what
    differs is answered for a person, who may import a corrected list."""
    answer = market.prices(kind, instruments, trading_day)
    stored, known, different = [], 0, []
    with store.begin(book, actor) as uow:
        fixed = uow.broker.prices(kind, trading_day)
        for price in answer.prices:
            there = fixed.get(price.subject)
            if there is None:
                stored.append(price)
            elif there.price == price.price:
                known += 1
            else:
                different.append((there, price))
        if stored:
            uow.broker.save_prices(stored)
            uow.audit.append(
                "prices.fixed", kind, {"prices": len(stored), "day": trading_day, "source": market.source}
            )  # fmt: skip
    return FixedPrices(tuple(stored), known, tuple(different), answer.gaps)


__all__ = ["BrokerPull", "FixedPrices", "fix_prices", "known_fills", "pull_broker"]
