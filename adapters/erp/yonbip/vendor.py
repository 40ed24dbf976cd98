"""YonBIP's own habits: paths, names in answers, document states, and what differs from one tenant to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hedge_core.model.vouchers import Stage

ORDER_PATHS: Final[Mapping[str, str]] = {
    "sale_line": "yonbip/sd/voucherorder/list",
    "purchase_line": "yonbip/scm/purchaseorder/list",
}
STOCK_PATH: Final = "yonbip/scm/stock/QueryCurrentStocksByCondition"
ADD_VOUCHER_PATH: Final = "yonbip/fi/ficloud/openapi/voucher/addVoucher"
QUERY_VOUCHERS_PATH: Final = "yonbip/fi/ficloud/openapi/voucher/queryVouchers"

MASTER_PATHS: Final[Mapping[str, str]] = {
    "material": "yonbip/digitalModel/product/listproductbycondition",
    "customer": "yonbip/digitalModel/merchant/newlist",
    "supplier": "yonbip/digitalModel/vendor/list",
    "account": "yonbip/AMP/fipub/basedoc/querybd/accsubjectByPager",
}
"""Published lists of master data. The customers' answers are a plain array without a count, the others are paged lists."""

PLAIN_LISTS: Final = frozenset({"customer"})
ACCOUNT_FIELDS: Final = ("id", "code", "name", "multidimension", "mnemoniccode")
"""What the list of accounts is asked for."""

NOTE_CALLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sale_line": {
        "path": "yonbip/sd/api/updateDefinesInfo",
        "holder": "datas",
        "lines": "definesInfo",
        "line": "detailIds",
        "line_from": "orderDetailId",
        "body": {"billnum": "voucher_order"},
        "head_values": {"code": "=code"},
        "line_values": {"isHead": False, "isFree": False},
    },
    "purchase_line": {
        "path": "yonbip/scm/purchaseorder/updateDefinesInfo",
        "holder": "datas",
        "lines": "definesInfo",
        "line": "detailIds",
        "line_from": "purchaseOrders_id",
        "line_values": {"isHead": False, "isFree": False},
    },
}
"""The calls by which public programs change one free item of an order; the free item itself has no default."""

STAMPS: Final = frozenset({"pubts", "pubuts", "modifier", "modifierId", "modifyDate", "modifyTime"})
"""What every save of an order changes: times of change and the person."""

STAGE_OF_STATUS: Final[Mapping[str, Stage]] = {
    "00": Stage.SAVED,  # draft
    "01": Stage.SAVED,
    "03": Stage.AUDITED,
    "04": Stage.POSTED,
}
WITHOUT_EFFECT: Final = frozenset({"02", "05"})
"""Faulty and void: they stand in the list and not in the ledger. Their key is spent all the same."""

VOUCHER_FIELDS: Final[Mapping[str, str]] = {
    "id": "header.id",
    "number": "header.billcode",
    "status": "header.voucherstatus",
    "date": "header.maketime",
    "reference": "header.businessid",
    "account": "accsubject.code",
    "debit": "debit_org",
    "credit": "credit_org",
}
"""Where `queryVouchers` says what: the first five in a record, the others in a line of its `body`. That keys are in lower case
is published, not all of their names are: each can be configured, and a check reads them on a voucher that is there."""

STOCK_KEY: Final = ("org", "warehouse", "product", "productsku", "batchno", "stockStatusDoc")
"""What makes a stock row the same row tomorrow: it has no document number of its own."""


@dataclass(frozen=True, slots=True)
class YonBipOptions:
    """What varies by tenant and is configured per connection; nothing here is a constant of the product.

    `maker_mobile` or `maker_email` name the user in whose name vouchers are made. `dimensions` maps our dimension names to
    codes of auxiliary types (辅助核算), `currencies` our ISO codes to the tenant's; `voucher_fields` replaces entries of
    `VOUCHER_FIELDS`; `line_field` and `changed_field` name a row's line number and its time of change in the order lists;
    `lookup_months` is how far back a voucher is looked for by its reference alone; `hedge_note` names by kind of order the free
    item of the hedge note, and the call where it is another than in `NOTE_CALLS`; `master_paths` replaces addresses."""

    account_book: str
    voucher_type: str
    maker_mobile: str = ""
    maker_email: str = ""
    source_system: str = "figl"
    rate_type: str = "01"
    currencies: Mapping[str, str] = field(default_factory=lambda: {"CNY": "CNY"})
    dimensions: Mapping[str, str] = field(default_factory=dict)
    voucher_fields: Mapping[str, str] = field(default_factory=dict)
    line_field: str = "lineno"
    changed_field: str = "pubts"
    master_paths: Mapping[str, str] = field(default_factory=dict)
    stock_key: tuple[str, ...] = STOCK_KEY
    page_rows: int = 500
    overlap_minutes: int = 10
    lookup_months: int = 3
    hedge_note: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        """Somebody must have made a voucher; a page has rows; a field is one of those that are read."""
        if not (self.maker_mobile or self.maker_email):
            raise ValueError("maker_mobile or maker_email must be given")
        if self.page_rows < 1 or self.lookup_months < 1:
            raise ValueError("page_rows and lookup_months must be at least 1")
        if unknown := set(self.voucher_fields) - set(VOUCHER_FIELDS):
            raise ValueError(f"voucher_fields does not know {', '.join(sorted(unknown))}")
        if unknown := set(self.master_paths) - set(MASTER_PATHS):
            raise ValueError(f"master_paths does not know {', '.join(sorted(unknown))}")

    def place(self, name: str) -> str:
        """The dotted path of one thing in an answer of `queryVouchers`."""
        return self.voucher_fields.get(name, VOUCHER_FIELDS[name])
