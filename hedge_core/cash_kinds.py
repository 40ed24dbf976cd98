"""What a money movement on a broker account is: the broker's word -> a kind, as a table that a book extends by settings.

A word that neither the table nor the book's `cash_kind.<word>` settings know is a finding for a person; nothing is guessed
from parts of words. A night transfer stands on the next trading day at the broker and on today at the bank: the kind is the
same, the dates differ, and reconciliation lets the difference age instead of calling it an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hedge_core.model.futures import AccountStatement, CashMovement
from hedge_core.statement_findings import Finding, Severity
from messages import Message


class MovementKind(StrEnum):
    """What a movement is to us."""

    TRANSFER = "transfer"
    INTEREST = "interest"
    REBATE = "rebate"
    PENALTY = "penalty"
    DELIVERY = "delivery"


WORDS: Final[Mapping[str, MovementKind]] = MappingProxyType(
    {
        "银期转账": MovementKind.TRANSFER,
        "银期转帐": MovementKind.TRANSFER,
        "转账": MovementKind.TRANSFER,
        "入金": MovementKind.TRANSFER,
        "出金": MovementKind.TRANSFER,
        "银行转账": MovementKind.TRANSFER,
        "Deposits/Withdrawals": MovementKind.TRANSFER,
        "bank transfer": MovementKind.TRANSFER,
        "利息": MovementKind.INTEREST,
        "利息归本": MovementKind.INTEREST,
        "Broker Interest Paid": MovementKind.INTEREST,
        "Broker Interest Received": MovementKind.INTEREST,
        "interest": MovementKind.INTEREST,
        "手续费返还": MovementKind.REBATE,
        "返佣": MovementKind.REBATE,
        "Commission Adjustments": MovementKind.REBATE,
        "fee rebate": MovementKind.REBATE,
        "罚款": MovementKind.PENALTY,
        "罚息": MovementKind.PENALTY,
        "penalty": MovementKind.PENALTY,
        "交割货款": MovementKind.DELIVERY,
        "交割款": MovementKind.DELIVERY,
        "delivery payment": MovementKind.DELIVERY,
    }
)
"""Brokers' words in the form they print them."""

SETTING: Final = "cash_kind."


def movement_kind(row: CashMovement, settings: Mapping[str, str]) -> MovementKind | None:
    """The kind of a movement: by its kind first, then by its note; the book's own words win. None: nobody has said yet.
    A setting with another value than a `MovementKind` counts as not said."""
    for word in (row.kind.strip(), row.note.strip()):
        said = settings.get(f"{SETTING}{word}", "").strip() if word else ""
        known = next((kind for kind in MovementKind if kind.value == said), None) or WORDS.get(word)
        if known is not None:
            return known
    return None


def unknown_movements(statement: AccountStatement, settings: Mapping[str, str]) -> list[Finding]:
    """A finding for every movement whose kind nobody has said: it waits for a person and stops nothing else."""
    return [
        Finding(
            Severity.WARN,
            "cash_kind_unknown",
            Message(
                "account.cash_kind",
                {"kind": row.kind, "amount": row.amount_in - row.amount_out, "note": row.note},
            ),
        )
        for row in statement.cash
        if movement_kind(row, settings) is None
    ]
