"""The daily sweep: do we and the ERP know the same vouchers? Asked both ways, changing nothing on either side.

ours → theirs   every voucher that left us stands there once, with its date and sum
theirs → ours   a document there under a key of ours that we do not count as sent; where the adapter can list documents by
                the form of our references, also under keys that we never made
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol, runtime_checkable

from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.storage import Store, StoredVoucher
from hedge_core.use_cases.reconcile import in_sight
from messages import Message

_AT_A_TIME: Final = 200
_LEFT_US: Final = frozenset({VoucherStatus.DELIVERED, VoucherStatus.REVERSED})
_NEVER: Final = frozenset({VoucherStatus.DRAFT, VoucherStatus.APPROVED})
_TOLD: Final = 200
"""Findings that one audit event holds; the number of all of them stands beside them."""


@runtime_checkable
class ListsReferences(Protocol):
    """An adapter that can list the documents with references in our form between two posting dates (both included)."""

    def vouchers_between(self, first: date, last: date) -> Iterable[PostingReceipt]: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: the voucher (or the reference, where we know none), what is wrong, and the sentence."""

    subject: str
    what: str
    message: Message


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep compared and found; `listed` says whether the ERP could list references by itself."""

    compared: int
    findings: tuple[Finding, ...]
    listed: bool


def sweep(
    store: Store,
    book: BookId,
    connection: str,
    adapter: ErpAdapter,
    actor: Actor,
    clock: Clock,
    days: int = 45,
    progress: Callable[[int], None] | None = None,
) -> Swept:
    """Compare the vouchers with posting dates of the last `days` days, and those not yet sent whatever their date. Findings
    are an audit event."""
    today = clock.now().date()
    first = today - timedelta(days=days)
    with store.read(book) as uow:
        known = uow.results.vouchers()
    chosen = [one for one in known if one.voucher.posting_date >= first or one.status in _NEVER]
    chosen = in_sight(chosen, adapter)
    findings: list[Finding] = []
    for start in range(0, len(chosen), _AT_A_TIME):
        page = chosen[start : start + _AT_A_TIME]
        documents = adapter.find_vouchers([one.voucher.key for one in page])
        for one in page:
            findings += _compare(one, documents.get(one.voucher.key, []))
        if progress is not None:
            progress(len(page))
    listed = isinstance(adapter, ListsReferences)
    if isinstance(adapter, ListsReferences):
        ours = {one.voucher.key for one in known}
        last = max([today, *(one.voucher.posting_date for one in chosen)])
        findings += [_foreign(found) for found in adapter.vouchers_between(first, last) if found.key not in ours]
    if findings:
        told = [f"{one.subject}: {one.what}" for one in findings[:_TOLD]]
        with store.begin(book, actor) as uow:
            uow.audit.append("sweep.found", connection, {"count": len(findings), "findings": told})
    return Swept(len(chosen), tuple(findings), listed)


def _compare(stored: StoredVoucher, documents: Sequence[PostingReceipt]) -> list[Finding]:
    voucher = stored.voucher
    if len(documents) > 1:
        numbers = ", ".join(one.number for one in documents)
        return [_found(voucher, "more_than_once", numbers=numbers)]
    if stored.status in _LEFT_US and not documents:
        number = stored.receipt.number if stored.receipt is not None else "-"
        return [_found(voucher, "not_there", number=number)]
    if not documents:
        return []
    document = documents[0]
    if stored.status in _NEVER:
        return [_found(voucher, "there_already", number=document.number, status=stored.status.value)]
    pairs = (("date", voucher.posting_date, document.posting_date), ("sum", voucher.total, document.total))
    return [
        _found(voucher, f"other_{what}", number=document.number, ours=str(ours), theirs=str(theirs))
        for what, ours, theirs in pairs
        if theirs is not None and ours != theirs
    ]


def _found(voucher: Voucher, what: str, **more: object) -> Finding:
    details = {"voucher": voucher.voucher_id, "key": voucher.key, **more}
    return Finding(voucher.voucher_id, what, Message(f"sweep.{what}", details))


def _foreign(document: PostingReceipt) -> Finding:
    details = {"key": document.key, "number": document.number}
    return Finding(document.key, "not_ours", Message("sweep.not_ours", details))
