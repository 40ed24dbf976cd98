"""What becomes of differences from day to day: age, owner and state go on; open ones block the day until a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor
from hedge_core.reconciliation.rows import ReconciliationRow, RowState
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
        if known.state is RowState.OVERRULED and known.difference == row.difference:
            row = replace(row, state=RowState.OVERRULED, reason=known.reason)
        rows.append(row)
    return rows + [replace(row, state=RowState.RESOLVED, trading_day=trading_day) for row in before.values()]


def blocking(rows: Iterable[ReconciliationRow]) -> list[ReconciliationRow]:
    """Differences that keep the day's settlement open: those that nothing explains and nobody has overruled."""
    return [row for row in rows if row.state is RowState.OPEN]


def assign(row: ReconciliationRow, owner: str) -> ReconciliationRow:
    """The row with the person who looks into it."""
    return replace(row, owner=owner)


def overrule(row: ReconciliationRow, actor: Actor, reason: str, *, allowed: bool) -> ReconciliationRow:
    """The row accepted as it is. `allowed` says whether the actor has the right; `RuleBroken` without it, without a reason,
    or where there is nothing to overrule."""
    record = " ".join(part for part in row.identity if part)
    if not allowed:
        raise RuleBroken("overrule_right", record, Message("reconciliation.no_right", {"actor": actor.name}))
    if not reason.strip():
        raise RuleBroken("overrule_reason", record, Message("reconciliation.no_reason"))
    if row.state is not RowState.OPEN:
        state = Message(f"reconciliation.state_{row.state.value}")
        raise RuleBroken("overrule_state", record, Message("reconciliation.not_open", {"state": state}))
    return replace(row, state=RowState.OVERRULED, reason=reason.strip(), owner=row.owner or actor.name)
