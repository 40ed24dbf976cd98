"""The parser of the formula language: tokens to a tree, by binding strength, with its depth and size bounded.

From loose to tight: comparison (`= <> < <= > >=`, one only), `&`, `+ -`, `* /`, minus sign. As in a spreadsheet.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from mapping.faults import FormulaError
from mapping.limits import FORMULA_DEPTH, FORMULA_NODES
from mapping.syntax import Binary, Boolean, Call, Empty, Field, Formula, Minus, Node, Number, Text, Value
from mapping.tokens import Token, TokenKind, problem, tokenize

COMPARISONS: Final = frozenset({"=", "<>", "<", "<=", ">", ">="})
STRENGTH: Final = {**dict.fromkeys(COMPARISONS, 1), "&": 2, "+": 3, "-": 3, "*": 4, "/": 4}
_TIGHTEST: Final = 5

WORDS: Final[dict[str, Callable[[int], Node]]] = {
    "TRUE": lambda at: Boolean(True, at),
    "FALSE": lambda at: Boolean(False, at),
    "EMPTY": Empty,
}
"""Names with a meaning of their own, in capitals; written in any case. A field of that name goes into brackets."""


def parse(text: str) -> Formula:
    """The tree of a formula. FormulaError with the character and a remedy; nothing else, whatever the text holds."""
    parser = _Parser(tokenize(text))
    root = parser.whole()
    return Formula(text, root, len(parser.tokens), parser.nodes, parser.steps)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0
        self.nodes = 0
        self.steps = 0

    def whole(self) -> Node:
        first = self.tokens[0]
        if first.kind is TokenKind.END:
            raise problem("formula_empty", first.at)
        if first.kind is TokenKind.SYMBOL and first.text == "=":
            raise problem("leading_equals", first.at)
        root = self._expression(1)
        if self._now.kind is not TokenKind.END:
            raise self._unexpected("operator")
        return root

    @property
    def _now(self) -> Token:
        return self.tokens[self.place]

    def _is(self, symbol: str) -> bool:
        return self._now.kind is TokenKind.SYMBOL and self._now.text == symbol

    def _take(self) -> Token:
        token = self._now
        self.place += 1
        self.steps += 1
        return token

    def _made(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > FORMULA_NODES:
            raise problem("too_many_nodes", node.at, limit=FORMULA_NODES)
        return node

    def _deeper(self, at: int) -> None:
        self.depth += 1
        if self.depth > FORMULA_DEPTH:
            raise problem("too_deep", at, limit=FORMULA_DEPTH)

    def _expression(self, weakest: int) -> Node:
        self.steps += 1
        left = self._operand()
        while self._now.kind is TokenKind.SYMBOL and STRENGTH.get(self._now.text, 0) >= weakest:
            operator = self._take()
            strength = STRENGTH[operator.text]
            right = self._expression(strength + 1)
            left = self._made(Binary(operator.text, left, right, operator.at))
            if operator.text in COMPARISONS and self._now.kind is TokenKind.SYMBOL and self._now.text in COMPARISONS:
                raise problem("comparison_chained", self._now.at)
        return left

    def _operand(self) -> Node:
        self.steps += 1
        token = self._now
        if token.kind is TokenKind.NUMBER:
            return self._made(Number(Decimal(self._take().text), token.at))
        if token.kind is TokenKind.TEXT:
            return self._made(Text(self._take().text, token.at))
        if token.kind is TokenKind.FIELD:
            return self._made(Field(self._take().text, token.at, quoted=True))
        if token.kind is TokenKind.NAME:
            return self._name(self._take())
        if self._is("-"):
            self._deeper(token.at)
            self._take()
            operand = self._expression(_TIGHTEST)
            self.depth -= 1
            return self._made(Minus(operand, token.at))
        if self._is("("):
            self._deeper(token.at)
            self._take()
            inside = self._expression(1)
            self._close(token)
            return inside
        raise self._unexpected("operand")

    def _name(self, token: Token) -> Node:
        if self._is("("):
            return self._call(token)
        word = WORDS.get(token.text.upper())
        if word is not None:
            return self._made(word(token.at))
        if token.text == "value":
            return self._made(Value(token.at))
        return self._made(Field(token.text, token.at))

    def _call(self, name: Token) -> Node:
        self._deeper(name.at)
        opening = self._take()
        arguments: list[Node] = []
        if not self._is(")"):
            arguments.append(self._expression(1))
            while self._is(","):
                self._take()
                arguments.append(self._expression(1))
        self._close(opening)
        return self._made(Call(name.text.upper() if name.text.isascii() else name.text, tuple(arguments), name.at))

    def _close(self, opening: Token) -> None:
        if self._now.kind is TokenKind.END:
            raise problem("not_closed", opening.at, sign=")")
        if not self._is(")"):
            raise self._unexpected("operator")
        self._take()
        self.depth -= 1

    def _unexpected(self, wanted: str) -> FormulaError:
        token = self._now
        if token.kind is TokenKind.END:
            return problem("ends_early", token.at)
        return problem(f"expected_{wanted}", token.at, found=token.text)
