"""The members of a designation file as they may stand there; anything else is refused by name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from hedge_core.accounting.relationships import (
    Excluded,
    HedgeType,
    ItemKind,
    RebalanceForm,
    Related,
    Risk,
    StopReason,
)
from hedge_core.accounting.rule_sets import RuleSet


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every object of the file is."""


class FillRef(Part, frozen=True, forbid_unknown_fields=True):
    account: str
    trading_day: date
    exchange: str
    fill_id: str
    direction: str
    lots: int
    from_day: date | None = None

    @property
    def lot_id(self) -> str:
        day = self.trading_day.strftime("%Y%m%d")
        return f"{self.account}/{day}/{self.exchange}/{self.fill_id}/{self.direction}"


class Sale(Part, frozen=True, forbid_unknown_fields=True):
    sold_on: date
    quantity: Decimal
    net_amount: Decimal | None = None
    vat: Decimal = Decimal(0)
    document: str = ""
    contract_line: str = ""
    member: str = ""
    delivery: bool = False
    erp_cost: Decimal | None = None
    unit: str = ""
    spot_price_ex_vat: Decimal | None = None
    closing_fills: tuple[FillRef, ...] = ()


class Ended(Part, frozen=True, forbid_unknown_fields=True):
    discontinued_on: date
    reason: StopReason | None = None
    expected: bool = True
    no_longer_expected_on: date | None = None
    quantity: Decimal | None = None
    unit: str = ""
    spot_price_ex_vat: Decimal | None = None
    closing_fills: tuple[FillRef, ...] = ()


class Rebalanced(Part, frozen=True, forbid_unknown_fields=True):
    day: date
    form: RebalanceForm
    reason: str
    instrument: FillRef | None = None
    quantity: Decimal = Decimal(0)
    carrying_amount_total: Decimal = Decimal(0)
    expected: bool = True


class Member(Part, frozen=True, forbid_unknown_fields=True):
    name: str
    item: ItemKind
    quantity: Decimal
    price: Decimal
    carrying_amount_total: Decimal = Decimal(0)


class Value(Part, frozen=True, forbid_unknown_fields=True):
    day: date
    actual: Decimal
    aligned: Decimal


class LeftOut(Part, frozen=True, forbid_unknown_fields=True):
    element: Excluded
    related: Related
    actual: Decimal
    aligned: Decimal
    first_day: date
    last_day: date
    values: tuple[Value, ...] = ()


class Forecast(Part, frozen=True, forbid_unknown_fields=True):
    first_day: date
    last_day: date
    quantity: Decimal
    why_probable: str


class Loss(Part, frozen=True, forbid_unknown_fields=True):
    day: date
    amount: Decimal
    reason: str


class File(Part, frozen=True, forbid_unknown_fields=True):
    relationship_id: str
    designated_on: date
    approved_on: date
    approved_by: str
    commodity: str
    quantity: Decimal
    carrying_amount_total: Decimal
    spot_price_ex_vat: Decimal
    instruments: tuple[FillRef, ...]
    item: ItemKind = ItemKind.INVENTORY
    rule_set: RuleSet = RuleSet.CAS24
    document: str = ""
    sales: tuple[Sale, ...] = ()
    discontinued: Ended | None = None
    # the hedged item, closer
    hedge_type: HedgeType | None = None
    risk: Risk = Risk.PRICE
    net_position: tuple[Member, ...] = ()
    material: str = ""
    unit: str = ""
    currency: str = ""
    carrying_amount: Decimal | None = None
    contract_line: str = ""
    # what changes on the way
    rebalancing: tuple[Rebalanced, ...] = ()
    reserve_losses: tuple[Loss, ...] = ()
    excluded: LeftOut | None = None
    forecast: Forecast | None = None
    # the documentation itself
    strategy: str = ""
    objective: str = ""
    hedged_risk: str = ""
    component: str = ""
    economic_relationship: str = ""
    credit_risk: str = ""
    hedge_ratio: str = ""
    hedge_ratio_source: str = ""
    ineffectiveness_sources: str = ""
    measurement_method: str = ""
    roll_policy: str = ""
    discount_curve: str = ""


DOCUMENTATION = (
    "strategy", "objective", "hedged_risk", "component", "economic_relationship", "credit_risk", "hedge_ratio",
    "hedge_ratio_source", "ineffectiveness_sources", "measurement_method", "roll_policy", "discount_curve",
)  # fmt: skip
"""Members that are text for people: printed, and otherwise only looked at for being there."""
