"""Writing to U8 Cloud: one call inserts one voucher, under `uniquekey`. People audit and post it in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.erp.found_vouchers import Outcome, each_once, push_in_turn
from adapters.erp.u8cloud.lookup import VoucherLookup
from adapters.erp.u8cloud.vendor import U8CloudOptions
from connectors.u8cloud import U8CloudClient
from hedge_core.errors import OutcomeUnknown, PlatformError, Rejected
from hedge_core.model.vouchers import PostingLine, PostingReceipt, Stage, Voucher


class VoucherWriter:
    """Pushes vouchers of one account book."""

    def __init__(self, client: U8CloudClient, options: U8CloudOptions, lookup: VoucherLookup) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. One look-up for the whole batch comes first: a document that is already there is
        never inserted again. ValueError when a voucher is in the batch twice: the look-up could not keep the second one out."""
        each_once(batch)
        return push_in_turn(batch, self._lookup.of_batch(batch), self._insert, self._client.system)

    def _insert(self, voucher: Voucher) -> Outcome:
        try:
            body = voucher_body(voucher, self._options)
            data = self._client.write(self._options.path("insert"), body, voucher.key)
        except PlatformError as error:
            return error
        made = data[0] if isinstance(data, list) and len(data) == 1 else data
        name = self._options.name
        if not isinstance(made, dict) or not made.get(name("found.id")):
            return OutcomeUnknown("the answer does not name the voucher", system=self._client.system)
        return PostingReceipt(
            key=voucher.key,
            number=str(made.get(name("found.number")) or ""),
            external_id=str(made[name("found.id")]),
            stage=Stage.SAVED,
            posting_date=voucher.posting_date,
            total=voucher.total,
        )


def voucher_body(voucher: Voucher, options: U8CloudOptions) -> dict[str, Any]:
    """The body of an insert: exactly what is sent, also shown by a dry run. Amounts are text, as the vendor advises."""
    if voucher.currency not in options.currencies:
        raise Rejected("currency", f"no U8 Cloud code configured for {voucher.currency}", system="HedgeBridge")
    name = options.name
    head = {
        name("insert.corp"): options.corp,
        name("insert.book"): options.account_book,
        name("insert.type"): options.voucher_type,
        name("insert.date"): voucher.posting_date.isoformat(),
        name("insert.maker"): options.maker,
        "attachment": voucher.attachments,
        "details": [_detail(number, line, voucher, options) for number, line in enumerate(voucher.lines, 1)],
    }
    return {"voucher": [head]}


def _detail(number: int, line: PostingLine, voucher: Voucher, options: U8CloudOptions) -> dict[str, Any]:
    name = options.name
    currency = options.currencies[voucher.currency]
    detail: dict[str, Any] = {
        "detailindex": number,
        name("insert.account"): line.account,
        "explanation": line.summary,
        name("insert.currency"): currency,
        "excrate2": 1,
        "debitamount": amount_text(line.debit),
        "creditamount": amount_text(line.credit),
        name("insert.local_debit"): amount_text(line.debit),
        name("insert.local_credit"): amount_text(line.credit),
        name("insert.reference"): voucher.key,
    }
    if line.dimensions:
        detail["ass"] = [
            {"checktypecode": _auxiliary(one, options.dimensions), "checkvaluecode": value}
            for one, value in line.dimensions
        ]
    if line.cash_flow_item:
        amount = amount_text(line.debit or line.credit)
        flow = {"pk_cashflow": line.cash_flow_item, "pk_currtype": currency, "money": amount, "moneymain": amount}
        detail["cashflow"] = [flow]
    return detail


def amount_text(amount: Decimal) -> str:
    """An amount with two decimals as text, an empty side as `0`; one with more decimals keeps them, to be refused over there."""
    if not amount:
        return "0"
    exact = amount.quantize(Decimal("0.01"))
    return f"{exact if exact == amount else amount:f}"


def _auxiliary(name: str, dimensions: Mapping[str, str]) -> str:
    if name not in dimensions:
        raise Rejected("dimension", f"no auxiliary type configured for the dimension {name}", system="HedgeBridge")
    return dimensions[name]
