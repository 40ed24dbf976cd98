"""Tokenizer and parser: what a formula means, that printing and reading it again gives the same, and every refusal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.errors import MappingError
from mapping import FormulaError
from mapping.limits import FORMULA_CHARACTERS, FORMULA_DEPTH, FORMULA_NODES
from mapping.parser import parse
from mapping.syntax import Binary, Boolean, Call, Empty, Field, Minus, Node, Number, Text, Value
from messages import all_texts, say

_NAMES = st.sampled_from(["FQty", "FMaterialId.FNumber", "数量", "_x", "F_HB_Pricing", "Straße", "a.b_c1"])
_ODD_NAMES = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), min_size=1, max_size=8).filter(
    str.strip
)
_NUMBERS = st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=3).map(abs)
_TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=8)
_OPERATORS = ["+", "-", "*", "/", "&", "=", "<>", "<", "<=", ">", ">="]
_LEAVES = st.one_of(
    _NUMBERS.map(lambda value: Number(value, 0)),
    _TEXTS.map(lambda value: Text(value, 0)),
    st.booleans().map(lambda value: Boolean(value, 0)),
    st.just(Empty(0)),
    st.just(Value(0)),
    _NAMES.map(lambda name: Field(name, 0)),
    _ODD_NAMES.map(lambda name: Field(name, 0, quoted=True)),
)
TREES = st.recursive(
    _LEAVES,
    lambda below: st.one_of(
        below.map(lambda operand: Minus(operand, 0)),
        st.builds(lambda sign, left, right: Binary(sign, left, right, 0), st.sampled_from(_OPERATORS), below, below),
        st.builds(
            lambda name, arguments: Call(name, tuple(arguments), 0),
            st.sampled_from(["IF", "ROUND", "COALESCE", "MAX"]),
            st.lists(below, max_size=3),
        ),
    ),
    max_leaves=12,
)


def printed(node: Node) -> str:
    """A tree as a formula with every parenthesis written out."""
    match node:
        case Number(value):
            return format(value, "f")
        case Text(value):
            return '"' + value.replace('"', '""') + '"'
        case Boolean(value):
            return "TRUE" if value else "FALSE"
        case Empty():
            return "empty"
        case Value():
            return "value"
        case Field(name, _, quoted):
            return "[" + name.replace("]", "]]") + "]" if quoted else name
        case Minus(operand):
            return f"-({printed(operand)})"
        case Binary(sign, left, right):
            return f"({printed(left)}) {sign} ({printed(right)})"
        case Call(name, arguments):
            return f"{name}({', '.join(printed(argument) for argument in arguments)})"
    raise AssertionError(node)


@given(TREES)
def test_a_printed_tree_reads_back_as_the_same_tree(tree: Node) -> None:
    text = printed(tree)
    try:
        formula = parse(text)
    except FormulaError as error:
        assert error.problem.id in ("mapping.formula_too_long", "mapping.too_deep")
        return
    assert printed(formula.root) == text
    assert printed(parse(printed(formula.root)).root) == text


@pytest.mark.parametrize(
    ("formula", "meaning"),
    [
        ("1 + 2 * 3", "(1) + ((2) * (3))"),
        ("1 - 2 - 3", "((1) - (2)) - (3)"),
        ("8 / 4 / 2", "((8) / (4)) / (2)"),
        ("-a * b", "(-(a)) * (b)"),
        ("a & b + 1 = c", "((a) & ((b) + (1))) = (c)"),
        ("a*(b+c)", "(a) * ((b) + (c))"),
        ("if(true, [价 格], Empty)", "IF(TRUE, [价 格], empty)"),
        ('"say ""hi"""', '"say ""hi"""'),
        ("[a]]b]", "[a]]b]"),
        ("a <= b", "(a) <= (b)"),
        ("a\n  + b", "(a) + (b)"),
    ],
)
def test_signs_bind_as_in_a_spreadsheet(formula: str, meaning: str) -> None:
    assert printed(parse(formula).root) == meaning


@pytest.mark.parametrize(
    ("formula", "message", "offset"),
    [
        ("", "formula_empty", 1),
        ("   ", "formula_empty", 4),
        ("=A+1", "leading_equals", 1),
        ("a +", "ends_early", 4),
        ("a + * b", "expected_operand", 5),
        ("a b", "expected_operator", 3),
        ("ROUND(a 2)", "expected_operator", 9),
        ("ROUND(a, 2", "not_closed", 6),
        ("(a", "not_closed", 1),
        ("a)", "expected_operator", 2),
        ('"abc', "not_closed", 1),
        ("[abc", "not_closed", 1),
        ("[ ]", "field_without_name", 1),
        ("1 < a < 3", "comparison_chained", 7),
        ("1.2.3", "number_malformed", 1),
        ("1.", "number_malformed", 1),
        ("1E999999", "number_malformed", 1),
        ("12t", "number_malformed", 1),
        (".5", "character_unknown", 1),
        ("9" * 20, "number_out_of_range", 1),
        ("0." + "1" * 35, "number_out_of_range", 1),
        ("IF（a）", "character_lookalike", 3),
        ("a ＋ b", "character_lookalike", 3),
        ("“x”", "character_lookalike", 1),
        ("a\u00a0+ b", "character_lookalike", 2),
        ("a\u200b + b", "character_unknown", 2),
        ("a != b", "character_lookalike", 3),
        ("'x'", "character_lookalike", 1),
        ("a\0", "character_unknown", 2),
        ('"a\0"', "character_unknown", 3),
        ("a; b", "character_lookalike", 2),
        ("a[0]", "expected_operator", 2),
        ("a.__class__()", None, 0),
        ("x" * (FORMULA_CHARACTERS + 1), "formula_too_long", FORMULA_CHARACTERS + 1),
    ],
)
def test_every_refusal_names_the_character_and_a_remedy(formula: str, message: str | None, offset: int) -> None:
    if message is None:  # reads as a call of an unknown function: the checker's business
        assert isinstance(parse(formula).root, Call)
        return
    with pytest.raises(FormulaError) as caught:
        parse(formula)
    assert caught.value.problem.id == f"mapping.{message}"
    assert caught.value.offset == offset
    for language in ("en", "zh"):
        spoken = say(caught.value.message, language)
        assert str(offset) in spoken
        assert "{" not in spoken.replace(formula, "")


def test_nesting_is_bounded_and_the_bound_itself_is_allowed() -> None:
    assert parse("(" * FORMULA_DEPTH + "1" + ")" * FORMULA_DEPTH).nodes == 1
    for opening, closing in (("(", ")"), ("ABS(", ")"), ("-", "")):
        deeper = FORMULA_DEPTH + 1
        with pytest.raises(FormulaError) as caught:
            parse(opening * deeper + "1" + closing * deeper)
        assert caught.value.problem.id == "mapping.too_deep"
        with pytest.raises(FormulaError):
            parse((opening * 200)[:FORMULA_CHARACTERS])


def test_parts_are_bounded_and_the_bound_itself_is_allowed() -> None:
    most = (FORMULA_NODES + 1) // 2
    assert parse("+".join("1" * (most - 1))).nodes == 2 * (most - 1) - 1
    assert parse("-" + "+".join("1" * 40)).nodes == FORMULA_NODES
    with pytest.raises(FormulaError) as caught:
        parse("+".join("1" * (most + 1)))
    assert caught.value.problem.id == "mapping.too_many_nodes"


@settings(max_examples=400)
@given(
    st.one_of(
        st.text(max_size=600),
        st.lists(
            st.sampled_from(
                [
                    *'()[]",+-*/&=<>. 1aé价（',
                    "IF(",
                    "LOOKUP(",
                    "TRUE",
                    "empty",
                    "value",
                    "1E9",
                    "\0",
                    "\ud800",
                    "__import__",
                ]
            ),
            max_size=120,
        ).map("".join),
    )
)
def test_no_text_makes_the_parser_fail_with_anything_but_a_mapping_error_and_its_work_is_bounded(text: str) -> None:
    try:
        formula = parse(text)
    except MappingError as error:
        assert isinstance(error, FormulaError)
        assert 1 <= error.offset <= len(text) + 1
        return
    assert formula.tokens <= FORMULA_CHARACTERS + 1
    assert formula.nodes <= FORMULA_NODES
    assert formula.steps <= 3 * formula.tokens


def test_a_name_reserved_by_the_language_is_a_field_in_brackets() -> None:
    assert parse("[value]").root == Field("value", 0, quoted=True)
    assert parse("[TRUE]").root == Field("TRUE", 0, quoted=True)
    assert parse("value").root == Value(0)
    assert parse("Value").root == Field("Value", 0)


def test_numbers_keep_their_digits() -> None:
    root = parse("0.10").root
    assert isinstance(root, Number)
    assert str(root.value) == str(Decimal("0.10"))


def test_every_sentence_has_the_same_parameters_in_both_languages() -> None:
    texts = {name: text for name, text in all_texts().items() if name.startswith("mapping.")}
    assert len(texts) > 80
    for name, text in texts.items():
        assert text.parameters("en") == text.parameters("zh"), name
