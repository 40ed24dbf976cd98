"""Vouchers found again by our reference, and what follows for a push: the part that is the same wherever a ledger is searched.

A system without a place for a content hash is asked three things instead: date, number of lines, balance per account.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from hedge_core.errors import AuthFailed, IdempotencyConflict, PlatformError, RateLimited, Rejected, Unavailable
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher

Line = tuple[str, Decimal, Decimal]
"""Account, debit, credit."""
Outcome = PostingReceipt | PlatformError


@dataclass(frozen=True, slots=True)
class FoundVoucher:
    """A document that carries one of our references. `has_effect` is False for a void one: listed, not in the ledger."""

    key: str
    external_id: str
    number: str
    stage: Stage
    has_effect: bool
    posting_date: date
    lines: tuple[Line, ...]

    def receipt(self) -> PostingReceipt:
        """What a push would have answered for it."""
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
        """Date, number of lines and the balance per account agree."""
        ours = _balances((line.account, line.debit, line.credit) for line in voucher.lines)
        same_size = len(self.lines) == len(voucher.lines)
        return self.posting_date == voucher.posting_date and same_size and _balances(self.lines) == ours


Found = dict[str, list[FoundVoucher]]


def _balances(lines: Iterable[Line]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for account, debit, credit in lines:
        found[account] = found.get(account, Decimal(0)) + debit - credit
    return found


class ReferenceLookup(ABC):
    """Base of a look-up: a subclass searches its ledger in `search`."""

    system: str

    @abstractmethod
    def search(self, keys: set[str]) -> Found:
        """Every document in the recent past by reference, those without effect too."""

    def by_keys(self, keys: Iterable[str]) -> Found:
        """Every document with effect by reference."""
        found = self.search(set(keys))
        kept = {key: [one for one in documents if one.has_effect] for key, documents in found.items()}
        return {key: documents for key, documents in kept.items() if documents}

    def one(self, key: str) -> FoundVoucher | None:
        """The one document with effect under a reference; two of them are an `IdempotencyConflict`."""
        documents = self.by_keys([key]).get(key, [])
        if len(documents) > 1:
            raise IdempotencyConflict(key, system=self.system)
        return documents[0] if documents else None

    def receipt(self, key: str) -> PostingReceipt | None:
        """`find_voucher` of the port."""
        document = self.one(key)
        return document.receipt() if document else None

    def receipts(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        """`find_vouchers` of the port."""
        return {key: [one.receipt() for one in documents] for key, documents in self.by_keys(keys).items()}


def already_there(voucher: Voucher, documents: Sequence[FoundVoucher], system: str) -> Outcome | None:
    """What a document under the voucher's reference means for a push; None when there is none. A void document has spent the
    reference too: a person decides what becomes of it."""
    if not documents:
        return None
    document = documents[0]
    if len(documents) > 1 or not document.has_effect or not document.says_the_same_as(voucher):
        return IdempotencyConflict(voucher.key, system=system)
    return document.receipt()


def each_once(batch: Sequence[Voucher]) -> None:
    """ValueError when a voucher is in a batch twice: the look-up before it could not keep the second one out."""
    if len({voucher.key for voucher in batch}) != len(batch):
        raise ValueError("a batch holds every voucher once")


def stops_the_batch(outcome: Outcome | None) -> PlatformError | None:
    """What the rest of a batch gets after a failure that would meet it as well: nothing more is sent."""
    if outcome is None or isinstance(outcome, PostingReceipt | Rejected | IdempotencyConflict):
        return None
    if isinstance(outcome, Unavailable | RateLimited | AuthFailed):
        return outcome
    return Unavailable("not tried after a failure in the same batch")


def push_in_turn(
    batch: Sequence[Voucher],
    found: Mapping[str, Sequence[FoundVoucher]],
    save: Callable[[Voucher], Outcome],
    system: str,
) -> list[Outcome]:
    """One result per voucher, in order: a document that is there is never saved again, the others are saved one by one."""
    results: list[Outcome] = []
    stopped: PlatformError | None = None
    for voucher in batch:
        outcome = already_there(voucher, found.get(voucher.key, []), system)
        if outcome is None and stopped is not None:
            outcome = stopped
        elif outcome is None:
            outcome = save(voucher)
            stopped = stops_the_batch(outcome)
        results.append(outcome)
    return results


def month_of(now: Callable[[], datetime], zone: str) -> int:
    """The current month over there, counted from year zero (12 a year)."""
    today = now().astimezone(ZoneInfo(zone))
    return today.year * 12 + today.month - 1


def first_day(months: int) -> date:
    """The first day of such a month."""
    return date(months // 12, months % 12 + 1, 1)
