"""Finding our own vouchers again in YonBIP: the ledger's list, period by period, searched for our references.

The list cannot be asked for a reference, only for periods: a push asks for the periods of its vouchers, a look-up by key alone
for the last months (`lookup_months`) and the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.erp.yonbip.vendor import QUERY_VOUCHERS_PATH, STAGE_OF_STATUS, WITHOUT_EFFECT, YonBipOptions
from connectors.yonbip import YonBipClient
from connectors.yonbip.envelope import values
from hedge_core.errors import ContractViolation, IdempotencyConflict, Unavailable
from hedge_core.model.vouchers import PostingReceipt, Voucher

_PAGE: Final = 1000
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class FoundVoucher:
    """A document that carries one of our references."""

    key: str
    external_id: str
    number: str
    status: str
    posting_date: date
    lines: tuple[tuple[str, Decimal, Decimal], ...]

    @property
    def has_effect(self) -> bool:
        """False for a faulty or void document: it is listed and not in the ledger."""
        return self.status not in WITHOUT_EFFECT

    def receipt(self) -> PostingReceipt:
        return PostingReceipt(
            key=self.key,
            number=self.number,
            external_id=self.external_id,
            stage=STAGE_OF_STATUS[self.status],
            posting_date=self.posting_date,
            total=sum((debit for _, debit, _ in self.lines), Decimal(0)),
            found_by_lookup=True,
        )

    def says_the_same_as(self, voucher: Voucher) -> bool:
        """There is no place for a content hash: date, number of lines and the balance per account must agree."""
        ours = _balances((line.account, line.debit, line.credit) for line in voucher.lines)
        same_size = len(self.lines) == len(voucher.lines)
        return self.posting_date == voucher.posting_date and same_size and _balances(self.lines) == ours


def _balances(lines: Iterable[tuple[str, Decimal, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for account, debit, credit in lines:
        found[account] = found.get(account, Decimal(0)) + debit - credit
    return found


class VoucherLookup:
    """Looks vouchers up by reference. `now` answers aware UTC time."""

    def __init__(self, client: YonBipClient, options: YonBipOptions, now: Callable[[], datetime]) -> None:
        self._client = client
        self._options = options
        self._now = now

    def of_batch(self, batch: Sequence[Voucher]) -> dict[str, list[FoundVoucher]]:
        """Every document by reference in the periods of a batch, those without effect too."""
        if not batch:
            return {}
        days = [voucher.posting_date for voucher in batch]
        return self._find({voucher.key for voucher in batch}, _period(min(days)), _period(max(days)))

    def by_keys(self, keys: Iterable[str]) -> dict[str, list[FoundVoucher]]:
        """Every document with effect by reference in the recent periods. A list in which no voucher has the field of our
        reference proves nothing: whoever took it for "not there" would send a lost voucher again."""
        first, last = self.recent_periods()
        found = self._find(set(keys), first, last, must_show_references=True)
        kept = {key: [one for one in documents if one.has_effect] for key, documents in found.items()}
        return {key: documents for key, documents in kept.items() if documents}

    def one(self, key: str) -> FoundVoucher | None:
        """The one document with effect under a reference; two of them are an `IdempotencyConflict`."""
        documents = self.by_keys([key]).get(key, [])
        if len(documents) > 1:
            raise IdempotencyConflict(key, system=self._client.system)
        return documents[0] if documents else None

    def recent_periods(self) -> tuple[str, str]:
        """The periods that a look-up by key alone reads, first and last, as `2026-03`."""
        today = self._now().astimezone(ZoneInfo(self._options.zone))
        months = today.year * 12 + today.month - 1
        return _numbered(months - self._options.lookup_months), _numbered(months + 1)

    def newest_header_names(self) -> set[str] | None:
        """The paths of `VOUCHER_FIELDS` that the first recent voucher has, or None when there is no voucher."""
        first, last = self.recent_periods()
        page = self._client.read_page(QUERY_VOUCHERS_PATH, self._asked(first, last, 1, 1))
        if not page.rows:
            return None
        record = values(page.rows[0])
        lines = [one for one in record.get("body") or [] if isinstance(one, dict)]
        return {
            name
            for name in ("id", "number", "status", "date", "reference", "account", "debit", "credit")
            if _has(record, self._options.place(name)) or any(_has(line, self._options.place(name)) for line in lines)
        }

    def _find(
        self, keys: set[str], first: str, last: str, *, must_show_references: bool = False
    ) -> dict[str, list[FoundVoucher]]:
        found: dict[str, list[FoundVoucher]] = {}
        if not keys:
            return found
        place = self._options.place("reference")
        records = self._records(first, last)
        if must_show_references and records and not any(_has(record, place) for record in records):
            reason = f"no voucher has {place}: set voucher_fields"
            raise ContractViolation(QUERY_VOUCHERS_PATH, reason, system=self._client.system)
        for record in records:
            key = _at(record, place)
            if key in keys:
                found.setdefault(key, []).append(self._read(key, record))
        return found

    def _records(self, first: str, last: str) -> list[Any]:
        """The whole list of some periods. Pages are numbered, so vouchers that come or go meanwhile would move others: the
        list counts only when as many different ones were seen as there are."""
        for _ in range(_ATTEMPTS):
            seen: dict[str, Any] = {}
            index = 1
            while True:
                page = self._client.read_page(QUERY_VOUCHERS_PATH, self._asked(first, last, index, _PAGE))
                for raw in page.rows:
                    record = values(raw)
                    seen[str(_at(record, self._options.place("id")))] = record
                index += 1
                if not page.rows or len(seen) >= page.record_count:
                    break
            if len(seen) == page.record_count:
                return list(seen.values())
        raise Unavailable("vouchers keep changing while they are read; try again later", system=self._client.system)

    def _asked(self, first: str, last: str, index: int, rows: int) -> dict[str, Any]:
        return {
            "accbookCode": self._options.account_book,
            "pager": {"pageIndex": index, "pageSize": rows},
            "periodStart": first,
            "periodEnd": last,
        }

    def _read(self, key: str, record: Any) -> FoundVoucher:
        place = self._options.place
        try:
            document = FoundVoucher(
                key=key,
                external_id=str(_at(record, place("id"))),
                number=str(_at(record, place("number"))),
                status=str(_at(record, place("status"))).zfill(2),
                posting_date=date.fromisoformat(str(_at(record, place("date")))[:10]),
                lines=tuple(
                    (
                        str(_at(line, place("account"))),
                        Decimal(str(_at(line, place("debit")) or 0)),
                        Decimal(str(_at(line, place("credit")) or 0)),
                    )
                    for line in record["body"]
                ),
            )
            if document.has_effect:
                STAGE_OF_STATUS[document.status]
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            reason = f"a voucher that cannot be read: {type(error).__name__}"
            raise ContractViolation(QUERY_VOUCHERS_PATH, reason, system=self._client.system) from error
        return document


def _period(day: date) -> str:
    return f"{day:%Y-%m}"


def _numbered(months: int) -> str:
    return f"{months // 12}-{months % 12 + 1:02d}"


def _at(record: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _has(record: Any, path: str) -> bool:
    parent, _, name = path.rpartition(".")
    holder = _at(record, parent) if parent else record
    return isinstance(holder, Mapping) and name in holder
