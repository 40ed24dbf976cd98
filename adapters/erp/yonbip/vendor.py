"""YonBIP's own habits: paths, names in answers, document states, and what differs from one tenant to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hedge_core.model.vouchers import Stage

ORDER_PATHS: Final[Mapping[str, str]] = {
    "sale_line": "yonbip/sd/voucherorder/list",
    "purchase_line": "yonbip/scm/purchaseorder/list",
}
STOCK_PATH: Final = "yonbip/scm/stock/QueryCurrentStocksByCondition"
ADD_VOUCHER_PATH: Final = "yonbip/fi/ficloud/openapi/voucher/addVoucher"
QUERY_VOUCHERS_PATH: Final = "yonbip/fi/ficloud/openapi/voucher/queryVouchers"

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
    `lookup_months` is how far back a voucher is looked for by its reference alone."""

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
    stock_key: tuple[str, ...] = STOCK_KEY
    page_rows: int = 500
    overlap_minutes: int = 10
    lookup_months: int = 3
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        """Somebody must have made a voucher; a page has rows; a field is one of those that are read."""
        if not (self.maker_mobile or self.maker_email):
            raise ValueError("maker_mobile or maker_email must be given")
        if self.page_rows < 1 or self.lookup_months < 1:
            raise ValueError("page_rows and lookup_months must be at least 1")
        if unknown := set(self.voucher_fields) - set(VOUCHER_FIELDS):
            raise ValueError(f"voucher_fields does not know {', '.join(sorted(unknown))}")

    def place(self, name: str) -> str:
        """The dotted path of one thing in an answer of `queryVouchers`."""
        return self.voucher_fields.get(name, VOUCHER_FIELDS[name])
