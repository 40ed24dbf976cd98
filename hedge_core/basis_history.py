"""Basis over time: premium tables that make brands comparable, the range a basis moved in, and alerts when it leaves its band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.basis import Premiums
from hedge_core.errors import RuleBroken
from hedge_core.model.terms import BasisBand, BasisPoint, GoodsQuality, PremiumRow
from hedge_core.rounding import round_half_up
from messages import Message

_ZERO: Final = Decimal(0)


def premiums(
    rows: Iterable[PremiumRow], commodity: str, *, brand: str = "", grade: str = "", place: str = ""
) -> Premiums:
    """The premiums of goods from the table in force. Nothing said is the standard; RuleBroken `premium_missing` for a brand,
    grade or place that the table does not list: its basis would be compared with another quality's."""
    table = {(row.commodity, row.aspect, row.value): row.premium for row in rows}
    found = {}
    for aspect, value in (("brand", brand), ("grade", grade), ("place", place)):
        if value and (commodity, aspect, value) not in table:
            params = {"commodity": commodity, "aspect": aspect, "value": value}
            raise RuleBroken("premium_missing", value, Message("basis.premium_missing", params))
        found[aspect] = table.get((commodity, aspect, value), _ZERO)
    return Premiums(**found)


def quality_of(names: Iterable[str], qualities: Mapping[str, GoodsQuality], usual: Mapping[str, str]) -> dict[str, str]:
    """Brand, grade and place of goods by the first of their names that a row speaks of, word by word else the usual."""
    row = next((qualities[name] for name in names if name in qualities), None)
    own = {} if row is None else {"brand": row.brand, "grade": row.grade, "place": row.place}
    return {aspect: own.get(aspect) or usual.get(aspect, "") for aspect in ("brand", "grade", "place")}


@dataclass(frozen=True, slots=True)
class DatedBasis:
    """A basis as it was on a day."""

    on: date
    point: BasisPoint


@dataclass(frozen=True, slots=True)
class BasisRange:
    """Where the last of a history stands: lowest, highest and average value, and the share of days (0 to 1) whose basis was
    at or below it."""

    last: DatedBasis
    days: int
    low: Decimal
    high: Decimal
    average: Decimal
    rank: Decimal


def basis_range(history: Sequence[DatedBasis]) -> BasisRange | None:
    """None without history. Points of one instrument only may be compared: the caller passes one series."""
    if not history:
        return None
    ordered = sorted(history, key=lambda one: one.on)
    values = [one.point.value for one in ordered]
    last = values[-1]
    at_or_below = sum(1 for value in values if value <= last)
    return BasisRange(
        ordered[-1],
        len(values),
        min(values),
        max(values),
        round_half_up(sum(values, _ZERO) / len(values), 2),
        round_half_up(Decimal(at_or_below) / len(values), 4),
    )


@dataclass(frozen=True, slots=True)
class BasisAlert:
    """A basis outside its band, or too old to be one. `rule` is basis_low, basis_high, basis_stale or basis_none."""

    commodity: str
    rule: str
    since: date | None
    message: Message


def basis_alerts(
    bands: Iterable[BasisBand], latest: Mapping[str, Sequence[DatedBasis]], today: date
) -> tuple[BasisAlert, ...]:
    """`latest` is the market basis history by commodity. `since` is the first day of the present run outside the band (or
    the last day with a basis, where it is stale)."""
    found = []
    for band in sorted(bands, key=lambda one: one.commodity):
        history = sorted(latest.get(band.commodity, ()), key=lambda one: one.on)
        if not history:
            found.append(_alert(band, "none", None, _ZERO, today))
            continue
        last = history[-1]
        if (today - last.on).days > band.stale_days:
            found.append(_alert(band, "stale", last.on, last.point.value, today))
        value = last.point.value
        rule = "low" if value < band.low else "high" if value > band.high else ""
        if rule:
            since = last.on
            for one in reversed(history):
                if band.low <= one.point.value <= band.high:
                    break
                since = one.on
            found.append(_alert(band, rule, since, value, today))
    return tuple(found)


def _alert(band: BasisBand, rule: str, since: date | None, value: Decimal, today: date) -> BasisAlert:
    params = {
        "commodity": band.commodity, "value": value, "low": band.low, "high": band.high, "since": since or "-",
        "today": today, "days": band.stale_days,
    }  # fmt: skip
    return BasisAlert(band.commodity, f"basis_{rule}", since, Message(f"basis.{rule}", params))
