"""What a company agrees and decides beside its ERP records, each row effective from a date: terms, tables, plans, tags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.model.physical import PricingKind, Side

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


class PricingFormula(StrEnum):
    """How the futures part of a price comes about: by events that somebody calls (点价), or a part on each pricing day."""

    EVENTS = "events"
    DAILY_AVERAGE = "daily_average"


@dataclass(frozen=True, slots=True)
class LineTerms:
    """Commercial terms of a contract line. `line` is its record as text, `contract/line` or a contract's number.

    `premium`, `provisional` and `stop_price` are per base unit with VAT, as futures prices are. `formula` says how the line
    is priced; a basis line (均基差) must say it. A later version with another `instrument` is a re-month (转月): what was
    priced before keeps its instrument and premium. With `forced` the rest is priced at the end of the window."""

    line: str
    kind: PricingKind
    instrument: str
    first_day: date
    last_day: date
    premium: Decimal = _ZERO
    provisional: Decimal | None = None
    buyer_prices: bool = True
    formula: PricingFormula | None = None
    pricing_days: int = 0
    stop_price: Decimal | None = None
    forced: bool = True
    tolerance: Decimal | None = None
    closed_rest: Decimal | None = None
    template: str = ""


@dataclass(frozen=True, slots=True)
class ContractTemplate:
    """Terms that many lines share. `window_days` counts from the contract date; the premium may be left to the line."""

    name: str
    kind: PricingKind
    formula: PricingFormula
    window_days: int
    premium: Decimal = _ZERO
    buyer_prices: bool = True
    pricing_days: int = 0
    forced: bool = True
    tolerance: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class MaterialYield:
    """How much of the commodity a material holds: quantity × factor × content × recovery. `from_unit` and `unit` are the
    units before and after (a pricing unit that is not the stock unit); `processor` limits it to goods held there."""

    material: str
    commodity: str
    from_unit: str
    unit: str
    factor: Decimal = _ONE
    content: Decimal = _ONE
    recovery: Decimal = _ONE
    processor: str = ""


@dataclass(frozen=True, slots=True)
class PremiumRow:
    """What a brand, a grade or a place fetches above the standard (升贴水), per base unit with VAT; `aspect` is brand, grade
    or place."""

    commodity: str
    aspect: str
    value: str
    premium: Decimal


@dataclass(frozen=True, slots=True)
class GoodsQuality:
    """What goods are of, where that differs from the standard: `subject` is a contract line's or stock lot's record,
    `contract/line`, a contract's number, or a material. The premium table says what each word is worth."""

    subject: str
    brand: str = ""
    grade: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class CurrencyRate:
    """Units of the book's currency for one unit of `currency`."""

    currency: str
    rate: Decimal
    source: str = ""


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What a year of money costs in a currency (0.035 is 3.5 %), counted over `year_days` days."""

    currency: str
    rate: Decimal
    year_days: int = 365


@dataclass(frozen=True, slots=True)
class PromptForward:
    """A forward abroad, LME style: dealt at a price without VAT in its currency and settled in cash on its prompt date.
    `instrument` is `LME.CA2606`; `quantity` is in the commodity's base unit, `side` the forward's (sale: short)."""

    name: str
    instrument: str
    commodity: str
    unit: str
    side: Side
    quantity: Decimal
    price: Decimal
    currency: str
    prompt: date


@dataclass(frozen=True, slots=True)
class PlannedVolume:
    """A purchase or sales plan (采销计划): a bucket of its own. `weight` (0 to 1) is how surely it comes."""

    name: str
    commodity: str
    side: Side
    month: str
    quantity: Decimal
    unit: str
    weight: Decimal


@dataclass(frozen=True, slots=True)
class CustomCommodity:
    """A commodity of the company's own: the futures product it is hedged with (`SHFE.cu`), the futures quantity per
    quantity (`ratio`, a beta), its VAT rate, and whether the hedge is quoted with VAT."""

    code: str
    name: str
    unit: str
    hedge_product: str = ""
    hedge_commodity: str = ""
    ratio: Decimal = _ONE
    vat_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """A mark on a spot leg or a position lot (标识打点): equal marks belong together; `account` is where a leg's futures
    ought to be. `subject` is the leg's record or the lot id."""

    subject: str
    tag: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class BasisBand:
    """The band a basis ought to stay in, per base unit with VAT; after `stale_days` without a price it is stale."""

    commodity: str
    low: Decimal
    high: Decimal
    stale_days: int = 3


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """A price of a line with its VAT rate: `stage` is provisional or final; per base unit with VAT."""

    line: str
    stage: str
    price: Decimal
    vat_rate: Decimal


@dataclass(frozen=True, slots=True)
class OptionDelta:
    """The delta of an option series (−1 to 1, futures per option) as of a day."""

    instrument: str
    delta: Decimal


@dataclass(frozen=True, slots=True)
class BasisPoint:
    """One day's basis as it was taken: spot with VAT after premiums, futures with VAT, against an instrument."""

    commodity: str
    kind: str
    subject: str
    instrument: str
    spot: Decimal
    futures: Decimal

    @property
    def value(self) -> Decimal:
        return self.spot - self.futures


class PlanPurpose(StrEnum):
    """What a plan is for: to hedge an exposure, or to hold futures in place of stock (虚拟库存)."""

    HEDGE = "hedge"
    VIRTUAL_STOCK = "virtual_stock"


@dataclass(frozen=True, slots=True)
class HedgePlan:
    """A hedge plan (套保方案): what is to be hedged, how, and within which bounds. Quantities in the base unit, `quantity`
    is futures; `side` is the futures' side. Prices are the exchange's; `budget` and `stop_loss` are money ≥ 0."""

    plan_id: str
    commodity: str
    what: str
    side: Side
    quantity: Decimal
    target_ratio: Decimal
    ratio_low: Decimal
    ratio_high: Decimal
    instruments: tuple[str, ...]
    price_low: Decimal | None
    price_high: Decimal | None
    first_day: date
    last_day: date
    budget: Decimal
    stop_loss: Decimal
    accounts: tuple[str, ...] = ()
    purpose: PlanPurpose = PlanPurpose.HEDGE
    vat_adjusted: bool = False


Terms = (
    LineTerms
    | ContractTemplate
    | MaterialYield
    | PremiumRow
    | GoodsQuality
    | CurrencyRate
    | FundingRate
    | PromptForward
    | PlannedVolume
    | CustomCommodity
    | Tag
    | BasisBand
    | PriceVersion
    | OptionDelta
    | BasisPoint
    | HedgePlan
)

TERM_KINDS: Final[dict[str, type[Terms]]] = {
    "line": LineTerms,
    "template": ContractTemplate,
    "yield": MaterialYield,
    "premium": PremiumRow,
    "quality": GoodsQuality,
    "currency": CurrencyRate,
    "funding": FundingRate,
    "forward": PromptForward,
    "planned": PlannedVolume,
    "commodity": CustomCommodity,
    "tag": Tag,
    "band": BasisBand,
    "price": PriceVersion,
    "delta": OptionDelta,
    "basis": BasisPoint,
    "plan": HedgePlan,
}
"""Every kind of effective-dated row, and what it holds."""

_SUBJECT: Final[dict[str, tuple[str, ...]]] = {
    "line": ("line",),
    "template": ("name",),
    "yield": ("material", "processor"),
    "premium": ("commodity", "aspect", "value"),
    "quality": ("subject",),
    "currency": ("currency",),
    "funding": ("currency",),
    "forward": ("name",),
    "planned": ("name",),
    "commodity": ("code",),
    "tag": ("subject",),
    "band": ("commodity",),
    "price": ("line",),
    "delta": ("instrument",),
    "basis": ("kind", "subject"),
    "plan": ("plan_id",),
}


def kind_of(terms: Terms) -> str:
    """The kind a row is stored under."""
    return next(kind for kind, made in TERM_KINDS.items() if type(terms) is made)


def subject_of(terms: Terms) -> str:
    """What a row speaks of: rows of one kind and subject replace each other as their dates come."""
    return "/".join(str(getattr(terms, name)) for name in _SUBJECT[kind_of(terms)])


def kind_of_class(made: object) -> str:
    """The kind that rows of a class are stored under."""
    return next(kind for kind, known in TERM_KINDS.items() if known is made)
