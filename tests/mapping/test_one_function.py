"""The whole spec as one function says what its fields say one by one, and a list of records what each of them says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping import SCHEMAS, compile_spec, load_spec
from mapping.compiler import CompiledSpec, clock_for, compile_fields
from mapping.faults import RecordFailed

SPECS = (
    "generic_json/specs/purchase_line.yaml",
    "generic_json/specs/sale_line.yaml",
    "generic_json/specs/stock.yaml",
    "kingdee/specs/purchase_line.yaml",
)
_WORDS = ["OPEN", "CLOSED", "FIXED", "FLOATING", "t", "kg", "", "2026-03-04", "2026/3/4", "2026-03", "2026-13-40", "1.5", "x",
          "2026-03-04T10:20:30+08:00", "2026-03-04 25:00:00", " ", "A" * 5000, "a\0b", "EXAMPLE-MATERIAL", "铜"]  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(_WORDS),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        [Decimal("12.345"), Decimal("0.000"), Decimal("-1"), Decimal("1E+30"), Decimal("0.13"), Decimal(-100)]
    ),
    st.integers(-(10**25), 10**25),
    st.sampled_from([None, True, False, 1.5, [1], date(2026, 3, 4), datetime(2026, 3, 4, 1, 2, tzinfo=UTC)]),
)
GOOD: dict[str, Any] = {
    "orderNo": "PO1", "lines.lineNo": 1, "supplier.code": "S1", "customer.code": "K1", "lines.material.code": "EXAMPLE-MATERIAL",
    "orderDate": "2026-03-04", "lines.deliveryDate": "2026-05-01", "lines.pricing.month": None, "lines.unit": "kg",
    "lines.quantity": Decimal("12000.500"), "lines.delivered": Decimal("0.5"), "lines.returned": 0, "state": "OPEN",
    "lines.pricing.kind": "FIXED", "lines.pricing.taxPrice": Decimal("70000.123"), "lines.pricing.taxPercent": 13,
    "lines.pricing.unit": "t", "currency": "CNY", "updatedAt": "2026-03-04T10:20:30+08:00",
}  # fmt: skip


def packaged(name: str) -> tuple[CompiledSpec, list[CompiledSpec]]:
    """A packaged spec as one function, and as a function per target field."""
    spec = load_spec(str(Path("adapters/erp") / name))
    schema = SCHEMAS[spec.kind]
    clock = clock_for("Asia/Shanghai")
    whole = compile_spec(spec, schema, "Asia/Shanghai")
    return whole, [compile_fields(spec, (field,), clock) for field in schema.fields]


COMPILED = {name: packaged(name) for name in SPECS}


def said(spec: CompiledSpec, record: dict[str, Any]) -> object:
    """What comes out, types included, or every word of the error."""
    try:
        return {name: (type(value), value) for name, value in spec(record).items()}
    except RecordFailed as error:
        return _words(error)


def _words(error: RecordFailed) -> tuple[object, ...]:
    return (
        error.rule,
        error.column,
        error.spec_column,
        error.offset,
        repr(error.problem),
        repr(error.reason),
        error.value,
    )


def one_by_one(fields: list[CompiledSpec], record: dict[str, Any]) -> object:
    """Field after field, each with a function that shares nothing with the others; the first error is the record's."""
    found: dict[str, Any] = {}
    for field in fields:
        part = said(field, record)
        if not isinstance(part, dict):
            return part
        found |= part
    return found


@pytest.mark.parametrize("name", COMPILED)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_one_function_says_what_its_fields_say_alone(name: str, data: st.DataObject) -> None:
    whole, fields = COMPILED[name]
    usual = {field: GOOD[field] for field in whole.fields if field in GOOD}
    odd = data.draw(st.dictionaries(st.sampled_from(whole.fields), VALUES, max_size=4))
    record = usual | odd
    assert said(whole, record) == one_by_one(fields, record)


@settings(max_examples=100, deadline=None)
@given(odd=st.lists(st.dictionaries(st.sampled_from(sorted(GOOD)), VALUES, max_size=2), max_size=6))
def test_a_list_of_records_is_mapped_as_each_of_them(odd: list[dict[str, Any]]) -> None:
    whole, _ = COMPILED[SPECS[0]]
    records = [GOOD | one for one in odd]
    together = [
        _words(one) if isinstance(one, RecordFailed) else {name: (type(value), value) for name, value in one.items()}
        for one in whole.each(records)
    ]
    assert together == [said(whole, record) for record in records]


def test_good_records_do_get_through() -> None:
    assert isinstance(said(COMPILED[SPECS[0]][0], GOOD), dict)
