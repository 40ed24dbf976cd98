"""The hedge relationship: an accounting designation of instruments to an item, with approval and no back-dating."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hedge_core.accounting.rule_sets import TERMS, RuleSet
from hedge_core.errors import RuleBroken
from hedge_core.model.vouchers import SourceRef
from messages import Message


class HedgeType(StrEnum):
    """Fair value hedge or cash flow hedge."""

    FAIR_VALUE = "fair_value"
    CASH_FLOW = "cash_flow"


class ItemKind(StrEnum):
    """What is hedged."""

    INVENTORY = "inventory"
    FIRM_PURCHASE = "firm_purchase"
    FIRM_SALE = "firm_sale"
    FORECAST_PURCHASE = "forecast_purchase"
    FORECAST_SALE = "forecast_sale"

    @property
    def hedge_type(self) -> HedgeType:
        """A commodity firm commitment is hedged for fair value only, a forecast transaction for cash flow only."""
        forecast = (ItemKind.FORECAST_PURCHASE, ItemKind.FORECAST_SALE)
        return HedgeType.CASH_FLOW if self in forecast else HedgeType.FAIR_VALUE

    @property
    def sign(self) -> int:
        """+1 if the company gains when the price rises. A fixed-price purchase not yet received gains, a purchase still
        to be priced loses."""
        gains = (ItemKind.INVENTORY, ItemKind.FIRM_PURCHASE, ItemKind.FORECAST_SALE)
        return 1 if self in gains else -1


@dataclass(frozen=True, slots=True)
class HedgedItem:
    """The item as designated: quantity in the commodity's base unit, carrying amount in the book's currency (0 unless it
    is inventory), and the price per unit without VAT from which its change is counted."""

    kind: ItemKind
    commodity: str
    quantity: Decimal
    carrying_amount: Decimal
    price: Decimal
    sources: tuple[SourceRef, ...] = ()


@dataclass(frozen=True, slots=True)
class InstrumentShare:
    """Lots of one position lot designated from a day on. A lot opened on that day counts from its opening price, an older
    one from that day's settlement."""

    lot_id: str
    lots: int
    from_day: date


@dataclass(frozen=True, slots=True)
class HedgeRelationship:
    """A designation (套期关系). `rule_set` is the relationship's own choice; `document` names the designation file."""

    relationship_id: str
    rule_set: RuleSet
    item: HedgedItem
    instruments: tuple[InstrumentShare, ...]
    designated_on: date
    approved_by: str
    approved_on: date
    document: str = ""

    @property
    def hedge_type(self) -> HedgeType:
        return self.item.kind.hedge_type

    def with_instrument(self, share: InstrumentShare) -> HedgeRelationship:
        """The relationship with one more instrument: the next leg of a documented roll, or more of it."""
        return replace(self, instruments=(*self.instruments, share))

    def problems(self) -> list[RuleBroken]:
        """Every rule of designation that does not hold; empty when the relationship may be measured."""
        name = self.relationship_id
        found: list[RuleBroken] = []

        def broken(rule: str, reason: Message) -> None:
            found.append(RuleBroken(rule, name, reason))

        if not TERMS[self.rule_set].hedge_accounting:
            broken("designation_rule_set", Message("accounting.no_hedge_accounting", {"rule_set": self.rule_set.value}))
        if not self.approved_by:
            broken("designation_approval", Message("accounting.not_approved"))
        if self.approved_on > self.designated_on:
            broken(
                "designation_backdated",
                Message("accounting.approved_later", {"day": self.designated_on, "approved": self.approved_on}),
            )
        if self.item.quantity <= 0:
            broken("designation_quantity", Message("accounting.item_quantity", {"quantity": self.item.quantity}))
        if not self.instruments:
            broken("designation_instrument", Message("accounting.no_instrument"))
        for share in self.instruments:
            if share.lots <= 0:
                broken("designation_lots", Message("accounting.share_lots", {"lot": share.lot_id, "lots": share.lots}))
            if share.from_day < self.designated_on:
                broken(
                    "designation_backdated",
                    Message("accounting.share_backdated", {"lot": share.lot_id, "day": self.designated_on}),
                )
        for lot_id, times in Counter(share.lot_id for share in self.instruments).items():
            if times > 1:
                broken("designation_lots", Message("accounting.share_twice", {"lot": lot_id}))
        return found


@dataclass(frozen=True, slots=True)
class ItemMovement:
    """Part of a hedged item leaves the hedge on a business date: inventory sold, goods bought or sold under the
    commitment or the forecast. `net` (without VAT) and `vat` let us expect the ERP's entry; None: no expectation."""

    relationship_id: str
    day: date
    quantity: Decimal
    net: Decimal | None = None
    vat: Decimal = Decimal(0)
    sources: tuple[SourceRef, ...] = ()


@dataclass(frozen=True, slots=True)
class HedgeStop:
    """Hedge accounting ends (终止). `expected`: the forecast transaction is still expected, so its reserve waits; a later
    stop with False sends the waiting reserve to profit or loss. `sources` carry the reason's document."""

    relationship_id: str
    day: date
    expected: bool = True
    sources: tuple[SourceRef, ...] = ()
