"""Reconciliation of one account and trading day, three ways: ours, the broker's answers, the statement.

sides = [ours(...), queried(...), stated(statement)]       what each of them knows
rows  = compare(sides)                                     every difference with all values
rows  = [explain(row, circumstances) for row in rows]      known causes, the remainder carried towards zero
rows  = carry_over(yesterday's rows, rows, day)            age, owner and state go on
blocking(rows)                                             what keeps the day open
"""

from hedge_core.reconciliation.causes import Circumstances, explain
from hedge_core.reconciliation.compare import compare
from hedge_core.reconciliation.review import assign, blocking, carry_over, overrule
from hedge_core.reconciliation.rows import Cause, ReconciliationRow, RowState, Step
from hedge_core.reconciliation.sides import Held, Side, Source, ours, queried, stated

__all__ = [
    "Cause",
    "Circumstances",
    "Held",
    "ReconciliationRow",
    "RowState",
    "Side",
    "Source",
    "Step",
    "assign",
    "blocking",
    "carry_over",
    "compare",
    "explain",
    "ours",
    "overrule",
    "queried",
    "stated",
]
