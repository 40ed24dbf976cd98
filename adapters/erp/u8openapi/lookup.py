"""Finding our own vouchers again in U8: the rows of `voucherdetails`, filtered by our reference.

A row does not say under which reference it was found. A server that ignored the filter would show every voucher as ours, so
before anything found is believed, a reference that cannot exist is asked for once: it must find nothing.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from adapters.erp.found_vouchers import Found, FoundVoucher, ReferenceLookup
from adapters.erp.order_lines import flat
from adapters.erp.u8openapi.vendor import NOWHERE, STAGES, VOUCHER_LINES, U8Options
from connectors.u8openapi import U8Client
from hedge_core.errors import ContractViolation
from hedge_core.model.vouchers import Stage

_MOST_PAGES = 50


class VoucherLookup(ReferenceLookup):
    """Looks vouchers up by reference."""

    def __init__(self, client: U8Client, options: U8Options) -> None:
        self.system = client.system
        self._client = client
        self._options = options
        self._filter_is_obeyed = False

    def of(self, key: str) -> list[FoundVoucher]:
        """Every document under a reference, void ones too."""
        rows = self._rows(key)
        if rows:
            self.prove_filter()
        documents: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in rows:
            place = self._options.place
            documents.setdefault((str(row.get(place("date"))), str(row.get(place("number")))), []).append(row)
        return [self._read(key, lines) for lines in documents.values()]

    def search(self, keys: set[str]) -> Found:
        """One call per reference."""
        return {key: self.of(key) for key in sorted(keys)}

    def prove_filter(self) -> None:
        """Raise `ContractViolation` when the list answers vouchers for a reference that cannot exist."""
        if not self._filter_is_obeyed and self._rows(NOWHERE):
            reason = f"the list does not filter by {self._options.reference_parameter}: set reference_parameter"
            raise ContractViolation(VOUCHER_LINES, reason, system=self._client.system)
        self._filter_is_obeyed = True

    def any_row(self) -> dict[str, Any]:
        """Some row of the ledger, for a check; empty when there is none."""
        page = self._client.page(VOUCHER_LINES, {}, 1, 1)
        return flat(page.rows[0]) if page.rows else {}

    def _rows(self, key: str) -> list[dict[str, Any]]:
        """All rows under a reference. The list is not published as a paged one; where it says that it has more pages, they are
        read, and a count that does not agree is no proof of anything."""
        found: list[dict[str, Any]] = []
        for index in range(1, _MOST_PAGES + 1):
            page = self._client.page(VOUCHER_LINES, {self._options.reference_parameter: key}, index, 1000)
            found += [flat(row) for row in page.rows]
            if not page.page_count or index >= page.page_count or not page.rows:
                break
        if page.row_count is not None and page.row_count != len(found):
            reason = f"{len(found)} rows where {page.row_count} were counted"
            raise ContractViolation(VOUCHER_LINES, reason, system=self._client.system)
        return found

    def _read(self, key: str, rows: list[dict[str, Any]]) -> FoundVoucher:
        """U8 numbers rows and not vouchers, so the reference is the external id."""
        place = self._options.place
        first = rows[0]
        try:
            return FoundVoucher(
                key=key,
                external_id=key,
                number=_said(first, place("number")),
                stage=next((stage for name, stage in STAGES if _said(first, place(name))), Stage.SAVED),
                has_effect=_said(first, place("void")) in ("", "0"),
                posting_date=date.fromisoformat(str(first[place("date")])[:10]),
                lines=tuple(
                    (
                        str(row[place("account")]),
                        Decimal(str(row.get(place("debit")) or 0)),
                        Decimal(str(row.get(place("credit")) or 0)),
                    )
                    for row in rows
                ),
            )
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            reason = f"a voucher that cannot be read ({type(error).__name__}): check voucher_fields"
            raise ContractViolation(VOUCHER_LINES, reason, system=self._client.system) from error


def _said(row: dict[str, Any], name: str) -> str:
    found = row.get(name)
    return "" if found is None else str(found).strip()
