"""Reconciliation of one account and trading day, three ways: ours, the broker's answers, the statement.

sides = [ours(...), queried(...), stated(statement)]       what each of them knows
rows  = compare(sides)                                     every difference with all values
rows  = [explain(row, circumstances) for row in rows]      known causes, the remainder carried towards zero
rows  = carry_over(yesterday's rows, rows, day)            age, owner and state go on
blocking(rows)                                             what keeps the day open
"""

from hedge_core.reconciliation.causes import Circumstances, explain
from hedge_core.reconciliation.compare import compare
from hedge_core.reconciliation.ledger_tie import LedgerBalance, ledger_ties
from hedge_core.reconciliation.review import add_step, assign, blocking, carry_over, overrule
from hedge_core.reconciliation.rows import Cause, ReconciliationRow, RowState, Step
from hedge_core.reconciliation.sides import Held, Side, Source, ours, queried, queried_figures, stated
from hedge_core.reconciliation.transfers import BankTransfer, compare_transfers

__all__ = [
    "BankTransfer",
    "Cause",
    "Circumstances",
    "Held",
    "LedgerBalance",
    "ReconciliationRow",
    "RowState",
    "Side",
    "Source",
    "Step",
    "add_step",
    "assign",
    "blocking",
    "carry_over",
    "compare",
    "compare_transfers",
    "explain",
    "ledger_ties",
    "ours",
    "overrule",
    "queried",
    "queried_figures",
    "stated",
]
