"""Writing to YonBIP: one call saves one voucher. There is no interface to audit or post it; people do that in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.erp.yonbip.lookup import FoundVoucher, VoucherLookup
from adapters.erp.yonbip.vendor import ADD_VOUCHER_PATH, YonBipOptions
from connectors.yonbip import YonBipClient
from hedge_core.errors import (
    AuthFailed,
    IdempotencyConflict,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Rejected,
    Unavailable,
)
from hedge_core.model.vouchers import PostingLine, PostingReceipt, Stage, Voucher

Outcome = PostingReceipt | PlatformError


class VoucherWriter:
    """Pushes vouchers of one account book."""

    def __init__(self, client: YonBipClient, options: YonBipOptions, lookup: VoucherLookup) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. One look-up for the whole batch comes first: a document that is already there is
        never saved again. ValueError when a voucher is in the batch twice: the look-up could not keep the second one out."""
        if len({voucher.key for voucher in batch}) != len(batch):
            raise ValueError("a batch holds every voucher once")
        found = self._lookup.of_batch(batch)
        results: list[Outcome] = []
        stopped: PlatformError | None = None
        for voucher in batch:
            outcome = self._present(voucher, found.get(voucher.key, []))
            if outcome is None and stopped is not None:
                outcome = stopped
            elif outcome is None:
                outcome = self._save(voucher)
                stopped = _stops_the_batch(outcome)
            results.append(outcome)
        return results

    def _present(self, voucher: Voucher, documents: Sequence[FoundVoucher]) -> Outcome | None:
        """A void document has spent the key too: a person decides what becomes of it."""
        if not documents:
            return None
        document = documents[0]
        if len(documents) > 1 or not document.has_effect or not document.says_the_same_as(voucher):
            return IdempotencyConflict(voucher.key, system=self._client.system)
        return document.receipt()

    def _save(self, voucher: Voucher) -> Outcome:
        try:
            data = self._client.write(ADD_VOUCHER_PATH, voucher_body(voucher, self._options))
        except PlatformError as error:
            return error
        if not data.get("voucherId"):
            return OutcomeUnknown("the answer does not name the voucher", system=self._client.system)
        return PostingReceipt(
            key=voucher.key,
            number=str(data.get("billCode") or ""),
            external_id=str(data["voucherId"]),
            stage=Stage.SAVED,
            posting_date=voucher.posting_date,
            total=voucher.total,
        )


def _stops_the_batch(outcome: Outcome) -> PlatformError | None:
    """What the rest of a batch gets after a failure that would meet it as well: nothing more is sent."""
    if isinstance(outcome, PostingReceipt | Rejected):
        return None
    if isinstance(outcome, Unavailable | RateLimited | AuthFailed):
        return outcome
    return Unavailable("not tried after a failure in the same batch")


def voucher_body(voucher: Voucher, options: YonBipOptions) -> dict[str, Any]:
    """The body of an `addVoucher`: exactly what is sent, also shown by a dry run."""
    if voucher.currency not in options.currencies:
        raise Rejected("currency", f"no YonBIP code configured for {voucher.currency}", system="HedgeBridge")
    maker = {"makerMobile": options.maker_mobile, "makerEmail": options.maker_email}
    return {
        "businessId": voucher.key,
        "srcSystemCode": options.source_system,
        "accbookCode": options.account_book,
        "period": f"{voucher.posting_date:%Y-%m}",
        "voucherTypeCode": options.voucher_type,
        **{name: value for name, value in maker.items() if value},
        "makeTime": voucher.posting_date.isoformat(),
        "attachedBill": voucher.attachments,
        "description": voucher.summary,
        "externalSourceDataId": voucher.key,
        "externalSourceSystemName": "HedgeBridge",
        "bodies": [_line(line, voucher, options) for line in voucher.lines],
    }


def _line(line: PostingLine, voucher: Voucher, options: YonBipOptions) -> dict[str, Any]:
    side = "debit" if line.debit else "credit"
    amount = line.debit or line.credit
    currency = options.currencies[voucher.currency]
    body: dict[str, Any] = {
        "description": line.summary,
        "accsubjectCode": line.account,
        "currencyCode": currency,
        "rateType": options.rate_type,
        "rateOrg": 1,
        f"{side}Original": amount,
        f"{side}Org": amount,
        "busidate": voucher.posting_date.isoformat(),
    }
    if line.dimensions:
        # `filedCode` is how the vendor spells it
        body["clientAuxiliaryList"] = [
            {"filedCode": _auxiliary(name, options.dimensions), "valueCode": value} for name, value in line.dimensions
        ]
    if line.cash_flow_item:
        flow = {"mainItemCode": line.cash_flow_item, "amountOriginal": amount, "amountOrg": amount}
        body["cashflowList"] = [{**flow, "currencyCode": currency}]
    return body


def _auxiliary(name: str, dimensions: Mapping[str, str]) -> str:
    if name not in dimensions:
        raise Rejected("dimension", f"no auxiliary type configured for the dimension {name}", system="HedgeBridge")
    return dimensions[name]
