"""U8+'s own habits: resources, names in answers, and what differs from one customer to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hedge_core.model.vouchers import Stage


@dataclass(frozen=True, slots=True)
class OrderKind:
    """A kind of order line: the list of its documents, the resource that answers one whole, and the line's number there."""

    kind: str
    list_resource: str
    resource: str
    line_field: str


ORDER_KINDS: Final = (
    OrderKind("sale_line", "saleorderlist", "saleorder", "rowno"),
    OrderKind("purchase_line", "purchaseorderlist", "purchaseorder", "ivouchrowno"),
)
STOCK: Final = "currentstock"
STOCK_KEY: Final = ("whcode", "invcode", "batch", *(f"free{number}" for number in range(1, 11)))
"""What makes a stock row the same row tomorrow: warehouse, item, batch and the ten free items (自由项)."""

MATERIALS: Final = "inventory"
PARTNERS: Final = (("customer", "customer"), ("vendor", "supplier"))
"""Resource and mapping spec of both kinds of partner."""

VOUCHER_ADD: Final = "api/voucher/add"
VOUCHER_LINES: Final = "voucherdetails"
MAKING_SYSTEM: Final = "CDM"
"""The only making system (外部系统类型) under which U8 takes an external business number. Such a voucher cannot be changed or
deleted in U8 any more, only voided by its number."""

NOWHERE: Final = "HB-NO-SUCH-VOUCHER"
"""A reference that no voucher of ours can have: what a look-up asks for to see that the filter is obeyed."""

VOUCHER_FIELDS: Final[Mapping[str, str]] = {
    "number": "ino_id",
    "date": "date",
    "account": "code",
    "debit": "md",
    "credit": "mc",
    "checked": "ccheck",
    "posted": "cbook",
    "void": "iflag",
}
"""Where a row of `voucherdetails` says what. The first five are published; who checked, who posted and the void flag are not."""

ACCOUNTS: Final = "code"
"""The list of accounts. No page of it is public: the option `accounts_resource` replaces the name."""

STAMPS: Final = frozenset({"head_modifydate", "head_modifytime", "head_modifier", "head_timestamp", "head_ufts"})
"""What a save of an order changes: times of change and the person."""

STAGES: Final = (("posted", Stage.POSTED), ("checked", Stage.AUDITED))


@dataclass(frozen=True, slots=True)
class U8Options:
    """What varies by customer and is configured per connection; nothing here is a constant of the product.

    `voucher_type` is the sign of the voucher's type (凭证类别, such as 记), `maker` the name of the person under whose name
    vouchers are made. `voucher_road` is `openapi` or `eai`. `dimensions` maps our dimension names to auxiliary slots (`cust_id`,
    `supplier_id`, `item_id`, …), `item_class` is the class (项目大类) of what stands in `item_id`. `currencies` maps ISO codes to
    U8's names. `line_fields` names the line number by kind, `conditions` is sent with the order list of a kind,
    `voucher_fields` replaces entries of `VOUCHER_FIELDS`, `reference_parameter` is the filter of `voucherdetails` for our
    reference. `primary_amounts` also sends amounts in original currency. `hedge_note` describes by kind of order the call that
    writes the hedge note: none is public. `accounts_resource` is the resource that lists accounts; empty: none is read."""

    voucher_type: str
    maker: str
    voucher_road: str = "openapi"
    item_class: str = ""
    currencies: Mapping[str, str] = field(default_factory=lambda: {"CNY": "人民币"})
    dimensions: Mapping[str, str] = field(default_factory=dict)
    line_fields: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    voucher_fields: Mapping[str, str] = field(default_factory=dict)
    reference_parameter: str = "coutno_id"
    primary_amounts: bool = False
    accounts_resource: str = ACCOUNTS
    stock_key: tuple[str, ...] = STOCK_KEY
    page_rows: int = 200
    hedge_note: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        """A page has rows; a road is one of two; a field is one of those that are read."""
        if self.page_rows < 1:
            raise ValueError("page_rows must be at least 1")
        if self.voucher_road not in ("openapi", "eai"):
            raise ValueError("voucher_road must be openapi or eai")
        if unknown := set(self.voucher_fields) - set(VOUCHER_FIELDS):
            raise ValueError(f"voucher_fields does not know {', '.join(sorted(unknown))}")
        for name, given in (("line_fields", self.line_fields), ("conditions", self.conditions)):
            if unknown := set(given) - {one.kind for one in ORDER_KINDS}:
                raise ValueError(f"{name} does not know {', '.join(sorted(unknown))}")

    def line_field(self, kind: OrderKind) -> str:
        """The name of the line number in an order of that kind."""
        return self.line_fields.get(kind.kind, kind.line_field)

    def place(self, name: str) -> str:
        """The field of a voucher row that says one thing."""
        return self.voucher_fields.get(name, VOUCHER_FIELDS[name])
