"""Price exposure (现货敞口、净敞口) of a book by commodity and delivery month, proved by its identity at every computation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.model.futures import PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.physical import ContractLine, InventoryLot, PricingKind, Side
from hedge_core.products import delivery_month
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
    is quoted with VAT on the spot side (facts 3.4). `others_goods` belong to somebody else and count nowhere."""

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
        return self.exposure + self.futures

    @property
    def net_vat(self) -> Decimal:
        return self.exposure_vat + self.futures_vat

    @property
    def hedge_ratio(self) -> Decimal | None:
        """Share of the exposure that futures offset, physical view: 1 is fully hedged; None without exposure."""
        return _ratio(self.futures, self.exposure)

    @property
    def hedge_ratio_vat(self) -> Decimal | None:
        """The same in the VAT-adjusted view."""
        return _ratio(self.futures_vat, self.exposure_vat)


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


def exposure(
    book: BookId,
    lines: Iterable[ContractLine],
    inventory: Iterable[InventoryLot],
    lots: Iterable[PositionLot],
    products: Mapping[str, Product],
    vat_rates: Mapping[str, Decimal],
) -> Exposure:
    """The exposure of a book from its contract lines, stock and position lots.

    `products` is by instrument, `vat_rates` by commodity (0.13 means 13 %; 0 where the hedge is quoted net). Broken
    rules in the result: `unknown_instrument`, `negative_quantity`, `units_differ`, `vat_rate_missing`,
    `exposure_identity`. The same goods may be given once only: the caller passes each line and each stock lot once."""
    buckets = _Buckets()
    for line in lines:
        buckets.add_line(line)
    for stock in inventory:
        buckets.add_stock(stock)
    for lot in lots:
        buckets.add_lot(lot, products.get(lot.instrument))
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
_PARTS: Final = (*_SUMMED, "futures_net_quoted", "others_goods")
_OPEN_PART: Final = {
    (Side.PURCHASE, True): "priced_purchases",
    (Side.PURCHASE, False): "unpriced_purchases",
    (Side.SALE, True): "priced_sales",
    (Side.SALE, False): "unpriced_sales",
}
_DELIVERED_UNPRICED_PART: Final = {Side.PURCHASE: "arrived_unpriced", Side.SALE: "delivered_unpriced"}


class _Buckets:
    """Sums by (commodity, month), and beside them the second way to the exposure that proves them."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str], dict[str, Decimal]] = {}
        self.units: dict[str, str] = {}
        self.physical: dict[str, Decimal] = {}
        self.unpriced: dict[str, Decimal] = {}
        self.adjusted: set[str] = set()
        self.broken: list[RuleBroken] = []

    def add_line(self, line: ContractLine) -> None:
        if min(line.ordered, line.delivered, line.returned) < 0:
            self._break("negative_quantity", str(line.ref), "exposure.negative_quantity")
            return
        if not self._same_unit(str(line.ref), line.commodity, line.unit):
            return
        self.adjusted.add(line.commodity)
        bucket = self._bucket(line.commodity, line.delivery_month)
        priced, still_open, delivered = is_priced(line), line.open_quantity, net_delivered(line)
        bucket[_OPEN_PART[line.side, priced]] += still_open
        direction = 1 if line.side is Side.PURCHASE else -1
        self._sum(self.physical, line.commodity, direction * still_open)
        if not priced:
            bucket[_DELIVERED_UNPRICED_PART[line.side]] += delivered
            self._sum(self.unpriced, line.commodity, direction * (still_open + delivered))

    def add_stock(self, stock: InventoryLot) -> None:
        if stock.quantity < 0:
            self._break("negative_quantity", str(stock.ref), "exposure.negative_quantity")
            return
        if not self._same_unit(str(stock.ref), stock.commodity, stock.unit):
            return
        bucket = self._bucket(stock.commodity, STOCK)
        bucket["inventory" if stock.ours else "others_goods"] += stock.quantity
        if stock.ours:
            self.adjusted.add(stock.commodity)
            self._sum(self.physical, stock.commodity, stock.quantity)

    def add_lot(self, lot: PositionLot, product: Product | None) -> None:
        month = delivery_month(lot.instrument)
        if product is None or month is None:
            self._break("unknown_instrument", lot.lot_id, "exposure.unknown_instrument", instrument=lot.instrument)
            return
        if not self._same_unit(lot.instrument, product.commodity, product.unit):
            return
        quantity = Decimal(lot.direction.sign * lot.lots * product.multiplier)
        bucket = self._bucket(product.commodity, month)
        bucket["futures"] += quantity
        if not product.vat_included:
            self.adjusted.add(product.commodity)
            bucket["futures_net_quoted"] += quantity

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
    return ExposureRow(book, commodity, month, unit, vat_rate, *figures)


def without_vat(quantity: Decimal, vat_rate: Decimal) -> Decimal:
    """quantity ÷ (1 + VAT), to `QUANTITY_PLACES` decimals; unchanged without VAT."""
    return round_half_up(quantity / (1 + vat_rate), QUANTITY_PLACES) if vat_rate else quantity


def _totals(book: BookId, rows: tuple[ExposureRow, ...]) -> tuple[ExposureRow, ...]:
    """One row per commodity. Its VAT-adjusted figures are the sums of the rows', so that every column adds up."""
    names = (*_SUMMED, "exposure_vat", "futures_vat", "others_goods")
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
