"""Writing to SAP: journal entries in one SOAP call, and the hedge note as one text of one order item.

A reply decides one entry at a time: a number and a log without errors is a receipt; no number and an error is a refusal in
SAP's own words; anything between is unknown until it is looked up. Where a call carried several entries, the look-up that
follows it at once has the last word on what was booked.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from adapters.erp.sap.lookup import DocumentLookup, FoundDocument, TextLookup, document_id
from adapters.erp.sap.vendor import Action, SapOptions
from connectors.sap import Confirmation, JournalEntryService, LogItem, ODataClient
from connectors.sap.journal import ERROR_SEVERITY, entries_of
from hedge_core.errors import (
    ContractViolation,
    IdempotencyConflict,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    Unavailable,
)
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.vouchers import PostingLine, PostingReceipt, Stage, Voucher
from hedge_core.notes import hedge_note
from hedge_core.rounding import MINOR_UNITS

_HEADER_TEXT: Final = 25
_ITEM_TEXT: Final = 50
_ACCOUNT_DIGITS: Final = 10
_ASSIGNMENT_ELEMENTS: Final = frozenset({"CostCenter", "ProfitCenter"})
_IDS: Final = uuid.UUID("6f2d1f2e-6a39-5a3c-9d55-0f3f1b6f5a10")
"""The name space of our message UUIDs: the same key gives the same UUID on every attempt."""

Result = PostingReceipt | PlatformError


class VoucherWriter:
    """Posts vouchers of one company code. `now` answers aware UTC time."""

    def __init__(
        self, journal: JournalEntryService, options: SapOptions, lookup: DocumentLookup, now: Callable[[], datetime],
        system: str,
    ) -> None:  # fmt: skip
        self._journal = journal
        self._options = options
        self._lookup = lookup
        self._now = now
        self._system = system

    def push(self, batch: Sequence[Voucher]) -> list[Result]:
        """One result per voucher, in order. One look-up for the whole batch comes first: what is there already is never
        sent again."""
        found = self._lookup.find(voucher.key for voucher in batch)
        results: dict[str, Result] = {}
        fresh: list[tuple[Voucher, dict[str, Any]]] = []
        for voucher in batch:
            documents = found.get(voucher.key, [])
            if documents:
                results[voucher.key] = self._known(voucher, documents)
                continue
            try:
                fresh.append((voucher, self.request(voucher, test=False)))
            except Rejected as error:
                results[voucher.key] = error
        for first in range(0, len(fresh), self._options.bulk):
            results |= self._send(fresh[first : first + self._options.bulk])
        return [results[voucher.key] for voucher in batch]

    def try_out(self, voucher: Voucher) -> str:
        """A dry run with TestDataIndicator: SAP checks everything and books nothing. Answers SAP's words; raises Rejected
        with them when it would refuse. Only for systems that were seen to honour the indicator."""
        if not self._options.dry_run:
            raise Rejected("dry-run", "dry runs are not switched on for this connection", system="HedgeBridge")
        envelope = self._envelope([self.request(voucher, test=True)], test=True)
        confirmations = self._journal.post(envelope)
        if len(confirmations) != 1:
            raise ContractViolation("dry run", f"{len(confirmations)} confirmations for one entry", system=self._system)
        one = confirmations[0]
        if one.severity >= ERROR_SEVERITY:
            raise self._refusal(one.log)
        if one.document:
            error = ContractViolation(
                "dry run", f"document {one.document} was booked in spite of TestDataIndicator", system=self._system
            )
            error.reached = self._receipt(voucher, one)
            raise error
        return _words(one.log)

    def request(self, voucher: Voucher, *, test: bool) -> dict[str, Any]:
        """One entry of a bulk request as plain values, also shown by a preview."""
        return {"MessageHeader": self._header(f"HB-{voucher.key}", test), "JournalEntry": self._entry(voucher)}

    # --- sending ---

    def _known(self, voucher: Voucher, documents: Sequence[FoundDocument]) -> Result:
        if len(documents) > 1 or not documents[0].says_the_same_as(voucher):
            return IdempotencyConflict(voucher.key, system=self._system)
        return documents[0].receipt()

    def _send(self, part: Sequence[tuple[Voucher, dict[str, Any]]]) -> dict[str, Result]:
        """One call, once. An unknown outcome is unknown for every entry in it."""
        try:
            envelope = self._envelope([request for _, request in part], test=False)
            confirmations = self._journal.post(envelope)
        except PlatformError as error:
            return {voucher.key: error for voucher, _ in part}
        vouchers = [voucher for voucher, _ in part]
        answered = _by_voucher(vouchers, confirmations)
        if answered is None:
            reason = f"{len(confirmations)} confirmations for {len(part)} entries"
            return {voucher.key: OutcomeUnknown(reason, system=self._system) for voucher in vouchers}
        results = {voucher.key: self._result(voucher, one) for voucher, one in zip(vouchers, answered, strict=True)}
        return results if len(part) == 1 else self._confirmed(vouchers, results)

    def _result(self, voucher: Voucher, one: Confirmation) -> Result:
        if one.posted:
            return self._receipt(voucher, one)
        if not one.document and one.severity >= ERROR_SEVERITY:
            return self._refusal(one.log)
        return OutcomeUnknown("a confirmation that is neither a document nor a refusal", system=self._system)

    def _confirmed(self, vouchers: Sequence[Voucher], results: dict[str, Result]) -> dict[str, Result]:
        """Which answer belongs to which entry is SAP's habit and not its promise: what is found under a key was booked for
        it. What is not found stays as answered, since an update may be a moment behind."""
        try:
            found = self._lookup.find(voucher.key for voucher in vouchers)
        except PlatformError:
            return results  # each result stands on its own confirmation; the daily reconciliation looks again
        for voucher in vouchers:
            documents = found.get(voucher.key, [])
            if documents:
                known = self._known(voucher, documents)
                mine = results[voucher.key]
                same = isinstance(known, PostingReceipt) and isinstance(mine, PostingReceipt)
                results[voucher.key] = mine if same and mine.number == known.number else known  # type: ignore[union-attr]
        return results

    def _refusal(self, log: Sequence[LogItem]) -> PlatformError:
        """SAP's words, unchanged. The first error that says something by itself gives the code; when all that stands in the
        way is a lock, patience is what is asked for."""
        errors = [item for item in log if item.severity >= ERROR_SEVERITY]
        telling = [item for item in errors if self._options.action(item.code) is not Action.WRAPPER]
        if telling and all(self._options.action(item.code) is Action.LATER for item in telling):
            return Unavailable(f"not booked: {_words(telling)}", system=self._system)
        head = (telling or errors)[0]
        return Rejected(head.code, _words([head, *(item for item in errors if item is not head)]), system=self._system)

    def _receipt(self, voucher: Voucher, one: Confirmation) -> PostingReceipt:
        return PostingReceipt(
            key=voucher.key,
            number=one.document,
            external_id=document_id(one.company or self._options.company_code, one.year, one.document),
            stage=Stage.POSTED,
            posting_date=voucher.posting_date,
            total=voucher.total,
            vendor_text=_words([item for item in one.log if item.severity == ERROR_SEVERITY - 1]),
        )

    # --- building ---

    def _envelope(self, requests: Sequence[dict[str, Any]], *, test: bool) -> bytes:
        """Raises Rejected, by ourselves, when the request does not fit the message definition: nothing was sent."""
        keys = "/".join(str(request["JournalEntry"]["DocumentReferenceID"]) for request in requests)
        header = self._header(f"HB-{uuid.uuid5(_IDS, keys).hex[:24]}", test)
        try:
            return self._journal.build(entries_of(requests, header))
        except ValueError as error:
            raise Rejected("message-definition", str(error), system="HedgeBridge") from error

    def _header(self, message_id: str, test: bool) -> dict[str, Any]:
        header: dict[str, Any] = {
            "ID": message_id,
            "UUID": str(uuid.uuid5(_IDS, message_id)),
            "CreationDateTime": self._now().astimezone(UTC).replace(microsecond=0),
        }
        return header | ({"TestDataIndicator": True} if test else {})

    def _entry(self, voucher: Voucher) -> dict[str, Any]:
        options = self._options
        entry: dict[str, Any] = {
            "OriginalReferenceDocumentType": options.reference_type,
            "BusinessTransactionType": options.transaction_type,
            "AccountingDocumentType": options.document_type,
            "DocumentReferenceID": voucher.key,
            "DocumentHeaderText": voucher.summary[:_HEADER_TEXT],
            "CreatedByUser": options.created_by,
            "CompanyCode": options.company_code,
            "DocumentDate": voucher.posting_date,
            "PostingDate": voucher.posting_date,
            "Reference1InDocumentHeader": voucher.key,
            "Item": [self._item(voucher, line, place) for place, line in enumerate(voucher.lines, 1)],
        }
        if options.reference_type != "BKPFF":
            # our own reference type: SAP makes the number itself for BKPFF (note 561175) and takes ours otherwise
            entry["OriginalReferenceDocument"] = voucher.key
            entry["OriginalReferenceDocumentLogicalSystem"] = options.logical_system
        return entry

    def _item(self, voucher: Voucher, line: PostingLine, place: int) -> dict[str, Any]:
        amount = _exact(line.debit - line.credit, voucher.currency)
        item: dict[str, Any] = {
            "ReferenceDocumentItem": str(place),
            "GLAccount": line.account.zfill(_ACCOUNT_DIGITS) if line.account.isdigit() else line.account,
            "AmountInTransactionCurrency": {"_value_1": amount, "currencyCode": voucher.currency},
            "DebitCreditCode": "S" if amount > 0 else "H",
            "DocumentItemText": line.summary[:_ITEM_TEXT],
        }
        for name, value in line.dimensions:
            element = self._options.dimensions.get(name)
            if not element:
                raise Rejected(
                    "dimension", f"no item element configured for the dimension {name}", system="HedgeBridge"
                )
            target = item.setdefault("AccountAssignment", {}) if element in _ASSIGNMENT_ELEMENTS else item
            target[element] = value
        return item


def _exact(amount: Decimal, currency: str) -> Decimal:
    """The amount with the currency's decimals. SAP would cut what is beyond them, so that is refused here."""
    places = MINOR_UNITS.get(currency, 2)
    rounded = amount.quantize(Decimal(1).scaleb(-places))
    if rounded != amount:
        raise Rejected("amount", f"{amount} has more than {places} decimals of {currency}", system="HedgeBridge")
    return rounded


def _by_voucher(vouchers: Sequence[Voucher], confirmations: Sequence[Confirmation]) -> list[Confirmation] | None:
    """The confirmation of each voucher: by the message id it refers to, where all of them name one, else by place."""
    if len(confirmations) != len(vouchers):
        return None
    by_reference = {one.reference: one for one in confirmations}
    wanted = [f"HB-{voucher.key}" for voucher in vouchers]
    if set(by_reference) == set(wanted):
        return [by_reference[reference] for reference in wanted]
    return list(confirmations)


def _words(log: Sequence[LogItem]) -> str:
    return "; ".join(item.text for item in log if item.text)


class HedgeWriter:
    """Writes the hedge note of an order item: one text entity and nothing else on the document."""

    def __init__(self, client: ODataClient, options: SapOptions, texts: TextLookup) -> None:
        self._client = client
        self._options = options
        self._texts = texts

    def find(self, leg: ExternalRef) -> str | None:
        """The note now on the item; None when there is no such item."""
        found = self._texts.text(leg)
        if found is not None:
            return found[0]
        return "" if self._texts.exists(leg) else None

    def push(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        """Write the whole current note, then read it back. The same text there already is a success."""
        place, text_type = self._texts.place(leg)
        service = self._options.service(place.service)
        wanted = hedge_note(matches)
        present = self._texts.text(leg)
        if present is None and not self._texts.exists(leg):
            raise Rejected("not-found", f"order item {leg.key} does not exist any more", system=self._client.system)
        if (present[0] if present else "") != wanted:
            if present is None:
                values = {place.type_key: text_type, "Language": self._options.text_language, place.text_field: wanted}
                self._client.create(
                    service, f"{self._texts.item_address(leg)}/{place.navigation}", values | self._texts.keys(leg)
                )
            else:
                self._client.update(service, self._texts.text_address(leg), {place.text_field: wanted}, present[1])
            written = self._texts.text(leg)
            if (written[0] if written else "") != wanted:
                raise ContractViolation(
                    "read-back", "the hedge note differs from what was written", system=self._client.system
                )
        return PostingReceipt(key=leg.key, number=leg.key, external_id=leg.key.partition("/")[0], stage=Stage.SAVED)
