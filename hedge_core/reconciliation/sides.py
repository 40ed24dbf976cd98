"""What each of the three sides knows of an account's day, in one shape, so that any two can be compared.

A side leaves out what it cannot know: a broker's query has no fee on a fill, a CFMMC workbook no margin by lot. What is left
out is never a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.model.futures import AccountFunds, AccountStatement, Direction, Fill, HedgeFlag, PositionLot
from hedge_core.settlement.figures import FundsResult


class Source(StrEnum):
    """Who says it."""

    OURS = "ours"
    QUERY = "query"
    STATEMENT = "statement"
    BANK = "bank"
    ERP = "erp"


@dataclass(frozen=True, slots=True)
class Held:
    """Open lots of one instrument and side; `hedge_flag` None where the source does not keep flags apart (DIFF)."""

    instrument: str
    direction: Direction
    hedge_flag: HedgeFlag | None
    lots: int


@dataclass(frozen=True, slots=True)
class Side:
    """One source's view of an account's trading day.

    `fills`, `held` None: this source does not say. `figures` are funds by name (`equity`, `fee`, `deposits` …) in the
    account's currency; a name that is absent is not known. `fill_fields` are the fields of a fill that the source states.
    `view` is mtm or trade: what it means for the balance. `currency` is given where the account has several."""

    source: Source
    account: str
    trading_day: date
    fills: tuple[Fill, ...] | None
    held: tuple[Held, ...] | None
    figures: Mapping[str, Decimal]
    fill_fields: frozenset[str]
    view: str = "mtm"
    currency: str = ""


_FIELDS: Final = frozenset({"lots", "price", "fee", "realised_mtm"})
_OURS: Final[Mapping[str, str]] = {
    "balance_before": "balance_before",
    "deposits": "deposits",
    "realised": "realised_mtm",
    "holding": "holding_mtm",
    "fee": "fee",
    "balance": "balance",
    "pledge": "pledge",
    "equity": "equity",
}
_THEIRS: Final[Mapping[str, str]] = {
    "balance_before": "balance_bf",
    "deposits": "deposit_withdrawal",
    "realised": "realised_mtm",
    "holding": "holding_mtm",
    "fee": "fee",
    "balance": "balance_cf",
    "pledge": "pledge",
    "equity": "equity",
    "margin": "margin",
    "available": "available",
}
"""Figure -> field of `FundsResult` and of `AccountFunds`."""


def ours(
    account: str,
    trading_day: date,
    fills: Iterable[Fill],
    lots: Iterable[PositionLot],
    funds: FundsResult | None = None,
    extra: Mapping[str, Decimal] | None = None,
    currency: str = "",
) -> Side:
    """Our side: fills of the day, open lots after it, funds as settled, and further figures (`margin` by our own rates)."""
    figures = {name: getattr(funds, field) for name, field in _OURS.items()} if funds else {}
    mine = tuple(fill for fill in fills if fill.account == account)
    held = _held((lot.instrument, lot.direction, lot.hedge_flag, lot.lots) for lot in lots if lot.account == account)
    return Side(Source.OURS, account, trading_day, mine, held, {**figures, **(extra or {})}, _FIELDS, "mtm", currency)


def queried(
    account: str,
    trading_day: date,
    fills: Iterable[Fill] | None,
    held: Iterable[Held] | None,
    figures: Mapping[str, Decimal],
    fill_fields: frozenset[str] = frozenset({"lots", "price"}),
    currency: str = "",
) -> Side:
    """The broker's answers to queries. CTP fills carry neither fee nor result, hence the two fields."""
    return Side(
        Source.QUERY,
        account,
        trading_day,
        None if fills is None else tuple(fills),
        None if held is None else _held((row.instrument, row.direction, row.hedge_flag, row.lots) for row in held),
        figures,
        fill_fields,
        currency=currency,
    )


DAY_LONG: Final = ("balance_before", "deposits", "realised", "fee", "pledge")
"""Figures that a query after the close states as the statement will: the others move with prices until the day is settled."""


def queried_figures(funds: AccountFunds, unknown: Iterable[str]) -> dict[str, Decimal]:
    """Of a funds query the figures that can be compared with a statement. `unknown` names fields the broker does not state."""
    silent = frozenset(unknown)
    return {name: getattr(funds, _THEIRS[name]) for name in DAY_LONG if _THEIRS[name] not in silent}


def stated(statement: AccountStatement, currency: str = "") -> Side:
    """The statement's side, without what this kind of statement does not say."""
    silent = frozenset(statement.unknown)
    fields = frozenset(name for name in _FIELDS if f"fills.{name}" not in silent)
    flags = "positions.hedge_flag" not in silent
    held = _held(
        (row.instrument, row.direction, row.hedge_flag if flags else None, row.lots) for row in statement.positions
    )
    return Side(
        Source.STATEMENT,
        statement.account,
        statement.trading_day,
        None if "fills" in silent else statement.fills,
        None if "positions" in silent else held,
        _figures(statement.funds, silent),
        fields,
        statement.view,
        currency,
    )


def _figures(funds: AccountFunds, silent: frozenset[str]) -> dict[str, Decimal]:
    return {name: getattr(funds, field) for name, field in _THEIRS.items() if f"funds.{field}" not in silent}


def _held(rows: Iterable[tuple[str, Direction, HedgeFlag | None, int]]) -> tuple[Held, ...]:
    summed: dict[tuple[str, Direction, HedgeFlag | None], int] = {}
    for instrument, direction, flag, count in rows:
        key = (instrument, direction, flag)
        summed[key] = summed.get(key, 0) + count
    return tuple(Held(*key, count) for key, count in summed.items() if count)
