"""The standing tie between ledger and broker: the margin account (1012) by broker account is the broker's balance.

Where results are swept into the margin account it is the mark-to-market balance (盯市结存); where they are kept on the
instrument's account it is the trade-by-trade one (逐笔结存: without the floating result).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.model.vouchers import PostingLine, Voucher
from hedge_core.reconciliation.rows import ReconciliationRow

MARGIN_ROLE: Final = "margin_account"
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class LedgerBalance:
    """A broker account: what the ledger's margin account held at go-live, and the broker's balance on the day, both in the
    view that the book's settings ask for."""

    account: str
    opening: Decimal
    broker: Decimal


def ledger_ties(
    vouchers: Iterable[Voucher], balances: Iterable[LedgerBalance], day: date, through: date
) -> list[ReconciliationRow]:
    """A row per broker account whose margin account, with every voucher posted up to `through`, is not the broker's balance
    of `day`. Lines that name no broker account are one row of their own: then the tie can only be seen in total."""
    known = {row.account: row for row in balances}
    moved: dict[str, Decimal] = dict.fromkeys(known, _ZERO)
    for voucher in vouchers:
        if voucher.posting_date > through:
            continue
        for line in voucher.lines:
            if line.role == MARGIN_ROLE:
                name = _account_of(voucher, line, known)
                moved[name] = moved.get(name, _ZERO) + line.debit - line.credit
    if moved.get("", _ZERO):
        opening = sum((row.opening for row in known.values()), _ZERO)
        known = {"": LedgerBalance("", opening, sum((row.broker for row in known.values()), _ZERO))}
        moved = {"": sum(moved.values(), _ZERO)}
    rows = []
    for name, row in sorted(known.items()):
        ledger = row.opening + moved[name]
        if ledger != row.broker:
            values = (ledger, row.broker, row.broker - ledger)
            rows.append(ReconciliationRow(name, day, "ledger", "", "ours", "statement", *values))
    return rows


def _account_of(voucher: Voucher, line: PostingLine, known: Mapping[str, object]) -> str:
    """The broker account of a line: by its dimension, else by its sources, else by the voucher's name; empty if none says."""
    if len(known) == 1:
        return next(iter(known))
    for _, value in line.dimensions:
        if value in known:
            return value
    for source in line.sources:
        head = source.key.split("/")[0].split(":")[0]
        if head in known:
            return head
    return next((part for part in voucher.voucher_id.split(".") if part in known), "")
