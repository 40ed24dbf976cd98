"""Approval of vouchers in tiers by amount: how many people it takes, and who may be one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from hedge_core.errors import RuleBroken
from messages import Message

TIERS: Final = "approval_tiers"
"""Setting: `0=1; 100000=2; 1000000=3`: from this sum on, so many people. Default: one person for any sum."""
APPROVERS: Final = "approvers."
"""Settings `approvers.1 = wang.fang, zhou.lin`: who may give the first approval, `approvers.2` the second …; one that is
not set is open to everybody but the maker."""


@dataclass(frozen=True, slots=True)
class ApprovalTiers:
    """(sum from which, approvals needed), rising; and the people of each place in the order of approval."""

    tiers: tuple[tuple[Decimal, int], ...] = ((Decimal(0), 1),)
    people: Mapping[int, frozenset[str]] | None = None

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> ApprovalTiers:
        """From a book's settings. Raises `RuleBroken("book_setting", name)` for one that cannot be read."""
        text = settings.get(TIERS, "0=1")
        try:
            pairs = [part.partition("=") for part in text.split(";") if part.strip()]
            tiers = sorted((Decimal(sum_.strip()), int(count)) for sum_, _, count in pairs)
            people = {
                int(name.removeprefix(APPROVERS)): frozenset(one.strip() for one in who.split(",") if one.strip())
                for name, who in settings.items()
                if name.startswith(APPROVERS)
            }
        except (InvalidOperation, ValueError):
            tiers, people = [], {}
        if not tiers or any(sum_ < 0 or count < 1 for sum_, count in tiers):
            raise RuleBroken("book_setting", TIERS, Message("accounting.tiers_unreadable", {"value": text}))
        return cls(tuple(tiers), people)

    def needed(self, total: Decimal) -> int:
        """Approvals that a voucher of this sum needs."""
        return max((count for sum_, count in self.tiers if total >= sum_), default=1)

    def may_approve(self, who: str, place: int) -> bool:
        """Whether somebody may give the approval of this place (1 is the first)."""
        allowed = (self.people or {}).get(place)
        return allowed is None or who in allowed
