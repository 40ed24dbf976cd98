"""What becomes of differences from day to day: age, owner and state go on; open ones block the day until a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor
from hedge_core.reconciliation.rows import Cause, ReconciliationRow, RowState, Step
from messages import Message


def carry_over(
    earlier: Iterable[ReconciliationRow], found: Sequence[ReconciliationRow], trading_day: date
) -> list[ReconciliationRow]:
    """Today's rows with the age and owner of the same differences before, then the earlier ones that are gone, as resolved.

    An overruled difference stays overruled while its figure is the same; another figure is a new question. Rows that
    were resolved before are history and do not come back."""
    before = {row.identity: row for row in earlier if row.state is not RowState.RESOLVED}
    rows: list[ReconciliationRow] = []
    for row in found:
        known = before.pop(row.identity, None)
        if known is None:
            rows.append(replace(row, first_seen=row.first_seen or trading_day))
            continue
        row = replace(row, first_seen=known.first_seen or known.trading_day, owner=known.owner)
        if known.difference == row.difference:
            if known.state is RowState.OVERRULED:
                row = replace(row, state=known.state, reason=known.reason, approved_by=known.approved_by)
            elif any(step.by for step in known.steps):
                row = replace(row, state=known.state, steps=known.steps, approved_by=known.approved_by)
        rows.append(row)
    return rows + [replace(row, state=RowState.RESOLVED, trading_day=trading_day) for row in before.values()]


def blocking(rows: Iterable[ReconciliationRow]) -> list[ReconciliationRow]:
    """Differences that keep the day's settlement open: those that nothing explains and nobody has overruled."""
    return [row for row in rows if row.state is RowState.OPEN]


def assign(row: ReconciliationRow, owner: str) -> ReconciliationRow:
    """The row with the person who looks into it."""
    return replace(row, owner=owner)


def add_step(
    row: ReconciliationRow, cause: Cause, amount: Decimal, evidence: str, actor: Actor, approved_by: str
) -> ReconciliationRow:
    """The row with one more step that a person gives; explained when the steps leave nothing, which somebody else approves.
    `RuleBroken` for a step without evidence, one that takes the remainder further from zero, or one's own approval."""
    record = " ".join(part for part in row.identity if part)
    left = row.remainder - amount
    if row.state is not RowState.OPEN:
        state = Message(f"reconciliation.state_{row.state.value}")
        raise RuleBroken("explain_state", record, Message("reconciliation.not_open", {"state": state}))
    if not evidence.strip():
        raise RuleBroken("explain_evidence", record, Message("reconciliation.no_evidence"))
    if amount == 0 or abs(left) >= abs(row.remainder):
        shown = {"amount": amount, "remainder": row.remainder}
        raise RuleBroken("explain_amount", record, Message("reconciliation.no_help", shown))
    if left == 0:
        _approved_by_another(record, actor, approved_by)
    step = Step(cause, amount, evidence.strip(), left, actor.name)
    becomes = RowState.EXPLAINED if left == 0 else RowState.OPEN
    return replace(
        row, steps=(*row.steps, step), state=becomes, owner=row.owner or actor.name, approved_by=approved_by.strip()
    )


def _approved_by_another(record: str, actor: Actor, approved_by: str) -> None:
    if not approved_by.strip() or approved_by.strip() == actor.name:
        raise RuleBroken("reconciliation_approval", record, Message("reconciliation.approve", {"actor": actor.name}))


def overrule(
    row: ReconciliationRow, actor: Actor, reason: str, *, allowed: bool, approved_by: str | None = None
) -> ReconciliationRow:
    """The row accepted as it is. `allowed` says whether the actor has the right; `RuleBroken` without it, without a reason,
    or where there is nothing to overrule. `approved_by` (where approval is asked for) must be another person."""
    record = " ".join(part for part in row.identity if part)
    if not allowed:
        raise RuleBroken("overrule_right", record, Message("reconciliation.no_right", {"actor": actor.name}))
    if not reason.strip():
        raise RuleBroken("overrule_reason", record, Message("reconciliation.no_reason"))
    if row.state is not RowState.OPEN:
        state = Message(f"reconciliation.state_{row.state.value}")
        raise RuleBroken("overrule_state", record, Message("reconciliation.not_open", {"state": state}))
    if approved_by is not None:
        _approved_by_another(record, actor, approved_by)
    return replace(
        row,
        state=RowState.OVERRULED,
        reason=reason.strip(),
        owner=row.owner or actor.name,
        approved_by=(approved_by or "").strip(),
    )
