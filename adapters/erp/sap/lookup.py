"""Finding our own documents again in SAP: postings by DocumentReferenceID, hedge notes in the item texts of orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.erp.sap.vendor import DOCUMENT_FIELDS, DOCUMENT_SET, TEXT_PLACES, SapOptions, TextPlace
from connectors.sap import ODataClient, date_of, key_text, literal
from connectors.sap.odata import Entity
from hedge_core.errors import ContractViolation, IdempotencyConflict, Rejected
from hedge_core.model.identity import ExternalRef
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher

_KEYS_PER_QUERY: Final = 20
_ORDER: Final = "CompanyCode,FiscalYear,AccountingDocument,AccountingDocumentItem"


@dataclass(slots=True)
class FoundDocument:
    """A document that carries one of our references, and what its lines add up to in the transaction currency."""

    key: str
    number: str
    year: str
    company: str
    posting_date: date
    currency: str
    lines: int = 0
    debit: Decimal = Decimal(0)
    accounts: dict[str, Decimal] = field(default_factory=dict)

    def receipt(self) -> PostingReceipt:
        return PostingReceipt(
            key=self.key,
            number=self.number,
            external_id=document_id(self.company, self.year, self.number),
            stage=Stage.POSTED,
            posting_date=self.posting_date,
            total=self.debit,
            found_by_lookup=True,
        )

    def says_the_same_as(self, voucher: Voucher) -> bool:
        """SAP cannot carry our content hash: date, currency, number of lines and the balance per account must agree."""
        ours: dict[str, Decimal] = {}
        for line in voucher.lines:
            account = plain_account(line.account)
            ours[account] = ours.get(account, Decimal(0)) + line.debit - line.credit
        return (
            self.posting_date == voucher.posting_date
            and self.currency == voucher.currency
            and self.lines == len(voucher.lines)
            and self.accounts == ours
        )


def document_id(company: str, year: str, number: str) -> str:
    """What makes a document one of its kind: a number repeats in every company code and year."""
    return f"{company}/{year}/{number}"


def plain_account(code: str) -> str:
    """An account as people write it: SAP pads numeric accounts with zeros in some answers and not in others."""
    return code.lstrip("0") if code.isdigit() else code


class DocumentLookup:
    """Looks postings up by reference, over all fiscal years of the company code."""

    def __init__(self, client: ODataClient, options: SapOptions) -> None:
        self._client = client
        self._options = options

    def find(self, keys: Iterable[str]) -> dict[str, list[FoundDocument]]:
        """Every document by reference; a reference that no document carries is absent from the answer."""
        wanted = sorted(set(keys))
        found: dict[tuple[str, str, str], FoundDocument] = {}
        for first in range(0, len(wanted), _KEYS_PER_QUERY):
            for row in self._rows(wanted[first : first + _KEYS_PER_QUERY]):
                self._take(found, row)
        by_key: dict[str, list[FoundDocument]] = {}
        for (key, _, _), document in found.items():
            by_key.setdefault(key, []).append(document)
        return by_key

    def one(self, key: str) -> FoundDocument | None:
        """The one document under a reference; two of them are an `IdempotencyConflict`."""
        documents = self.find([key]).get(key, [])
        if len(documents) > 1:
            raise IdempotencyConflict(key, system=self._client.system)
        return documents[0] if documents else None

    def _rows(self, keys: Sequence[str]) -> Iterator[Entity]:
        """Rows page by page. A page that repeats a row already seen, or that comes empty, ends it."""
        service = self._options.service("documents")
        listed = " or ".join(f"DocumentReferenceID eq {literal(key, service.version)}" for key in keys)
        where = f"CompanyCode eq {literal(self._options.company_code, service.version)} and ({listed})"
        seen: set[tuple[str, ...]] = set()
        skip = 0
        while True:
            page = self._client.page(
                service, DOCUMENT_SET, select=DOCUMENT_FIELDS, where=where, order=_ORDER,
                top=self._options.page_rows, skip=skip,
            )  # fmt: skip
            rows = page.rows
            while page.next_link:
                page = self._client.next_page(service, page)
                rows = rows + page.rows
            fresh = [row for row in rows if _row_key(row) not in seen]
            seen.update(_row_key(row) for row in fresh)
            yield from fresh
            if not fresh:
                return
            skip += len(rows)

    def _take(self, found: dict[tuple[str, str, str], FoundDocument], row: Entity) -> None:
        try:
            key, year, number = (str(row[n]) for n in ("DocumentReferenceID", "FiscalYear", "AccountingDocument"))
            amount = Decimal(str(row["AmountInTransactionCurrency"]))
            if row["DebitCreditCode"] == "H" and amount > 0:
                amount = -amount  # the cube signs amounts; a system that does not is read by its indicator
            document = found.setdefault(
                (key, year, number),
                FoundDocument(
                    key, number, year, str(row["CompanyCode"]), date_of(str(row["PostingDate"])),
                    str(row["TransactionCurrency"]),
                ),
            )  # fmt: skip
            account = plain_account(str(row["GLAccount"]))
        except (KeyError, ValueError, ArithmeticError) as error:
            raise ContractViolation(
                DOCUMENT_SET, f"a row that cannot be read: {type(error).__name__}", system=self._client.system
            ) from error
        document.lines += 1
        document.debit += max(amount, Decimal(0))
        document.accounts[account] = document.accounts.get(account, Decimal(0)) + amount


def _row_key(row: Entity) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in _ORDER.split(","))


class TextLookup:
    """Reads the hedge note of an order item."""

    def __init__(self, client: ODataClient, options: SapOptions) -> None:
        self._client = client
        self._options = options

    def place(self, leg: ExternalRef) -> tuple[TextPlace, str]:
        """Where the note of a line goes, and its text type. Raises Rejected where none is configured, or for a line of an
        outline agreement, which has no such text here."""
        text_type = self._options.hedge_texts.get(leg.kind)
        if leg.kind not in TEXT_PLACES or not text_type or leg.key.count("/") != 1:
            reason = f"no text type is configured for hedge notes on {leg.kind} {leg.key}"
            raise Rejected("no-place", reason, system="HedgeBridge")
        return TEXT_PLACES[leg.kind], text_type

    def keys(self, leg: ExternalRef) -> dict[str, str]:
        """The key of the order item."""
        place, _ = self.place(leg)
        order, _, item = leg.key.partition("/")
        return {place.order_key: order, place.item_key: item}

    def item_address(self, leg: ExternalRef) -> str:
        """The address of the order item."""
        place, _ = self.place(leg)
        return place.item_set + key_text(self.keys(leg))

    def text_address(self, leg: ExternalRef) -> str:
        """The address of the text entity."""
        place, text_type = self.place(leg)
        keys = {**self.keys(leg), place.type_key: text_type, "Language": self._options.text_language}
        return place.text_set + key_text(keys)

    def exists(self, leg: ExternalRef) -> bool:
        """Whether the order item is still there."""
        place, _ = self.place(leg)
        service = self._options.service(place.service)
        return self._client.entity(service, self.item_address(leg), [place.item_key]) is not None

    def text(self, leg: ExternalRef) -> tuple[str, str] | None:
        """The note and its ETag; None when the item has no such text."""
        place, _ = self.place(leg)
        service = self._options.service(place.service)
        found = self._client.entity(service, self.text_address(leg), [place.text_field])
        if found is None:
            return None
        entity, etag = found
        return str(entity.get(place.text_field) or "").strip(), etag
