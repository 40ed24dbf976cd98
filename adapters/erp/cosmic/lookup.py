"""Finding our own vouchers again in Cosmic: the ledger's query by date, searched for the references in the lines.

`Idempotency-Key` travels in a header and comes back nowhere; what is looked for is the same text in a field of every line. A push
asks for the dates of its vouchers, a look-up by key alone for the last months and the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from adapters.erp.cosmic.read import Lists
from adapters.erp.cosmic.vendor import STAGE_OF_STATUS, CosmicOptions
from adapters.erp.date_windows import Window, in_windows
from connectors.cosmic.envelope import values
from hedge_core.errors import ContractViolation, IdempotencyConflict
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher

_HEAD_WORDS = ("id", "number", "date", "book", "status", "lines")
_LINE_WORDS = ("reference", "account", "debit", "credit")


@dataclass(frozen=True, slots=True)
class FoundVoucher:
    """A document that carries one of our references. `has_effect` is False for a void one: listed, not in the ledger."""

    key: str
    external_id: str
    number: str
    stage: Stage
    has_effect: bool
    posting_date: date
    lines: tuple[tuple[str, Decimal, Decimal], ...]

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


def _balances(lines: Iterable[tuple[str, Decimal, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for account, debit, credit in lines:
        found[account] = found.get(account, Decimal(0)) + debit - credit
    return found


class VoucherLookup:
    """Looks vouchers up by reference. `now` answers aware UTC time."""

    def __init__(self, lists: Lists, options: CosmicOptions, system: str, now: Callable[[], datetime]) -> None:
        self._lists = lists
        self._options = options
        self._system = system
        self._now = now

    def of_batch(self, batch: Sequence[Voucher]) -> dict[str, list[FoundVoucher]]:
        """Every document by reference on the dates of a batch, those without effect too."""
        if not batch:
            return {}
        days = [voucher.posting_date for voucher in batch]
        return self._find({voucher.key for voucher in batch}, Window(min(days), max(days)), must_show=False)

    def by_keys(self, keys: Iterable[str]) -> dict[str, list[FoundVoucher]]:
        """Every document with effect by reference in the recent months. A list in which no voucher has the field of our
        reference proves nothing: whoever took it for "not there" would send a lost voucher again."""
        found = self._find(set(keys), self.recent(), must_show=True)
        kept = {key: [one for one in documents if one.has_effect] for key, documents in found.items()}
        return {key: documents for key, documents in kept.items() if documents}

    def one(self, key: str) -> FoundVoucher | None:
        """The one document with effect under a reference; two of them are an `IdempotencyConflict`."""
        documents = self.by_keys([key]).get(key, [])
        if len(documents) > 1:
            raise IdempotencyConflict(key, system=self._system)
        return documents[0] if documents else None

    def recent(self) -> Window:
        """What a look-up by key alone reads: whole months, up to the end of the next one."""
        today = self._now().astimezone(ZoneInfo(self._options.zone)).date()
        months = today.year * 12 + today.month - 1
        return Window(_first_day(months - self._options.lookup_months), _first_day(months + 2))

    def absent_names(self) -> list[str] | None:
        """The names of `NAMES` that the newest recent voucher lacks, then those it has; None without a voucher."""
        newest: Any = None
        for _, documents in in_windows(self._lists.vouchers, "vouchers", self.recent(), self._system):
            for document in documents:
                newest = values(document.parts[0][1])
        if newest is None:
            return None
        name = self._options.name
        lines = newest.get(name("found.lines"))
        line = lines[0] if isinstance(lines, list) and lines and isinstance(lines[0], dict) else {}
        absent = [
            f"found.{word}={name(f'found.{word}')}" for word in _HEAD_WORDS if name(f"found.{word}") not in newest
        ]
        absent += [f"found.{word}={name(f'found.{word}')}" for word in _LINE_WORDS if name(f"found.{word}") not in line]
        return [*absent, f"({', '.join([*newest, *line])})"] if absent else []

    def _find(self, keys: set[str], window: Window, *, must_show: bool) -> dict[str, list[FoundVoucher]]:
        found: dict[str, list[FoundVoucher]] = {}
        if not keys:
            return found
        place, seen, shown = self._options.name("found.reference"), 0, 0
        for _, documents in in_windows(self._lists.vouchers, "vouchers", window, self._system):
            for document in documents:
                record = values(document.parts[0][1])
                if record.get(self._options.name("found.book")) not in (None, self._options.account_book):
                    continue  # another book of the same organisation
                lines = [one for one in record.get(self._options.name("found.lines")) or [] if isinstance(one, dict)]
                seen, shown = seen + 1, shown + any(place in line for line in lines)
                for key in keys & {str(line.get(place)) for line in lines}:
                    found.setdefault(key, []).append(self._read(key, record))
        if must_show and seen and not shown:
            reason = f"no voucher has {place} in its lines: set found.reference in names"
            raise ContractViolation(self._options.path("vouchers"), reason, system=self._system)
        return found

    def _read(self, key: str, record: Mapping[str, Any]) -> FoundVoucher:
        name = self._options.name
        try:
            return FoundVoucher(
                key=key,
                external_id=str(record[name("found.id")]),
                number=str(record[name("found.number")]),
                stage=Stage.POSTED
                if _yes(record, name("found.posted"))
                else STAGE_OF_STATUS[str(record[name("found.status")])],
                has_effect=not _yes(record, name("found.void")),
                posting_date=date.fromisoformat(str(record[name("found.date")])[:10]),
                lines=tuple(
                    (
                        str(line[name("found.account")]),
                        Decimal(str(line[name("found.debit")] or 0)),
                        Decimal(str(line[name("found.credit")] or 0)),
                    )
                    for line in record[name("found.lines")]
                ),
            )
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            reason = f"a voucher that cannot be read: {type(error).__name__} {error}"
            raise ContractViolation(self._options.path("vouchers"), reason, system=self._system) from error


def _yes(record: Mapping[str, Any], field: str) -> bool:
    """A flag that is a boolean, a digit or a letter, depending on the interface."""
    return str(record.get(field)).upper() in ("TRUE", "1", "Y")


def _first_day(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)
