"""Taking a delivered voucher back: the red-letter voucher and, where the inputs say something else now, the blue one that
replaces it, made in one action. And reading again what the ERP did with what was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from hedge_core.accounting.summaries import MAX_SUMMARY
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus, idempotency_key
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.storage import Store, StoredVoucher, UnitOfWork
from hedge_core.use_cases.reconcile import in_sight
from messages import Message, say

_LANGUAGE = "zh"  # vouchers stand in Chinese ledgers, whoever runs the program


@dataclass(frozen=True, slots=True)
class Reversed:
    """The two drafts of one action; no blue one when the content is only taken back."""

    red: Voucher
    blue: Voucher | None = None


def reverse(
    store: Store,
    book: BookId,
    voucher_id: str,
    reason: str,
    actor: Actor,
    *,
    corrected: Voucher | None = None,
    on: date | None = None,
) -> Reversed:
    """Draft the red-letter voucher of a delivered one and, given its corrected content, the blue one; both are approved and
    delivered like any other, and the original counts as reversed once the red one is in the ERP.

    Dated as the original unless `on` says else. A closed period is refused: a person names the date, it never moves by
    itself. RuleBroken too for a voucher that is not delivered or is reversed already."""
    with store.begin(book, actor) as uow:
        stored = uow.results.voucher(voucher_id)
        _check(uow, stored, voucher_id, corrected)
        assert stored is not None  # noqa: S101 - _check raised
        original = stored.voucher
        day = on or original.posting_date
        period = f"{day:%Y-%m}"
        if period in uow.accounting.closed_periods():
            raise RuleBroken("period", voucher_id, Message("period.closed_for_reversal", {"period": period}))
        number = stored.receipt.number if stored.receipt is not None else voucher_id
        red = red_letter(original, day, number)
        blue = None if corrected is None else blue_letter(corrected, voucher_id, on)
        for made in (red, blue):
            if made is not None:
                uow.results.add_voucher(StoredVoucher(made, VoucherStatus.DRAFT, actor.name))
        blue_id = blue.voucher_id if blue is not None else ""
        uow.accounting.add_reversal(voucher_id, red.voucher_id, blue_id, reason)
        details = {"red": red.voucher_id, "blue": blue_id, "reason": reason}
        uow.audit.append("voucher.reversal", voucher_id, details)
        return Reversed(red, blue)


def red_letter(original: Voucher, on: date, number: str) -> Voucher:
    """Every line mirrored, under a reference of its own; adapters of ERPs that want red letters turn the sides back."""
    voucher_id = f"{original.voucher_id}.red"
    key = idempotency_key(original.book, voucher_id, 1)
    said = say(Message("accounting.reversal_summary", {"number": number}), _LANGUAGE)
    summary = f"{said[: MAX_SUMMARY - len(key) - 1]} {key}"
    red = original.reversal(voucher_id, on, summary)
    return replace(red, lines=tuple(replace(line, summary=summary) for line in red.lines))


def blue_letter(corrected: Voucher, original_id: str, on: date | None = None) -> Voucher:
    """The corrected content under an id and a reference of its own: the same inputs give the same voucher."""
    voucher_id = f"{original_id}.blue"
    key = idempotency_key(corrected.book, voucher_id, 1)

    def renamed(summary: str) -> str:
        return f"{summary.rpartition(' ')[0]} {key}"

    return replace(
        corrected,
        voucher_id=voucher_id,
        revision=1,
        posting_date=on or corrected.posting_date,
        summary=renamed(corrected.summary),
        lines=tuple(replace(line, summary=renamed(line.summary)) for line in corrected.lines),
    )


def mark_reversed(uow: UnitOfWork, voucher_id: str, status: VoucherStatus) -> None:
    """Once a red-letter voucher is delivered, what it takes back counts as reversed."""
    stored = uow.results.voucher(voucher_id) if status is VoucherStatus.DELIVERED else None
    if stored is not None and stored.voucher.reverses is not None:
        uow.results.set_voucher(stored.voucher.reverses, VoucherStatus.REVERSED)


def _check(uow: UnitOfWork, stored: StoredVoucher | None, voucher_id: str, corrected: Voucher | None) -> None:
    if stored is None:
        raise RuleBroken("reversal", voucher_id, Message("post.no_such_voucher"))
    if stored.status is not VoucherStatus.DELIVERED:
        raise RuleBroken("reversal", voucher_id, Message("accounting.reverse_state", {"status": stored.status.value}))
    if any(known.voucher_id == voucher_id for known in uow.accounting.reversals()):
        raise RuleBroken("reversal", voucher_id, Message("accounting.reversed_already"))
    if corrected is not None and corrected.content_hash == stored.voucher.content_hash:
        raise RuleBroken("reversal", voucher_id, Message("accounting.nothing_to_correct"))


# --- reading delivered vouchers again ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reread:
    """A delivered voucher as the ERP has it now, and what is different there; a moved date is a difference."""

    voucher_id: str
    receipt: PostingReceipt | None
    differences: tuple[Message, ...] = ()


def reread_delivered(store: Store, book: BookId, adapter: ErpAdapter, actor: Actor) -> list[Reread]:
    """Ask the ERP for number, stage, date and sum of everything delivered, keep number and stage as they are now, and name
    every difference. Content is never changed by it."""
    with store.read(book) as uow:
        kept = [s for s in uow.results.vouchers() if s.status in (VoucherStatus.DELIVERED, VoucherStatus.REVERSED)]
    kept = in_sight(kept, adapter)
    found = adapter.find_vouchers([stored.voucher.key for stored in kept]) if kept else {}
    read = [_compare(stored, found.get(stored.voucher.key, [])) for stored in kept]
    with store.begin(book, actor) as uow:
        for stored, now in zip(kept, read, strict=True):
            if now.receipt is not None and _moved(stored.receipt, now.receipt):
                uow.results.set_voucher(stored.voucher.voucher_id, stored.status, receipt=now.receipt)
                uow.audit.append(
                    "voucher.reread",
                    stored.voucher.voucher_id,
                    {
                        "number": now.receipt.number, "stage": now.receipt.stage.value,
                        "posting_date": now.receipt.posting_date, "differences": len(now.differences),
                    },
                )  # fmt: skip
    return read


def _compare(stored: StoredVoucher, documents: Sequence[PostingReceipt]) -> Reread:
    voucher = stored.voucher
    if len(documents) != 1:
        said = Message("accounting.reread_documents", {"count": len(documents), "key": voucher.key})
        return Reread(voucher.voucher_id, None, (said,))
    document = documents[0]
    differences = []
    if document.posting_date not in (None, voucher.posting_date):
        dates: dict[str, object] = {"ours": voucher.posting_date, "theirs": document.posting_date}
        differences.append(Message("accounting.reread_date", dates))
    if document.total not in (None, voucher.total):
        differences.append(Message("accounting.reread_sum", {"ours": voucher.total, "theirs": document.total}))
    if stored.receipt is not None and document.number != stored.receipt.number:
        numbers = {"before": stored.receipt.number, "now": document.number}
        differences.append(Message("accounting.reread_number", numbers))
    return Reread(voucher.voucher_id, document, tuple(differences))


def _moved(before: PostingReceipt | None, now: PostingReceipt) -> bool:
    if before is None:
        return True
    return (before.number, before.stage, before.posting_date) != (now.number, now.stage, now.posting_date)
