"""Rows at work: source, value map, formula, default and condition, conversion to the target's type, and failing records."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, getcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.errors import MappingError
from mapping import FieldType, RecordFailed, Row, SpecRefused, WorkCounter, compile_spec

Build = Callable[..., Any]
D = Decimal
T = FieldType
ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("type_", "given_", "result"),
    [
        (T.TEXT, "abc", "abc"),
        (T.TEXT, D("10.0"), "10"),
        (T.TEXT, 10, "10"),
        (T.TEXT, date(2026, 3, 4), "2026-03-04"),
        (T.TEXT, "两行\n文字", "两行\n文字"),
        (T.DECIMAL, D("1.50"), D("1.50")),
        (T.DECIMAL, 3, D(3)),
        (T.DECIMAL, " -1.5 ", D("-1.5")),
        (T.DECIMAL, D("0E999999"), D(0)),
        (T.INTEGER, 3, 3),
        (T.INTEGER, D("3.0"), 3),
        (T.INTEGER, "12", 12),
        (T.DATE, "2026-03-04", date(2026, 3, 4)),
        (T.DATE, "2026-03-04T00:00:00", date(2026, 3, 4)),
        (T.DATE, datetime(2026, 3, 4, 20, tzinfo=UTC), date(2026, 3, 5)),
        (T.DATE, date(2026, 3, 4), date(2026, 3, 4)),
        (T.MONTH, "2026-03", "2026-03"),
        (T.MONTH, "2026-03-04T00:00:00", "2026-03"),
        (T.MONTH, date(2026, 12, 31), "2026-12"),
        (T.DATETIME, "2026-03-04T09:30:00", datetime(2026, 3, 4, 1, 30, tzinfo=UTC)),
        (T.DATETIME, "2026-03-04 09:30:00.5", datetime(2026, 3, 4, 1, 30, 0, 500000, tzinfo=UTC)),
        (T.DATETIME, "2026-03-04T09:30", datetime(2026, 3, 4, 1, 30, tzinfo=UTC)),
        (T.DATETIME, "2026-03-04T09:30:00Z", datetime(2026, 3, 4, 9, 30, tzinfo=UTC)),
        (T.DATETIME, "2026-03-04T09:30:00.1234567+0100", datetime(2026, 3, 4, 8, 30, 0, 123456, tzinfo=UTC)),
        (T.DATETIME, "2026/3/4 09:30:00", datetime(2026, 3, 4, 1, 30, tzinfo=UTC)),
        (T.DATETIME, "2026-03-04", datetime(2026, 3, 3, 16, 0, tzinfo=UTC)),
        (T.DATETIME, datetime(2026, 3, 4, 9, 30), datetime(2026, 3, 4, 1, 30, tzinfo=UTC)),  # noqa: DTZ001
        (T.BOOLEAN, True, True),
        (T.BOOLEAN, "False", False),
        (T.CHOICE, "open", "open"),
    ],
)
def test_a_source_is_converted_to_the_type_of_its_target(
    one_field: Build, type_: FieldType, given_: object, result: object
) -> None:
    for cells in ({"source": "F"}, {"source": "F", "formula": "value"}):
        run = compile_spec(*one_field(cells, type=type_, choices=("open", "closed")), ZONE)
        found = run({"F": given_})["t"]
        assert found == result
        assert type(found) is type(result)
        if isinstance(found, datetime):
            assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("type_", "given_", "message"),
    [
        (T.TEXT, True, "unfit_for_type"),
        (T.TEXT, "a\0b", "text_unstorable"),
        (T.TEXT, "a\ud800", "text_unstorable"),
        (T.TEXT, "x" * 4097, "text_too_long"),
        (T.TEXT, 1.5, "float_refused"),
        (T.TEXT, ["x"], "unknown_value"),
        (T.DECIMAL, 1.5, "float_refused"),
        (T.DECIMAL, "1,234", "text_not_number"),
        (T.DECIMAL, D("NaN"), "not_finite"),
        (T.DECIMAL, D("-Infinity"), "not_finite"),
        (T.DECIMAL, D("1E999999"), "number_limits"),
        (T.DECIMAL, D("1E-999999"), "number_limits"),
        (T.DECIMAL, D("1." + "1" * 34), "number_limits"),
        (T.DECIMAL, "1E9999", "number_limits"),
        (T.DECIMAL, 10**400, "number_limits"),
        (T.DECIMAL, True, "unfit_for_type"),
        (T.DECIMAL, D("-0.01"), "below_minimum"),
        (T.INTEGER, D("1.5"), "not_whole"),
        (T.INTEGER, 10**19, "number_limits"),
        (T.INTEGER, True, "unfit_for_type"),
        (T.DATE, "2026-02-30", "text_not_date"),
        (T.DATE, "4.3.2026", "text_not_date"),
        (T.DATE, D(20260304), "unfit_for_type"),
        (T.MONTH, "2026-13", "text_not_date"),
        (T.DATETIME, "9:30", "text_not_date"),
        (T.DATETIME, "0001-01-01T00:00:00", "text_not_date"),
        (T.BOOLEAN, "yes", "not_boolean"),
        (T.BOOLEAN, D(1), "unfit_for_type"),
        (T.CHOICE, "opne", "not_a_choice"),
        (T.CHOICE, ["open"], "not_a_choice"),
        (T.TEXT, None, "missing"),
        (T.TEXT, "", "missing"),
        (T.DECIMAL, "", "missing"),
        (T.DATE, None, "missing"),
        (T.CHOICE, "", "missing"),
    ],
)
def test_a_value_that_does_not_fit_fails_with_row_cell_and_reason(
    one_field: Build, type_: FieldType, given_: object, message: str
) -> None:
    run = compile_spec(
        *one_field(
            {"source": "F"},
            type=type_,
            choices=("open", "closed"),
            minimum=D(0) if type_ in (T.DECIMAL, T.INTEGER) else None,
        ),
        ZONE,
    )
    with pytest.raises(RecordFailed) as caught:
        run({"F": given_})
    assert caught.value.problem.id == f"mapping.{message}"
    assert (caught.value.rule, caught.value.column) == ("1", "t")
    assert caught.value.spec_column == ("target" if message in ("missing", "below_minimum") else "source")
    assert len(caught.value.value) <= 60
    assert isinstance(caught.value, MappingError)


def test_the_first_row_whose_condition_holds_is_taken(one_field: Build) -> None:
    rows = ({"default": "big", "when": "q > 100"}, {"default": "some", "when": "q > 0"}, {"default": "none"})
    run = compile_spec(*one_field(*rows), ZONE)
    assert [run({"q": D(q)})["t"] for q in (500, 5, 0)] == ["big", "some", "none"]


def test_a_required_target_without_an_applying_row_fails_and_an_optional_one_is_empty(one_field: Build) -> None:
    row = {"default": "x", "when": 'k = "1"'}
    assert compile_spec(*one_field(row, required=False), ZONE)({"k": "2"}) == {"t": None}
    with pytest.raises(RecordFailed) as caught:
        compile_spec(*one_field(row), ZONE)({"k": "2"})
    assert caught.value.problem.id == "mapping.no_row_applies"


def test_a_condition_that_is_empty_fails_at_its_character(one_field: Build) -> None:
    run = compile_spec(*one_field({"default": "x", "when": "AND(a = b, flag)"}), ZONE)
    with pytest.raises(RecordFailed) as caught:
        run({"a": "1", "b": "1"})
    assert (caught.value.spec_column, caught.value.offset) == ("when", 12)


def test_value_map_then_formula_then_default(one_field: Build) -> None:
    row = {"source": "F", "value_map": "m", "formula": 'value & "!"', "default": "none"}
    run = compile_spec(*one_field(row, maps={"m": {"A": "alpha", "1": "one", "gone": ""}}), ZONE)
    assert [run({"F": given_})["t"] for given_ in ("A", D("1.0"), 1, "gone", "", None)] == [
        "alpha!",
        "one!",
        "one!",
        "none",
        "none",
        "none",
    ]
    with pytest.raises(RecordFailed) as caught:
        run({"F": "B"})
    assert caught.value.problem.id == "mapping.unknown_code"
    assert caught.value.spec_column == "value_map"
    assert caught.value.value == "B"


def test_results_of_a_value_map_take_the_type_of_the_target(one_field: Build) -> None:
    run = compile_spec(*one_field({"source": "F", "value_map": "m"}, type=T.DECIMAL, maps={"m": {"kg": "0.001"}}), ZONE)
    assert run({"F": "kg"})["t"] == D("0.001")


def test_a_default_stands_in_for_an_empty_source_before_the_formula_and_for_an_empty_result_after_it(
    one_field: Build,
) -> None:
    run = compile_spec(
        *one_field({"source": "F", "formula": "IF(value > 3, value)", "default": "9"}, type=T.DECIMAL), ZONE
    )
    assert [run({"F": given_})["t"] for given_ in (None, D(1), D(5))] == [D(9), D(9), D(5)]


def test_a_failing_step_of_a_formula_is_found_by_its_character(one_field: Build) -> None:
    run = compile_spec(*one_field({"formula": "a + b / (c - d)"}, type=T.DECIMAL), ZONE)
    record = {"a": D(1), "b": D(1), "c": D(2), "d": D(2)}
    with pytest.raises(RecordFailed) as caught:
        run(record)
    assert caught.value.offset == 7
    with pytest.raises(RecordFailed) as caught:
        run({**record, "d": "x"})
    assert caught.value.offset == 14
    with pytest.raises(RecordFailed) as caught:
        run({"a": D("9E18"), "b": D("9E18"), "c": D(2), "d": D(1)})
    assert caught.value.problem.id == "mapping.result_out_of_range"


class Watched(dict[str, Any]):
    """A record that remembers what was read of it."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.seen: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.seen.add(key)
        return super().get(key, default)


def test_fields_that_are_not_needed_are_not_touched(one_field: Build) -> None:
    spec, schema = one_field({"source": "a", "formula": "IF(value > 1, b, c)", "when": "d = empty"}, {"source": "e"})
    run = compile_spec(spec, schema, ZONE)
    record = Watched(a=D(5), b="x", c=object(), e=object(), f=1.5)
    assert run(record) == {"t": "x"}
    assert record.seen == {"a", "b", "d"}
    assert set(run.fields) == {"a", "b", "c", "d", "e"}


def test_work_on_a_record_stays_within_the_bound_told_beforehand(one_field: Build) -> None:
    counter = WorkCounter()
    rows = [
        {"source": "a", "formula": "IF(value > 1, " + "+".join(["b"] * 20) + ", c)", "when": f"a <> {n}"}
        for n in range(9)
    ]
    run = compile_spec(*one_field(*rows, type=T.DECIMAL), ZONE, counter)
    run({"a": D(5), "b": D(1), "c": D(2)})
    assert 0 < counter.steps <= run.max_steps
    assert (
        counter.steps == 3 + 1 + 4 + 39
    )  # the condition, the row, value > 1 inside IF, twenty fields and nineteen sums


@given(
    st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.decimals(), st.text(), st.integers()), max_size=3)
)
def test_any_record_gives_a_result_or_a_mapping_error_and_leaves_the_callers_context(
    one_field: Build, record: dict[str, Any]
) -> None:
    run = compile_spec(
        *one_field({"source": "a", "formula": "IF(value = b, c, value * b)", "when": "c <> 1"}, {"source": "b"}), ZONE
    )
    context = getcontext()
    try:
        assert set(run(record)) == {"t"}
    except MappingError as error:
        assert error.rule in ("1", "2")
    assert getcontext() is context


def test_threads_share_a_compiled_spec(one_field: Build) -> None:
    run = compile_spec(*one_field({"source": "a", "formula": "ROUND(value / 3, 2)"}, type=T.DECIMAL), ZONE)
    wrong: list[object] = []

    def work(offset: int) -> None:
        for number in range(300):
            expected = (D(number + offset) / 3).quantize(D("0.01"))
            if run({"a": D(number + offset)})["t"] != expected:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(offset * 1000,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_unknown_zone_is_the_callers_mistake(one_field: Build) -> None:
    for zone in ("Mars/Olympus", "", "../etc/passwd", "Asia"):
        with pytest.raises(ValueError, match="time zone"):
            compile_spec(*one_field({"default": "x"}), zone)


def test_a_spec_with_errors_is_refused_with_all_of_them(one_field: Build) -> None:
    with pytest.raises(SpecRefused) as caught:
        compile_spec(*one_field({"formula": "1 +"}, {"formula": "FOO(1)"}), ZONE)
    assert [finding.row for finding in caught.value.findings] == [1, 2]
    assert "one@" in str(caught.value)


def test_the_digest_follows_every_cell_and_not_the_order_inside_a_value_map(one_field: Build) -> None:
    one, _ = one_field({"source": "a"}, maps={"m": {"A": "1", "B": "2"}})
    same, _ = one_field({"source": "a"}, maps={"m": {"B": "2", "A": "1"}})
    other, _ = one_field({"source": "a "}, maps={"m": {"A": "1", "B": "2"}})
    assert one.identity == same.identity
    assert one.identity != other.identity
    assert one.identity == f"one@{one.digest[:12]}"
    assert len(one.digest) == 64
    assert Row("t").source == ""
