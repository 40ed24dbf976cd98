"""What is configured per connection: one list per kind of record, and how change times are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from connectors.json_pages import Source

LINE_KINDS: Final = ("sale_line", "purchase_line")
PULLS: Final = {"sale_line": "contracts", "purchase_line": "contracts", "stock": "inventory"}
"""Kind of record -> its word on the capability card; masters are their own word."""


@dataclass(frozen=True, slots=True)
class GenericJsonOptions:
    """`kinds`: kind of record -> where its list is. `overlap_minutes`: how far before the last change seen the next pull
    begins, for clocks and transactions over there that run late."""

    kinds: Mapping[str, Source] = field(default_factory=dict)
    overlap_minutes: int = 10


def later(one: str, other: str) -> str:
    """The later of two change times as the system writes them; empty is the earliest."""
    if not one or not other:
        return one or other
    first, second = _moment(one), _moment(other)
    if first is not None and second is not None and (first.tzinfo is None) == (second.tzinfo is None):
        return one if first >= second else other
    return max(one, other)


def earlier_by(text: str, minutes: int) -> str:
    """A change time moved back, written in the same way; a day is moved to the day before. Text that is no ISO 8601 time
    stays as it is: what changed at that very moment is then read again, and nothing else."""
    moment = _moment(text)
    if moment is None:
        return text
    if len(text) == 10:
        return (moment - timedelta(days=1)).date().isoformat()
    compact = moment - timedelta(minutes=minutes)
    written = compact.isoformat(text[10], "milliseconds" if "." in text else "seconds")
    return written.removesuffix("+00:00") + "Z" if text.endswith("Z") else written


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
