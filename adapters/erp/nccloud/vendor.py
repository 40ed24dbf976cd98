"""NC Cloud's own habits: paths, names in documents, and what differs from one installation to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hedge_core.model.vouchers import Stage


@dataclass(frozen=True, slots=True)
class OrderKind:
    """A kind of order line: where its documents are asked for, the names of head and lines in a document, and of both ids."""

    kind: str
    path: str
    head: str
    lines: str
    document_id: str
    line_id: str


ORDER_KINDS: Final = (
    OrderKind(
        "sale_line", "nccloud/api/so/saleorder/query", "so_saleorder", "so_saleorder_b", "csaleorderid", "csaleorderbid"
    ),
    OrderKind("purchase_line", "nccloud/api/pu/order/query", "po_order", "po_order_b", "pk_order", "pk_order_b"),
)
"""The names of head and lines are those of the calls that save such documents; the addresses of the queries are not published."""

STOCK_PATH: Final = "nccloud/api/ic/onhand/query"
VOUCHER_INSERT: Final = "nccloud/api/gl/voucher/insert"
VOUCHER_QUERY: Final = "nccloud/api/gl/voucher/query"

MASTER_PATHS: Final[Mapping[str, str]] = {
    "material": "nccloud/api/uapbd/materialmanage/material/query",
    "customer": "nccloud/api/uapbd/customermanage/customer/query",
    "supplier": "nccloud/api/uapbd/suppliermanage/supplier/query",
    "account": "nccloud/api/uapbd/accountmanage/account/query",
}
"""Lists of master data. Only the beginning of such addresses is public: each is an option, and a check calls it."""

MASTER_KEYS: Final[Mapping[str, str]] = {
    "material": "pk_material", "customer": "pk_customer", "supplier": "pk_supplier", "account": "pk_account",
}  # fmt: skip
"""What makes a master the same master tomorrow: columns of the master tables."""

STAMPS: Final = frozenset({"head_ts", "ts", "head_modifiedtime", "head_modifier"})
"""What every save of an order changes: times of change and the person."""

STOCK_KEY: Final = ("pk_org", "cwarehouseid", "cmaterialid", "vbatchcode", "cstateid")
"""What makes a stock row the same row tomorrow: organisation, warehouse, material, batch and stock status."""

VOUCHER_FIELDS: Final[Mapping[str, str]] = {
    "id": "pk_voucher",
    "number": "num",
    "date": "prepareddate",
    "lines": "detail",
    "checked": "pk_checked",
    "posted": "pk_manager",
    "void": "discardflag",
    "account": "accountCode",
    "debit": "localdebitamount",
    "credit": "localcreditamount",
}
"""Where a voucher of the query says what: the first seven in its head, the others in a line. Lines bear the names of the call
that saves them; the others are columns of the ledger's tables. None of it is published for a query."""

STAGES: Final = (("posted", Stage.POSTED), ("checked", Stage.AUDITED))
VOID: Final = frozenset({"Y", "y", "true", "True", "1"})
EMPTY: Final = frozenset({"", "~", "None"})
"""How NC says that nothing is there."""


@dataclass(frozen=True, slots=True)
class NcCloudOptions:
    """What varies by installation and is configured per connection; nothing here is a constant of the product.

    `account_book` is the code of the accounting book (核算账簿), `voucher_type` that of the type, `maker` that of the person.
    `reference_field` is the free item of a voucher line that carries our reference. `voucher_number` is what is sent as `num`,
    which the interface demands: 0 leaves the numbering to NC. `dimensions` maps our names to codes of auxiliary types,
    `cash_flow_field` names the item of a cash flow. `paths` and `order_names` replace addresses and names by kind, `conditions`
    is merged into every query of a kind (`sale_line`, `purchase_line`, `stock`, `voucher`); `page_index` and `page_size` are
    the names of the paging parameters, `rows` and `total` the members of an answer that is an object and no plain list.
    `master_envelope`: `ufinterface` wraps a query of masters as public programs do, with pages counted from 0; `plain` asks like
    everywhere else. `master_keys` names a master's key by kind. `hedge_note` describes by kind of order the call that writes the
    hedge note: none is public."""

    account_book: str
    voucher_type: str
    maker: str
    reference_field: str = "freevalue1"
    voucher_number: int = 0
    group_amounts: bool = True
    amounts_as_text: bool = False
    unit_code: str = ""
    currencies: Mapping[str, str] = field(default_factory=lambda: {"CNY": "CNY"})
    dimensions: Mapping[str, str] = field(default_factory=dict)
    cash_flow_field: str = "cashflowCode"
    paths: Mapping[str, str] = field(default_factory=dict)
    order_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    voucher_fields: Mapping[str, str] = field(default_factory=dict)
    page_index: str = "pageIndex"
    page_size: str = "pageSize"
    rows: str = "rows"
    total: str = "total"
    master_envelope: str = "ufinterface"
    master_keys: Mapping[str, str] = field(default_factory=dict)
    stock_key: tuple[str, ...] = STOCK_KEY
    page_rows: int = 200
    lookup_months: int = 3
    hedge_note: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        """Pages have rows, months are looked back, and every name that is replaced is one that is used."""
        if self.page_rows < 1 or self.lookup_months < 1:
            raise ValueError("page_rows and lookup_months must be at least 1")
        if self.master_envelope not in ("ufinterface", "plain"):
            raise ValueError("master_envelope must be ufinterface or plain")
        kinds = {one.kind for one in ORDER_KINDS}
        for name, given, known in (
            ("voucher_fields", self.voucher_fields, set(VOUCHER_FIELDS)),
            ("paths", self.paths, kinds | {"stock", "voucher", "voucher_insert", *MASTER_PATHS}),
            ("conditions", self.conditions, kinds | {"stock", "voucher", *MASTER_PATHS}),
            ("master_keys", self.master_keys, set(MASTER_PATHS)),
            ("order_names", self.order_names, kinds),
        ):
            if unknown := set(given) - known:
                raise ValueError(f"{name} does not know {', '.join(sorted(unknown))}")

    def order_kinds(self) -> tuple[OrderKind, ...]:
        """The kinds of order with this installation's paths and names."""
        found = []
        for one in ORDER_KINDS:
            names = dict(self.order_names.get(one.kind, {}))
            path = self.paths.get(one.kind, one.path)
            found.append(
                OrderKind(
                    one.kind,
                    path,
                    names.get("head", one.head),
                    names.get("lines", one.lines),
                    names.get("document_id", one.document_id),
                    names.get("line_id", one.line_id),
                )
            )
        return tuple(found)

    def path(self, name: str) -> str:
        """The address of the stock query, of the voucher query (`voucher`), of `voucher_insert` or of a master list."""
        known = {"stock": STOCK_PATH, "voucher": VOUCHER_QUERY, "voucher_insert": VOUCHER_INSERT, **MASTER_PATHS}
        return self.paths.get(name, known[name])

    def place(self, name: str) -> str:
        """The field of a voucher that says one thing."""
        return self.voucher_fields.get(name, VOUCHER_FIELDS[name])
