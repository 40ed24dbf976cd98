"""What a mapping has to produce: the fields of a target record, their types and bounds, as data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class FieldType(StrEnum):
    """The type a target field is converted to and checked against, with its Python form."""

    TEXT = "text"
    """`str` without NUL and lone surrogates"""
    DECIMAL = "decimal"
    """`Decimal`, at most 34 digits, below 1E19"""
    INTEGER = "integer"
    """`int`"""
    DATE = "date"
    """`datetime.date`"""
    MONTH = "month"
    """`str` in the form YYYY-MM; a date gives its month"""
    DATETIME = "datetime"
    """aware `datetime` in UTC"""
    BOOLEAN = "boolean"
    """`bool`"""
    CHOICE = "choice"
    """`str`, one of the field's choices"""


@dataclass(frozen=True, slots=True)
class TargetField:
    """One field of the target. `minimum` bounds decimals and integers from below, inclusively."""

    name: str
    type: FieldType
    required: bool = True
    choices: tuple[str, ...] = ()
    minimum: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TargetSchema:
    """The mappable fields of one kind of record. A compiled spec returns exactly these, None where nothing was mapped."""

    kind: str
    fields: tuple[TargetField, ...]

    def field(self, name: str) -> TargetField | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)
