"""Finding our own vouchers again in NC Cloud: the vouchers of a period, searched for our reference on their lines.

The query cannot be asked for a reference, only for periods: a push asks for the periods of its vouchers, a look-up by key alone
for the last months (`lookup_months`) and the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from adapters.erp.found_vouchers import Found, FoundVoucher, ReferenceLookup, first_day, month_of
from adapters.erp.nccloud.pages import ListReader
from adapters.erp.nccloud.vendor import EMPTY, STAGES, VOID, NcCloudOptions
from connectors.nccloud import NcCloudClient, values
from hedge_core.errors import ContractViolation
from hedge_core.model.vouchers import Stage, Voucher


class VoucherLookup(ReferenceLookup):
    """Looks vouchers up by reference. `now` answers aware UTC time."""

    def __init__(self, client: NcCloudClient, options: NcCloudOptions, now: Callable[[], datetime]) -> None:
        self.system = client.system
        self._client = client
        self._options = options
        self._lists = ListReader(client, options)
        self._now = now

    def of_batch(self, batch: Sequence[Voucher]) -> Found:
        """Every document by reference in the periods of a batch, void ones too."""
        months = {(voucher.posting_date.year, voucher.posting_date.month) for voucher in batch}
        return self._find({voucher.key for voucher in batch}, sorted(months))

    def search(self, keys: set[str]) -> Found:
        return self._find(keys, self._recent())

    def some_voucher(self) -> Mapping[str, Any] | None:
        """A recent voucher, for a check; None when there is none."""
        for month in self._recent():
            page = self._lists.page(self._options.path("voucher"), self._asked(month), 1, 1)
            if page.rows:
                record = values(page.rows[0])
                return record if isinstance(record, dict) else {}
        return None

    def absent_names(self, record: Mapping[str, Any]) -> list[str]:
        """The names that a look-up reads and a voucher lacks."""
        place = self._options.place
        lines = [one for one in record.get(place("lines")) or [] if isinstance(one, dict)]
        heads = [name for name in (place("id"), place("number"), place("date"), place("lines")) if name not in record]
        wanted = (place("account"), place("debit"), place("credit"), self._options.reference_field)
        return heads + [name for name in wanted if lines and name not in lines[0]]

    def looks_back_to(self) -> date:
        """The first posting date that a look-up by key alone sees."""
        return first_day(month_of(self._now, self._options.zone) - self._options.lookup_months)

    def _recent(self) -> list[tuple[int, int]]:
        newest = month_of(self._now, self._options.zone) + 1
        months = range(newest, newest - self._options.lookup_months - 2, -1)
        return [(month // 12, month % 12 + 1) for month in months]

    def _asked(self, month: tuple[int, int]) -> dict[str, Any]:
        conditions = self._options.conditions.get("voucher", {})
        return {
            "accbookCode": self._options.account_book,
            "year": f"{month[0]}",
            "period": f"{month[1]:02d}",
            **conditions,
        }

    def _find(self, keys: set[str], months: Iterable[tuple[int, int]]) -> Found:
        found: Found = {}
        if not keys:
            return found
        path = self._options.path("voucher")
        for month in months:
            for raw in self._lists.whole(path, self._asked(month), self._id, "set voucher_fields").values():
                record = values(raw)
                key = self._reference(record)
                if key in keys:
                    found.setdefault(key, []).append(self._read(key, record))
        return found

    def _id(self, raw: bytes) -> str:
        record = values(raw)
        found = record.get(self._options.place("id")) if isinstance(record, dict) else None
        if str(found) in EMPTY:
            raise self._unread(f"a voucher without {self._options.place('id')}")
        return str(found)

    def _reference(self, record: Mapping[str, Any]) -> str:
        """Our reference on the first line that has one. A line without even the field proves nothing: whoever took it for "not
        ours" would send a lost voucher again."""
        lines = record.get(self._options.place("lines"))
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise self._unread(f"a voucher without {self._options.place('lines')}")
        name = self._options.reference_field
        if lines and not any(name in line for line in lines):
            raise self._unread(f"no line has {name}: set reference_field")
        texts = (str(line.get(name)).strip() for line in lines)
        return next((text for text in texts if text not in EMPTY), "")

    def _read(self, key: str, record: Mapping[str, Any]) -> FoundVoucher:
        place = self._options.place
        try:
            return FoundVoucher(
                key=key,
                external_id=str(record[place("id")]),
                number=str(record[place("number")]),
                stage=next((stage for name, stage in STAGES if str(record.get(place(name))) not in EMPTY), Stage.SAVED),
                has_effect=str(record.get(place("void"))) not in VOID,
                posting_date=date.fromisoformat(str(record[place("date")])[:10]),
                lines=tuple(
                    (
                        str(line[place("account")]),
                        Decimal(str(line.get(place("debit")) or 0)),
                        Decimal(str(line.get(place("credit")) or 0)),
                    )
                    for line in record[place("lines")]
                ),
            )
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            raise self._unread(f"a voucher that cannot be read ({type(error).__name__}): set voucher_fields") from error

    def _unread(self, reason: str) -> ContractViolation:
        return ContractViolation(self._options.path("voucher"), reason, system=self._client.system)
