"""Transfers between bank and broker account: what the bank shows against the statements' 银期转账, one by one.

The bank dates a transfer by the calendar, the broker by the trading day: what is sent in the night of a Friday is Monday's at
the broker. Until then it is under way: a difference that is explained and ages. Only when that day has passed without it does
it become an open question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.reconciliation.rows import Cause, ReconciliationRow, RowState, Step

NextDay = Callable[[date], date]
"""The first trading day after a date."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class BankTransfer:
    """Money to (+) or from (−) a broker account on the bank's calendar day. `transfer_id` is the bank's own number."""

    transfer_id: str
    account: str
    currency: str
    moved_on: date
    amount: Decimal
    note: str = ""
    source_name: str = ""


@dataclass(frozen=True, slots=True)
class BookedTransfer:
    """A transfer as a statement has it; `key` names the statement's row."""

    key: str
    account: str
    currency: str
    trading_day: date
    amount: Decimal


def compare_transfers(
    bank: Iterable[BankTransfer], broker: Iterable[BookedTransfer], day: date, next_day: NextDay
) -> list[ReconciliationRow]:
    """What only one of the two has by the end of `day`, each as a row; records after `day` are left alone.

    A pair has the same account, currency and amount, and the broker's day is the bank's or the next trading day after it;
    the earliest fit wins. What the bank shows and the broker may still book on a later day is explained by that; everything
    else is open. What the broker has and the bank does not is compared only for the days that the bank's list covers: from
    its first to its last transfer."""
    shown = sorted((one for one in bank if one.moved_on <= day), key=lambda one: (one.moved_on, one.transfer_id))
    covered: dict[tuple[str, str], tuple[date, date]] = {}
    for one in shown:
        begins, _ = covered.get((one.account, one.currency), (one.moved_on, one.moved_on))
        covered[one.account, one.currency] = (begins, one.moved_on)
    booked = sorted((one for one in broker if one.trading_day <= day), key=lambda one: (one.trading_day, one.key))
    rows = []
    for sent in shown:
        latest = next_day(sent.moved_on)
        match = next((one for one in booked if _same(sent, one) and sent.moved_on <= one.trading_day <= latest), None)
        if match is not None:
            booked.remove(match)
        else:
            rows.append(_only_bank(sent, day, under_way=day < latest, expected=latest))
    for got in booked:
        first, last = covered.get((got.account, got.currency), (date.max, date.max))
        if first is not date.max and next_day(first) < got.trading_day <= last:
            values = (None, got.amount)
            rows.append(
                ReconciliationRow(got.account, day, "transfer", got.key, "bank", "statement", *values, got.amount)
            )
    return rows


def _same(sent: BankTransfer, got: BookedTransfer) -> bool:
    return (sent.account, sent.currency, sent.amount) == (got.account, got.currency, got.amount)


def _only_bank(sent: BankTransfer, day: date, *, under_way: bool, expected: date) -> ReconciliationRow:
    key = f"{sent.moved_on.isoformat()} {sent.transfer_id}"
    steps: Sequence[Step] = ()
    if under_way:
        steps = (Step(Cause.DEPOSIT_OTHER_DAY, -sent.amount, expected.isoformat(), _ZERO),)
    return ReconciliationRow(
        sent.account,
        day,
        "transfer",
        key,
        "bank",
        "statement",
        sent.amount,
        None,
        -sent.amount,
        tuple(steps),
        RowState.EXPLAINED if under_way else RowState.OPEN,
        first_seen=sent.moved_on,
    )
