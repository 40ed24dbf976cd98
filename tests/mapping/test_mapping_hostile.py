"""Hostile specs and records: nothing written in a spec becomes code, nothing in a record makes work without bound."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.errors import MappingError
from mapping import FieldType, MappingSpec, RecordFailed, Row, SpecRefused, ValueMap, WorkCounter, compile_spec
from mapping.limits import FORMULA_NODES
from mapping.values import Clock
from mapping.writer import runtime

Build = Callable[..., Any]
ZONE = "Asia/Shanghai"
_GENERATED = re.compile(
    r"(?:def run\(g\):|[ ]+(?:[A-Za-z_][A-Za-z_0-9]*|[0-9]+|==|!=|<=|>=|\+=|''|[=<>+\-*/(),:.{} ])+)?"
)
_FIXED_WORDS = {
    *runtime(Clock(ZoneInfo("UTC"))),
    *("def", "run", "g", "return", "if", "elif", "else", "not", "and", "or", "is", "in", "None", "True", "False"),
    *("__class__", "get", "isprintable", "is_finite", "missing", "no_row", "below_minimum", "TOP"),
}
_EVIL = [
    '__import__("os").system("true")',
    "().__class__.__bases__",
    "x); import os; (",
    '"; raise SystemExit; "',
    "\\n    raise SystemExit",
    "{0.__class__}",
    "%s%n",
    "c0",
    "t1 = 1",
    "'''",
    "\u2028raise",
    "\u202egnirts",
]


@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(_EVIL))
def test_no_text_of_a_spec_appears_in_the_generated_code(one_field: Build, name: str, text: str, evil: str) -> None:
    field, literal = f"[{(name + evil).replace(']', ']]')}]", '"' + (text + evil).replace('"', '""') + '"'
    rows = (
        {
            "source": name + evil,
            "value_map": "m",
            "formula": f"IF({field} = {literal}, LOOKUP(m, {literal}, value), {field})",
        },
        {"source": evil, "default": text + evil},
    )
    spec, schema = one_field(*rows, maps={"m": {evil: text, text + evil: evil}})
    try:
        run = compile_spec(spec, schema, ZONE)
    except SpecRefused:
        return  # a control character in one of the texts
    for line in run.source.splitlines():
        assert _GENERATED.fullmatch(line), line
    words = set(re.findall(r"[A-Za-z_]\w*", run.source))
    assert all(re.fullmatch(r"[tc][0-9]+", word) for word in words - _FIXED_WORDS)


def test_generated_code_has_no_builtins(one_field: Build) -> None:
    run = compile_spec(*one_field({"source": "a"}), ZONE)
    assert run._run.__globals__["__builtins__"] == {}
    assert not set(run._code.co_names) & (set(dir(builtins)) - {"len", "str", "int"})


@pytest.mark.parametrize(
    "formula",
    [
        "__import__(1)",
        "a.__class__.__mro__()",
        "EXEC(1)",
        "lambda(x)",
        "ＩＦ(TRUE, 1, 2)",
        "ІF(TRUE, 1, 2)",
        "a[0]",
        "{a}",
        "`a`",
        "a := 1",
        "a ** b",
        "a // b",
        "a % b",
        "a and b",
        "a if b else c",
        "[x for x in y]()",
        "1 = 1 = 1",
        "a @ b",
        "a.b.c.d()",
        "f'{a}'",
        "\0",
        "a\x1b[31m",
        "\ufeffa",
        "\u202ea",
    ],
)
def test_other_languages_do_not_run_here(one_field: Build, formula: str) -> None:
    for column in ("formula", "when"):
        with pytest.raises(SpecRefused):
            compile_spec(*one_field({column: formula, "default": "x"}), ZONE)


def test_a_field_that_looks_like_python_is_only_a_name(one_field: Build) -> None:
    run = compile_spec(*one_field({"formula": "a.__class__ & [__import__('os')] & __builtins__"}), ZONE)
    assert run({"a.__class__": "x", "__import__('os')": "y", "__builtins__": "z", "a": object()}) == {"t": "xyz"}


@pytest.mark.parametrize(
    ("formula", "record"),
    [
        ("a & a", {"a": "x" * 2049}),
        ("a", {"a": "x" * 4097}),
        ('SUBSTITUTE(a, "x", a)', {"a": "x" * 4096}),
        ("UPPER(a)", {"a": "ß" * 4096}),
        ("NUMBER(a)", {"a": "9" * 4096}),
        ("NUMBER(a)", {"a": "1E9999"}),
        ("NUMBER(a)", {"a": "1E-9999"}),
        ("TEXT(a)", {"a": Decimal("1E999999")}),
        ("a & 1", {"a": Decimal("1E-999999")}),
        ("a * a", {"a": Decimal("1E18")}),
        ("a * a", {"a": Decimal("1E-18")}),
        ("a + 1", {"a": Decimal("NaN")}),
        ("TEXT(a = a)", {"a": Decimal("sNaN")}),
        ("TEXT(a > 1)", {"a": Decimal("Infinity")}),
        ("a + 1", {"a": 10**5000}),
        ("LOOKUP(m, a)", {"a": Decimal("1E999999")}),
        ("a", {"a": {"b": 1}}),
        ("a", {"a": b"bytes"}),
        ("a + 1", {"a": 1.0}),
        ("a", {"a": object()}),
        ("DATE(a)", {"a": "9999-99-99"}),
        ("DATE(a)", {"a": "９９９９-01-01"}),
        ("DATE(a)", {"a": "0001-01-01T00:00:00+23:59"}),
        ("LEFT(a, 1E3)", None),
    ],
)
def test_a_hostile_value_is_a_mapping_error_and_nothing_else(
    one_field: Build, formula: str, record: dict[str, Any] | None
) -> None:
    with pytest.raises(MappingError) as caught:
        compile_spec(*one_field({"formula": formula}, maps={"m": {"1": "x"}}), ZONE)(record or {})
    if record is not None:
        assert isinstance(caught.value, RecordFailed)
    assert len(str(caught.value)) < 600


def test_text_up_to_the_limit_passes(one_field: Build) -> None:
    run = compile_spec(*one_field({"formula": "a & b"}), ZONE)
    assert len(run({"a": "x" * 4000, "b": "y" * 96})["t"]) == 4096
    grow = compile_spec(*one_field({"formula": 'SUBSTITUTE(a, "x", "yy")'}), ZONE)
    assert grow({"a": "x" * 2048}) == {"t": "yy" * 2048}


def test_the_largest_formulas_take_no_more_steps_than_they_have_parts(one_field: Build) -> None:
    counter = WorkCounter()
    formula = "+".join(["a"] * (FORMULA_NODES // 2))
    rows = [{"formula": formula, "when": f"a = {n}"} for n in range(60)]
    run = compile_spec(*one_field(*rows, type=FieldType.DECIMAL), ZONE, counter)
    assert run({"a": Decimal(59)}) == {"t": Decimal(59 * 40)}
    assert counter.steps == 60 * 3 + 1 + 79
    assert counter.steps <= run.max_steps == 60 * (3 + 1 + 79)


def test_a_spec_of_the_largest_size_compiles(one_field: Build) -> None:
    deep = "IF(a > 1, " * 15 + "a" + ", 0)" * 15
    rows = [{"formula": deep, "when": f"a <> {n}"} for n in range(500)]
    run = compile_spec(*one_field(*rows, type=FieldType.DECIMAL), ZONE)
    assert run({"a": Decimal(2)}) == {"t": Decimal(2)}


def test_value_maps_are_not_attributes(one_field: Build) -> None:
    spec, schema = one_field({"formula": "LOOKUP(__class__, a)"}, maps={"__class__": {"__doc__": "x"}})
    assert isinstance(spec, MappingSpec)
    assert spec.rows == (Row("t", formula="LOOKUP(__class__, a)"),)
    assert spec.value_maps == (ValueMap("__class__", (("__doc__", "x"),)),)
    assert compile_spec(spec, schema, ZONE)({"a": "__doc__"}) == {"t": "x"}
    with pytest.raises(RecordFailed):
        compile_spec(spec, schema, ZONE)({"a": "__len__"})
