"""The morning sheet (晨会表): what a desk looks at before the market opens, with the ties between its figures.

Everything is of the last settled day but the goods and their pricing, which are as recorded now. `broken_ties` proves the sheet
from other sides than it was made from; a figure that does not tie is named and never silently shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.instruments import parse_instrument
from messages import Message

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class DuePricing:
    """What is left to price on a line whose window ends soon or has ended: `quantity` in the commodity's unit."""

    commodity: str
    line: str
    side: str
    quantity: Decimal
    unit: str
    last_day: date
    days_left: int


@dataclass(frozen=True, slots=True)
class MarketBasis:
    """Spot − futures with VAT, per base unit, against an instrument, on the day of the sheet."""

    instrument: str
    spot: Decimal
    futures: Decimal
    basis: Decimal


@dataclass(frozen=True, slots=True)
class CommodityLine:
    """One commodity in its unit, signs as in the exposure: long price risk is positive. `futures_by_month` has the months
    with open futures; `due_in` and `due_out` are the part of the unpriced whose deadline is near. `results` is the day's
    mark-to-market result of its futures by currency, before fees."""

    commodity: str
    unit: str
    stock: Decimal
    arrived_unpriced: Decimal
    priced_in: Decimal
    priced_out: Decimal
    delivered_unpriced: Decimal
    unpriced_in: Decimal
    unpriced_out: Decimal
    due_in: Decimal
    due_out: Decimal
    spot_exposure: Decimal
    futures_by_month: Mapping[str, Decimal]
    futures: Decimal
    options: Decimal
    internal: Decimal
    net: Decimal
    spot_exposure_vat: Decimal
    hedge_vat: Decimal
    net_vat: Decimal
    results: Mapping[str, Decimal]
    basis: MarketBasis | None = None


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account in one of its currencies. `result` is the day's realised and holding result, delivery included, before
    `fee`; `risk_degree` follows the book's definition; `cash_needed` is what has to be at hand for `limit_days` limit days
    either way (facts: margin and limit rates per product), None where a rate is not known."""

    account: str
    currency: str
    balance: Decimal
    pledge: Decimal
    equity: Decimal
    margin: Decimal
    delivery_margin: Decimal
    available: Decimal
    risk_degree: Decimal | None
    result: Decimal
    fee: Decimal
    limit_days: int
    cash_needed: Decimal | None
    rate: Decimal | None = None
    """Units of the book's currency for one of this; None where none is known."""


@dataclass(frozen=True, slots=True)
class HeldFuture:
    """Open lots of an instrument, all accounts together; `month` is its delivery month, `size` in the commodity's unit."""

    instrument: str
    commodity: str
    month: str
    long: int
    short: int
    size: int


@dataclass(frozen=True, slots=True)
class DeliveryRule:
    """What an exchange asks of positions held into the delivery month: at least `minimum` lots, in multiples of `multiple`.
    Exchanges change it by notice, so it is data of the book."""

    minimum: int
    multiple: int

    def lots_off(self, lots: int) -> int:
        """How many lots have to go (or come) for the position to be allowed: to the multiple below; all under the minimum."""
        return 0 if not lots else lots if lots < self.minimum else lots % self.multiple


@dataclass(frozen=True, slots=True)
class NearDelivery:
    """An account's side of an instrument whose delivery month is near or has begun. `lots_off` None: no rule is known."""

    account: str
    instrument: str
    side: str
    lots: int
    month: str
    days_left: int
    lots_off: int | None


@dataclass(frozen=True, slots=True)
class StalePrice:
    """A price the sheet's day lacks; `latest` is the day of the last one known."""

    kind: str
    subject: str
    latest: date | None


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Records of one kind that wait in quarantine."""

    connection: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class OpenBreak:
    """A difference nobody has explained, or a rule that a record breaks."""

    source: str
    subject: str
    finding: Message


@dataclass(frozen=True, slots=True)
class MorningSheet:
    """The whole sheet: `today` as of which goods count, `day` the last settled day (None before the first)."""

    today: date
    day: date | None
    currency: str
    commodities: tuple[CommodityLine, ...]
    accounts: tuple[AccountLine, ...]
    positions: tuple[HeldFuture, ...]
    due: tuple[DuePricing, ...] = ()
    near_delivery: tuple[NearDelivery, ...] = ()
    breaks: tuple[OpenBreak, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    stale: tuple[StalePrice, ...] = ()
    other_results: Mapping[str, Decimal] = field(default_factory=dict)
    """Results of futures whose commodity is not known, by currency."""

    @property
    def equity(self) -> Decimal | None:
        """Equity of all accounts in the book's currency; None where a rate is missing."""
        if any(row.rate is None for row in self.accounts):
            return None
        return sum((row.equity * (row.rate or _ZERO) for row in self.accounts), _ZERO)


def near_delivery(
    lots: Iterable[tuple[str, str, str, int]], rules: Mapping[str, DeliveryRule], today: date, notice_days: int
) -> tuple[NearDelivery, ...]:
    """Positions (account, instrument, side, lots) whose delivery month begins within `notice_days` days of `today` or has
    begun, the nearest first; `rules` by `EXCHANGE.product`."""
    sums: dict[tuple[str, str, str], int] = {}
    for account, instrument, side, count in lots:
        sums[account, instrument, side] = sums.get((account, instrument, side), 0) + count
    found = []
    for (account, instrument, side), count in sums.items():
        parts = parse_instrument(instrument)
        if parts is None or parts.is_option or not count:
            continue
        begins = date.fromisoformat(f"{parts.month}-01")
        days = (begins - today).days
        if days <= notice_days:
            rule = rules.get(f"{parts.exchange}.{parts.product}")
            off = rule.lots_off(count) if rule else None
            found.append(NearDelivery(account, instrument, side, count, parts.month, days, off))
    return tuple(sorted(found, key=lambda one: (one.month, one.instrument, one.account, one.side)))


def broken_ties(sheet: MorningSheet) -> list[RuleBroken]:
    """Every tie that does not hold, as `morning_tie` with both figures.

    By commodity: exposure from its parts · months and open lots make the futures · net from exposure and hedge, both views ·
    what is due is part of what is unpriced, line by line and in sum · basis from its two prices. By account: equity =
    balance + pledge · available = equity − margins. Over both: results of commodities = results of accounts, by currency.
    Lists: lots near delivery are lots held."""
    found = [*_commodity_ties(sheet), *_account_ties(sheet), *_result_ties(sheet), *_list_ties(sheet)]
    return [
        RuleBroken(
            "morning_tie", record, Message(f"morning.tie_{name}", {"record": record, "first": first, "second": second})
        )
        for name, record, first, second in found
        if first != second
    ]


Tie = tuple[str, str, Decimal, Decimal]


def _commodity_ties(sheet: MorningSheet) -> Iterator[Tie]:
    for row in sheet.commodities:
        parts = row.stock - row.arrived_unpriced + row.priced_in - row.priced_out + row.delivered_unpriced
        yield "exposure", row.commodity, row.spot_exposure, parts
        yield "months", row.commodity, row.futures, sum(row.futures_by_month.values(), _ZERO)
        held: dict[str, Decimal] = {}
        for one in sheet.positions:
            if one.commodity == row.commodity:
                held[one.month] = held.get(one.month, _ZERO) + (one.long - one.short) * one.size
        for month in sorted(held.keys() | row.futures_by_month.keys()):
            name = f"{row.commodity} {month}"
            yield "lots", name, row.futures_by_month.get(month, _ZERO), held.get(month, _ZERO)
        yield "net", row.commodity, row.net, row.spot_exposure + row.futures + row.options + row.internal
        yield "net_vat", row.commodity, row.net_vat, row.spot_exposure_vat + row.hedge_vat
        for side, due, unpriced in (
            ("purchase", row.due_in, row.unpriced_in + row.arrived_unpriced),
            ("sale", row.due_out, row.unpriced_out + row.delivered_unpriced),
        ):
            listed = [one.quantity for one in sheet.due if (one.commodity, one.side) == (row.commodity, side)]
            yield "due", f"{row.commodity} {side}", due, sum(listed, _ZERO)
            yield "unpriced", f"{row.commodity} {side}", min(due, unpriced), due
        if row.basis is not None:
            yield "basis", row.commodity, row.basis.basis, row.basis.spot - row.basis.futures


def _account_ties(sheet: MorningSheet) -> Iterator[Tie]:
    for row in sheet.accounts:
        name = f"{row.account} {row.currency}"
        yield "equity", name, row.equity, row.balance + row.pledge
        yield "available", name, row.available, row.equity - row.margin - row.delivery_margin


def _result_ties(sheet: MorningSheet) -> Iterator[Tie]:
    of_goods: dict[str, Decimal] = dict(sheet.other_results)
    for line in sheet.commodities:
        for currency, amount in line.results.items():
            of_goods[currency] = of_goods.get(currency, _ZERO) + amount
    of_accounts: dict[str, Decimal] = {}
    for row in sheet.accounts:
        of_accounts[row.currency] = of_accounts.get(row.currency, _ZERO) + row.result
    for currency in sorted(of_goods.keys() | of_accounts.keys()):
        yield "result", currency, of_goods.get(currency, _ZERO), of_accounts.get(currency, _ZERO)


def _list_ties(sheet: MorningSheet) -> Iterator[Tie]:
    held = {(one.instrument, "buy"): one.long for one in sheet.positions}
    held |= {(one.instrument, "sell"): one.short for one in sheet.positions}
    near: dict[tuple[str, str], int] = {}
    for one in sheet.near_delivery:
        near[one.instrument, one.side] = near.get((one.instrument, one.side), 0) + one.lots
    for (instrument, side), lots in sorted(near.items()):
        yield "near", f"{instrument} {side}", Decimal(lots), Decimal(held.get((instrument, side), 0))


def held_futures(
    lots: Sequence[tuple[str, str, int]], products: Mapping[str, tuple[str, int]]
) -> tuple[HeldFuture, ...]:
    """Open lots (instrument, side, lots) by instrument; `products`: instrument → commodity and contract size. Options and
    instruments without a product are left out: neither counts as futures in the exposure."""
    sums: dict[str, list[int]] = {}
    for instrument, side, count in lots:
        parts = parse_instrument(instrument)
        if parts is not None and not parts.is_option and instrument in products:
            sums.setdefault(instrument, [0, 0])[side == "sell"] += count
    found = []
    for instrument, (long, short) in sorted(sums.items()):
        parts = parse_instrument(instrument)
        commodity, size = products[instrument]
        found.append(HeldFuture(instrument, commodity, parts.month if parts else "", long, short, size))
    return tuple(found)
