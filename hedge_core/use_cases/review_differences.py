"""What a person does with a difference: takes it on, explains it with evidence, or overrules it with a reason."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Store
from hedge_core.reconciliation import Cause, ReconciliationRow, add_step, assign, overrule
from hedge_core.rounding import EXACT
from hedge_core.use_cases.reconcile_day import keep_row, row_of

OVERRULERS: Final = "reconcile_overrulers"
"""The setting of a book that names who may overrule, separated by commas; without it everybody may, with an approval."""


def assign_difference(
    store: Store, book: BookId, row_id: str, owner: str, actor: Actor, day: date | None = None
) -> ReconciliationRow:
    """Give the difference (of the last day compared, or of `day`) an owner."""
    with store.begin(book, actor) as uow:
        row = assign(row_of(uow, row_id, day), owner)
        keep_row(uow, "assigned", row, owner=owner)
        return row


def explain_difference(
    store: Store,
    book: BookId,
    row_id: str,
    cause: Cause,
    amount: Decimal | None,
    evidence: str,
    actor: Actor,
    approved_by: str = "",
    day: date | None = None,
) -> ReconciliationRow:
    """Add a step: `amount` of the difference (None: all that is left) is due to `cause`. The step that leaves nothing needs
    somebody else's approval."""
    with store.begin(book, actor) as uow, localcontext(EXACT):
        before = row_of(uow, row_id, day)
        part = before.remainder if amount is None else amount
        row = add_step(before, cause, part, evidence, actor, approved_by)
        keep_row(uow, "explained", row, cause=cause.value, amount=part, evidence=evidence, approved_by=approved_by)
        return row


def overrule_difference(
    store: Store, book: BookId, row_id: str, reason: str, actor: Actor, approved_by: str, day: date | None = None
) -> ReconciliationRow:
    """Accept the difference as it is: with a reason, by someone with the right, approved by somebody else."""
    with store.begin(book, actor) as uow:
        named = [name.strip() for name in uow.book.settings.get(OVERRULERS, "").split(",") if name.strip()]
        allowed = not named or actor.name in named
        row = overrule(row_of(uow, row_id, day), actor, reason, allowed=allowed, approved_by=approved_by)
        keep_row(uow, "overruled", row, reason=row.reason, approved_by=approved_by)
        return row
