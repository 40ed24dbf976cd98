"""Writing to U8: one call saves one voucher, by the relay or by EAI, and the ledger is then asked whether it is really there.

The relay can answer "0" before U8 has taken anything: what counts as saved is what `voucherdetails` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.erp.found_vouchers import Outcome, already_there, each_once, stops_the_batch
from adapters.erp.u8openapi.lookup import VoucherLookup
from adapters.erp.u8openapi.vendor import MAKING_SYSTEM, VOUCHER_ADD, U8Options
from connectors.u8openapi import EaiClient, EaiVoucher, U8Client
from hedge_core.canonical import decimal_text
from hedge_core.errors import OutcomeUnknown, PlatformError, Rejected
from hedge_core.model.vouchers import PostingLine, Voucher


class VoucherWriter:
    """Pushes vouchers of one account set. `eai` is the other road; without it the relay takes them."""

    def __init__(self, client: U8Client, eai: EaiClient | None, options: U8Options, lookup: VoucherLookup) -> None:
        self._client = client
        self._eai = eai
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. Each is looked up before it is sent. ValueError when a voucher is in the batch
        twice. After a failure that would meet the others as well nothing more is sent."""
        each_once(batch)
        results: list[Outcome] = []
        stopped: PlatformError | None = None
        for voucher in batch:
            outcome: Outcome = stopped or self._one(voucher)
            if stopped is None:
                stopped = stops_the_batch(outcome)
            results.append(outcome)
        return results

    def _one(self, voucher: Voucher) -> Outcome:
        try:
            present = already_there(voucher, self._lookup.of(voucher.key), self._client.system)
        except PlatformError as error:
            return error
        return present or self._save(voucher)

    def _save(self, voucher: Voucher) -> Outcome:
        try:
            self._send(voucher)
        except PlatformError as error:
            return error
        try:
            seen = already_there(voucher, self._lookup.of(voucher.key), self._client.system)
        except PlatformError as error:
            return OutcomeUnknown(f"accepted, but not seen in the ledger: {error}", system=self._client.system)
        return seen or OutcomeUnknown("accepted, but not in the ledger yet", system=self._client.system)

    def _send(self, voucher: Voucher) -> None:
        if self._options.voucher_road == "eai" and self._eai is not None:
            self._eai.add_voucher(eai_voucher(voucher, self._options))
        else:
            given = {"biz_id": voucher.key, "sync": "1"}
            self._client.write(VOUCHER_ADD, given, voucher_body(voucher, self._options))


def voucher_body(voucher: Voucher, options: U8Options) -> dict[str, Any]:
    """The body of a `voucher/add`: exactly what is sent, also shown by a dry run. All values are text."""
    sides: dict[str, list[dict[str, Any]]] = {"debit": [], "credit": []}
    for number, line in enumerate(voucher.lines, 1):
        entry: dict[str, Any] = {**_entry(number, line, voucher, options)}
        if auxiliary := _auxiliary(line, options):
            entry["auxiliary"] = auxiliary
        if line.cash_flow_item:
            side, amount = _side(line)
            entry["cash_flow"] = [{"cash_item": line.cash_flow_item, f"natural_{side}_currency": amount}]
        sides[_side(line)[0]].append(entry)
    return {"voucher": {**_head(voucher, options), **{side: {"entry": rows} for side, rows in sides.items()}}}


def eai_voucher(voucher: Voucher, options: U8Options) -> EaiVoucher:
    """The same voucher for EAI. Raises `Rejected` for a cash-flow item: no public source shows where EAI takes it."""
    entries = []
    for number, line in enumerate(voucher.lines, 1):
        if line.cash_flow_item:
            reason = "a cash-flow item cannot be sent by EAI: use voucher_road=openapi for this connection"
            raise Rejected("cash_flow", reason, system="HedgeBridge")
        entries.append((_entry(number, line, voucher, options), _auxiliary(line, options)))
    return EaiVoucher(voucher.key, _head(voucher, options), entries)


def _head(voucher: Voucher, options: U8Options) -> dict[str, str]:
    return {
        "voucher_type": options.voucher_type,
        "fiscal_year": str(voucher.posting_date.year),
        "accounting_period": str(voucher.posting_date.month),
        "voucher_id": "",
        "attachment_number": str(voucher.attachments),
        "date": voucher.posting_date.isoformat(),
        "enter": options.maker,
        "voucher_making_system": MAKING_SYSTEM,
        "reserve2": voucher.key,
    }


def _entry(number: int, line: PostingLine, voucher: Voucher, options: U8Options) -> dict[str, str]:
    if voucher.currency not in options.currencies:
        raise Rejected("currency", f"no U8 name configured for {voucher.currency}", system="HedgeBridge")
    side, amount = _side(line)
    entry = {
        "entry_id": str(number),
        "account_code": line.account,
        "abstract": line.summary,
        "currency": options.currencies[voucher.currency],
    }
    if line.quantity is not None:
        entry[f"{side}_quantity"] = decimal_text(abs(line.quantity))
    if options.primary_amounts:
        entry[f"primary_{side}_amount"] = amount
    return {**entry, f"natural_{side}_currency": amount}


def _side(line: PostingLine) -> tuple[str, str]:
    return ("debit" if line.debit else "credit"), format(line.debit or line.credit, "f")


def _auxiliary(line: PostingLine, options: U8Options) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in line.dimensions:
        slot = options.dimensions.get(name)
        if slot is None:
            raise Rejected("dimension", f"no auxiliary slot configured for the dimension {name}", system="HedgeBridge")
        found[slot] = value
        if slot == "item_id":
            found["item_class"] = options.item_class
    return found
