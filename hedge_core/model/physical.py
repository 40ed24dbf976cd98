"""Physical business: contract lines, inventory lots and the masters they refer to. Quantities in the commodity's base unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from hedge_core.model.identity import ExternalRef


class Side(StrEnum):
    """Whether we buy (long the price once priced) or sell."""

    PURCHASE = "purchase"
    SALE = "sale"


class PricingKind(StrEnum):
    """How a line gets its price: fixed already (一口价), to be priced (后点价), average (均价), fixed basis (均基差)."""

    PRICED = "priced"
    FLOATING = "floating"
    AVERAGE = "average"
    BASIS = "basis"


class LineStatus(StrEnum):
    """State on the ERP's side. Only OPEN lines carry an open quantity."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ContractLine:
    """One line of a purchase or sale contract (合同行).

    Quantities are non-negative, in `unit` = the commodity's base unit. `price` is per base unit in `currency`, excluding
    VAT; `vat_rate` 0.13 means 13 %. `delivery_month` is `YYYY-MM`; for a floating line it is the reference month.

    `priced` is how much of a line that is not priced as a whole has been fixed so far. `closed_rest` will never be
    delivered; `tolerance` is the share of `ordered` (0.05: ±5 %) that may come more or less. `shipped` and `invoiced` are
    None where the ERP does not say.
    """

    ref: ExternalRef
    contract_no: str
    line_no: int
    side: Side
    partner: str
    material: str
    commodity: str
    contract_date: date
    delivery_date: date | None
    delivery_month: str
    unit: str
    ordered: Decimal
    delivered: Decimal
    returned: Decimal
    status: LineStatus
    pricing: PricingKind
    price: Decimal | None
    premium: Decimal | None
    reference: str | None
    currency: str
    vat_rate: Decimal
    modified_at: datetime | None
    priced: Decimal | None = None
    closed_rest: Decimal = Decimal(0)
    tolerance: Decimal = Decimal(0)
    shipped: Decimal | None = None
    invoiced: Decimal | None = None

    @property
    def open_quantity(self) -> Decimal:
        """Ordered − delivered + returned − closed rest, never below zero; nothing on a line that is not open."""
        if self.status is not LineStatus.OPEN:
            return Decimal(0)
        return max(Decimal(0), self.ordered - self.delivered + self.returned - self.closed_rest)


class LotKind(StrEnum):
    """A standard warehouse receipt (标准仓单) or a non-standard one (非标); always said which."""

    STANDARD = "standard"
    NON_STANDARD = "non_standard"


@dataclass(frozen=True, slots=True)
class InventoryLot:
    """Goods on hand (库存批次). `ours` is False for goods of another owner (consigned, tolling in): shown, never exposure.

    Ours at a processor (tolling out) are `ours` with the processor as `holder`. `transit_line` names the purchase line on
    which goods on their way are still open: they are counted there and not as stock."""

    ref: ExternalRef
    material: str
    commodity: str
    warehouse: str
    lot_no: str
    owner: str
    ours: bool
    kind: LotKind
    unit: str
    quantity: Decimal
    holder: str = ""
    transit_line: str = ""


class MasterKind(StrEnum):
    """Master data that an ERP can be asked for."""

    MATERIAL = "material"
    PARTNER = "partner"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Master:
    """A material, partner or account of the ERP. `attributes` are sorted (name, value) pairs."""

    ref: ExternalRef
    kind: MasterKind
    code: str
    name: str
    active: bool
    attributes: tuple[tuple[str, str], ...] = ()
