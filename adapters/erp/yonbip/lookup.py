"""Finding our own vouchers again in YonBIP: the ledger's list, period by period, searched for our references.

The list cannot be asked for a reference, only for periods: a push asks for the periods of its vouchers, a look-up by key alone
for the last months (`lookup_months`) and the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from adapters.erp.found_vouchers import Found, FoundVoucher, ReferenceLookup, first_day, month_of
from adapters.erp.yonbip.vendor import QUERY_VOUCHERS_PATH, STAGE_OF_STATUS, WITHOUT_EFFECT, YonBipOptions
from connectors.yonbip import YonBipClient
from connectors.yonbip.envelope import values
from hedge_core.errors import ContractViolation, Unavailable
from hedge_core.model.vouchers import Stage, Voucher

_PAGE: Final = 1000
_ATTEMPTS: Final = 3


class VoucherLookup(ReferenceLookup):
    """Looks vouchers up by reference. `now` answers aware UTC time."""

    def __init__(self, client: YonBipClient, options: YonBipOptions, now: Callable[[], datetime]) -> None:
        self.system = client.system
        self._client = client
        self._options = options
        self._now = now

    def of_batch(self, batch: Sequence[Voucher]) -> Found:
        """Every document by reference in the periods of a batch, those without effect too."""
        if not batch:
            return {}
        days = [voucher.posting_date for voucher in batch]
        return self._find({voucher.key for voucher in batch}, _period(min(days)), _period(max(days)))

    def search(self, keys: set[str]) -> Found:
        """A list in which no voucher has the field of our reference proves nothing: whoever took it for "not there" would send
        a lost voucher again."""
        first, last = self.recent_periods()
        return self._find(keys, first, last, must_show_references=True)

    def looks_back_to(self) -> date:
        """The first posting date that a look-up by key alone sees."""
        return first_day(month_of(self._now, self._options.zone) - self._options.lookup_months)

    def recent_periods(self) -> tuple[str, str]:
        """The periods that a look-up by key alone reads, first and last, as `2026-03`."""
        months = month_of(self._now, self._options.zone)
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

    def _find(self, keys: set[str], first: str, last: str, *, must_show_references: bool = False) -> Found:
        found: Found = {}
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
        """Faulty and void documents are listed and not in the ledger: their stage says nothing."""
        place = self._options.place
        status = str(_at(record, place("status"))).zfill(2)
        has_effect = status not in WITHOUT_EFFECT
        try:
            return FoundVoucher(
                key=key,
                external_id=str(_at(record, place("id"))),
                number=str(_at(record, place("number"))),
                stage=STAGE_OF_STATUS[status] if has_effect else Stage.SAVED,
                has_effect=has_effect,
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
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            reason = f"a voucher that cannot be read: {type(error).__name__}"
            raise ContractViolation(QUERY_VOUCHERS_PATH, reason, system=self._client.system) from error


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
