"""Finding our own vouchers again in NC Cloud: the vouchers of a period, searched for our reference on their lines.

The query cannot be asked for a reference, only for periods: a push asks for the periods of its vouchers, a look-up by key alone
for the last months (`lookup_months`) and the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from adapters.erp.nccloud.pages import ListReader
from adapters.erp.nccloud.vendor import EMPTY, STAGES, VOID, NcCloudOptions
from connectors.nccloud import NcCloudClient, values
from hedge_core.errors import ContractViolation, IdempotencyConflict
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher

Line = tuple[str, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class FoundVoucher:
    """A document that carries one of our references."""

    key: str
    external_id: str
    number: str
    stage: Stage
    void: bool
    posting_date: date
    lines: tuple[Line, ...]

    def receipt(self) -> PostingReceipt:
        return PostingReceipt(
            key=self.key,
            number=self.number,
            external_id=self.external_id,
            stage=self.stage,
            posting_date=self.posting_date,
            total=sum((debit for _, debit, _ in self.lines), Decimal(0)),
            found_by_lookup=True,
        )

    def says_the_same_as(self, voucher: Voucher) -> bool:
        """There is no place for a content hash: date, number of lines and the balance per account must agree."""
        ours = _balances((line.account, line.debit, line.credit) for line in voucher.lines)
        same_size = len(self.lines) == len(voucher.lines)
        return self.posting_date == voucher.posting_date and same_size and _balances(self.lines) == ours


def _balances(lines: Iterable[Line]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for account, debit, credit in lines:
        found[account] = found.get(account, Decimal(0)) + debit - credit
    return found


class VoucherLookup:
    """Looks vouchers up by reference. `now` answers aware UTC time."""

    def __init__(self, client: NcCloudClient, options: NcCloudOptions, now: Callable[[], datetime]) -> None:
        self._client = client
        self._options = options
        self._lists = ListReader(client, options)
        self._now = now

    def of_batch(self, batch: Sequence[Voucher]) -> dict[str, list[FoundVoucher]]:
        """Every document by reference in the periods of a batch, void ones too."""
        months = {(voucher.posting_date.year, voucher.posting_date.month) for voucher in batch}
        return self._find({voucher.key for voucher in batch}, sorted(months))

    def by_keys(self, keys: Iterable[str]) -> dict[str, list[FoundVoucher]]:
        """Every document with effect by reference in the recent periods."""
        found = self._find(set(keys), self._recent())
        kept = {key: [one for one in documents if not one.void] for key, documents in found.items()}
        return {key: documents for key, documents in kept.items() if documents}

    def one(self, key: str) -> FoundVoucher | None:
        """The one document with effect under a reference; two of them are an `IdempotencyConflict`."""
        documents = self.by_keys([key]).get(key, [])
        if len(documents) > 1:
            raise IdempotencyConflict(key, system=self._client.system)
        return documents[0] if documents else None

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

    def _recent(self) -> list[tuple[int, int]]:
        today = self._now().astimezone(ZoneInfo(self._options.zone))
        newest = today.year * 12 + today.month
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

    def _find(self, keys: set[str], months: Iterable[tuple[int, int]]) -> dict[str, list[FoundVoucher]]:
        found: dict[str, list[FoundVoucher]] = {}
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
                void=str(record.get(place("void"))) in VOID,
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
