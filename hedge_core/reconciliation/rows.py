"""A difference as a row: all values, the steps that explain it, its age, its owner and its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.canonical import canonical_hash
from messages import Message


class Cause(StrEnum):
    """Known reasons why two records of one day differ."""

    NIGHT_SESSION = "night_session"
    FEE_BILLED_LATER = "fee_billed_later"
    TWO_VIEWS = "two_views"
    ONE_SIDED_MARGIN = "one_sided_margin"
    DELIVERY = "delivery"
    OPTION_EXERCISE = "option_exercise"
    DEPOSIT_OTHER_DAY = "deposit_other_day"

    @property
    def message(self) -> Message:
        return Message(f"reconciliation.cause_{self.value}")


class RowState(StrEnum):
    """Open: nobody knows why. Explained: known causes carry it to zero. Overruled: a person with the right accepted it with
    a reason. Resolved: it was there and is not any more."""

    OPEN = "open"
    EXPLAINED = "explained"
    OVERRULED = "overruled"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Step:
    """One suggestion: `amount` of the difference is due to `cause`, shown by `evidence` (a fill's key, a statement's line).
    `remainder` is what is left of the difference after this step and those before it. `by` names the person who said so;
    empty for a suggestion of ours."""

    cause: Cause
    amount: Decimal
    evidence: str
    remainder: Decimal
    by: str = ""


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """One difference of an account and trading day.

    `subject` is fill, fill_<field>, lots, a figure of the funds, ledger, transfer or voucher_<what>; `key` names the record
    within it (a figure's currency where the account has several). `left` and `right` are
    the two sides compared, with their values (None: that side does not have the record); `difference` is right − left,
    in lots or the account's currency, and 1 for a record that only one side has."""

    account: str
    trading_day: date
    subject: str
    key: str
    left: str
    right: str
    left_value: Decimal | None
    right_value: Decimal | None
    difference: Decimal
    steps: tuple[Step, ...] = ()
    state: RowState = RowState.OPEN
    first_seen: date | None = None
    owner: str = ""
    reason: str = ""
    approved_by: str = ""

    @property
    def row_id(self) -> str:
        """Short name of the difference, the same every day while it is the same difference: `D` and 10 hex digits."""
        return f"D{canonical_hash(list(self.identity))[:10]}"

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What makes it the same difference tomorrow: everything but the day and the figures."""
        return self.account, self.subject, self.key, self.left, self.right

    @property
    def remainder(self) -> Decimal:
        """What the steps leave unexplained."""
        return self.steps[-1].remainder if self.steps else self.difference

    def age(self, day: date) -> int:
        """Calendar days since the difference was first seen; 0 on its first day."""
        return (day - (self.first_seen or self.trading_day)).days

    @property
    def message(self) -> Message:
        """The difference as a sentence."""
        shown: Mapping[str, object] = {
            "subject": Message(f"reconciliation.subject_{self.subject}"),
            "key": self.key or self.account,
            "left": Message(f"reconciliation.side_{self.left}"),
            "right": Message(f"reconciliation.side_{self.right}"),
            "left_value": NOTHING if self.left_value is None else self.left_value,
            "right_value": NOTHING if self.right_value is None else self.right_value,
            "remainder": self.remainder,
        }
        return Message("reconciliation.row", shown)


NOTHING: Final = "–"
