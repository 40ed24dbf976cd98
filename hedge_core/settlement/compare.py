"""Ours against the broker's statement: every difference is a row with both values, never an adjustment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from hedge_core.model.futures import AccountStatement, Direction, PositionLot
from hedge_core.settlement.rows import FundsResult
from messages import Message


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject` says what differs (lots, balance, fee …), `account` and `item` where. None: that side has no figure."""

    subject: str
    account: str
    item: str
    ours: Decimal | None
    theirs: Decimal | None

    @property
    def message(self) -> Message:
        """The difference as a sentence."""
        return Message(
            "settlement.difference",
            {
                "subject": Message(f"settlement.subject_{self.subject}"),
                "item": self.item or self.account,
                "ours": "–" if self.ours is None else self.ours,
                "theirs": "–" if self.theirs is None else self.theirs,
            },
        )


_FUNDS: Final = (
    # subject, our field, the statement's field
    ("balance_before", "balance_before", "balance_bf"),
    ("deposits", "deposits", "deposit_withdrawal"),
    ("realised_mtm", "realised_mtm", "realised_mtm"),
    ("holding_mtm", "holding_mtm", "holding_mtm"),
    ("fee", "fee", "fee"),
    ("balance", "balance", "balance_cf"),
    ("pledge", "pledge", "pledge"),
    ("equity", "equity", "equity"),
)

_AT_NEED: Final = (
    # subject, our field, what the statement's fields come to; for accounts with such a figure on either side
    ("delivery_result", "delivery_mtm", ("delivery_result",), ()),
    ("premium", "premium", ("premium_received",), ("premium_paid",)),
    ("option_value", "option_value", ("option_value_long",), ("option_value_short",)),
)

LotKey = tuple[str, str, str, str, str]


def compare(
    lots: Iterable[PositionLot],
    funds: Iterable[FundsResult],
    prices: Mapping[str, Decimal],
    previous: Mapping[str, Decimal],
    statements: Iterable[AccountStatement],
    quoted: Mapping[tuple[str, str], str] | None = None,
) -> tuple[Difference, ...]:
    """Every difference, by account and currency: open lots by (instrument, direction, hedge flag, open date, open price)
    against 持仓明细, funds against 资金状况, and the settlement prices used against those the statement was made with.
    `quoted` is the currency of an account's instruments, for accounts that have several."""
    funds_of = {(row.account, row.currency): row for row in funds}
    currencies: dict[str, list[str]] = {}
    for account, currency in funds_of:
        currencies.setdefault(account, []).append(currency)
    several = {account for account, known in currencies.items() if len(known) > 1}
    by_account: dict[tuple[str, str], list[PositionLot]] = {}
    for lot in lots:
        one = currencies.get(lot.account, [""])[0]
        settled_in = (quoted or {}).get((lot.account, lot.instrument), "") if lot.account in several else one
        by_account.setdefault((lot.account, settled_in), []).append(lot)
    found: list[Difference] = []
    for statement in sorted(statements, key=lambda s: (s.account, s.funds.currency)):
        pair = (statement.account, statement.funds.currency)
        found.extend(_lots(statement, by_account.get(pair, [])))
        found.extend(_summary(statement, by_account.get(pair, [])))
        found.extend(_funds(statement, funds_of[pair], statement.funds.currency if pair[0] in several else ""))
        found.extend(_prices(statement, prices, previous))
    return tuple(found)


def _lots(statement: AccountStatement, lots: Iterable[PositionLot]) -> Iterator[Difference]:
    ours: dict[LotKey, int] = {}
    theirs: dict[LotKey, int] = {}
    for lot in lots:
        key = _key(lot.instrument, lot.direction, lot.hedge_flag, lot.open_date.isoformat(), lot.open_price)
        ours[key] = ours.get(key, 0) + lot.lots
    for row in statement.positions:
        key = _key(row.instrument, row.direction, row.hedge_flag, row.open_date.isoformat(), row.open_price)
        theirs[key] = theirs.get(key, 0) + row.lots
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key, 0) != theirs.get(key, 0):
            mine, broker = (Decimal(side[key]) if key in side else None for side in (ours, theirs))
            yield Difference("lots", statement.account, " ".join(key), mine, broker)


def _key(instrument: str, direction: str, flag: str, opened: str, price: Decimal) -> LotKey:
    return instrument, direction, flag, opened, _price_text(price)


@lru_cache(maxsize=65536)
def _price_text(price: Decimal) -> str:
    return format(price.normalize(), "f")


def _funds(statement: AccountStatement, ours: FundsResult, item: str) -> Iterator[Difference]:
    for subject, our_field, their_field in _FUNDS:
        mine, broker = getattr(ours, our_field), getattr(statement.funds, their_field)
        if mine != broker:
            yield Difference(subject, statement.account, item, mine, broker)
    for subject, our_field, added, taken in _AT_NEED:
        mine = getattr(ours, our_field)
        broker = sum((getattr(statement.funds, name) for name in added), Decimal(0))
        broker -= sum((abs(getattr(statement.funds, name)) for name in taken), Decimal(0))
        if mine != broker:
            yield Difference(subject, statement.account, item, mine, broker)


def _summary(statement: AccountStatement, lots: Iterable[PositionLot]) -> Iterator[Difference]:
    """Lots by instrument, hedge flag and side against 持仓汇总, where the statement has any (facts 3.19)."""
    if not statement.summary:
        return
    ours: dict[tuple[str, str, str], int] = {}
    theirs: dict[tuple[str, str, str], int] = {}
    for lot in lots:
        key = (lot.instrument, lot.hedge_flag.value, lot.direction.value)
        ours[key] = ours.get(key, 0) + lot.lots
    for row in statement.summary:
        for side, count in ((Direction.BUY, row.long_lots), (Direction.SELL, row.short_lots)):
            key = (row.instrument, row.hedge_flag.value, side.value)
            theirs[key] = theirs.get(key, 0) + count
    for key in sorted(ours.keys() | theirs.keys()):
        mine, broker = ours.get(key, 0), theirs.get(key, 0)
        if mine != broker:
            yield Difference("summary_lots", statement.account, " ".join(key), Decimal(mine), Decimal(broker))


def _prices(
    statement: AccountStatement, prices: Mapping[str, Decimal], previous: Mapping[str, Decimal]
) -> Iterator[Difference]:
    theirs: dict[tuple[str, str], set[Decimal]] = {}
    for row in statement.positions:
        theirs.setdefault(("settlement_price", row.instrument), set()).add(row.settlement_price)
        theirs.setdefault(("previous_settlement", row.instrument), set()).add(row.previous_settlement)
    for closed in statement.closed:
        theirs.setdefault(("previous_settlement", closed.instrument), set()).add(closed.previous_settlement)
    used = {"settlement_price": prices, "previous_settlement": previous}
    for (subject, instrument), values in sorted(theirs.items()):
        mine = used[subject].get(instrument)
        if mine is not None:
            for broker in sorted(values - {mine}):
                yield Difference(subject, statement.account, instrument, mine, broker)
