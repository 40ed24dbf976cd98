"""The stand-in broker's books: fills open and close lots first in, first out, and every trading day is settled to the fen.

Money is yuan, prices are yuan per tonne, lots are integers. Sides are "buy" and "sell"; a lot keeps the side that opened it.
The rules are SHFE's: closing today's and older lots are different instructions (平今 / 平昨), and of a long and a short in
one instrument and hedge flag only the larger margin is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sandbox.company.facts import PRODUCTS

FEN = Decimal("0.01")
ZERO = Decimal("0.00")
OPEN, CLOSE_TODAY, CLOSE_HISTORY = "开", "平今", "平昨"
HEDGE, SPECULATION = "保", "投"
MARGIN_RATE = {HEDGE: Decimal("0.09"), SPECULATION: Decimal("0.11")}
OTHER_SIDE = {"buy": "sell", "sell": "buy"}
_SIGN = {"buy": 1, "sell": -1}
_BY_CODE = {code: (commodity, tonnes) for commodity, (_, code, tonnes, _) in PRODUCTS.items()}


def to_fen(amount: Decimal) -> Decimal:
    """Half up to two decimals; never minus nothing."""
    return amount.quantize(FEN, ROUND_HALF_UP) + ZERO


def tonnes_per_lot(instrument: str) -> int:
    """Contract size of an instrument as printed, such as `cu2605`."""
    return _BY_CODE[instrument[:-4]][1]


def fee(instrument: str, lots: int, turnover: Decimal) -> Decimal:
    """The broker's tariff: copper 0.5 per 10,000 of turnover, aluminium 3.00 per lot."""
    if _BY_CODE[instrument[:-4]][0] == "copper":
        return to_fen(turnover * Decimal("0.00005"))
    return to_fen(Decimal(3) * lots)


@dataclass(frozen=True)
class Lot:
    """The open rest of one opening fill."""

    opened_on: date
    fill_id: int
    instrument: str
    side: str
    flag: str
    lots: int
    price: Decimal


@dataclass(frozen=True)
class Fill:
    """One execution. `realised` is against yesterday's settlement, or the open price for a lot opened today."""

    fill_id: int
    executed_at: datetime
    instrument: str
    side: str
    offset: str
    flag: str
    lots: int
    price: Decimal
    turnover: Decimal
    fee: Decimal
    realised: Decimal


@dataclass(frozen=True)
class Closed:
    """The part of one lot that one closing fill consumed."""

    fill: Fill
    lot: Lot
    lots: int
    previous_settlement: Decimal
    realised: Decimal
    realised_trade: Decimal


@dataclass(frozen=True)
class Position:
    """A lot after the day's settlement."""

    lot: Lot
    previous_settlement: Decimal
    settlement: Decimal
    floating: Decimal
    holding: Decimal
    margin: Decimal


@dataclass(frozen=True)
class Summary:
    """All lots of one instrument and hedge flag; the margin is that of the larger side."""

    instrument: str
    flag: str
    long_lots: int
    long_average: Decimal
    short_lots: int
    short_average: Decimal
    previous_settlement: Decimal
    settlement: Decimal
    holding: Decimal
    margin: Decimal


@dataclass(frozen=True)
class Cash:
    """Money in or out of the account, with the broker's word for its kind."""

    kind: str
    amount_in: Decimal
    amount_out: Decimal
    note: str


@dataclass(frozen=True)
class Funds:
    """The account's money on one day; every figure but the first three is derived by `settle`."""

    balance_bf: Decimal
    deposit_withdrawal: Decimal
    realised: Decimal
    holding: Decimal
    fee: Decimal
    balance_cf: Decimal
    margin: Decimal

    @property
    def equity(self) -> Decimal:
        return self.balance_cf

    @property
    def available(self) -> Decimal:
        return self.equity - self.margin

    @property
    def risk_degree(self) -> Decimal:
        """Margin over equity, in percent with two decimals."""
        return to_fen(self.margin * 100 / self.equity)

    @property
    def margin_call(self) -> Decimal:
        return max(ZERO, -self.available)


@dataclass(frozen=True)
class AccountDay:
    """One account after one trading day: what its settlement statement shows."""

    account: str
    day: date
    fills: tuple[Fill, ...]
    closed: tuple[Closed, ...]
    positions: tuple[Position, ...]
    summary: tuple[Summary, ...]
    cash: tuple[Cash, ...]
    funds: Funds

    @property
    def realised_trade(self) -> Decimal:
        return sum((row.realised_trade for row in self.closed), ZERO)

    @property
    def floating(self) -> Decimal:
        return sum((row.floating for row in self.positions), ZERO)


@dataclass
class Account:
    """An account during a month: it takes fills and cash, and `settle` closes the day."""

    account: str
    balance: Decimal
    lots: list[Lot]
    _fills: list[Fill] = field(default_factory=list)
    _closed: list[Closed] = field(default_factory=list)
    _cash: list[Cash] = field(default_factory=list)

    def held(self, instrument: str, side: str, flag: str, *, before: date | None = None, on: date | None = None) -> int:
        """Open lots of one side; only those opened before, or on, a day if asked."""
        return sum(
            lot.lots
            for lot in self.lots
            if (lot.instrument, lot.side, lot.flag) == (instrument, side, flag)
            and (before is None or lot.opened_on < before)
            and (on is None or lot.opened_on == on)
        )

    def move_cash(self, movement: Cash) -> None:
        """A deposit or withdrawal of the day."""
        self._cash.append(movement)

    def trade(
        self,
        day: date,
        previous: Mapping[str, Decimal],
        fill: Fill,
        charged: Decimal | None = None,
    ) -> Fill:
        """Take one fill and compute its money; `charged` overrides the tariff. ValueError if it closes more than is held."""
        turnover = to_fen(fill.price * fill.lots * tonnes_per_lot(fill.instrument))
        cost = fee(fill.instrument, fill.lots, turnover) if charged is None else charged
        fill = replace(fill, turnover=turnover, fee=cost)
        if fill.offset == OPEN:
            self.lots.append(Lot(day, fill.fill_id, fill.instrument, fill.side, fill.flag, fill.lots, fill.price))
        else:
            parts = self._close(day, previous[fill.instrument], fill)
            fill = replace(fill, realised=sum((part.realised for part in parts), ZERO))
            self._closed.extend(replace(part, fill=fill) for part in parts)
        self._fills.append(fill)
        return fill

    def _close(self, day: date, previous: Decimal, fill: Fill) -> list[Closed]:
        wanted, parts, kept = fill.lots, [], []
        held_side = OTHER_SIDE[fill.side]
        for lot in self.lots:
            fits = (lot.instrument, lot.side, lot.flag) == (fill.instrument, held_side, fill.flag)
            if wanted and fits and (lot.opened_on == day) == (fill.offset == CLOSE_TODAY):
                taken = min(wanted, lot.lots)
                tonnes = taken * tonnes_per_lot(lot.instrument) * _SIGN[lot.side]
                base = lot.price if lot.opened_on == day else previous
                realised, by_trade = (to_fen((fill.price - start) * tonnes) for start in (base, lot.price))
                parts.append(Closed(fill, lot, taken, previous, realised, by_trade))
                wanted -= taken
                lot = replace(lot, lots=lot.lots - taken)
            if lot.lots:
                kept.append(lot)
        if wanted:
            raise ValueError(f"{self.account} {day}: {fill.offset} {fill.lots} {fill.instrument}, {wanted} too many")
        self.lots = kept
        return parts

    def settle(self, day: date, previous: Mapping[str, Decimal], settlement: Mapping[str, Decimal]) -> AccountDay:
        """Mark every lot to the day's settlement price, charge the fees, carry the balance, and begin a new day."""
        positions = tuple(
            _marked(lot, day, previous[lot.instrument], settlement[lot.instrument])
            for lot in sorted(
                self.lots, key=lambda lot: (lot.instrument, lot.flag, lot.side, lot.opened_on, lot.fill_id)
            )
        )
        summary = tuple(_summaries(positions))
        moved = sum((c.amount_in - c.amount_out for c in self._cash), ZERO)
        realised = sum((f.realised for f in self._fills), ZERO)
        holding = sum((p.holding for p in positions), ZERO)
        fees = sum((f.fee for f in self._fills), ZERO)
        after = self.balance + moved + realised + holding - fees
        margin = sum((s.margin for s in summary), ZERO)
        funds = Funds(self.balance, moved, realised, holding, fees, after, margin)
        settled = AccountDay(
            self.account, day, tuple(self._fills), tuple(self._closed), positions, summary, tuple(self._cash), funds
        )
        self.balance = after
        self._fills, self._closed, self._cash = [], [], []
        return settled


def _marked(lot: Lot, day: date, previous: Decimal, settlement: Decimal) -> Position:
    tonnes = lot.lots * tonnes_per_lot(lot.instrument)
    base = lot.price if lot.opened_on == day else previous
    return Position(
        lot,
        previous,
        settlement,
        floating=to_fen((settlement - lot.price) * tonnes * _SIGN[lot.side]),
        holding=to_fen((settlement - base) * tonnes * _SIGN[lot.side]),
        margin=to_fen(settlement * tonnes * MARGIN_RATE[lot.flag]),
    )


def _summaries(positions: Iterable[Position]) -> Iterable[Summary]:
    groups: dict[tuple[str, str], list[Position]] = {}
    for position in positions:
        groups.setdefault((position.lot.instrument, position.lot.flag), []).append(position)
    for (instrument, flag), rows in groups.items():
        sides = {side: [row for row in rows if row.lot.side == side] for side in _SIGN}
        lots = {side: sum(row.lot.lots for row in held) for side, held in sides.items()}
        margin = max(sum((row.margin for row in held), ZERO) for held in sides.values())
        average = {
            side: sum((row.lot.price * row.lot.lots for row in held), Decimal(0)) / (lots[side] or 1)
            for side, held in sides.items()
        }
        yield Summary(
            instrument,
            flag,
            lots["buy"],
            average["buy"].quantize(Decimal("0.001"), ROUND_HALF_UP),
            lots["sell"],
            average["sell"].quantize(Decimal("0.001"), ROUND_HALF_UP),
            rows[0].previous_settlement,
            rows[0].settlement,
            sum((row.holding for row in rows), ZERO),
            margin,
        )
