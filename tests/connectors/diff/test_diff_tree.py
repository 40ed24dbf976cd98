"""Merge patches as RFC 7386 has them, a message as one transaction, numbers as gateways write them."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.diff.tree import applied, decoded, number, whole
from hedge_core.errors import ContractViolation
from sandbox.diff.tree import patch_between

LEAF = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
JSON = st.recursive(LEAF, lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4), max_leaves=12)
OBJECT = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)
WHOLE = st.recursive(
    st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
STATE = st.dictionaries(st.sampled_from("abcd"), WHOLE, max_size=4)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert applied(target, [patch]) == result


@given(OBJECT, st.lists(OBJECT, max_size=4))
def test_patches_of_one_message_are_applied_in_order_and_the_tree_before_stays(tree: Any, patches: Any) -> None:
    before = copy.deepcopy(tree)
    one_by_one = tree
    for patch in patches:
        one_by_one = applied(one_by_one, [patch])
    assert applied(tree, patches) == one_by_one
    assert tree == before


@given(STATE, STATE)
def test_the_gateways_patch_leads_from_one_state_to_the_other(before: Any, after: Any) -> None:
    assert applied(before, [patch_between(before, after)]) == after


def test_a_message_with_one_bad_patch_changes_nothing() -> None:
    tree = {"a": 1}
    with pytest.raises(ContractViolation):
        applied(tree, [{"a": 2}, "not an object"])
    assert tree == {"a": 1}
    deep: Any = {}
    for _ in range(100):
        deep = {"a": deep}
    with pytest.raises(ContractViolation, match="deeper"):
        applied(tree, [deep])


def test_a_bare_nan_and_a_dash_are_absent_and_digits_stay_exact() -> None:
    message = decoded('{"aid":"rtn_data","data":[{"x":{"a":NaN,"b":"-","c":71230.10,"d":-Infinity,"e":"12.5"}}]}')
    row = applied({}, message["data"])["x"]
    assert [number(row.get(name)) for name in "abcde"] == [None, None, Decimal("71230.10"), None, Decimal("12.5")]
    assert number(True) is None
    assert (whole("-"), whole(3), whole(Decimal("3.0"))) == (0, 3, 3)
    with pytest.raises(ContractViolation):
        whole(Decimal("2.5"))


@pytest.mark.parametrize("frame", ["", "[]", "{}", '{"aid":1}', '{"aid":', "[" * 100_000, "<html>"])
def test_what_is_no_message_is_a_contract_violation(frame: str) -> None:
    with pytest.raises(ContractViolation):
        decoded(frame)
