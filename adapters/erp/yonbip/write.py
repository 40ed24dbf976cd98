"""Writing to YonBIP: one call saves one voucher. There is no interface to audit or post it; people do that in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.erp.found_vouchers import Outcome, each_once, push_in_turn
from adapters.erp.yonbip.lookup import VoucherLookup
from adapters.erp.yonbip.vendor import ADD_VOUCHER_PATH, YonBipOptions
from connectors.yonbip import YonBipClient
from hedge_core.errors import OutcomeUnknown, PlatformError, Rejected
from hedge_core.model.vouchers import PostingLine, PostingReceipt, Stage, Voucher


class VoucherWriter:
    """Pushes vouchers of one account book."""

    def __init__(self, client: YonBipClient, options: YonBipOptions, lookup: VoucherLookup) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. One look-up for the whole batch comes first: a document that is already there is
        never saved again. ValueError when a voucher is in the batch twice: the look-up could not keep the second one out."""
        each_once(batch)
        return push_in_turn(batch, self._lookup.of_batch(batch), self._save, self._client.system)

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
