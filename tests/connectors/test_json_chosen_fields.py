"""The chosen fields of a row are what the flat record says of them, whatever the row looks like."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.json_pages import ChosenFields, flat_record, record_bodies, records_of

FIELDS = ("id", "customer.code", "head.deep.er", "lines.no", "lines.item.code", "lines.price.tax", "lines.when")
LINES = "lines"
READERS = {lines: ChosenFields(FIELDS, lines) for lines in (LINES, "")}

_names = st.sampled_from(
    ["id", "customer", "code", "head", "deep", "er", "no", "item", "price", "tax", "when", "lines", "other",
     "customer.code", "deep.er", "item.code", "lines.no", "head.deep", "lines.item"]
)  # fmt: skip
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.sampled_from(["", "x", "铜", "/Date(0)/", "/Date(1)", "2.50"])
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_names, inner, max_size=4), max_leaves=12
)
_rows = st.dictionaries(_names, _values, max_size=6)
_lines = st.lists(st.dictionaries(_names, _values, max_size=5) | _scalars, max_size=3)


def chosen(row: bytes, lines: str = LINES) -> list[tuple[bytes, dict[str, Any]]]:
    return [(body, _only(flat)) for body, flat in READERS[lines].records_of(row)]


def by_the_long_way(row: bytes, lines: str = LINES) -> list[tuple[bytes, dict[str, Any]]]:
    return [(body, _only(flat_record(body))) for body in record_bodies(row, lines)]


def _only(flat: dict[str, Any]) -> dict[str, Any]:
    return {name: flat[name] for name in FIELDS if flat.get(name) is not None}


def same(row: bytes, lines: str = LINES) -> None:
    one, other = chosen(row, lines), by_the_long_way(row, lines)
    assert one == other
    assert [[repr(value) for value in flat.values()] for _, flat in one] == [
        [repr(value) for value in flat.values()] for _, flat in other
    ]
    assert [(body, _only(flat)) for body, flat in records_of(row, lines)] == other


@settings(deadline=None, max_examples=150)
@given(_rows, st.none() | _lines)
def test_chosen_fields_say_what_the_flat_record_says(row: dict[str, Any], lines: list[Any] | None) -> None:
    body = msgspec.json.encode(row if lines is None else {**row, "lines": lines})
    same(body)
    same(body, "")


@pytest.mark.parametrize(
    "row",
    [
        b'{"id":1,"customer":{"code":"C"},"lines":[{"no":1,"price":{"tax":79800.10}},{"no":2,"price":{"tax":1e2}}]}',
        b'{"id":1,"customer":{"code":"\xff"},"lines":[{"no":1}]}',
        b'{"id":1,"unread":"\xff","lines":[{"no":1}]}',
        b'{"id":1,"unread":"\\ud800","lines":[{"no":1}]}',
        b'{"id":1,"lines":[{"no":1,"unread":"\xff"},{"no":2}]}',
        b'{"id":1,"customer.code":"flat","customer":{"code":"nested"},"lines":[{"no":1}]}',
        b'{"id":1,"customer\\u002ecode":"flat","lines":[{"no":1,"item.code":"x"}]}',
        b'{"id":1,"lines.no":7,"lines":[{"item":{"code":"x"}}]}',
        b'{"id":1,"id":2,"lines":[{"no":1,"no":2}]}',
        b'{"id":1,"customer":"text","lines":[{"no":{"a":1}},{"no":[1]},3,null]}',
        b'{"id":1,"lines":{"no":1}}',
        b'{"id":123456789012345678901234567890,"lines":[{"no":0.1000}]}',
        b"[1,2]",
        b'"text"',
    ],
)
def test_rows_that_are_odd_are_read_alike(row: bytes) -> None:
    same(row)
    same(row, "")


def test_names_that_cannot_be_typed_are_read_the_long_way() -> None:
    row = b'{"a":{"b":1},"c":2}'
    for fields in (["a", "a.b"], ["a.b", "a"], [".".join("abcdefghijklmn")], ["a."], []):
        assert [flat.get("c", 2) for _, flat in ChosenFields(fields).records_of(row)] == [2]
