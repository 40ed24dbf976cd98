"""The accounts of a day, each in each of its currencies, and which of them a fill or a lot belongs to.

A lot names no currency: an instrument is quoted in one, and the day's fills, statements and prices say which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hedge_core.errors import RuleBroken
from hedge_core.model.futures import AccountStatement, Fill, PositionLot, SettlementPrice
from messages import Message

Pair = tuple[str, str]
"""An account and one of its currencies."""


@dataclass(frozen=True, slots=True)
class AccountsOfDay:
    """`pairs` are the accounts with a statement, by account and currency: a settlement's columns name them by place.
    `quoted` is the currency of an instrument in an account that has several."""

    pairs: tuple[Pair, ...]
    only: Mapping[str, str]
    """The currency of each account that has one."""
    quoted: Mapping[tuple[str, str], str]
    places: Mapping[Pair, int]

    def currencies(self, account: str) -> list[str]:
        return [currency for name, currency in self.pairs if name == account]

    def currency(self, account: str, instrument: str) -> str | None:
        """The currency that an account's lots of an instrument settle in; None where nothing says."""
        return self.only.get(account) or self.quoted.get((account, instrument))

    def place(self, account: str, instrument: str) -> int:
        """Where the account stands among the pairs; KeyError for one without a statement or a currency."""
        return self.places[account, self.currency(account, instrument) or ""]

    def key(self, pair: Pair) -> tuple[str, ...]:
        """How a section names the account: its currency stands there only where it has several."""
        return (pair[0],) if pair[0] in self.only else pair


def accounts_of_day(
    statements: Sequence[AccountStatement], fills: Iterable[Fill], prices: Iterable[SettlementPrice]
) -> AccountsOfDay:
    """What is stated first says it: fills, then the statements' tables, then the currency the price is in."""
    pairs = tuple(sorted({(row.account, row.funds.currency) for row in statements}))
    counted = Counter(account for account, _ in pairs)
    only = {account: currency for account, currency in pairs if counted[account] == 1}
    several = counted.keys() - only.keys()
    quoted: dict[tuple[str, str], str] = {}
    if several:
        for fill in fills:
            quoted.setdefault((fill.account, fill.instrument), fill.currency)
        for statement in statements:
            for instrument in _named(statement):
                quoted.setdefault((statement.account, instrument), statement.funds.currency)
        for price in prices:
            for account in several:
                if (account, price.currency) in pairs:
                    quoted.setdefault((account, price.subject), price.currency)
    ours = {key: currency for key, currency in quoted.items() if key[0] in several}
    return AccountsOfDay(pairs, only, ours, {pair: place for place, pair in enumerate(pairs)})


def _named(statement: AccountStatement) -> Iterator[str]:
    for rows in (statement.positions, statement.closed, statement.summary, statement.exercises, statement.deliveries):
        for row in rows:
            yield row.instrument


def broken_currencies(accounts: AccountsOfDay, fills: Iterable[Fill], lots: Iterable[PositionLot]) -> list[RuleBroken]:
    """Fills of one instrument in two currencies, and lots whose currency nothing says; accounts without a statement are
    not looked at."""
    stated = {account for account, _ in accounts.pairs}
    broken = {}
    for fill in fills:
        known = accounts.quoted.get((fill.account, fill.instrument), fill.currency)
        if known != fill.currency:
            params = {"instrument": fill.instrument, "first": known, "second": fill.currency}
            broken[fill.key] = _broken("instrument_in_two_currencies", fill.key, params)
    for lot in lots:
        if lot.account in stated and accounts.currency(lot.account, lot.instrument) is None:
            known_ones = ", ".join(accounts.currencies(lot.account))
            params = {"instrument": lot.instrument, "account": lot.account, "known": known_ones}
            broken[lot.lot_id] = _broken("lot_currency_unknown", lot.lot_id, params)
    return list(broken.values())


def _broken(rule: str, record: str, params: Mapping[str, object]) -> RuleBroken:
    return RuleBroken(rule, record, Message(f"settlement.{rule}", params))
