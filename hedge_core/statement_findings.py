"""What a check of a statement answers: a finding with its severity, the rule, and the figures that do not agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from messages import Message


class Severity(StrEnum):
    """Whether a finding stops the import or can be accepted with a reason."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sum that is off. `identity` names the rule; `expected` is what the other figures give, `found` what is printed,
    `difference` = found − expected. Figures are None where the finding is not about a sum."""

    severity: Severity
    identity: str
    message: Message
    expected: Decimal | None = None
    found: Decimal | None = None
    difference: Decimal | None = None


def compared(
    severity: Severity, identity: str, reason: str, expected: Decimal | int, found: Decimal | int, **params: object
) -> Iterator[Finding]:
    """A finding if two figures differ by anything at all, else nothing."""
    if expected != found:
        expected, found = Decimal(expected), Decimal(found)
        figures = {"expected": expected, "found": found, "difference": found - expected}
        yield Finding(severity, identity, Message(reason, {**params, **figures}), **figures)


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return sum(values, Decimal(0))
