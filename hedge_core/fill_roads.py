"""One fill on several roads (push, query, statement) counts once; what the roads say differently is shown, not chosen away.

A fill is the same fill by account, trading day, exchange, fill id and direction: an exchange's fill id stands on both sides
of a trade with oneself, so the id alone would lose one of them (`Fill.key`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hedge_core.model.futures import Fill

STATEMENT: Final = "statement"
QUERY: Final = "query"
PUSH: Final = "push"

_COMPARED: Final = ("instrument", "offset", "hedge_flag", "lots", "price", "fee", "realised_mtm")


@dataclass(frozen=True, slots=True)
class RoadFills:
    """What one road brought. `unknown` names fields of a fill that this road does not state."""

    road: str
    fills: Sequence[Fill]
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CountedFill:
    """A fill, once: the content of the first road that brought it, and all roads that did."""

    fill: Fill
    roads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FillConflict:
    """Two roads tell the same fill differently: the field, and both values as text."""

    key: str
    field: str
    road: str
    value: str
    other_road: str
    other_value: str


def count_once(roads: Iterable[RoadFills]) -> tuple[list[CountedFill], list[FillConflict]]:
    """Every fill once, in the order in which it first appears, and every disagreement. Give the road that is believed
    first (the statement) first: its content counts."""
    counted: dict[str, tuple[Fill, RoadFills, list[str]]] = {}
    conflicts: list[FillConflict] = []
    for road in roads:
        for fill in road.fills:
            known = counted.get(fill.key)
            if known is None:
                counted[fill.key] = (fill, road, [road.road])
                continue
            first, first_road, seen = known
            if road.road not in seen:
                seen.append(road.road)
            conflicts += _differences(first, first_road, fill, road)
    return [CountedFill(fill, tuple(seen)) for fill, _, seen in counted.values()], conflicts


def _differences(first: Fill, first_road: RoadFills, second: Fill, second_road: RoadFills) -> list[FillConflict]:
    """Only fields that both roads state can differ."""
    silent = first_road.unknown | second_road.unknown
    return [
        FillConflict(
            first.key,
            name,
            first_road.road,
            str(getattr(first, name)),
            second_road.road,
            str(getattr(second, name)),
        )
        for name in _COMPARED
        if name not in silent and getattr(first, name) != getattr(second, name)
    ]
