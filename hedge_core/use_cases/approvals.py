"""A voucher on its way to approval: submitted by its maker, sent back, approved by as many people as its sum asks for.

An approval is bound to the content hash: a draft that follows its inputs loses the approvals it had."""

from __future__ import annotations

from collections.abc import Sequence

from hedge_core.accounting.approval_tiers import ApprovalTiers
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import Store, StoredVoucher, UnitOfWork
from messages import Message

RULE = "voucher_approval"


def submit(store: Store, book: BookId, voucher_ids: Sequence[str], actor: Actor) -> list[RuleBroken]:
    """Drafts become submitted: from then on they follow their inputs no more, and wait for approval."""
    problems: list[RuleBroken] = []
    with store.begin(book, actor) as uow:
        for voucher_id in voucher_ids:
            stored = uow.results.voucher(voucher_id)
            problem = _missing(stored, VoucherStatus.DRAFT) or _closed(uow, stored)
            if stored is None or problem is not None:
                problems.append(RuleBroken(RULE, voucher_id, problem or Message("post.no_such_voucher")))
                continue
            uow.results.set_voucher(voucher_id, VoucherStatus.SUBMITTED)
            uow.audit.append("voucher.submitted", voucher_id, {"content_hash": stored.voucher.content_hash})
    return problems


def send_back(store: Store, book: BookId, voucher_id: str, reason: str, actor: Actor) -> None:
    """A submitted or approved voucher becomes a draft again; its approvals count no more. RuleBroken otherwise."""
    with store.begin(book, actor) as uow:
        stored = uow.results.voucher(voucher_id)
        problem = _missing(stored, VoucherStatus.SUBMITTED, VoucherStatus.APPROVED)
        if stored is None or problem is not None:
            raise RuleBroken(RULE, voucher_id, problem or Message("post.no_such_voucher"))
        uow.accounting.send_back_voucher(voucher_id, stored.voucher.revision, reason)
        uow.results.set_voucher(voucher_id, VoucherStatus.DRAFT)
        uow.audit.append("voucher.sent_back", voucher_id, {"reason": reason})


def approve(store: Store, book: BookId, voucher_ids: Sequence[str], actor: Actor) -> list[RuleBroken]:
    """Give one approval to each voucher, a draft counting as submitted by its maker; with the last one its sum asks for it
    is approved. Bound to the content hash; who made a voucher, or approved it already, cannot approve it."""
    problems: list[RuleBroken] = []
    with store.begin(book, actor) as uow:
        tiers = ApprovalTiers.read(uow.book.settings)
        for voucher_id in voucher_ids:
            stored = uow.results.voucher(voucher_id)
            problem = _cannot_approve(uow, stored, tiers, actor)
            if stored is None or problem is not None:
                problems.append(RuleBroken(RULE, voucher_id, problem or Message("post.no_such_voucher")))
                continue
            voucher = stored.voucher
            uow.accounting.approve_voucher(voucher_id, voucher.revision, voucher.content_hash)
            given, needed = len(_given(uow, stored)), tiers.needed(voucher.total)
            if given >= needed:
                uow.results.set_voucher(
                    voucher_id, VoucherStatus.APPROVED, approved_by=actor.name, approved_hash=voucher.content_hash
                )
            elif stored.status is VoucherStatus.DRAFT:
                uow.results.set_voucher(voucher_id, VoucherStatus.SUBMITTED)
            details = {"content_hash": voucher.content_hash, "given": given, "needed": needed}
            uow.audit.append("voucher.approved", voucher_id, details)
    return problems


def waiting_approvals(uow: UnitOfWork, stored: StoredVoucher) -> int:
    """How many approvals a voucher still needs."""
    if stored.status not in (VoucherStatus.DRAFT, VoucherStatus.SUBMITTED):
        return 0
    needed = ApprovalTiers.read(uow.book.settings).needed(stored.voucher.total)
    return max(needed - len(_given(uow, stored)), 0)


def _given(uow: UnitOfWork, stored: StoredVoucher) -> list[str]:
    """Who has approved this content."""
    voucher = stored.voucher
    found = uow.accounting.voucher_approvals(voucher.voucher_id, voucher.revision)
    return [one.actor for one in found if one.content_hash == voucher.content_hash]


def _cannot_approve(
    uow: UnitOfWork, stored: StoredVoucher | None, tiers: ApprovalTiers, actor: Actor
) -> Message | None:
    if stored is None:
        return Message("post.no_such_voucher")
    if stored.status not in (VoucherStatus.DRAFT, VoucherStatus.SUBMITTED):
        return Message("post.not_a_draft", {"status": stored.status.value})
    if stored.made_by == actor.name:
        return Message("post.maker_is_checker", {"name": actor.name})
    given = _given(uow, stored)
    if actor.name in given:
        return Message("approval.twice", {"name": actor.name})
    if not tiers.may_approve(actor.name, len(given) + 1):
        return Message("approval.not_allowed", {"name": actor.name, "place": len(given) + 1})
    return _closed(uow, stored)


def _missing(stored: StoredVoucher | None, *allowed: VoucherStatus) -> Message | None:
    if stored is None:
        return Message("post.no_such_voucher")
    if stored.status not in allowed:
        return Message("approval.wrong_state", {"status": stored.status.value})
    return None


def _closed(uow: UnitOfWork, stored: StoredVoucher | None) -> Message | None:
    if stored is None:
        return None
    period = f"{stored.voucher.posting_date:%Y-%m}"
    return Message("period.closed", {"period": period}) if period in uow.accounting.closed_periods() else None
