"""What goes wrong in a mapping, with the place: a formula that cannot be read, a spec that is refused, a record that fails.

All three are `hedge_core.errors.MappingError`, so that callers need to know only that class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hedge_core.errors import MappingError
from messages import Message


class Severity(StrEnum):
    """An ERROR keeps a spec from being used; a WARNING is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a spec. `row` counts from 1 (0: the spec as a whole), `column` is the spec's column, `offset`
    the character in that cell from 1 (0: the whole cell), `message` says what is wrong and what to do."""

    severity: Severity
    row: int
    column: str
    offset: int
    target: str
    message: Message

    @property
    def sentence(self) -> Message:
        """The message together with its place."""
        if not self.row:
            return Message("mapping.at_spec", {"column": self.column, "problem": self.message})
        name = "mapping.at_character" if self.offset else "mapping.at_cell"
        return Message(name, {"row": self.row, "column": self.column, "offset": self.offset, "problem": self.message})


class Fault(Exception):
    """A step of a compiled spec cannot go on with the values of this record."""

    def __init__(self, problem: Message) -> None:
        self.problem = problem
        super().__init__(problem)


class FormulaError(MappingError):
    """A formula cannot be read. `offset` counts characters from 1; `problem` says what is wrong and what to do."""

    def __init__(self, problem: Message, offset: int) -> None:
        self.problem = problem
        self.offset = offset
        reason = Message("mapping.at_formula", {"column": "formula", "offset": offset, "problem": problem})
        super().__init__("-", "formula", reason)


class RecordFailed(MappingError):
    """One record could not be mapped. `row` and `spec_column` name the cell of the spec, `offset` the character in a
    formula from 1 (0: the whole cell), `value` the start of what the row's source field held."""

    def __init__(self, row: int, target: str, spec_column: str, offset: int, problem: Message, value: str) -> None:
        self.row = row
        self.spec_column = spec_column
        self.offset = offset
        self.problem = problem
        self.value = value
        name = "mapping.at_formula" if offset else "mapping.at_column"
        reason = Message(name, {"column": spec_column, "offset": offset, "problem": problem})
        super().__init__(str(row), target, reason)


class SpecRefused(MappingError):
    """The spec has errors and was not compiled. `findings` lists all of them; the sentence tells the first."""

    def __init__(self, identity: str, findings: Sequence[Finding]) -> None:
        self.identity = identity
        self.findings = tuple(findings)
        first = self.findings[0]
        reason = Message("mapping.refused", {"spec": identity, "count": len(self.findings), "problem": first.sentence})
        super().__init__(str(first.row), first.target or first.column, reason)
