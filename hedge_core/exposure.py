"""Price exposure (现货敞口、净敞口) of a book by commodity and delivery month, proved by its identity at every computation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.physical import ContractLine, InventoryLot, PricingKind, Side
from hedge_core.rounding import round_half_up
from messages import Message

STOCK: Final = "stock"
"""The bucket of goods on hand: they have no delivery month."""

TOTAL: Final = "total"
"""The month of a commodity's total row."""

QUANTITY_PLACES: Final = 6
"""Decimals of quantities that come out of a division (VAT-adjusted figures, ratios); plain quantities stay exact."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """Exposure of one commodity in one delivery month (`stock` for goods on hand, `total` for all months), in `unit`.

    The parts are magnitudes; the formula gives the sign (facts 3.1, long price risk positive):
    `exposure = inventory − arrived_unpriced + priced_purchases − priced_sales + delivered_unpriced`, where purchases and
    sales are what is still open. `unpriced_purchases` and `unpriced_sales` are open and carry no price risk yet.
    `futures` is signed lots × contract size, `net = exposure + futures`. The VAT-adjusted view divides by 1 + VAT what
    is quoted with VAT on the spot side (facts 3.4). `others_goods` belong to somebody else and count nowhere.

    `options` is Σ delta × contract size, `internal` what other books of the company handed over or took (paper that no
    broker sees); both are in `net`. Of these figures three are shown beside and counted once, elsewhere: `virtual_stock`
    (bought futures held in place of goods, part of `futures`), `in_transit` (purchases on their way, part of what is still
    to come; sales on their way, part of `inventory`), `at_processors` (part of `inventory`)."""

    book: BookId
    commodity: str
    month: str
    unit: str
    vat_rate: Decimal
    inventory: Decimal
    arrived_unpriced: Decimal
    priced_purchases: Decimal
    priced_sales: Decimal
    delivered_unpriced: Decimal
    unpriced_purchases: Decimal
    unpriced_sales: Decimal
    futures: Decimal
    exposure_vat: Decimal
    futures_vat: Decimal
    others_goods: Decimal
    options: Decimal = _ZERO
    options_vat: Decimal = _ZERO
    internal: Decimal = _ZERO
    virtual_stock: Decimal = _ZERO
    in_transit: Decimal = _ZERO
    at_processors: Decimal = _ZERO

    @property
    def exposure(self) -> Decimal:
        return (
            self.inventory - self.arrived_unpriced + self.priced_purchases - self.priced_sales + self.delivered_unpriced
        )

    @property
    def physical(self) -> Decimal:
        """Stock and everything still to come or go, whether priced or not."""
        return (
            self.inventory
            + (self.priced_purchases + self.unpriced_purchases)
            - (self.priced_sales + self.unpriced_sales)
        )

    @property
    def net(self) -> Decimal:
        return self.exposure + self.hedge

    @property
    def net_vat(self) -> Decimal:
        return self.exposure_vat + self.hedge_vat

    @property
    def hedge(self) -> Decimal:
        """Futures, options by delta, and what other books handed over."""
        return self.futures + self.options + self.internal

    @property
    def hedge_vat(self) -> Decimal:
        """The same in the VAT-adjusted view."""
        return self.futures_vat + self.options_vat + self.internal

    @property
    def hedge_ratio(self) -> Decimal | None:
        """Share of the exposure that futures offset, physical view: 1 is fully hedged; None without exposure."""
        return _ratio(self.hedge, self.exposure)

    @property
    def hedge_ratio_vat(self) -> Decimal | None:
        """The same in the VAT-adjusted view."""
        return _ratio(self.hedge_vat, self.exposure_vat)


@dataclass(frozen=True, slots=True)
class Handover:
    """Futures that another book of the company handed over (internal allocation): signed as our exposure changes."""

    record: str
    commodity: str
    month: str
    unit: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Exposure:
    """Rows by (commodity, month), one total per commodity, and the rules that broke: with any of them it is no figure."""

    rows: tuple[ExposureRow, ...]
    totals: tuple[ExposureRow, ...]
    broken: tuple[RuleBroken, ...]


def is_priced(line: ContractLine) -> bool:
    """Whether the line's price is fixed. A floating line may show a provisional price: that fixes nothing."""
    return line.pricing is PricingKind.PRICED


def net_delivered(line: ContractLine) -> Decimal:
    """Delivered less returned, never below zero; it stays even when the line is closed or cancelled."""
    return max(_ZERO, line.delivered - line.returned)


def priced_parts(line: ContractLine) -> tuple[Decimal, Decimal, Decimal]:
    """(priced and open, unpriced and open, delivered and unpriced) of a line. What is delivered takes the priced quantity
    first; the exposure does not depend on that choice. Priced + unpriced = delivered + open (facts 3.19)."""
    still_open, delivered = line.open_quantity, net_delivered(line)
    fixed = still_open + delivered if is_priced(line) else line.priced or _ZERO
    priced_open = min(still_open, max(_ZERO, fixed - delivered))
    return priced_open, still_open - priced_open, max(_ZERO, delivered - fixed)


def in_transit_sale(line: ContractLine) -> Decimal:
    """Goods of a sale that left the warehouse and are not delivered: still ours, and nowhere else counted as stock."""
    if line.side is Side.PURCHASE or line.shipped is None:
        return _ZERO
    return max(_ZERO, line.shipped - line.delivered)


def exposure(
    book: BookId,
    lines: Iterable[ContractLine],
    inventory: Iterable[InventoryLot],
    lots: Iterable[PositionLot],
    products: Mapping[str, Product],
    vat_rates: Mapping[str, Decimal],
    *,
    deltas: Mapping[str, Decimal] | None = None,
    virtual: Set[str] = frozenset(),
    internal: Iterable[Handover] = (),
) -> Exposure:
    """The exposure of a book from its contract lines, stock and position lots.

    `products` is by instrument, `vat_rates` by commodity (0.13 means 13 %; 0 where the hedge is quoted net). `deltas` is by
    option series, `virtual` are ids of lots that stand for stock, `internal` what other books handed over. Broken
    rules in the result: `unknown_instrument`, `negative_quantity`, `units_differ`, `vat_rate_missing`, `delta_missing`,
    `exposure_identity`. The same goods may be given once only: the caller passes each line and each stock lot once."""
    buckets = _Buckets(deltas or {}, virtual)
    for line in lines:
        buckets.add_line(line)
    for stock in inventory:
        buckets.add_stock(stock)
    for lot in lots:
        buckets.add_lot(lot, products.get(lot.instrument))
    for handover in internal:
        buckets.add_handover(handover)
    rows = buckets.rows(book, vat_rates)
    totals = _totals(book, rows)
    for row in totals:
        buckets.prove(row)
    return Exposure(rows, totals, tuple(buckets.broken))


def lots_to_hedge(exposure_quantity: Decimal, contract_size: int, vat_rate: Decimal = _ZERO) -> int:
    """Futures lots, signed, that offset an exposure: quantity ÷ (1 + VAT) ÷ contract size, half up (facts 3.4):
    850 t with 13 % VAT and 5 t per lot is −150."""
    return -int(round_half_up(exposure_quantity / (1 + vat_rate) / contract_size, 0))


_SUMMED: Final = (
    "inventory",
    "arrived_unpriced",
    "priced_purchases",
    "priced_sales",
    "delivered_unpriced",
    "unpriced_purchases",
    "unpriced_sales",
    "futures",
)
_BESIDE: Final = ("options", "internal", "virtual_stock", "in_transit", "at_processors")
_PARTS: Final = (*_SUMMED, *_BESIDE, "futures_net_quoted", "options_net_quoted", "others_goods")
_OPEN_PART: Final = {
    (Side.PURCHASE, True): "priced_purchases",
    (Side.PURCHASE, False): "unpriced_purchases",
    (Side.SALE, True): "priced_sales",
    (Side.SALE, False): "unpriced_sales",
}
_DELIVERED_UNPRICED_PART: Final = {Side.PURCHASE: "arrived_unpriced", Side.SALE: "delivered_unpriced"}


class _Buckets:
    """Sums by (commodity, month), and beside them the second way to the exposure that proves them."""

    def __init__(self, deltas: Mapping[str, Decimal], virtual: Set[str]) -> None:
        self._deltas = deltas
        self._virtual = virtual
        self.parts: dict[tuple[str, str], dict[str, Decimal]] = {}
        self.units: dict[str, str] = {}
        self.physical: dict[str, Decimal] = {}
        self.unpriced: dict[str, Decimal] = {}
        self.adjusted: set[str] = set()
        self.broken: list[RuleBroken] = []

    def add_line(self, line: ContractLine) -> None:
        if min(line.ordered, line.delivered, line.returned, line.closed_rest, line.priced or _ZERO) < 0:
            self._break("negative_quantity", str(line.ref), "exposure.negative_quantity")
            return
        if not self._same_unit(str(line.ref), line.commodity, line.unit):
            return
        self.adjusted.add(line.commodity)
        bucket = self._bucket(line.commodity, line.delivery_month)
        priced_open, unpriced_open, unpriced_delivered = priced_parts(line)
        bucket[_OPEN_PART[line.side, True]] += priced_open
        bucket[_OPEN_PART[line.side, False]] += unpriced_open
        bucket[_DELIVERED_UNPRICED_PART[line.side]] += unpriced_delivered
        direction = 1 if line.side is Side.PURCHASE else -1
        self._sum(self.physical, line.commodity, direction * line.open_quantity)
        if not is_priced(line):
            # What has no price yet, counted from the whole line and not from the parts above: the second way.
            never_priced = line.open_quantity + net_delivered(line) - (line.priced or _ZERO)
            self._sum(self.unpriced, line.commodity, direction * max(_ZERO, never_priced))
        self._add_transit(line)

    def _add_transit(self, line: ContractLine) -> None:
        if line.side is Side.PURCHASE and line.shipped is not None:
            on_the_way = min(line.open_quantity, max(_ZERO, line.shipped - line.delivered))
            self._bucket(line.commodity, line.delivery_month)["in_transit"] += on_the_way
        elif ours := in_transit_sale(line):
            bucket = self._bucket(line.commodity, STOCK)
            bucket["inventory"] += ours
            bucket["in_transit"] += ours
            self._sum(self.physical, line.commodity, ours)

    def add_stock(self, stock: InventoryLot) -> None:
        if stock.quantity < 0:
            self._break("negative_quantity", str(stock.ref), "exposure.negative_quantity")
            return
        if not self._same_unit(str(stock.ref), stock.commodity, stock.unit):
            return
        bucket = self._bucket(stock.commodity, STOCK)
        if stock.ours and stock.transit_line:
            return  # still open on its purchase line, which counts it
        if stock.ours and stock.holder:
            bucket["at_processors"] += stock.quantity
        bucket["inventory" if stock.ours else "others_goods"] += stock.quantity
        if stock.ours:
            self.adjusted.add(stock.commodity)
            self._sum(self.physical, stock.commodity, stock.quantity)

    def add_lot(self, lot: PositionLot, product: Product | None) -> None:
        parts = parse_instrument(lot.instrument)
        if product is None or parts is None:
            self._break("unknown_instrument", lot.lot_id, "exposure.unknown_instrument", instrument=lot.instrument)
            return
        if not self._same_unit(lot.instrument, product.commodity, product.unit):
            return
        quantity = Decimal(lot.direction.sign * lot.lots * product.multiplier)
        name = "futures"
        if parts.is_option:
            if lot.instrument not in self._deltas:
                self._break("delta_missing", lot.lot_id, "exposure.delta_missing", instrument=lot.instrument)
                return
            name, quantity = "options", quantity * self._deltas[lot.instrument]
        bucket = self._bucket(product.commodity, parts.month)
        bucket[name] += quantity
        if lot.lot_id in self._virtual and quantity > 0:
            bucket["virtual_stock"] += quantity
        if not product.vat_included:
            self.adjusted.add(product.commodity)
            bucket[f"{name}_net_quoted"] += quantity

    def add_handover(self, handover: Handover) -> None:
        if self._same_unit(handover.record, handover.commodity, handover.unit):
            self._bucket(handover.commodity, handover.month)["internal"] += handover.quantity

    def rows(self, book: BookId, vat_rates: Mapping[str, Decimal]) -> tuple[ExposureRow, ...]:
        for commodity in sorted(self.adjusted - vat_rates.keys()):
            self._break("vat_rate_missing", commodity, "exposure.vat_rate_missing", commodity=commodity)
        return tuple(
            _row(book, commodity, month, self.units[commodity], parts, vat_rates.get(commodity, _ZERO))
            for (commodity, month), parts in sorted(self.parts.items())
        )

    def prove(self, total: ExposureRow) -> None:
        """exposure = physical − unpriced purchases + unpriced sales, each summed apart from the buckets (facts 3.1)."""
        proof = self.physical.get(total.commodity, _ZERO) - self.unpriced.get(total.commodity, _ZERO)
        if proof != total.exposure:
            self._break("exposure_identity", total.commodity, "exposure.identity", exposure=total.exposure, proof=proof)

    def _bucket(self, commodity: str, month: str) -> dict[str, Decimal]:
        return self.parts.setdefault((commodity, month), dict.fromkeys(_PARTS, _ZERO))

    def _same_unit(self, record: str, commodity: str, unit: str) -> bool:
        known = self.units.setdefault(commodity, unit)
        if known != unit:
            self._break("units_differ", record, "exposure.units_differ", commodity=commodity, unit=unit, other=known)
        return known == unit

    @staticmethod
    def _sum(sums: dict[str, Decimal], commodity: str, quantity: Decimal) -> None:
        sums[commodity] = sums.get(commodity, _ZERO) + quantity

    def _break(self, rule: str, record: str, message: str, **params: object) -> None:
        self.broken.append(RuleBroken(rule, record, Message(message, params)))


def _row(
    book: BookId, commodity: str, month: str, unit: str, parts: Mapping[str, Decimal], vat_rate: Decimal
) -> ExposureRow:
    spot = (
        parts["inventory"]
        - parts["arrived_unpriced"]
        + parts["priced_purchases"]
        - parts["priced_sales"]
        + parts["delivered_unpriced"]
    )
    net_quoted = parts["futures_net_quoted"]
    figures = [parts[name] for name in _SUMMED]
    figures.append(without_vat(spot, vat_rate))
    figures.append(parts["futures"] - net_quoted + without_vat(net_quoted, vat_rate))
    figures.append(parts["others_goods"])
    options, options_net = parts["options"], parts["options_net_quoted"]
    figures.append(options)
    figures.append(options - options_net + without_vat(options_net, vat_rate))
    figures += [parts[name] for name in _BESIDE[1:]]
    return ExposureRow(book, commodity, month, unit, vat_rate, *figures)


def without_vat(quantity: Decimal, vat_rate: Decimal) -> Decimal:
    """quantity ÷ (1 + VAT), to `QUANTITY_PLACES` decimals; unchanged without VAT."""
    return round_half_up(quantity / (1 + vat_rate), QUANTITY_PLACES) if vat_rate else quantity


def _totals(book: BookId, rows: tuple[ExposureRow, ...]) -> tuple[ExposureRow, ...]:
    """One row per commodity. Its VAT-adjusted figures are the sums of the rows', so that every column adds up."""
    names = (*_SUMMED, "exposure_vat", "futures_vat", "others_goods", "options", "options_vat", *_BESIDE[1:])
    sums: dict[str, list[Decimal]] = {}
    sample: dict[str, ExposureRow] = {}
    for row in rows:
        sample[row.commodity] = row
        have = sums.setdefault(row.commodity, [_ZERO] * len(names))
        sums[row.commodity] = [total + getattr(row, name) for total, name in zip(have, names, strict=True)]
    return tuple(
        ExposureRow(book, commodity, TOTAL, sample[commodity].unit, sample[commodity].vat_rate, *sums[commodity])
        for commodity in sorted(sums)
    )


def _ratio(futures: Decimal, spot: Decimal) -> Decimal | None:
    return round_half_up(-futures / spot, QUANTITY_PLACES) if spot else None
