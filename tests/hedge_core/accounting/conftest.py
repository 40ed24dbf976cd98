"""Builders shared by the accounting tests: the days of a position lot, and entries in a comparable form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.accounting.entries import entries_of
from hedge_core.accounting.events import AccountingEvent
from hedge_core.accounting.inputs import LotDay
from hedge_core.accounting.posting import dated
from hedge_core.accounting.rule_sets import BookSettings


@dataclass(frozen=True)
class Mark:
    """A day of a lot: its settlement price, and how many lots were closed at which price."""

    day: date
    settle: Decimal
    closed: int = 0
    close_price: Decimal = Decimal(0)


def lot_days(
    lot_id: str, instrument: str, sign: int, lots: int, size: int, opened: Decimal, marks: Sequence[Mark]
) -> list[LotDay]:
    """The settled days of one position lot opened on the day of the first mark (sign −1: short)."""
    days: list[LotDay] = []
    held, previous = lots, opened
    for number, mark in enumerate(marks):
        left = held - mark.closed
        days.append(
            LotDay(
                lot_id=lot_id,
                account="80010001",
                instrument=instrument,
                trading_day=mark.day,
                opened_today=lots if number == 0 else 0,
                lots_start=0 if number == 0 else held,
                lots_closed=mark.closed,
                lots_end=left,
                realised_trade=sign * mark.closed * size * (mark.close_price - opened),
                realised_mtm=sign * mark.closed * size * (mark.close_price - previous),
                holding_mtm=sign * left * size * (mark.settle - previous),
                floating_end=sign * left * size * (mark.settle - opened),
                floating_start=Decimal(0) if number == 0 else sign * held * size * (previous - opened),
            )
        )
        held, previous = left, mark.settle
    return days


def comparable(
    events: Iterable[AccountingEvent], settings: BookSettings
) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """(posting date, booker, sorted (general role, debit − credit)) per entry, sorted."""
    return sorted(
        (
            on.isoformat(),
            entry.booked_by.value,
            tuple(
                sorted((line.role.general.value, str((line.debit - line.credit).normalize())) for line in entry.lines)
            ),
        )
        for on, event in dated(events, settings)
        for entry in entries_of(event, settings)
    )


@dataclass(frozen=True)
class Build:
    Mark = Mark
    lot_days = staticmethod(lot_days)
    comparable = staticmethod(comparable)


@pytest.fixture
def build() -> Build:
    return Build()
