"""Keeping what accounting made: new vouchers as drafts, drafts that follow their inputs, and what may no longer change.

A closed period takes nothing in and gives nothing back: whatever would change in it is named for a person. A voucher that
was reversed is followed in the blue one that replaced it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import Voucher, VoucherStatus
from hedge_core.ports.storage import StoredVoucher, UnitOfWork
from hedge_core.use_cases.reversals import blue_letter
from messages import Message


@dataclass(frozen=True, slots=True)
class Kept:
    """Drafts made, renewed and withdrawn, vouchers whose inputs changed after approval, and what a closed period refused."""

    made: tuple[Voucher, ...] = ()
    renewed: int = 0
    withdrawn: int = 0
    outdated: tuple[str, ...] = ()
    problems: tuple[RuleBroken, ...] = ()


def keep_vouchers(uow: UnitOfWork, vouchers: Sequence[Voucher], through: date, actor: Actor) -> Kept:
    """Only what is posted up to `through` is judged: later vouchers of an earlier run stay as they are."""
    made: list[Voucher] = []
    outdated: list[str] = []
    problems: list[RuleBroken] = []
    renewed = withdrawn = 0
    closed = uow.accounting.closed_periods()

    def refused(voucher: Voucher) -> bool:
        period = f"{voucher.posting_date:%Y-%m}"
        if period not in closed:
            return False
        problems.append(RuleBroken("period", voucher.voucher_id, Message("period.closed", {"period": period})))
        return True

    blues = {known.voucher_id: known.blue_id for known in uow.accounting.reversals() if known.blue_id}
    followed = [_in_blue(voucher, blues) for voucher in vouchers]
    wanted = {voucher.voucher_id for voucher in (*vouchers, *followed)}
    for voucher in followed:
        known = uow.results.voucher(voucher.voucher_id)
        if known is None or known.status is VoucherStatus.CANCELLED:  # withdrawn while its day was open: it came back
            again = voucher if known is None else replace(voucher, revision=known.voucher.revision + 1)
            if not refused(again):
                uow.results.add_voucher(StoredVoucher(again, VoucherStatus.DRAFT, actor.name))
                made.append(again)
        elif known.voucher.content_hash == voucher.content_hash:
            continue
        elif known.status is VoucherStatus.DRAFT:
            newer = replace(voucher, revision=known.voucher.revision)
            if not refused(newer):
                uow.results.replace_draft(StoredVoucher(newer, VoucherStatus.DRAFT, actor.name))
                renewed += 1
        else:
            outdated.append(voucher.voucher_id)
    for known in uow.results.vouchers():
        voucher = known.voucher
        if voucher.voucher_id in wanted or voucher.reverses is not None or voucher.posting_date > through:
            continue
        if known.status is VoucherStatus.DRAFT:
            if not refused(voucher):
                uow.results.set_voucher(voucher.voucher_id, VoucherStatus.CANCELLED)
                withdrawn += 1
        elif known.status not in (VoucherStatus.CANCELLED, VoucherStatus.REVERSED):
            outdated.append(voucher.voucher_id)
    return Kept(tuple(made), renewed, withdrawn, tuple(outdated), tuple(problems))


def _in_blue(voucher: Voucher, blues: Mapping[str, str]) -> Voucher:
    while voucher.voucher_id in blues:
        voucher = blue_letter(voucher, voucher.voucher_id)
    return voucher
