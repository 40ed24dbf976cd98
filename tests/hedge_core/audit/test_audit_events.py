"""Audit events: their bytes, what may stand in them, and reading them back."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.audit import AuditEvent, event_bytes, read_event
from hedge_core.canonical import MAX_SAFE_INTEGER, canonical_bytes

AT = datetime(2025, 3, 3, 7, 35, 12, 4500, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8"), max_size=12)
details = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | texts | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False, places=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
events = st.builds(
    AuditEvent,
    book=st.from_regex(r"[a-z0-9]{2,12}", fullmatch=True),
    sequence=st.integers(0, MAX_SAFE_INTEGER),
    at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])).filter(lambda at: at.year > 1),
    actor=texts,
    authenticated=st.booleans(),
    kind=st.just("statement.imported"),
    subject=texts,
    details=st.dictionaries(texts, details, max_size=4),
)


def event(**changes):
    fields = {
        "book": "copper1", "sequence": 7, "at": AT, "actor": "wang.li", "authenticated": False,
        "kind": "statement.imported", "subject": "80001/2025-03-03", "details": {"fills": 17},
    }  # fmt: skip
    return AuditEvent(**{**fields, **changes})


def test_an_event_is_one_line_of_canonical_json():
    assert event_bytes(event()).decode() == (
        '{"actor":"wang.li","at":"2025-03-03T07:35:12.004500Z","authenticated":false,"book":"copper1",'
        '"details":{"fills":17},"kind":"statement.imported","sequence":7,"subject":"80001/2025-03-03","version":1}'
    )


@given(events)
def test_the_bytes_are_those_of_canonical_bytes_over_the_same_members(any_event):
    members = {name: getattr(any_event, name) for name in AuditEvent.__slots__}
    assert event_bytes(any_event) == canonical_bytes(members)


@given(events)
def test_reading_an_event_gives_an_event_with_the_same_bytes(any_event):
    content = event_bytes(any_event)
    assert b"\n" not in content
    assert event_bytes(read_event(content)) == content


def test_amounts_and_dates_in_the_details_come_back_as_their_text():
    content = event_bytes(event(details={"balance": Decimal("12.50"), "day": date(2025, 3, 3)}))
    assert read_event(content).details == {"balance": "12.5", "day": "2025-03-03"}


@pytest.mark.parametrize("kind", ["imported", "Statement.imported", "statement.", "statement imported.x", ""])
def test_a_kind_is_dotted_lower_case_words(kind):
    with pytest.raises(ValueError, match="kind"):
        event(kind=kind)


def test_a_sequence_counts_from_zero():
    with pytest.raises(ValueError, match="sequence"):
        event(sequence=-1)


def test_a_naive_time_and_a_float_have_no_bytes():
    with pytest.raises(ValueError, match="time zone"):
        event_bytes(event(at=AT.replace(tzinfo=None)))
    with pytest.raises(TypeError, match="float"):
        event_bytes(event(details={"price": 1.5}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":2'),
        (b'"sequence":7', b'"sequence":"7"'),
        (b'"sequence":7', b'"sequence":true'),
        (b'"fills":17', b'"fills":1.7'),
        (b'"fills":17', b'"fills": 17'),
        (b'"fills":17', b'"fills":' + b"[" * 100_000),
        (b'"kind":"statement.imported"', b'"kind":"statement"'),
        (b'"actor":"wang.li",', b""),
        (b"04500Z", b"04500"),
        (b"2025-03-03T", b"yesterday T"),
        (b"2025-03-03T07:35:12.004500Z", b"0001-01-01T00:00:00+08:00"),
        (b"wang", b"\xff"),
    ],
)
def test_bytes_that_are_not_an_event_in_canonical_form_are_refused(old, new):
    content = event_bytes(event())
    assert old in content
    with pytest.raises(ValueError):
        read_event(content.replace(old, new, 1))
