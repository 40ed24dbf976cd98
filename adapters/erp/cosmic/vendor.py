"""Cosmic's own habits: paths, names in requests and answers, document states, and what differs from one site to the next.

Interfaces are published per object by the customer's administrator, who may also rename their parameters. Every name stands
in one table and can be replaced per connection (option `names`, and `paths` for addresses).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from adapters.erp.date_windows import Reading
from hedge_core.model.vouchers import Stage

ORDERS: Final[Mapping[str, str]] = {"sale_line": "sale", "purchase_line": "purchase"}
"""Kind of record -> prefix of its entries in `NAMES`."""

PATHS: Final[Mapping[str, str]] = {
    "sale": "kapi/v2/sm/sm_salorder/query",
    "purchase": "kapi/v2/pm/pm_purorderbill/query",
    "stock": "kapi/v2/im/getInventoryDetail",
    "material": "kapi/v2/basedata/bd_material/query",
    "customer": "kapi/v2/basedata/bd_customer/query",
    "supplier": "kapi/v2/basedata/bd_supplier/query",
    "account": "kapi/v2/basedata/bd_accountview/query",
    "vouchers": "kapi/v2/gl/gl_voucher/query",
    "save": "kapi/v2/gl/gl_voucher/save",
    "submit": "kapi/v2/gl/gl_voucher/submit",
    "audit": "kapi/v2/gl/gl_voucher/audit",
}

NAMES: Final[Mapping[str, str]] = {
    # keys in the answers: of the document, then of a line
    "sale.id": "id",
    "sale.date": "bizdate",
    "sale.changed": "modifytime",
    "sale.lines": "billentry",
    "sale.line": "id",
    "purchase.id": "id",
    "purchase.date": "bizdate",
    "purchase.changed": "modifytime",
    "purchase.lines": "billentry",
    "purchase.line": "id",
    "master.id": "id",
    # parameters of a query (option filter_in = data); the names of the stock interface are published
    "sale.from": "bizdate_start",
    "sale.to": "bizdate_end",
    "sale.since": "modifytime_start",
    "purchase.from": "bizdate_start",
    "purchase.to": "bizdate_end",
    "purchase.since": "modifytime_start",
    "stock.org": "org_number",
    "vouchers.from": "bookeddate_start",
    "vouchers.to": "bookeddate_end",
    # a voucher as it is saved: of the head, then of a line
    "save.org": "org_number",
    "save.book": "book_number",
    "save.type": "vouchertype_number",
    "save.date": "bookeddate",
    "save.bizdate": "bizdate",
    "save.summary": "vdescription",
    "save.attachments": "attachment",
    "save.lines": "entries",
    "save.line_summary": "edescription",
    "save.account": "account_number",
    "save.currency": "currency_number",
    "save.rate": "localrate",
    "save.debit": "debitori",
    "save.credit": "creditori",
    "save.local_debit": "debitlocal",
    "save.local_credit": "creditlocal",
    "save.reference": "businessnum",
    "save.dimensions": "assgrp",
    "save.cash_flow": "maincfitem_number",
    # a voucher as it is found again
    "found.id": "id",
    "found.number": "billno",
    "found.date": "bookeddate",
    "found.book": "book_number",
    "found.status": "billstatus",
    "found.posted": "ispost",
    "found.void": "iscancel",
    "found.lines": "entries",
    "found.reference": "businessnum",
    "found.account": "account_number",
    "found.debit": "debitlocal",
    "found.credit": "creditlocal",
}
"""Our word for a thing -> the site's name of it."""

NOTE_CALLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sale_line": {"path": "kapi/v2/sm/sm_salorder/save", "lines": "billentry"},
    "purchase_line": {"path": "kapi/v2/pm/pm_purorderbill/save", "lines": "billentry"},
}
"""A save that carries ids is an update, which is published; what becomes of lines and fields that it does not name is not. The
free field has no default."""

STAMPS: Final = frozenset({"head.modifytime", "head.modifier_number", "head.modifier_name", "head.lastupdatetime"})
"""What every save of an order changes: times of change and the person."""

STAGE_OF_STATUS: Final[Mapping[str, Stage]] = {"A": Stage.SAVED, "B": Stage.SUBMITTED, "C": Stage.AUDITED}
STOCK_KEY: Final = ("org_number", "warehouse_number", "material_number", "lot_number", "owner_number", "invtype_number")
"""What makes a stock row the same row tomorrow: it has no document number of its own."""

MOST_ROWS: Final = 1000
"""The published upper limit of a page."""


@dataclass(frozen=True, slots=True)
class CosmicOptions:
    """What varies by site and is configured per connection; nothing here is a constant of the product.

    `filter_in` says where a query takes its conditions: `data` (parameters) or `text` (an expression in `filter`). `dimensions`
    maps our dimension names to keys of the accounting dimensions (核算维度), `currencies` our ISO codes to the site's;
    `lookup_months` is how far back a voucher is looked for by its reference alone. `hedge_note` names by kind of order the free
    field of the hedge note, and the call where it is another than in `NOTE_CALLS`."""

    org: str
    account_book: str
    voucher_type: str
    currencies: Mapping[str, str] = field(default_factory=lambda: {"CNY": "CNY"})
    dimensions: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    filter_in: str = "data"
    target_stage: Stage = Stage.SUBMITTED
    stock_key: tuple[str, ...] = STOCK_KEY
    page_rows: int = 100
    overlap_minutes: int = 120
    lookup_months: int = 3
    history_from: str = "2010-01-01"
    hedge_note: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        """A page has 1 to 1,000 rows; history begins on a day; a name or path that is replaced is one that is used."""
        if not 1 <= self.page_rows <= MOST_ROWS or self.lookup_months < 1:
            raise ValueError(f"page_rows must be 1 to {MOST_ROWS}, lookup_months at least 1")
        if self.filter_in not in ("data", "text"):
            raise ValueError("filter_in must be data or text")
        if self.target_stage is Stage.POSTED:
            raise ValueError("target_stage must be saved, submitted or audited: posting is done by people")
        date.fromisoformat(self.history_from)
        for option, given, known in (("names", self.names, NAMES), ("paths", self.paths, PATHS)):
            if unknown := set(given) - set(known):
                raise ValueError(f"{option} does not know {', '.join(sorted(unknown))}")

    def name(self, word: str) -> str:
        """The site's name of a thing in `NAMES`."""
        return self.names.get(word, NAMES[word])

    def path(self, word: str) -> str:
        """The address of a call in `PATHS`."""
        return self.paths.get(word, PATHS[word])

    @property
    def reading(self) -> Reading:
        """How orders are read."""
        return Reading(date.fromisoformat(self.history_from), self.overlap_minutes, self.zone)
