"""The tokenizer of the formula language: text to a list of numbers, texts, names, bracketed fields and symbols.

Space, tab and line feed separate. A name starts with a letter of any script or `_` and goes on with letters, digits, `_`
and `.` (`FMaterialId.FNumber`, `数量`); any other field is written in brackets, `[Unit price]`, with `]]` for `]`. Text
stands in double quotes, with `""` for a quote. Characters that only look right (full-width signs, curly quotes, no-break
spaces) are refused with the character to type instead: quietly accepting them would make two formulas out of one look.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, DecimalException
from enum import StrEnum
from typing import Final

from mapping.faults import FormulaError
from mapping.limits import FORMULA_CHARACTERS, READING
from messages import Message

SYMBOLS: Final = ("<>", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "&", "(", ")", ",")
_ASCII_DIGITS: Final = frozenset("0123456789")
_BLANKS: Final = frozenset(" \t\n")

LOOKALIKES: Final = {
    **dict(zip("（）［］【】，；、＋－＊／＆＜＞＝＂“”", '()[][],,,+-*/&<>="""', strict=True)),
    **dict(zip("×÷−–—", "*/---", strict=True)),
    **dict.fromkeys("'‘’＇`", '"'),
    "≠": "<>",
    "≤": "<=",
    "≥": ">=",
    "!": "<>",
    "！": "<>",
    ";": ",",
    "%": "/ 100",
    "％": "/ 100",
    "^": "*",
    **dict.fromkeys("\u3000\u00a0\u2002\u2003\u2009\u202f", "space"),
}
"""A character people type by habit -> what the language wants there."""


class TokenKind(StrEnum):
    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    FIELD = "field"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is its meaning (quotes and brackets removed), `at` its offset from 0."""

    kind: TokenKind
    text: str
    at: int


def tokenize(formula: str) -> list[Token]:
    """The tokens of a formula, closed by one END. Each character is visited once. FormulaError with the place."""
    if len(formula) > FORMULA_CHARACTERS:
        raise problem("formula_too_long", FORMULA_CHARACTERS, length=len(formula), limit=FORMULA_CHARACTERS)
    tokens: list[Token] = []
    place = 0
    while place < len(formula):
        character = formula[place]
        if character in _BLANKS:
            place += 1
            continue
        token, place = _next(formula, place, character)
        tokens.append(token)
    tokens.append(Token(TokenKind.END, "", len(formula)))
    return tokens


def problem(name: str, at: int, /, **params: object) -> FormulaError:
    """A FormulaError for the message `mapping.<name>` at an offset from 0."""
    return FormulaError(Message(f"mapping.{name}", params), at + 1)


def _next(formula: str, place: int, character: str) -> tuple[Token, int]:
    if character == '"':
        return _enclosed(formula, place, '"', TokenKind.TEXT)
    if character == "[":
        return _enclosed(formula, place, "]", TokenKind.FIELD)
    if character in _ASCII_DIGITS:
        return _number(formula, place)
    if character.isalpha() or character == "_":
        end = place + 1
        while end < len(formula) and _in_name(formula[end]):
            end += 1
        return Token(TokenKind.NAME, formula[place:end], place), end
    for symbol in SYMBOLS:
        if formula.startswith(symbol, place):
            return Token(TokenKind.SYMBOL, symbol, place), place + len(symbol)
    shown = character if character.isprintable() else ""
    code = f"U+{ord(character):04X}"
    if character in LOOKALIKES:
        raise problem("character_lookalike", place, character=shown, code=code, instead=LOOKALIKES[character])
    raise problem("character_unknown", place, character=shown, code=code)


def _in_name(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character in "_."


def _enclosed(formula: str, start: int, closing: str, kind: TokenKind) -> tuple[Token, int]:
    """A text or bracketed field; the closing sign stands for itself when doubled."""
    parts: list[str] = []
    place = start + 1
    while True:
        end = formula.find(closing, place)
        if end < 0:
            raise problem("not_closed", start, sign=closing)
        parts.append(formula[place:end])
        if not formula.startswith(closing, end + 1):
            break
        parts.append(closing)
        place = end + 2
    inside = "".join(parts)
    for distance, character in enumerate(inside):
        if (ord(character) < 0x20 and character not in "\t\n") or "\ud800" <= character <= "\udfff":
            raise problem("character_unknown", start + 1 + distance, character="", code=f"U+{ord(character):04X}")
    if kind is TokenKind.FIELD and not inside.strip():
        raise problem("field_without_name", start)
    return Token(kind, inside, start), end + 1


def _number(formula: str, start: int) -> tuple[Token, int]:
    end = start
    while end < len(formula) and (formula[end] in _ASCII_DIGITS or formula[end] == "."):
        end += 1
    text = formula[start:end]
    malformed = text.count(".") > 1 or text.endswith(".") or (end < len(formula) and _in_name(formula[end]))
    if malformed:
        raise problem("number_malformed", start, text=formula[start : end + 1])
    try:
        READING.create_decimal(Decimal(text))
    except DecimalException:
        raise problem("number_out_of_range", start) from None
    return Token(TokenKind.NUMBER, text, start), end
