"""Trading days and night sessions of the Chinese futures exchanges: which trading day a moment belongs to.

A trading day is a weekday that is no public holiday: make-up working Saturdays are no trading days. The night session begins
in the evening and belongs to the next trading day, Friday's to Monday; before a closed weekday there is none. What a counter
says (CTP's TradingDay) wins over all of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

EXCHANGE_TIME: Final = ZoneInfo("Asia/Shanghai")
NIGHT_BEGINS: Final = time(20)
"""The night's opening auction is at 20:55; nothing trades between 15:15 and then."""
NIGHT_ENDS: Final = time(4)
SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


class DayState(StrEnum):
    """What an entry of the table says about a date."""

    CLOSED = "closed"
    OPEN = "open"
    NO_NIGHT = "no_night"


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One date that is not what its weekday says: closed, open after all, or a trading day without an evening session."""

    day: date
    state: DayState
    note: str = ""


@dataclass(frozen=True, slots=True)
class NightSession:
    """A product with a night session, effective from a date; `ends` is Shanghai time, after midnight if before 12:00."""

    exchange: str
    code: str
    ends: time | None
    effective_from: date


class TradingCalendar:
    """Days of the table's years; later entries for a date replace earlier ones, so overrides are simply added behind.

    A year without a single closed day in the table is not known: it trades on weekdays here, and `knows` says no."""

    def __init__(self, entries: Iterable[CalendarEntry], nights: Iterable[NightSession] = ()) -> None:
        self._entries: Mapping[date, CalendarEntry] = {entry.day: entry for entry in entries}
        self._years = {entry.day.year for entry in self._entries.values() if entry.state is DayState.CLOSED}
        self._nights: dict[tuple[str, str], list[NightSession]] = {}
        for session in sorted(nights, key=lambda one: one.effective_from):
            self._nights.setdefault((session.exchange, session.code.casefold()), []).append(session)

    def knows(self, day: date) -> bool:
        """Whether the holidays of the day's year are in the table (they are published in November of the year before)."""
        return day.year in self._years

    def is_trading_day(self, day: date) -> bool:
        """A weekday that is not closed. A weekend never trades, whatever an entry says."""
        entry = self._entries.get(day)
        return day.weekday() < SATURDAY and (entry is None or entry.state is not DayState.CLOSED)

    def next_day(self, day: date) -> date:
        """The first trading day after `day`."""
        day += _DAY
        while not self.is_trading_day(day):
            day += _DAY
        return day

    def previous_day(self, day: date) -> date:
        """The last trading day before `day`."""
        day -= _DAY
        while not self.is_trading_day(day):
            day -= _DAY
        return day

    def days_between(self, first: date, last: date) -> list[date] | None:
        """The trading days strictly between two dates; None where the calendar does not know one of the years, so that the
        caller says so instead of guessing."""
        if any(year not in self._years for year in range(first.year, last.year + 1)):
            return None
        found = []
        day = self.next_day(first)
        while day < last:
            found.append(day)
            day = self.next_day(day)
        return found

    def has_night_session(self, evening: date, exchange: str = "", code: str = "") -> bool:
        """Whether a night session begins on this evening: on a trading day, not before a closed weekday, and for a product
        that has one. Without a product: whether the exchanges hold one at all."""
        if not self.is_trading_day(evening):
            return False
        entry = self._entries.get(evening)
        if entry is not None and entry.state is DayState.NO_NIGHT:
            return False
        following = evening + _DAY
        while following.weekday() >= SATURDAY:
            following += _DAY
        if not self.is_trading_day(following):
            return False
        return not code or self._session(exchange, code, evening) is not None

    def trading_day_of(self, moment: datetime, given: date | None = None) -> date:
        """The trading day of a moment (aware): the counter's own (`given`) if it says one, else by the session. A moment
        when nothing trades belongs to the next trading day. ValueError for a moment without a time zone."""
        if moment.tzinfo is None:
            raise ValueError(f"a moment has a time zone; {moment!r} has none")
        if given is not None:
            return given
        local = moment.astimezone(EXCHANGE_TIME)
        day = local.date()
        if local.time() >= NIGHT_BEGINS:
            return self.next_day(day)
        return day if self.is_trading_day(day) else self.next_day(day)

    def in_night_session(self, moment: datetime) -> bool:
        """Whether an aware moment lies in the hours of a night session that is held."""
        local = moment.astimezone(EXCHANGE_TIME)
        if local.time() >= NIGHT_BEGINS:
            return self.has_night_session(local.date())
        return local.time() < NIGHT_ENDS and self.has_night_session(local.date() - _DAY)

    def _session(self, exchange: str, code: str, day: date) -> NightSession | None:
        sessions = self._nights.get((exchange, code.casefold()), [])
        current = next((one for one in reversed(sessions) if one.effective_from <= day), None)
        return current if current is not None and current.ends is not None else None
