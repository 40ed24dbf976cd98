"""What formulas give: each function and rule by example, and whole formulas against a plain evaluator written only here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, InvalidOperation, Overflow, Subnormal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapping import FormulaError, WorkCounter
from mapping.parser import parse
from mapping.syntax import Binary, Boolean, Call, Empty, Field, Minus, Node, Number, Text

Evaluate = Callable[..., Any]
D = Decimal

RECORD = {
    "n": D("12.50"),
    "i": 7,
    "neg": D("-3"),
    "t": "Ab c",
    "code": "C",
    "one": 1,
    "num": " 1234.5 ",
    "blank": "",
    "null": None,
    "yes": True,
    "day": date(2026, 3, 4),
    "moment": datetime(2026, 3, 4, 20, 0, tzinfo=UTC),
    "naive": datetime(2026, 3, 4, 9, 30),  # noqa: DTZ001
    "铜 数量": D("5"),
}


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("n * 2", D("25.00")),
        ("0.1 + 0.2", D("0.3")),
        ("n / 4 - i", D("-3.875")),
        ("-neg", D("3")),
        ("1 / 3", D("0." + "3" * 34)),
        ("[铜 数量] + 1", D("6")),
        ('t & "-" & n & "-" & day', "Ab c-12.5-2026-03-04"),
        ("blank & null", None),
        ("yes & one", "TRUE1"),
        ("n + null", None),
        ("-blank", None),
        ("ROUND(2.345, 2)", D("2.35")),
        ("ROUND(-2.345, 2)", D("-2.35")),
        ("ROUND(1250, -2)", D("1300")),
        ("ROUND(null, 2)", None),
        ("ROUND(n, one)", D("12.5")),
        ("ABS(neg)", D("3")),
        ("MIN(n, i, 9)", D("7")),
        ("MAX(n, i, 9)", D("12.50")),
        ("MAX(n, null)", None),
        ("MIN(day, DATE(t2))", date(2026, 1, 2)),
        ("NUMBER(num)", D("1234.5")),
        ('NUMBER("1.5E3")', D("1500")),
        ("NUMBER(i)", D("7")),
        ("NUMBER(blank)", None),
        ("TEXT(n)", "12.5"),
        ("TEXT(1 = 1)", "TRUE"),
        ("TEXT(day)", "2026-03-04"),
        ("TEXT(moment)", "2026-03-04T20:00:00Z"),
        ("DATE(moment)", date(2026, 3, 5)),
        ("DATE(naive)", date(2026, 3, 4)),
        ('DATE("2026-03-04T00:00:00")', date(2026, 3, 4)),
        ('DATE("2026-03-04 23:59:59.123")', date(2026, 3, 4)),
        ('DATE("2026-03-04T20:00:00Z")', date(2026, 3, 5)),
        ('DATE("2026-03-04T20:00:00+08:00")', date(2026, 3, 4)),
        ('DATE("2026/3/4")', date(2026, 3, 4)),
        ('DATE("20260304")', date(2026, 3, 4)),
        ('DATE("2026年3月4日")', date(2026, 3, 4)),
        ("DATE(null)", None),
        ('TRIM("  a b \u3000")', "a b"),
        ('TRIM("   ")', None),
        ("UPPER(t)", "AB C"),
        ("LEFT(t, 2)", "Ab"),
        ("LEFT(t, 99)", "Ab c"),
        ("LEFT(t, 0)", None),
        ("RIGHT(t, 1)", "c"),
        ("RIGHT(t, 0)", None),
        ("MID(t, 2, 2)", "b "),
        ("MID(t, 9, 2)", None),
        ('LEN("铜箔")', D(2)),
        ("LEN(null)", D(0)),
        ('SUBSTITUTE("1,234,5", ",", "")', "12345"),
        ("COALESCE(null, blank, i, nowhere)", D(7)),
        ("COALESCE(null, blank)", None),
        ("LOOKUP(codes, code)", "open"),
        ('LOOKUP("codes", "A")', "draft"),
        ("LOOKUP(codes, one)", "one"),
        ("LOOKUP(codes, 1.0)", "one"),
        ("LOOKUP(codes, null)", None),
        ('LOOKUP(codes, "none")', None),
        ('LOOKUP(codes, "X", "other")', "other"),
        ('LOOKUP(codes, null, "other")', "other"),
        ('IF(code = "C", n, neg)', D("12.50")),
        ('IF(code = "X", n)', None),
        ("AND(yes, n > 1)", True),
        ("OR(n < 1, neg < 0)", True),
        ("NOT(yes)", False),
        ("null = empty", True),
        ('blank = ""', True),
        ("n = empty", False),
        ('t <> "Ab c"', False),
        ("null <> 1", True),
        ("n = 12.5", True),
        ('"a" < "b"', True),
        ("day <= DATE(moment)", True),
        ("yes = TRUE", True),
    ],
)
def test_formula_gives(evaluate: Evaluate, formula: str, result: object) -> None:
    given_ = evaluate(formula, {**RECORD, "t2": "2026-01-02"})
    assert given_ == result
    assert type(given_) is type(result)


@pytest.mark.parametrize(
    "formula",
    [
        "n + t",
        'NUMBER("1,234")',
        'NUMBER("１２")',
        'NUMBER("1E999999")',
        'NUMBER("NaN")',
        'NUMBER("Infinity")',
        'NUMBER("12 t")',
        'NUMBER("1_000")',
        "NUMBER(yes)",
        "NUMBER(day)",
        "n = t",
        "day = moment",
        "n > null",
        "null < null",
        "yes < yes",
        "t < n",
        "IF(null, 1, 2)",
        "IF(n, 1, 2)",
        "AND(yes, null)",
        "NOT(t)",
        "n / (i - 7)",
        "(i - 7) / (i - 7)",
        "LOOKUP(codes, t)",
        "LOOKUP(codes, day)",
        "ROUND(n, 1.5 + 0)",
        "ROUND(n, 19 + 0)",
        "ROUND(n, null)",
        "LEFT(t, -1)",
        "LEFT(n, 1)",
        "MID(t, 0, 1)",
        'SUBSTITUTE(t, blank, "x")',
        'DATE("04.03.2026")',
        'DATE("2026-02-30")',
        'DATE("2026-03-04T25:00:00")',
        'DATE("2026-W10-3")',
        "DATE(n)",
        "MIN(n, t)",
        "MAX(yes, yes)",
        "999999999 * 9999999999 * 9",
        "0.000000000001 * 0.0000001",
    ],
)
def test_what_would_be_a_guess_is_an_error(evaluate: Evaluate, failed: type[Exception], formula: str) -> None:
    with pytest.raises(failed):
        evaluate(formula, RECORD)


@pytest.mark.parametrize(
    "formula",
    [
        '1 + "a"',
        '"a" = 1',
        "NOT(1)",
        "IF(1, 2, 3)",
        "FOO(1)",
        "ІF(TRUE, 1, 2)",
        "ABS()",
        "ABS(1, 2)",
        "LOOKUP(1, code)",
        "LOOKUP(nomap, code)",
        "n / 0",
        "ROUND(n, 1.5)",
        'MIN(1, "a")',
        "value + 1",
        "empty < 1",
        "yes < FALSE",
        'SUBSTITUTE(t, "", "x")',
        "__import__(1)",
        "n.__class__()",
        "EVAL(1)",
    ],
)
def test_what_can_never_work_is_found_before_any_record(
    evaluate: Evaluate, refused: type[Exception], formula: str
) -> None:
    with pytest.raises(refused):
        evaluate(formula, RECORD)


@pytest.mark.parametrize(
    ("formula", "steps"),
    [
        ("IF(TRUE, 1, n + n + n)", 3),
        ("IF(FALSE, n + n + n, 1)", 3),
        ("AND(FALSE, n / 0 + 1 > 2)", 2),
        ("OR(TRUE, nowhere > 1)", 2),
        ("COALESCE(i, t + 1)", 2),
        ('LOOKUP(codes, "A", t + 1)', 2),
        ("n + n", 3),
    ],
)
def test_only_what_is_needed_is_evaluated(evaluate: Evaluate, steps: int, formula: str) -> None:
    counter = WorkCounter()
    evaluate(formula.replace("n / 0", "n / (i - 7)").replace("t + 1", "NUMBER(t) + 1"), RECORD, counter)
    assert counter.steps == steps


# --- the plain evaluator ---------------------------------------------------------------------------------------------

_PLAIN = Context(
    prec=34, rounding=ROUND_HALF_UP, Emin=-18, Emax=18, traps=[InvalidOperation, Overflow, Subnormal], capitals=1
)


class PlainFailure(Exception):
    """The plain evaluator finds no value."""


def plain(node: Node, record: dict[str, Any]) -> Any:
    """The language again, as simply as possible: evaluate, check, compute."""

    def number(part: Node) -> Decimal | None:
        value = plain(part, record)
        if value is not None and not isinstance(value, Decimal):
            raise PlainFailure
        return value

    def truth(part: Node) -> bool:
        value = plain(part, record)
        if not isinstance(value, bool):
            raise PlainFailure
        return value

    match node:
        case Number(value) | Boolean(value):
            return value
        case Text(value):
            return value or None
        case Empty():
            return None
        case Field(name):
            value = record.get(name)
            return (Decimal(value) if type(value) is int else value) if value != "" else None
        case Minus(operand):
            value = number(operand)
            return None if value is None else _PLAIN.minus(value)
        case Binary("&", left, right):
            return (_plain_text(plain(left, record)) + _plain_text(plain(right, record))) or None
        case Binary("+" | "-" | "*" | "/" as sign, left, right):
            first, second = number(left), number(right)
            if first is None or second is None:
                return None
            if sign == "/" and second == 0:
                raise PlainFailure
            work = {"+": _PLAIN.add, "-": _PLAIN.subtract, "*": _PLAIN.multiply, "/": _PLAIN.divide}[sign]
            return work(first, second)
        case Binary(sign, left, right):
            first, second = plain(left, record), plain(right, record)
            if sign in ("=", "<>") and (first is None or second is None):
                return (first is second) == (sign == "=")
            if type(first) is not type(second) or (sign not in ("=", "<>") and isinstance(first, bool | None)):
                raise PlainFailure
            return {
                "=": lambda: first == second,
                "<>": lambda: first != second,
                "<": lambda: first < second,
                "<=": lambda: first <= second,
                ">": lambda: first > second,
                ">=": lambda: first >= second,
            }[sign]()
        case Call("IF", arguments):
            if truth(arguments[0]):
                return plain(arguments[1], record)
            return plain(arguments[2], record) if len(arguments) == 3 else None
        case Call("AND", arguments):
            return all(truth(argument) for argument in arguments)
        case Call("OR", arguments):
            return any(truth(argument) for argument in arguments)
        case Call("NOT", (argument,)):
            return not truth(argument)
        case Call("COALESCE", arguments):
            return next((value for value in (plain(one, record) for one in arguments) if value is not None), None)
        case Call("ABS", (argument,)):
            value = number(argument)
            return None if value is None else _PLAIN.abs(value)
    raise AssertionError(node)


def _plain_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Decimal):
        text = format(value, "f")
        return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"
    return str(value)


_VALUES = st.one_of(
    st.none(),
    st.just(""),
    st.booleans(),
    st.integers(-50, 50),
    st.decimals(-1000, 1000, allow_nan=False, places=2),
    st.sampled_from(["a", "B", "12", "数量"]),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
_PARTS = st.recursive(
    st.one_of(
        st.sampled_from(["x", "y", "z", "1", "2.5", "0", '"a"', '""', "TRUE", "empty"]),
        st.sampled_from(["x = y", "x < z", "y > 0"]).map(lambda text: f"({text})"),
    ),
    lambda below: st.one_of(
        st.tuples(below, st.sampled_from("+-*/&"), below).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(below, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), below).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        below.map(lambda text: f"-{text}"),
        below.map(lambda text: f"ABS({text})"),
        below.map(lambda text: f"NOT({text})"),
        st.tuples(below, below, below).map(lambda p: f"IF({p[0]}, {p[1]}, {p[2]})"),
        st.tuples(below, below).map(lambda p: f"AND({p[0]}, {p[1]})"),
        st.tuples(below, below).map(lambda p: f"OR({p[0]}, {p[1]})"),
        st.tuples(below, below).map(lambda p: f"COALESCE({p[0]}, {p[1]})"),
    ),
    max_leaves=8,
)


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(_PARTS, st.fixed_dictionaries({"x": _VALUES, "y": _VALUES, "z": _VALUES}))
def test_the_compiled_formula_agrees_with_the_plain_evaluator(
    evaluate: Evaluate, refused: type[Exception], failed: type[Exception], formula: str, record: dict[str, Any]
) -> None:
    counter = WorkCounter()
    try:
        tree = parse(formula)
    except FormulaError:
        return  # too long or too deep: its own test
    try:
        expected = plain(tree.root, record)
    except (PlainFailure, DecimalException):
        expected = PlainFailure
    try:
        result = evaluate(formula, record, counter)
    except refused:
        return  # the checker may refuse a part that this record would not have reached
    except failed:
        assert expected is PlainFailure
        return
    assert expected is not PlainFailure
    assert result == expected
    assert type(result) is type(expected)
    assert counter.steps <= tree.nodes
