"""Odoo's own habits: models, field names by release, states, and what differs from one database to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hedge_core.model.vouchers import Stage

MOVE: Final = "account.move"
MOVE_LINE: Final = "account.move.line"

EXTERNAL_ID_MODULE: Final = "hedgebridge"
"""Module part of our external ids. Not the name of an installable module: Odoo deletes a module's ids with its upgrades."""

STAGE_OF_STATE: Final = {"draft": Stage.SAVED, "posted": Stage.POSTED}
CANCELLED: Final = "cancel"

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "product_uom_id": ("product_uom_id", "product_uom"),  # order lines up to 18
    "tax_ids": ("tax_ids", "tax_id", "taxes_id"),  # sale and purchase lines up to 18
    "active": ("active", "deprecated"),  # accounts up to 18; the sense turns round
}
"""Names of 19 -> what releases call them, newest first. Mapping specs are written in the names of 19."""

TURNED: Final = frozenset({"deprecated"})
"""Booleans whose sense is the opposite of the newer name's."""

LOCK_FIELDS: Final = ("fiscalyear_lock_date", "period_lock_date", "hard_lock_date")
"""Lock dates of a company that concern a general entry, by release; an entry before one is moved without a word."""

PRECISION_NAMES: Final = ("Product Unit", "Product Unit of Measure")


@dataclass(frozen=True, slots=True)
class Part:
    """A record that goes with a row: under which prefix its fields appear, its model, and the many2one that leads to it
    (`order.partner_id`: a field of another part). `kept`: read once per pull."""

    prefix: str
    model: str
    via: str
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """What is read for one kind of record: the model, and the parts that go with each row, in reading order."""

    kind: str
    model: str
    parts: tuple[Part, ...] = ()
    domain: tuple[object, ...] = ()
    company: bool = True
    open_states: tuple[str, ...] = ()


_PRODUCT: Final = Part("product", "product.product", "product_id")
_PARTNER: Final = Part("partner", "res.partner", "order.partner_id")
_GOODS: Final = (("display_type", "=", False),)
"""Sections and notes are lines too; they carry no goods."""

ORDER_SOURCES: Final = (
    Source(
        "sale_line",
        "sale.order.line",
        (Part("order", "sale.order", "order_id", kept=False), _PARTNER, _PRODUCT),
        _GOODS,
        open_states=("sale", "done"),
    ),
    Source(
        "purchase_line",
        "purchase.order.line",
        (Part("order", "purchase.order", "order_id", kept=False), _PARTNER, _PRODUCT),
        _GOODS,
        open_states=("purchase", "done"),
    ),
)
"""`done` is a locked order up to 18: still to be delivered."""

STOCK_SOURCE: Final = Source(
    "stock",
    "stock.quant",
    (
        _PRODUCT,
        Part("location", "stock.location", "location_id"),
        Part("warehouse", "stock.warehouse", "location.warehouse_id"),
        Part("owner", "res.partner", "owner_id"),
    ),
    (("location_id.usage", "=", "internal"),),
)

MATERIAL_SOURCE: Final = Source("material", "product.product", company=False)
PARTNER_SOURCE: Final = Source("partner", "res.partner", domain=(("parent_id", "=", False),), company=False)
ACCOUNT_SOURCE: Final = Source("account", "account.account", company=False)


@dataclass(frozen=True, slots=True)
class OdooOptions:
    """What varies by database and is configured per connection.

    `journal` is the code of the journal that only we post to. `dimensions` says where a voucher line's dimension goes:
    `partner` (its value is the partner's internal reference) or `label` (added to the line's label). `days_ahead`: how far
    in the future a voucher may be dated, because Odoo posts it at once. `names_lang`: language of master data names.
    `quantity_digits`: decimals that quantities need (3: kilograms in a tonne)."""

    company_id: int
    journal: str
    target_stage: Stage = Stage.POSTED
    dimensions: Mapping[str, str] = field(default_factory=dict)
    zone: str = "Asia/Shanghai"
    days_ahead: int = 7
    names_lang: str = "en_US"
    quantity_digits: int = 3
    page_rows: int = 1000
    overlap_minutes: int = 10
