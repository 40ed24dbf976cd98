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


class Risk(StrEnum):
    """The risk of the item that is hedged: its price, or the exchange rate of the currency it is agreed in. For the latter
    the item's `commodity` is the currency, its quantity an amount in it, and its price the rate."""

    PRICE = "price"
    CURRENCY = "currency"


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

    @property
    def bought(self) -> bool:
        """The company buys: what was gained or lost on it goes into the cost of the goods."""
        return self in (ItemKind.FIRM_PURCHASE, ItemKind.FORECAST_PURCHASE)


@dataclass(frozen=True, slots=True)
class NetMember:
    """One side of a net position: the same fields as an item, under a name that its movements use."""

    name: str
    kind: ItemKind
    quantity: Decimal
    price: Decimal
    carrying_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class HedgedItem:
    """The item as designated: quantity in the commodity's base unit, carrying amount in the book's currency (0 unless it
    is inventory), and the price per unit without VAT from which its change is counted.

    `members` makes it a net position: `kind` is then the side that outweighs and `quantity` the net of both sides; zero is
    a nil net position, whose sides hedge each other (IFRS 9 6.6.6 / CAS 24) and whose `kind` is either side's.
    `treated_as` is the choice between fair value and cash flow hedge that only the currency of a commitment leaves."""

    kind: ItemKind
    commodity: str
    quantity: Decimal
    carrying_amount: Decimal
    price: Decimal
    sources: tuple[SourceRef, ...] = ()
    risk: Risk = Risk.PRICE
    members: tuple[NetMember, ...] = ()
    treated_as: HedgeType | None = None

    @property
    def hedge_type(self) -> HedgeType:
        return self.treated_as or self.kind.hedge_type

    @property
    def sign(self) -> int:
        """+1 if the company gains when the price (or the rate) rises."""
        return self.sign_of(self.kind)

    def sign_of(self, kind: ItemKind) -> int:
        """As `sign`, for one side. Money to be paid in a currency loses when it rises, whether the price is fixed or not."""
        if self.risk is Risk.CURRENCY:
            return -1 if kind.bought else 1
        return kind.sign

    @property
    def is_nil(self) -> bool:
        """A net position of nothing: designated without an instrument."""
        return bool(self.members) and self.quantity == 0

    def problem(self) -> Message | None:
        """Why the item cannot be hedged so; None when it can."""
        if self.quantity <= 0 and not self.is_nil:
            return Message("accounting.item_quantity", {"quantity": self.quantity})
        firm = self.kind in (ItemKind.FIRM_PURCHASE, ItemKind.FIRM_SALE)
        if self.hedge_type is not self.kind.hedge_type and not (firm and self.risk is Risk.CURRENCY):
            return Message("accounting.item_hedge_type", {"kind": self.kind.value, "type": self.hedge_type.value})
        if not self.members:
            return None
        net = sum((self.sign_of(member.kind) * member.quantity for member in self.members), Decimal(0))
        if min(member.quantity for member in self.members) <= 0 or net != self.sign * self.quantity:
            return Message("accounting.net_quantity", {"net": net, "stated": self.sign * self.quantity})
        if len({member.name for member in self.members}) != len(self.members):
            return Message("accounting.net_names")
        if any(member.kind.hedge_type is not self.kind.hedge_type for member in self.members):
            return Message("accounting.net_mixed")
        if self.hedge_type is HedgeType.CASH_FLOW and self.risk is not Risk.CURRENCY:
            return Message("accounting.net_cash_flow")
        return None


class StopReason(StrEnum):
    """Why hedge accounting ends. All but the last are mandatory reasons; a documented roll is none of them."""

    OBJECTIVE_CHANGED = "objective_changed"
    INSTRUMENT_CLOSED = "instrument_closed"
    NO_ECONOMIC_RELATIONSHIP = "no_economic_relationship"
    CREDIT_RISK = "credit_risk"
    NOT_EFFECTIVE = "not_effective"
    NO_LONGER_EXPECTED = "no_longer_expected"
    ITEM_GONE = "item_gone"
    VOLUNTARY = "voluntary"


class Excluded(StrEnum):
    """The element of an instrument that a designation may leave out."""

    TIME_VALUE = "time_value"
    FORWARD_ELEMENT = "forward_element"
    CURRENCY_BASIS = "currency_basis"


class Related(StrEnum):
    """How the excluded element is released: with the transaction; spread over the period; or not deferred at all."""

    TRANSACTION = "transaction"
    PERIOD = "period"
    PROFIT = "profit"


@dataclass(frozen=True, slots=True)
class ExcludedElement:
    """What is left out, as designated: value of the element held (`actual`) and of one whose terms match the item exactly
    (`aligned`), in the book's currency; the days over which a period-related element is spread."""

    kind: Excluded
    related: Related
    actual: Decimal
    aligned: Decimal
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class InstrumentShare:
    """Lots of one position lot designated from a day on. A lot opened on that day counts from its opening price, an older
    one from that day's settlement."""

    lot_id: str
    lots: int
    from_day: date


@dataclass(frozen=True, slots=True)
class HedgeRelationship:
    """A designation (套期关系). `rule_set` is the relationship's own choice; `document` names the designation file.

    `roll_policy` is the documented strategy under which a later leg replaces an earlier one: empty means that none is
    documented, so that no leg may follow; None means that the documentation is kept elsewhere. `excluded` is the element of
    the instrument left out of the designation. `forecast_end`: last day of the stated period of a forecast transaction."""

    relationship_id: str
    rule_set: RuleSet
    item: HedgedItem
    instruments: tuple[InstrumentShare, ...]
    designated_on: date
    approved_by: str
    approved_on: date
    document: str = ""
    roll_policy: str | None = None
    excluded: ExcludedElement | None = None
    forecast_end: date | None = None

    @property
    def hedge_type(self) -> HedgeType:
        return self.item.hedge_type

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
        if (wrong := self.item.problem()) is not None:
            broken("designation_quantity", wrong)
        if self.item.members and not TERMS[self.rule_set].net_positions:
            broken("designation_net", Message("accounting.net_unknown", {"rule_set": self.rule_set.value}))
        if self.roll_policy == "" and any(share.from_day > self.designated_on for share in self.instruments):
            broken("designation_roll", Message("accounting.roll_not_documented"))
        if self.item.is_nil and self.instruments:
            broken("designation_instrument", Message("accounting.nil_instrument"))
        if self.item.is_nil and self.roll_policy == "":
            broken("designation_roll", Message("accounting.nil_strategy"))
        if not self.instruments and not self.item.is_nil:
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
    commitment or the forecast. `net` (without VAT) and `vat` let us expect the ERP's entry; None: no expectation.

    `member` names the side of a net position. `delivery`: the goods went through the exchange, so the invoice is settled
    through the broker. `booked_cost`: cost of sales that the ERP has booked from stock already; ours is the difference."""

    relationship_id: str
    day: date
    quantity: Decimal
    net: Decimal | None = None
    vat: Decimal = Decimal(0)
    sources: tuple[SourceRef, ...] = ()
    member: str = ""
    delivery: bool = False
    booked_cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class HedgeStop:
    """Hedge accounting ends (终止). `expected`: the forecast transaction is still expected, so its reserve waits; a later
    stop with False sends the waiting reserve to profit or loss. `sources` carry the reason's document. A `reason` of None
    was not said; `voluntary` is refused where the rule set knows no voluntary stop."""

    relationship_id: str
    day: date
    expected: bool = True
    sources: tuple[SourceRef, ...] = ()
    reason: StopReason | None = None


class RebalanceForm(StrEnum):
    """The four forms of rebalancing (再平衡)."""

    MORE_INSTRUMENT = "more_instrument"
    LESS_INSTRUMENT = "less_instrument"
    MORE_ITEM = "more_item"
    LESS_ITEM = "less_item"


@dataclass(frozen=True, slots=True)
class Rebalance:
    """The hedge ratio is adjusted: the relationship is measured first, and no form touches the reserve.

    More of either counts from the day's prices. Fewer instruments: that share of fair value leaves hedge accounting. Less
    item: that part is discontinued; `expected` says whether its transaction still is. Instruments give `lot_id` and `lots`,
    items `quantity` and, for inventory, `carrying_amount`."""

    relationship_id: str
    day: date
    form: RebalanceForm
    lot_id: str = ""
    lots: int = 0
    quantity: Decimal = Decimal(0)
    carrying_amount: Decimal = Decimal(0)
    expected: bool = True
    sources: tuple[SourceRef, ...] = ()


@dataclass(frozen=True, slots=True)
class ReserveLoss:
    """A loss in the reserve that is not expected to be recovered goes to profit or loss at once; `amount` is positive."""

    relationship_id: str
    day: date
    amount: Decimal
    sources: tuple[SourceRef, ...] = ()
