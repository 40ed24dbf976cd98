"""Canonical bytes, version 1: the published vectors, and properties that hold for every value."""

import hashlib
import json
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.canonical import MAX_SAFE_INTEGER, canonical_bytes, canonical_hash, decimal_text

DOCS = Path(__file__).parents[2] / "docs"
VECTORS = json.loads((DOCS / "canonical-v1-vectors.json").read_text(encoding="utf-8"))
TYPED = {"$decimal": Decimal, "$date": date.fromisoformat, "$instant": datetime.fromisoformat}

texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
decimals = st.decimals(allow_nan=False, allow_infinity=False)


class Side(StrEnum):
    BUY = "buy"


class Flag(IntEnum):
    HEDGE = 3


class Mixed(str, Enum):  # noqa: UP042 - the older way to write a text Enum, which `str()` shows by its name
    SHORT = "short"


class NoOffset(tzinfo):
    """A zone that does not know its offset: such a datetime counts as naive."""

    def utcoffset(self, moment):
        return None


def typed(value):
    """The value that a vector's input stands for."""
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and (kind := next(iter(value))) in TYPED:
            return TYPED[kind](value[kind])
        return {name: typed(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_published_vectors_hold(vector):
    content = canonical_bytes(typed(vector["input"]))
    assert content == vector["canonical"].encode()
    assert hashlib.sha256(content).hexdigest() == vector["sha256"] == canonical_hash(typed(vector["input"]))


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["name"])
def test_what_has_no_canonical_form_is_refused(vector):
    with pytest.raises((TypeError, ValueError)):
        canonical_bytes(typed(vector["input"]))


def test_the_page_shows_the_vectors_that_are_tested():
    page = (DOCS / "canonical-v1.md").read_text(encoding="utf-8")
    shown = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    published = {(vector["canonical"], vector["sha256"]) for vector in VECTORS["accepted"]}
    assert len(shown) >= 8
    for _, _, canonical, digest, _ in shown:
        assert (canonical.strip().strip("`"), digest.strip().strip("`")) in published


@given(values)
def test_canonical_text_is_json_that_says_the_same(value):
    assert json.loads(canonical_bytes(value)) == value


@given(values)
def test_what_was_read_back_has_the_same_bytes(value):
    assert canonical_bytes(json.loads(canonical_bytes(value))) == canonical_bytes(value)


@given(st.dictionaries(st.text(st.characters(codec="ascii")), values, max_size=6))
def test_with_plain_names_it_is_what_the_standard_library_writes(value):
    plain = {name: f"{len(str(item))}" for name, item in value.items()}
    written = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_bytes(plain) == written.encode()


@given(st.dictionaries(texts, st.integers(0, 9), min_size=2, max_size=8))
def test_members_stand_in_the_order_of_their_utf_16_code_units(value):
    names = list(json.loads(canonical_bytes(value)))
    units = [name.encode("utf-16-be") for name in names]
    assert units == sorted(units)


@given(st.dictionaries(texts, values, max_size=6), st.randoms())
def test_the_order_in_which_members_were_given_does_not_matter(value, random):
    members = list(value.items())
    random.shuffle(members)
    assert canonical_bytes(dict(members)) == canonical_bytes(value)


@given(decimals)
def test_a_decimal_keeps_its_value_and_loses_its_way_of_writing(value):
    text = decimal_text(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert text != "-0"
    assert "." not in text or text[-1] not in "0."


@given(decimals)
def test_equal_decimals_have_equal_bytes_whatever_the_context(value):
    with localcontext() as context:
        context.prec = 3
        assert canonical_bytes(value) == canonical_bytes(Decimal(decimal_text(value)))


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)), st.integers(-840, 840))  # noqa: DTZ001
def test_the_same_instant_has_the_same_bytes_in_every_zone(moment, minutes):
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert canonical_bytes(elsewhere) == canonical_bytes(moment)
    assert datetime.fromisoformat(json.loads(canonical_bytes(moment))) == moment


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Side.BUY, "buy"),
        (Mixed.SHORT, "short"),
        (Flag.HEDGE, 3),
        ({Side.BUY: 1}, {"buy": 1}),
        ({Mixed.SHORT: 1}, {"short": 1}),
        ((1, 2), [1, 2]),
        (OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
    ],
)
def test_enums_tuples_and_other_mappings_are_written_as_what_they_hold(value, plain):
    assert canonical_bytes(value) == canonical_bytes(plain)


def test_true_is_not_one():
    assert canonical_bytes([True, 1]) == b"[true,1]"


@pytest.mark.parametrize("value", [1.0, {1, 2}, b"bytes", object(), {"deep": [1.5]}, {1: "a"}, {None: "a"}, {b"a": 1}])
def test_a_type_without_canonical_form_is_a_type_error(value):
    with pytest.raises(TypeError):
        canonical_bytes(value)


def test_a_zone_without_an_offset_counts_as_naive():
    with pytest.raises(ValueError, match="time zone"):
        canonical_bytes(datetime(2025, 3, 3, tzinfo=NoOffset()))
