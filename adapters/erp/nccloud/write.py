"""Writing to NC Cloud: one call saves one voucher, and the ledger is then asked under which number."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from adapters.erp.found_vouchers import Outcome, already_there, each_once, stops_the_batch
from adapters.erp.nccloud.lookup import VoucherLookup
from adapters.erp.nccloud.vendor import NcCloudOptions
from connectors.nccloud import NcCloudClient
from hedge_core.errors import OutcomeUnknown, PlatformError, Rejected
from hedge_core.model.vouchers import PostingLine, Voucher

_ZERO = Decimal(0)


class VoucherWriter:
    """Pushes vouchers of one accounting book."""

    def __init__(self, client: NcCloudClient, options: NcCloudOptions, lookup: VoucherLookup) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. One look-up for the whole batch comes first: a document that is already there is
        never saved again; another one at the end names the numbers of what was saved. ValueError when a voucher is in the
        batch twice: the look-up could not keep the second one out."""
        each_once(batch)
        found = self._lookup.of_batch(batch)
        results: list[Outcome | None] = []
        stopped: PlatformError | None = None
        for voucher in batch:
            outcome = already_there(voucher, found.get(voucher.key, []), self._client.system)
            if outcome is None and stopped is not None:
                outcome = stopped
            elif outcome is None:
                outcome = self._send(voucher)
                stopped = stops_the_batch(outcome)
            results.append(outcome)
        return self._seen(batch, results)

    def _send(self, voucher: Voucher) -> PlatformError | None:
        """None when the server says that it saved the voucher."""
        try:
            self._client.write(self._options.path("voucher_insert"), voucher_body(voucher, self._options))
        except PlatformError as error:
            return error
        return None

    def _seen(self, batch: Sequence[Voucher], results: Sequence[Outcome | None]) -> list[Outcome]:
        """The results, with what was accepted replaced by what the ledger shows. The shape of the answer to an insert is not
        published; what is in the ledger is the proof anyway."""
        accepted = [voucher for voucher, outcome in zip(batch, results, strict=True) if outcome is None]
        try:
            found = self._lookup.of_batch(accepted) if accepted else {}
        except PlatformError as error:
            reason = f"accepted, but not seen in the ledger: {error}"
            return [one or OutcomeUnknown(reason, system=self._client.system) for one in results]
        missing = OutcomeUnknown("accepted, but not in the ledger yet", system=self._client.system)
        return [
            outcome or already_there(voucher, found.get(voucher.key, []), self._client.system) or missing
            for voucher, outcome in zip(batch, results, strict=True)
        ]


def voucher_body(voucher: Voucher, options: NcCloudOptions) -> dict[str, Any]:
    """The body of an insert: exactly what is sent, also shown by a dry run."""
    if voucher.currency not in options.currencies:
        raise Rejected("currency", f"no NC Cloud code configured for {voucher.currency}", system="HedgeBridge")
    return {
        "accbookCode": options.account_book,
        "prepareddate": voucher.posting_date.isoformat(),
        "year": f"{voucher.posting_date:%Y}",
        "period": f"{voucher.posting_date:%m}",
        "vouchertype": options.voucher_type,
        "prepared": options.maker,
        "num": options.voucher_number,
        "attachment": voucher.attachments,
        "detail": [_line(number, line, voucher, options) for number, line in enumerate(voucher.lines, 1)],
    }


def _line(number: int, line: PostingLine, voucher: Voucher, options: NcCloudOptions) -> dict[str, Any]:
    """All of the interface's amounts are mandatory, zero where there is nothing; our vouchers are in the book's currency."""

    def written(amount: Decimal) -> Decimal | str:
        return format(amount, "f") if options.amounts_as_text else amount

    upper = (line.debit, line.credit) if options.group_amounts else (_ZERO, _ZERO)
    body: dict[str, Any] = {
        "detailindex": number,
        "explanation": line.summary,
        "accountCode": line.account,
        "currtypeCode": options.currencies[voucher.currency],
        "amount": written(line.debit or line.credit),
        "localdebitamount": written(line.debit),
        "localcreditamount": written(line.credit),
        "groupdebitamount": written(upper[0]),
        "groupcreditamount": written(upper[1]),
        "globaldebitamount": written(upper[0]),
        "globalcreditamount": written(upper[1]),
        "busidate": voucher.posting_date.isoformat(),
        options.reference_field: voucher.key,
    }
    if options.unit_code:
        body["unitCode"] = options.unit_code
    if line.quantity is not None:
        body["quantity"] = written(line.quantity)
    if line.dimensions:
        body["ass"] = [
            {"checktypecode": _auxiliary(name, options), "checkvaluecode": value} for name, value in line.dimensions
        ]
    if line.cash_flow_item:
        flow = {options.cash_flow_field: line.cash_flow_item, "currtypeCode": options.currencies[voucher.currency]}
        body["cashflow"] = [{**flow, "money": written(line.debit or line.credit)}]
    return body


def _auxiliary(name: str, options: NcCloudOptions) -> str:
    if name not in options.dimensions:
        raise Rejected("dimension", f"no auxiliary type configured for the dimension {name}", system="HedgeBridge")
    return options.dimensions[name]
