"""The natural moment of something that a counter dates by trading day and clock time.

Counters put either date beside a time of the night session, by exchange. The trading day is always right, so the evening is
found from it: what happened after 20:00 belongs to the evening of the trading day before, what happened before 04:00 to the
night after it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from hedge_core.trading_calendar import EXCHANGE_TIME, NIGHT_BEGINS, TradingCalendar

_NIGHT_ENDS: Final = time(4)


def natural_moment(trading_day: date, clock_time: str, calendar: TradingCalendar) -> datetime | None:
    """`HH:MM:SS` of a trading day as an aware UTC moment; None for a time that is none."""
    try:
        at = time.fromisoformat(clock_time.strip())
    except ValueError:
        return None
    day = trading_day
    if at >= NIGHT_BEGINS:
        day = calendar.previous_day(trading_day)
    elif at < _NIGHT_ENDS:
        day = calendar.previous_day(trading_day) + timedelta(days=1)
    return datetime.combine(day, at, EXCHANGE_TIME).astimezone(UTC)
