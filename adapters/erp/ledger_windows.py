"""Our vouchers in a ledger whose list takes dates and answers documents with lines: searched for the reference in the lines.

What travels in a header as a key of the call comes back in no list; what is looked for is the same text in a field of every
line. A push asks for the dates of its vouchers, a look-up by key alone for the last months and the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from adapters.erp.date_windows import Ask, Window, in_windows
from adapters.erp.found_vouchers import Found, FoundVoucher, ReferenceLookup, first_day, month_of
from hedge_core.errors import ContractViolation
from hedge_core.model.vouchers import Stage, Voucher

_LINE_WORDS: Final = ("reference", "account", "debit", "credit")


@dataclass(frozen=True, slots=True)
class Ledger:
    """One system's ledger: its list, its names (`found.…` of a table), and how it tells stage, effect and whose a document is."""

    ask: Ask
    where: str
    name: Callable[[str], str]
    values: Callable[[bytes], Any]
    head_words: Sequence[str]
    stage: Callable[[Mapping[str, Any]], Stage]
    has_effect: Callable[[Mapping[str, Any]], bool]
    ours: Callable[[Mapping[str, Any]], bool] = lambda _: True


class WindowLookup(ReferenceLookup):
    """Looks vouchers up by reference. `now` answers aware UTC time."""

    def __init__(
        self, ledger: Ledger, system: str, lookup_months: int, zone: str, now: Callable[[], datetime]
    ) -> None:  # fmt: skip
        self.system = system
        self._ledger = ledger
        self._months = lookup_months
        self._zone = zone
        self._now = now

    def of_batch(self, batch: Sequence[Voucher]) -> Found:
        """Every document by reference on the dates of a batch, those without effect too."""
        if not batch:
            return {}
        days = [voucher.posting_date for voucher in batch]
        return self._find({voucher.key for voucher in batch}, Window(min(days), max(days)), must_show=False)

    def search(self, keys: set[str]) -> Found:
        """A list in which no voucher has the field of our reference proves nothing: whoever took it for "not there" would send
        a lost voucher again."""
        return self._find(keys, self.recent(), must_show=True)

    def looks_back_to(self) -> date:
        """The first posting date that a look-up by key alone sees."""
        return first_day(month_of(self._now, self._zone) - self._months)

    def recent(self) -> Window:
        """What a look-up by key alone reads: whole months, up to the end of the next one."""
        months = month_of(self._now, self._zone)
        return Window(first_day(months - self._months), first_day(months + 2))

    def absent_names(self) -> list[str] | None:
        """The names that the newest recent voucher lacks, then those it has; None without a voucher."""
        name, newest = self._ledger.name, None
        for _, documents in in_windows(self._ledger.ask, "vouchers", self.recent(), self.system):
            for document in documents:
                newest = self._ledger.values(document.parts[0][1])
        if newest is None:
            return None
        lines = newest.get(name("found.lines"))
        line = lines[0] if isinstance(lines, list) and lines and isinstance(lines[0], dict) else {}
        absent = [
            f"found.{word}={name(f'found.{word}')}"
            for words, record in ((self._ledger.head_words, newest), (_LINE_WORDS, line))
            for word in words
            if name(f"found.{word}") not in record
        ]
        return [*absent, f"({', '.join([*newest, *line])})"] if absent else []

    def _find(self, keys: set[str], window: Window, *, must_show: bool) -> Found:
        found: Found = {}
        if not keys:
            return found
        name, seen, shown = self._ledger.name, 0, 0
        place = name("found.reference")
        for _, documents in in_windows(self._ledger.ask, "vouchers", window, self.system):
            for document in documents:
                record = self._ledger.values(document.parts[0][1])
                if not self._ledger.ours(record):
                    continue
                lines = [one for one in record.get(name("found.lines")) or [] if isinstance(one, dict)]
                seen, shown = seen + 1, shown + any(place in line for line in lines)
                for key in keys & {str(line.get(place)) for line in lines}:
                    found.setdefault(key, []).append(self._read(key, record))
        if must_show and seen and not shown:
            reason = f"no voucher has {place} in its lines: set found.reference in names"
            raise ContractViolation(self._ledger.where, reason, system=self.system)
        return found

    def _read(self, key: str, record: Mapping[str, Any]) -> FoundVoucher:
        name = self._ledger.name
        try:
            return FoundVoucher(
                key=key,
                external_id=str(record[name("found.id")]),
                number=str(record[name("found.number")]),
                stage=self._ledger.stage(record),
                has_effect=self._ledger.has_effect(record),
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
            raise ContractViolation(self._ledger.where, reason, system=self.system) from error
