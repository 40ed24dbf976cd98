"""Every limit of the mapping language in one place: counts, lengths, and the two Decimal contexts that bound numbers."""

from __future__ import annotations

from decimal import (
    ROUND_HALF_UP,
    Context,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Subnormal,
)
from typing import Final

FORMULA_CHARACTERS: Final = 500
FORMULA_NODES: Final = 80
FORMULA_DEPTH: Final = 16
"""How deeply parentheses, calls and minus signs may nest. A chain like `a + b + c` does not nest: nodes bound it."""

TEXT_CHARACTERS: Final = 4096
DIGITS: Final = 34
EXPONENT: Final = 18

SPEC_ROWS: Final = 500
VALUE_MAPS: Final = 100
VALUE_MAP_ENTRIES: Final = 20_000
FILE_BYTES: Final = 8 * 1024 * 1024

ARITHMETIC: Final = Context(
    prec=DIGITS,
    rounding=ROUND_HALF_UP,
    Emin=-EXPONENT,
    Emax=EXPONENT,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow, Subnormal],
)
"""Formulas run here: 34 digits, half up beyond them (only a quotient or a very long product gets that far); a result
of 1E19 or more, or nearer to zero than 1E-18 without being zero, is an error and not a rounded figure. Shared by
threads on purpose: only its flags ever change, and nobody reads them."""

READING: Final = Context(
    prec=DIGITS,
    rounding=ROUND_HALF_UP,
    Emin=-EXPONENT,
    Emax=EXPONENT,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow, Subnormal, Inexact],
)
"""Numbers enter here: like ARITHMETIC, but a number that would lose a digit is refused."""
