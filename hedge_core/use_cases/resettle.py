"""Settling days again on top of each other without storing anything: what a recalculation proposes for settled days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Product
from hedge_core.ports.storage import StoredSnapshot, UnitOfWork
from hedge_core.recalculation.history import History
from hedge_core.recalculation.stream import Key, Stream
from hedge_core.settlement import Difference, Figures, input_digests, settle_day
from hedge_core.settlement.figures import FLAGS
from hedge_core.settlement.inputs import digest_of_rows
from hedge_core.settlement.units import from_units
from hedge_core.snapshot import SnapshotChange, decode, diff, encode, snapshot_hash
from hedge_core.use_cases.commodity import PhysicalRecords, business
from hedge_core.use_cases.history_inputs import Progress
from hedge_core.use_cases.settle import AS_SEEN_THAT_DAY, FINAL, PROPOSED, SUPERSEDED, gather
from messages import Message


@dataclass(frozen=True, slots=True)
class Resettled:
    """A settled day computed again. `state` is same, changed or open."""

    trading_day: date
    state: str
    version: int = 0
    lines: tuple[SnapshotChange, ...] = ()
    differences: tuple[Difference, ...] = ()
    reproduced: bool = True
    """Whether the records of the day, read as they were then, are those that the stored snapshot was made from; only asked
    where a mapping changes."""


@dataclass(frozen=True, slots=True)
class DayRecords:
    """Contract lines and stock as they stood when a day was settled: as a proposed mapping reads them, and as they were read
    then. `sources` are (name, SHA-256) of the proposed mappings."""

    after: PhysicalRecords
    before: PhysicalRecords
    sources: tuple[tuple[str, str], ...]


RecordsOfDay = Callable[[StoredSnapshot], DayRecords]
"""The records that a stored snapshot saw."""

_PHYSICAL: Final = ("lines", "inventory")


def base_of(uow: UnitOfWork, day: date) -> StoredSnapshot | None:
    """The snapshot a proposal for `day` is compared with: the final one, or the last one that was."""
    versions = [one for one in uow.results.snapshots() if one.trading_day == day and one.status in (FINAL, SUPERSEDED)]
    final = [one for one in versions if one.status == FINAL]
    if not versions:
        return None
    return uow.results.snapshot(day, (final or versions)[-1].version)


class Resettlement:
    """Days settled again in order, each on the one before it; `snapshots` are the proposals, `broken` why it stopped."""

    def __init__(
        self,
        uow: UnitOfWork,
        products: Sequence[Product],
        exposure: bool,
        stream: Stream,
        history: History,
        records: RecordsOfDay | None = None,
    ) -> None:
        self._uow = uow
        self._records = records
        self._products = products
        self._seen = frozenset() if exposure else AS_SEEN_THAT_DAY
        self._stream, self._history = stream, history
        self._place = {day: place for place, day in enumerate(stream.days)}
        self._key = {key: place for place, key in enumerate(stream.keys)}
        self.days: dict[date, Resettled] = {}
        self.snapshots: list[StoredSnapshot] = []
        self.broken: list[RuleBroken] = []

    def settle_from(self, first: date, progress: Progress) -> None:
        """Every day from `first` on that was ever settled, until a rule breaks."""
        known = self._uow.results.snapshots()
        days = sorted(
            {one.trading_day for one in known if one.status in (FINAL, SUPERSEDED) and one.trading_day >= first}
        )
        previous = self._uow.results.last_snapshot(before=days[0]) if days else None
        for place, day in enumerate(days):
            progress("settle", place, len(days))
            settled = self._settle(day, previous)
            if settled is None:
                self.days[day] = Resettled(day, "open")
                return
            previous = settled

    def _settle(self, day: date, previous: StoredSnapshot | None) -> StoredSnapshot | None:
        base = base_of(self._uow, day)
        stood = self._records(base) if self._records is not None and base is not None else None
        given = gather(self._uow, day, self._products, previous=previous, records=stood.after if stood else None)
        digests = input_digests(given)
        inputs = canonical_hash([list(pair) for pair in digests if pair[0] not in AS_SEEN_THAT_DAY])
        reproduced = stood is None or base is None or self._reproduced(day, base, stood)
        if base is not None and base.status == FINAL and self._unchanged(base, inputs, given.previous_hash or ""):
            figures = decode(base.body).figures
            if stood is None or _physical(digests) == _physical(figures.header.inputs):
                self._agree(day, figures)
                self.days[day] = Resettled(day, "same", reproduced=reproduced)
                return None if self.broken else base
        if stood is not None:
            given = replace(given, digests=[*given.digests, *stood.sources])
        outcome = settle_day(given)
        if isinstance(outcome, list):
            self.broken += outcome
            return None
        self._agree(day, outcome.figures)
        if self.broken:
            return None
        body = encode(outcome)
        made = StoredSnapshot(
            day, given.version, PROPOSED, snapshot_hash(body), given.previous_hash or "", inputs, body,
            len(outcome.differences),
        )  # fmt: skip
        lines = tuple(diff(decode(base.body), decode(body))) if base is not None else ()
        self.days[day] = Resettled(day, "changed", given.version, lines, outcome.differences, reproduced)
        self.snapshots.append(made)
        return made

    def _reproduced(self, day: date, base: StoredSnapshot, stood: DayRecords) -> bool:
        held = business(self._uow, day, stood.before)
        found = {"lines": digest_of_rows(held.lines), "inventory": digest_of_rows(held.inventory)}
        return found == _physical(decode(base.body).figures.header.inputs)

    def _unchanged(self, base: StoredSnapshot, inputs: str, previous: str) -> bool:
        return bool(self._seen) and (base.input_digest, base.previous_digest) == (inputs, previous)

    def _agree(self, day: date, figures: Figures) -> None:
        """By key, the day's result of the settlement and of the results by key: the same, whichever lots were closed."""
        place = self._place.get(day)
        if place is None:
            return
        head, lots = figures.header, figures.tables["lots"].columns
        scale = 10 ** max(self._stream.places - head.money_places, 0)
        other = 10 ** max(head.money_places - self._stream.places, 0)
        results = lots["realised_mtm"] + lots["holding_mtm"]
        sums: dict[Key, int] = {}
        columns = (lots["account"], lots["instrument"], lots["direction"], lots["hedge_flag"], results)
        for account, instrument, sign, flag, result in zip(*(c.tolist() for c in columns), strict=True):
            side = "buy" if sign > 0 else "sell"
            key = (head.accounts[account], head.instruments[instrument], side, FLAGS[flag].value)
            sums[key] = sums.get(key, 0) + result
        moved = {(row.account, row.instrument) for row in figures.closes() if not row.traded}
        history = self._history.realised_mtm[:, place] + self._history.holding_mtm[:, place]
        ours = {key: int(history[at]) for key, at in self._key.items() if history[at] or key in sums}
        for key in sorted(sums.keys() | ours.keys()):
            left, right = sums.get(key, 0) * scale, ours.get(key, 0) * other
            if left != right and (key[0], key[1]) not in moved:
                places = max(self._stream.places, head.money_places)
                self.broken.append(_disagree(key, day, from_units(left, places), from_units(right, places)))


def _physical(digests: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: digest for name, digest in digests if name in _PHYSICAL}


def _disagree(key: Key, day: date, settled: Decimal, history: Decimal) -> RuleBroken:
    params = {"key": " ".join(key), "day": day, "settled": settled, "history": history}
    return RuleBroken("identity_history", " ".join(key), Message("recalculation.identity_history", params))
