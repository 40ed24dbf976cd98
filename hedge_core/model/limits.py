"""Limits as data: what a rule bounds, where it holds, when it is looked at; and what a broken one says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.model.futures import Direction, Offset
from messages import Message

EACH: Final = "*"
"""In a rule's scope: every one for itself. Empty: all of them together."""


class LimitKind(StrEnum):
    """What a rule bounds, and in which unit `low` and `high` are.

    Lots: `lots` (by `side`), `delivery_month` (with `days` and `multiple`). Ratios (0.9 is 90 %): `hedge_ratio`, `risk_degree`
    (margin ÷ equity), `soe_point` (hedge ÷ exposure at this moment), `soe_year` (hedged ÷ physical of the calendar year).
    Money: `margin`, `day_loss`, `total_loss` (both as positive losses), `basis` (per base unit, signed). `tenor`: months from
    today. `price_age`: days. For one order alone: `order_lots`, `order_notional`, `price_band` (share of the last price)."""

    LOTS = "lots"
    HEDGE_RATIO = "hedge_ratio"
    MARGIN = "margin"
    RISK_DEGREE = "risk_degree"
    DAY_LOSS = "day_loss"
    TOTAL_LOSS = "total_loss"
    BASIS = "basis"
    TENOR = "tenor"
    DELIVERY_MONTH = "delivery_month"
    PRICE_AGE = "price_age"
    SOE_POINT = "soe_point"
    SOE_YEAR = "soe_year"
    ORDER_LOTS = "order_lots"
    ORDER_NOTIONAL = "order_notional"
    PRICE_BAND = "price_band"


ORDER_KINDS: Final = frozenset({LimitKind.ORDER_LOTS, LimitKind.ORDER_NOTIONAL, LimitKind.PRICE_BAND})
"""Bounds of one order. Each order needs one rule of each kind that covers it: what nobody allowed is refused."""


class View(StrEnum):
    """Which hedge ratio: tonnes against tonnes, or against the exposure without VAT (E ÷ (1 + VAT) and F)."""

    PHYSICAL = "physical"
    VAT = "vat"


class LotsSide(StrEnum):
    """Which lots count: the difference of both sides, their sum, or one side."""

    NET = "net"
    GROSS = "gross"
    LONG = "long"
    SHORT = "short"


class Moment(StrEnum):
    """When a rule is looked at: before an order is sent, during the day, after a settlement."""

    ORDER = "order"
    DAY = "day"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True)
class LimitRule:
    """One limit. Scope fields are empty (all together), `*` (each for itself) or one value: an account, a commodity, a product
    (`SHFE.cu`), a delivery month (`2026-05`); `role` limits what people of that role may order.

    `view` is needed by ratios of exposure. `blocks` keeps a settled day from going on while the rule is broken; at an order
    every rule blocks. `days` before the first day of the delivery month a `delivery_month` rule begins, with `multiple` the
    lots must be a multiple of. `volume` is the year's physical quantity of `soe_year`, `rolls_count` whether the opening leg of
    a roll counts as hedged again. A rule with `ended` no longer holds."""

    rule_id: str
    kind: LimitKind
    low: Decimal | None = None
    high: Decimal | None = None
    account: str = ""
    commodity: str = ""
    product: str = ""
    month: str = ""
    role: str = ""
    view: View | None = None
    side: LotsSide = LotsSide.NET
    order: bool = True
    day: bool = True
    settlement: bool = True
    blocks: bool = False
    days: int = 0
    multiple: int = 0
    volume: Decimal | None = None
    rolls_count: bool = False
    target: Decimal | None = None
    owner: str = ""
    ended: bool = False

    def holds_at(self, moment: Moment) -> bool:
        """Whether it is looked at then."""
        if self.ended or (moment is not Moment.ORDER and (self.kind in ORDER_KINDS or self.role)):
            return False
        return {Moment.ORDER: self.order, Moment.DAY: self.day, Moment.SETTLEMENT: self.settlement}[moment]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would put it right: so many lots of one contract. `lots_left` are the lots of that contract afterwards,
    `exposure_after` is the commodity's net exposure in the rule's view (physical where it names none)."""

    instrument: str
    account: str
    direction: Direction
    offset: Offset
    lots: int
    lots_left: int
    exposure_after: Decimal | None


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule: the figure (None: it cannot be known, and why says the message), its bounds, since when, and what to do.

    `subject` names what broke it, as far as the rule tells them apart: `80010001`, `copper/2026-05`."""

    rule_id: str
    kind: LimitKind
    subject: str
    figure: Decimal | None
    low: Decimal | None
    high: Decimal | None
    since: datetime
    message: Message
    blocks: bool = False
    owner: str = ""
    proposal: Proposal | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.rule_id, self.subject


@dataclass(frozen=True, slots=True)
class Holding:
    """Open lots of one instrument on one account, both sides; `price` is the last one known, `margin` money a lot."""

    account: str
    instrument: str
    product: str
    commodity: str
    month: str
    multiplier: int
    long: int
    short: int
    price: Decimal | None = None
    price_on: date | None = None
    margin_rate: Decimal = Decimal(0)
    vat_factor: Decimal = Decimal(1)
    """What a unit of this future offsets in the VAT-adjusted view: 1, or 1 ÷ (1 + VAT) where it is quoted without VAT."""

    @property
    def net(self) -> int:
        return self.long - self.short

    @property
    def margin_per_lot(self) -> Decimal:
        return (self.price or Decimal(0)) * self.multiplier * self.margin_rate


@dataclass(frozen=True, slots=True)
class SpotView:
    """A commodity's exposure without its futures, in both views; `other` is what options and other books offset."""

    exposure: Decimal
    exposure_vat: Decimal
    other: Decimal = Decimal(0)
    other_vat: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account's money as its broker says; `day_result` after fees, `total_result` since go-live."""

    account: str
    equity: Decimal
    margin: Decimal
    day_result: Decimal
    total_result: Decimal | None = None


@dataclass(frozen=True, slots=True)
class YearView:
    """A commodity's hedges of the calendar year: what opening fills hedged, and how much of it were legs of rolls."""

    opened: Decimal
    rolled: Decimal = Decimal(0)
    volume: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LimitInputs:
    """Everything limits are checked against, as of one moment. `known_since` is when an alert that is still open was first
    seen, by (rule, subject)."""

    at: datetime
    today: date
    holdings: tuple[Holding, ...] = ()
    spot: dict[str, SpotView] | None = None
    accounts: tuple[AccountView, ...] = ()
    basis: dict[str, Decimal] | None = None
    years: dict[str, YearView] | None = None
    price_ages: dict[str, int | None] | None = None
    """Days since the last settlement price of what is held; None where there is none at all."""
    known_since: dict[tuple[str, str], datetime] | None = None
