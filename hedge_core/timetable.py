"""When something runs by itself: rules in words, and the next moment they name. Shanghai time, the exchanges' trading days.

trading 17:30                      every trading day at 17:30
daily 02:00 14:00                  every calendar day, twice
weekdays 08:00                     Monday to Friday, holidays or not
month-end 23:30                    the last calendar day of every month
every 5m                           every five minutes, day and night
trading every 10m 15:30-23:30      on trading days, every ten minutes from 15:30 to 23:30
night every 15m 21:00-23:00        on evenings with a night session
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from hedge_core.errors import InvalidInput
from hedge_core.trading_calendar import EXCHANGE_TIME, SATURDAY, TradingCalendar
from messages import Message

_DAY: Final = timedelta(days=1)
_FARTHEST: Final = 400
"""Days that are looked at for the next moment: no holiday is that long."""

DayRule = Callable[[TradingCalendar, date], bool]

DAYS: Final[Mapping[str, DayRule]] = {
    "daily": lambda calendar, day: True,
    "weekdays": lambda calendar, day: day.weekday() < SATURDAY,
    "trading": lambda calendar, day: calendar.is_trading_day(day),
    "night": lambda calendar, day: calendar.has_night_session(day),
    "month-end": lambda calendar, day: (day + _DAY).day == 1,
}
"""Which days a rule speaks of."""

_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_EVERY: Final = re.compile(r"(\d{1,4})(m|h)")
_WINDOW: Final = re.compile(rf"({_TIME.pattern})-({_TIME.pattern})")


@dataclass(frozen=True, slots=True)
class Rule:
    """Days, and either times of day or a rhythm in minutes within a window of the day (both ends belong to it)."""

    days: str
    times: tuple[time, ...] = ()
    minutes: int = 0
    first: time = time(0)
    last: time = time(23, 59)

    def next_after(self, moment: datetime, calendar: TradingCalendar) -> datetime | None:
        """The first moment of the rule after an aware `moment`, in UTC; None where there is none within a year."""
        local = moment.astimezone(EXCHANGE_TIME)
        day = local.date()
        for _ in range(_FARTHEST):
            if DAYS[self.days](calendar, day):
                found = next((at for at in self._on(day) if at > local), None)
                if found is not None:
                    return found.astimezone(UTC)
            day += _DAY
        return None

    def last_until(self, moment: datetime, calendar: TradingCalendar) -> datetime | None:
        """The last moment of the rule not after `moment`, in UTC."""
        local = moment.astimezone(EXCHANGE_TIME)
        day = local.date()
        for _ in range(_FARTHEST):
            if DAYS[self.days](calendar, day):
                found = [at for at in self._on(day) if at <= local]
                if found:
                    return found[-1].astimezone(UTC)
            day -= _DAY
        return None

    def _on(self, day: date) -> Iterator[datetime]:
        """The moments of one day, in order."""
        if not self.minutes:
            yield from (datetime.combine(day, at, EXCHANGE_TIME) for at in self.times)
            return
        at = datetime.combine(day, self.first, EXCHANGE_TIME)
        end = datetime.combine(day, self.last, EXCHANGE_TIME)
        while at <= end:
            yield at
            at += timedelta(minutes=self.minutes)


def read_rule(text: str) -> Rule:
    """A rule from its words. InvalidInput with an example for anything that is none."""
    words = text.lower().split()
    days = "daily"
    if words and words[0] in DAYS:
        days = words.pop(0)
    rule = _rhythm(days, words[1:]) if words and words[0] == "every" else _times(days, words)
    if rule is None:
        known = ", ".join(DAYS)
        raise InvalidInput("schedule", 0, "when", Message("job.no_rule", {"text": text, "known": known}))
    return rule


def _times(days: str, words: list[str]) -> Rule | None:
    found = [_TIME.fullmatch(word) for word in words]
    if not found or None in found:
        return None
    return Rule(days, tuple(sorted({_time(match.group()) for match in found if match is not None})))


def _rhythm(days: str, words: list[str]) -> Rule | None:
    every = _EVERY.fullmatch(words[0]) if words else None
    if every is None or len(words) > 2:
        return None
    minutes = int(every.group(1)) * (60 if every.group(2) == "h" else 1)
    if not 1 <= minutes <= 24 * 60:
        return None
    if len(words) == 1:
        return Rule(days, minutes=minutes)
    window = _WINDOW.fullmatch(words[1])
    if window is None:
        return None
    first, _, last = words[1].partition("-")
    rule = Rule(days, minutes=minutes, first=_time(first), last=_time(last))
    return rule if rule.first <= rule.last else None


def _time(text: str) -> time:
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute))
