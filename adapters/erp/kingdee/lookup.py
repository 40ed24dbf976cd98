"""Finding our own documents again in Kingdee: vouchers by the reference on their entries, hedge notes on order lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from adapters.erp.kingdee.vendor import STAGE_OF_STATUS, VOUCHER_FORM, KingdeeOptions, OrderForm
from connectors.kingdee import KingdeeClient
from hedge_core.errors import ContractViolation, IdempotencyConflict
from hedge_core.model.identity import ExternalRef
from hedge_core.model.vouchers import PostingReceipt, Voucher

_KEYS_PER_QUERY: Final = 40
_PAGE: Final = 2000
_ORDER: Final = "FVOUCHERID ASC,FEntity_FEntryID ASC"
"""Down to the line: a voucher that is split between two pages must come in one order both times."""

_decoder = msgspec.json.Decoder(list[Any], float_hook=Decimal)


@dataclass(slots=True)
class FoundVoucher:
    """A document that carries one of our references: its header and what its entries add up to."""

    key: str
    external_id: str
    number: str
    status: str
    posting_date: date
    lines: int = 0
    debit: Decimal = Decimal(0)
    accounts: dict[str, Decimal] = field(default_factory=dict)

    def receipt(self) -> PostingReceipt:
        return PostingReceipt(
            key=self.key,
            number=self.number,
            external_id=self.external_id,
            stage=STAGE_OF_STATUS[self.status],
            posting_date=self.posting_date,
            total=abs(self.debit),  # red letters are negative on both sides
            found_by_lookup=True,
            accounts=tuple(sorted(self.accounts.items())),
        )

    def says_the_same_as(self, voucher: Voucher) -> bool:
        """Kingdee cannot carry our content hash: date, number of lines and the balance per account must agree."""
        ours: dict[str, Decimal] = {}
        for line in voucher.lines:
            ours[line.account] = ours.get(line.account, Decimal(0)) + line.debit - line.credit
        return self.posting_date == voucher.posting_date and self.lines == len(voucher.lines) and self.accounts == ours


class VoucherLookup:
    """Looks vouchers up by reference."""

    def __init__(self, client: KingdeeClient, options: KingdeeOptions) -> None:
        self._client = client
        self._reference = options.reference_field
        self._fields = (
            "FVOUCHERID",
            options.number_field,
            "FDocumentStatus",
            "FDate",
            options.reference_field,
            "FACCOUNTID.FNumber",
            "FDEBIT",
            "FCREDIT",
        )

    def find(self, keys: Iterable[str]) -> dict[str, list[FoundVoucher]]:
        """Every document by reference; a reference that no document carries is absent from the answer."""
        wanted = sorted(set(keys))
        found: dict[tuple[str, str], FoundVoucher] = {}
        for first in range(0, len(wanted), _KEYS_PER_QUERY):
            for values in self._rows(wanted[first : first + _KEYS_PER_QUERY]):
                self._take(found, values)
        by_key: dict[str, list[FoundVoucher]] = {}
        for (key, _), document in found.items():
            by_key.setdefault(key, []).append(document)
        return by_key

    def one(self, key: str) -> FoundVoucher | None:
        """The one document under a reference; two of them are an `IdempotencyConflict`."""
        documents = self.find([key]).get(key, [])
        if len(documents) > 1:
            raise IdempotencyConflict(key, system=self._client.system)
        return documents[0] if documents else None

    def _rows(self, keys: Sequence[str]) -> Iterable[list[Any]]:
        listed = ",".join(f"'{key}'" for key in keys)
        where = f"{self._reference} in ({listed})"
        start = 0
        while True:
            page = self._client.query_rows(VOUCHER_FORM, self._fields, where, _ORDER, start, _PAGE)
            for raw in page:
                yield _decoder.decode(raw)
            if not page:
                return
            start += len(page)

    def _take(self, found: dict[tuple[str, str], FoundVoucher], values: list[Any]) -> None:
        try:
            voucher_id, number, status, day, key, account, debit, credit = values
            document = found.setdefault(
                (key, str(voucher_id)),
                FoundVoucher(key, str(voucher_id), str(number), status, datetime.fromisoformat(day).date()),
            )
            amount = Decimal(debit) - Decimal(credit)
            STAGE_OF_STATUS[status]
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            raise ContractViolation(
                VOUCHER_FORM, f"a row that cannot be read: {type(error).__name__}", system=self._client.system
            ) from error
        document.lines += 1
        document.debit += Decimal(debit)
        document.accounts[account] = document.accounts.get(account, Decimal(0)) + amount


def hedge_text(client: KingdeeClient, form: OrderForm, field_name: str, leg: ExternalRef) -> str | None:
    """The hedge note now on an order line; None when the line does not exist."""
    document_id, _, entry_id = leg.key.partition("/")
    where = f"FID={int(document_id)} and {form.entry_id}={int(entry_id)}"
    for raw in client.query_rows(form.form, ["FID", form.entry_id, field_name], where, "FID ASC", 0, 10):
        values = _decoder.decode(raw)
        if str(values[1]) == entry_id:
            return str(values[2] or "").strip()
    return None
