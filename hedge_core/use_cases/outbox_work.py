"""What an outbox row asks for: a voucher, its papers, or the note at a hedged line; or why it cannot be worked on."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hedge_core.errors import PlatformError
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.notes import hedge_note
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.storage import OutboxRow, StoredVoucher, UnitOfWork
from hedge_core.use_cases.attachments import ATTACHMENT, attachments_of, send
from hedge_core.use_cases.post import HEDGES, VOUCHER, leg_of, note_for
from messages import Message

POISON_LIMIT: Final = 5
"""Workers that died over one row until nobody tries it any more."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a row asks for. `voucher` goes out together with others, `attempt` alone. `still_current`: whether what was sent
    is still what should stand there. `settled`: the voucher counts as delivered already, and stays so."""

    voucher: Voucher | None = None
    attempt: Callable[[ErpAdapter], PostingReceipt] | None = None
    still_current: Callable[[UnitOfWork], bool] = field(default=lambda _: True)
    settled: bool = False


def works_of(uow: UnitOfWork, rows: Mapping[int, OutboxRow]) -> dict[int, Work | Message]:
    """The work of each row, or why there is none. The vouchers of a batch are read together; where that fails because one of
    them cannot be read, each by itself."""
    names = [row.subject for row in rows.values() if row.kind == VOUCHER and row.lost_leases < POISON_LIMIT]
    try:
        stored = uow.results.vouchers_named(names)
    except PlatformError:
        raise
    except Exception:  # noqa: BLE001 - found again below, where it is named
        stored = None
    return {row_id: _work_of(uow, row, stored) for row_id, row in rows.items()}


def _work_of(uow: UnitOfWork, row: OutboxRow, stored: Mapping[str, StoredVoucher] | None) -> Work | Message:
    if row.lost_leases >= POISON_LIMIT:
        return Message("post.poison", {"count": row.lost_leases, "key": row.key})
    maker = _WORK.get(row.kind)
    if maker is None:
        return Message("post.unknown_work", {"kind": row.kind})
    try:
        return maker(uow, row, stored)
    except PlatformError:
        raise
    except Exception as bug:  # noqa: BLE001 - what cannot be read would come back with every lease, for ever
        return Message("post.bug_before", {"type": place_of_bug(bug)})


def _voucher_work(uow: UnitOfWork, row: OutboxRow, read: Mapping[str, StoredVoucher] | None) -> Work | Message:
    stored = uow.results.voucher(row.subject) if read is None else read.get(row.subject)
    if stored is None:
        return Message("post.no_such_voucher")
    if (stored.voucher.key, stored.voucher.content_hash) != (row.key, row.content_hash):
        return Message("post.changed_after_queueing")
    voucher = stored.voucher
    if files := attachments_of(uow, voucher):  # the paper voucher says how many sheets go with it
        voucher = replace(voucher, attachments=len(files))
    return Work(voucher=voucher, settled=stored.status is VoucherStatus.DELIVERED)


def _attachment_work(uow: UnitOfWork, row: OutboxRow, _: object) -> Work | Message:
    voucher_id, _slash, name = row.subject.rpartition("/")
    stored = uow.results.voucher(voucher_id)
    if stored is None or stored.receipt is None:
        return Message("post.no_such_voucher")
    receipt = stored.receipt
    for file in attachments_of(uow, stored.voucher):
        if (file.name, file.digest) == (name, row.content_hash):
            return Work(attempt=lambda adapter, file=file: send(adapter, receipt, file))  # type: ignore[misc]
    return Message("post.changed_after_queueing")


def _hedge_work(uow: UnitOfWork, row: OutboxRow, _: object) -> Work:
    """Writes the whole current text: repeating it is harmless, and an older text that arrives late is written over."""
    leg = leg_of(row)
    matches = [match for match in uow.results.matches() if match.leg == leg]
    written = hedge_note(matches)
    return Work(
        attempt=lambda adapter: adapter.push_hedges(leg, matches),
        still_current=lambda now: note_for(now, leg) == written,
    )


_WORK: Final[Mapping[str, Callable[[UnitOfWork, OutboxRow, Any], Work | Message]]] = {
    VOUCHER: _voucher_work,
    HEDGES: _hedge_work,
    ATTACHMENT: _attachment_work,
}


def place_of_bug(bug: Exception) -> str:
    """What a developer needs to find it: the type and the line, and nothing of the values, which may be secret."""
    at = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__}, {at.filename.rpartition('/')[2]}:{at.lineno}"
