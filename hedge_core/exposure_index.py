"""The exposure kept up to date: a changed record takes its old share out of the sums and puts its new one in.

What a record contributes is computed by the same code as the whole exposure (`hedge_core.exposure`), for that record alone;
sums of exact Decimals do not depend on their order, so the figures are those of a full computation. Records that do not
agree on a commodity's unit are computed in full, since which of them is refused depends on all before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from hedge_core.errors import RuleBroken
from hedge_core.exposure import Exposure, Handover, _Buckets, _totals, exposure
from hedge_core.model.futures import PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.physical import ContractLine, InventoryLot

T = TypeVar("T")
Record = ContractLine | InventoryLot | PositionLot | Handover
_KINDS: Final = (ContractLine, InventoryLot, PositionLot, Handover)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Share:
    """What one record contributes."""

    record: Record
    parts: tuple[tuple[tuple[str, str], tuple[tuple[str, Decimal], ...]], ...]
    units: tuple[tuple[str, str], ...]
    physical: tuple[tuple[str, Decimal], ...]
    unpriced: tuple[tuple[str, Decimal], ...]
    adjusted: frozenset[str]
    broken: tuple[RuleBroken, ...]


class ExposureIndex:
    """The exposure of one book. Records are known by their reference (lines, stock), lot id or record name; putting one
    again replaces it. Arguments as in `exposure`."""

    def __init__(
        self,
        book: BookId,
        products: Mapping[str, Product],
        vat_rates: Mapping[str, Decimal],
        *,
        deltas: Mapping[str, Decimal] | None = None,
        virtual: Set[str] = frozenset(),
    ) -> None:
        self._book, self._products, self._rates = book, products, vat_rates
        self._deltas, self._virtual = deltas or {}, virtual
        self._shares: dict[tuple[int, str], _Share] = {}
        self._places: dict[tuple[int, str], int] = {}
        self._next = 0
        self._sums = _Buckets(self._deltas, virtual)
        self._in_bucket: Counter[tuple[str, str]] = Counter()
        self._units: dict[str, Counter[str]] = {}
        self._adjusted: Counter[str] = Counter()
        self._broken: dict[tuple[int, str], tuple[RuleBroken, ...]] = {}

    def put(self, records: Iterable[Record]) -> None:
        """New or changed records."""
        for record in records:
            name = _name(record)
            before = self._shares.get(name)
            if before is not None:
                self._count(name, before, -1)
            else:
                self._places[name] = self._next
                self._next += 1
            share = self._share(record)
            self._shares[name] = share
            self._count(name, share, 1)

    def remove(self, records: Iterable[Record]) -> None:
        """Records that are no longer there, as they were put or as they are now; KeyError for one that never was."""
        for record in records:
            name = _name(record)
            self._count(name, self._shares.pop(name), -1)
            del self._places[name]

    def exposure(self) -> Exposure:
        """Rows, totals and broken rules, as `exposure` gives them for the same records in the order they were first put."""
        if any(len(units) > 1 for units in self._units.values()):
            return self._in_full()
        sums = self._sums
        sums.broken = [
            rule
            for name in sorted(self._broken, key=lambda name: (name[0], self._places[name]))
            for rule in self._broken[name]
        ]
        sums.units = {commodity: next(iter(units)) for commodity, units in self._units.items()}
        sums.adjusted = set(self._adjusted)
        rows = sums.rows(self._book, self._rates)
        totals = _totals(self._book, rows)
        for row in totals:
            sums.prove(row)
        return Exposure(rows, totals, tuple(sums.broken))

    def _in_full(self) -> Exposure:
        ordered = [self._shares[name].record for name in sorted(self._shares, key=self._places.__getitem__)]
        lines, stock, lots, handed = ([one for one in ordered if isinstance(one, kind)] for kind in _KINDS)
        return exposure(
            self._book,
            lines,  # type: ignore[arg-type]
            stock,  # type: ignore[arg-type]
            lots,  # type: ignore[arg-type]
            self._products,
            self._rates,
            deltas=self._deltas,
            virtual=self._virtual,
            internal=handed,  # type: ignore[arg-type]
        )

    def _share(self, record: Record) -> _Share:
        alone = _Buckets(self._deltas, self._virtual)
        if isinstance(record, ContractLine):
            alone.add_line(record)
        elif isinstance(record, InventoryLot):
            alone.add_stock(record)
        elif isinstance(record, PositionLot):
            alone.add_lot(record, self._products.get(record.instrument))
        else:
            alone.add_handover(record)
        return _Share(
            record,
            tuple((key, tuple((n, v) for n, v in parts.items() if v)) for key, parts in alone.parts.items()),
            tuple(alone.units.items()),
            tuple(alone.physical.items()),
            tuple(alone.unpriced.items()),
            frozenset(alone.adjusted),
            tuple(alone.broken),
        )

    def _count(self, name: tuple[int, str], share: _Share, sign: int) -> None:
        """Put a share into the sums (+1) or take it out (−1); what nothing stands behind any more goes."""
        sums = self._sums
        for key, parts in share.parts:
            bucket = sums._bucket(*key)
            for part, quantity in parts:
                bucket[part] += sign * quantity
            _tally(self._in_bucket, key, sign, lambda gone: sums.parts.pop(gone))
        for commodity, quantity in share.physical:
            sums._sum(sums.physical, commodity, sign * quantity)
        for commodity, quantity in share.unpriced:
            sums._sum(sums.unpriced, commodity, sign * quantity)
        for commodity, unit in share.units:
            units = self._units.setdefault(commodity, Counter())
            _tally(units, unit, sign, lambda _: None)
            if not units:
                del self._units[commodity]
        for commodity in share.adjusted:
            _tally(self._adjusted, commodity, sign, lambda _: None)
        if share.broken and sign > 0:
            self._broken[name] = share.broken
        else:
            self._broken.pop(name, None)


def _tally(counts: Counter[T], key: T, sign: int, gone: Callable[[T], object]) -> None:
    counts[key] += sign
    if not counts[key]:
        del counts[key]
        gone(key)


def _name(record: Record) -> tuple[int, str]:
    if isinstance(record, ContractLine | InventoryLot):
        return int(isinstance(record, InventoryLot)), str(record.ref)
    if isinstance(record, PositionLot):
        return 2, record.lot_id
    return 3, record.record
