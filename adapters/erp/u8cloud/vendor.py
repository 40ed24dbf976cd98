"""U8 Cloud's own habits: paths, names in requests and answers, and what differs from one site to the next.

The vendor's public pages are complete for few calls. Every name stands in one table and can be replaced per connection (option
`names`, and `paths` for addresses); the check looks at what the site really answers and says which names are absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from adapters.erp.date_windows import Reading

ORDERS: Final[Mapping[str, str]] = {"sale_line": "sale", "purchase_line": "purchase"}
"""Kind of record -> prefix of its entries in `NAMES`."""

PATHS: Final[Mapping[str, str]] = {
    "sale": "so/saleorder/query",
    "purchase": "pu/order/query",
    "stock": "ic/onhand/query",
    "material": "uapbd/invbasdoc/query",
    "partner": "uapbd/custdoc/query",
    "account": "uapbd/accsubj/query",
    "vouchers": "gl/voucher/pagequery",
    "insert": "gl/voucher/insert",
}

NAMES: Final[Mapping[str, str]] = {
    # a query of orders; seen in public clients
    "list.corp": "corp",
    "list.from": "date_begin",
    "list.to": "date_end",
    "list.changed": "ts_begin",
    "list.page": "page_now",
    "list.rows": "page_size",
    "list.total": "allcount",
    "list.organisation": "calbody",
    # keys in the answers: of the head, then of a line
    "sale.id": "csaleid",
    "sale.date": "dbilldate",
    "sale.changed": "ts",
    "sale.line": "corder_bid",
    "purchase.id": "corderid",
    "purchase.date": "dorderdate",
    "purchase.changed": "ts",
    "purchase.line": "corder_bid",
    # what makes a master the same master tomorrow
    "material.id": "pk_invbasdoc",
    "partner.id": "pk_cubasdoc",
    "account.id": "pk_accsubj",
    # a query of vouchers
    "vouchers.corp": "pk_corp",
    "vouchers.book": "pk_glorgbook",
    "vouchers.from": "prepareddate_begin",
    "vouchers.to": "prepareddate_end",
    # a voucher as it is inserted
    "insert.corp": "pk_corp",
    "insert.book": "pk_glorgbook",
    "insert.type": "pk_vouchertype",
    "insert.date": "prepareddate",
    "insert.maker": "pk_prepared",
    "insert.account": "pk_accsubj",
    "insert.currency": "pk_currtype",
    "insert.reference": "freevalue1",
    "insert.local_debit": "localdebitamount",
    "insert.local_credit": "localcreditamount",
    # a voucher as it is found again: of the head, then of a line
    "found.id": "pk_voucher",
    "found.number": "no",
    "found.date": "prepareddate",
    "found.audited_by": "pk_checked",
    "found.posted_by": "pk_manager",
    "found.void": "discardflag",
    "found.lines": "details",
    "found.reference": "freevalue1",
    "found.account": "pk_accsubj_code",
    "found.debit": "localdebitamount",
    "found.credit": "localcreditamount",
}
"""Our word for a thing -> the site's name of it."""

NOTE_CALLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sale_line": {
        "path": "so/saleorder/update",
        "shape": "heads",
        "holder": "saleorder",
        "head": "parentvo",
        "lines": "childrenvo",
        "document": "csaleid",
        "line": "corder_bid",
        "line_values": {"crowno": "=line.crowno", "vostatus": "update"},
    },
}
"""Published: only fields that change are sent, a line is named by key and number. How the head names its document is not part
of what is shown; there is no such page for purchase orders, so that their call is configured whole."""

STAMPS: Final = frozenset({"head.ts", "line.ts", "head.dmoditime", "head.tlastmaketime", "head.cmodifier"})
"""What every save of an order changes: times of change and the person."""

STOCK_KEY: Final = ("ccalbodyid", "cwarehouseid", "cinventoryid", "vlot", "castunitid")
"""What makes a stock row the same row tomorrow: it has no key of its own."""


@dataclass(frozen=True, slots=True)
class U8CloudOptions:
    """What varies by site and is configured per connection; nothing here is a constant of the product.

    `corp` is the company's code, `organisation` the stock organisation's (empty: all that the user may see); `account_book`,
    `voucher_type` and `maker` are codes, as `translate` of the connection names base data. `dimensions` maps our dimension
    names to codes of auxiliary types (辅助核算), `currencies` our ISO codes to the site's. `lookup_months` is how far back a
    voucher is looked for by its reference alone. `hedge_note` names by kind of order the free item of the hedge note, and the
    call where it is another than in `NOTE_CALLS`."""

    corp: str
    account_book: str
    voucher_type: str
    maker: str
    organisation: str = ""
    currencies: Mapping[str, str] = field(default_factory=lambda: {"CNY": "CNY"})
    dimensions: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    stock_key: tuple[str, ...] = STOCK_KEY
    page_rows: int = 200
    overlap_minutes: int = 120
    lookup_months: int = 3
    history_from: str = "2010-01-01"
    hedge_note: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        """A page has rows; history begins on a day; a name or path that is replaced is one that is used."""
        if self.page_rows < 1 or self.lookup_months < 1:
            raise ValueError("page_rows and lookup_months must be at least 1")
        date.fromisoformat(self.history_from)
        for option, given, known in (("names", self.names, NAMES), ("paths", self.paths, PATHS)):
            if unknown := set(given) - set(known):
                raise ValueError(f"{option} does not know {', '.join(sorted(unknown))}")

    def name(self, word: str) -> str:
        """The site's name of a thing in `NAMES`."""
        return self.names.get(word, NAMES[word])

    def path(self, word: str) -> str:
        """The address of a call in `PATHS`, below `u8cloud/api/`."""
        return self.paths.get(word, PATHS[word])

    @property
    def reading(self) -> Reading:
        """How orders are read."""
        return Reading(date.fromisoformat(self.history_from), self.overlap_minutes, self.zone)
