"""Accounting events: what happened, with exact signed amounts and where they come from, before any account is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.accounting.rule_sets import RuleSet
from hedge_core.instruments import parse_instrument
from hedge_core.model.vouchers import SourceRef


class EventKind(StrEnum):
    """What happened. Amounts are signed: a gain, an increase or money coming in is positive unless the name says else."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    DELIVERY_RECEIVED = "delivery_received"
    DELIVERY_PAID = "delivery_paid"
    FEE = "fee"
    INTEREST = "interest"
    PENALTY = "penalty"
    # futures outside hedge accounting
    FAIR_VALUE_CHANGE = "fair_value_change"
    FINAL_CHANGE = "final_change"
    VARIATION_SETTLEMENT = "variation_settlement"
    CLOSE_SETTLEMENT = "close_settlement"
    CLOSE_RESULT_TRANSFER = "close_result_transfer"
    REALISED_RESULT = "realised_result"
    PREMIUM = "premium"
    # hedge relationships: the instrument
    INSTRUMENT_CHANGE = "instrument_change"
    RESERVE_MEASUREMENT = "reserve_measurement"
    INSTRUMENT_VARIATION = "instrument_variation"
    INSTRUMENT_SETTLEMENT = "instrument_settlement"
    INSTRUMENT_DESIGNATED = "instrument_designated"
    INSTRUMENT_RELEASED = "instrument_released"
    OPTION_PREMIUM = "option_premium"
    TIME_VALUE_CHANGE = "time_value_change"
    TIME_VALUE_AMORTISATION = "time_value_amortisation"
    TIME_VALUE_TO_COST = "time_value_to_cost"
    TIME_VALUE_TO_REVENUE = "time_value_to_revenue"
    TIME_VALUE_TO_PROFIT = "time_value_to_profit"
    # hedge relationships: the item
    ITEM_DESIGNATION = "item_designation"
    ITEM_CHANGE = "item_change"
    ITEM_RETURN = "item_return"
    SALE = "sale"
    PURCHASE = "purchase"
    DELIVERY_SALE = "delivery_sale"
    DELIVERY_PURCHASE = "delivery_purchase"
    COST_OF_SALES = "cost_of_sales"
    COST_BOOKED = "cost_booked"
    COST_DIFFERENCE = "cost_difference"
    COST_ADJUSTMENT = "cost_adjustment"
    COMMITMENT_TO_COST = "commitment_to_cost"
    COMMITMENT_TO_REVENUE = "commitment_to_revenue"
    BASIS_ADJUSTMENT = "basis_adjustment"
    RESERVE_TO_REVENUE = "reserve_to_revenue"
    RESERVE_TO_PROFIT = "reserve_to_profit"
    RESERVE_TO_NET_RESULT = "reserve_to_net_result"
    ITEM_TO_NET_RESULT = "item_to_net_result"
    # accounts in other currencies
    EXCHANGE_ON_MARGIN = "exchange_on_margin"
    EXCHANGE_ON_INSTRUMENT = "exchange_on_instrument"
    # the book as a whole
    TAX_ON_PROFIT = "tax_on_profit"
    TAX_ON_RESERVE = "tax_on_reserve"
    TAX_PRESENTATION = "tax_presentation"

    @property
    def order(self) -> int:
        """Position in the table above: the order of blocks inside a voucher."""
        return _ORDER[self]


_ORDER: Final = {kind: place for place, kind in enumerate(EventKind)}


@dataclass(frozen=True, slots=True)
class AccountingEvent:
    """One happening of a book. `day` is the trading day, for money the bank date, for goods the business date.

    `amounts` are (name, signed amount, exact to the minor unit), in the book's currency, or in `currency` where that is given
    and there is no `rate` yet; translated (`foreign.translated`) they are the book's at that rate, and `originals` has what
    they were. The names are those of the kind's template.

    `account` is the broker account or empty; `product` is `SHFE.cu` or a commodity; `lots` counts closed lots.
    `period_end`: measured for the month as a whole, so it belongs to the last calendar day."""

    kind: EventKind
    day: date
    amounts: tuple[tuple[str, Decimal], ...]
    account: str = ""
    product: str = ""
    lots: int = 0
    relationship: str | None = None
    rule_set: RuleSet | None = None
    period_end: bool = False
    sources: tuple[SourceRef, ...] = ()
    currency: str = ""
    rate: Decimal | None = None
    originals: tuple[tuple[str, Decimal], ...] = ()

    @property
    def sources_key(self) -> str:
        """The sources as one text: tells two events of one kind, day and account apart."""
        return "|".join(f"{source.kind}:{source.key}" for source in self.sources)

    @property
    def is_zero(self) -> bool:
        return all(amount == 0 for _, amount in self.amounts)


def one_amount(amount: Decimal) -> tuple[tuple[str, Decimal], ...]:
    """The amounts of a kind whose template has a single amount, named `amount`."""
    return (("amount", amount),)


def day_sources(kind: str, key: str, day: date) -> tuple[SourceRef, ...]:
    """The sources of a measured figure: what was measured and the snapshot of the day. Two references, so that a month of
    them sums to its lots and days, not to their product."""
    return (SourceRef(kind, key), SourceRef("snapshot", day.isoformat()))


def product_of(instrument: str) -> str:
    """The product of a canonical instrument: `SHFE.cu2605` and the option `SHFE.cu2605C70000` are both `SHFE.cu`. A
    spread or an unknown code stands for itself."""
    parts = parse_instrument(instrument)
    return instrument if parts is None else f"{parts.exchange}.{parts.product}"
