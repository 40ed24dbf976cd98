"""SAP's dates, literals, error bodies and XML: golden vectors, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http import HttpAnswer
from connectors.sap import date_of, key_text, literal, moment_of
from connectors.sap.answers import error_of, refusal_of
from connectors.sap.literals import readable
from connectors.sap.xml_reading import UnsafeXml, read_xml
from hedge_core.errors import OutcomeUnknown, Rejected, Unavailable


@pytest.mark.parametrize(
    ("value", "v2", "v4"),
    [
        ("O'Neill", "'O''Neill'", "'O''Neill'"),
        (date(2026, 11, 1), "datetime'2026-11-01T00:00:00'", "2026-11-01"),
        (
            datetime(2026, 11, 1, 8, tzinfo=timezone(timedelta(hours=8))),
            "datetimeoffset'2026-11-01T00:00:00Z'",
            "2026-11-01T00:00:00Z",
        ),
        (Decimal("1E+3"), "1000M", "1000"),
        (7, "7", "7"),
    ],
)
def test_values_are_written_as_each_version_wants_them(value: object, v2: str, v4: str) -> None:
    assert (literal(value, 2), literal(value, 4)) == (v2, v4)  # type: ignore[arg-type]


def test_a_moment_without_a_zone_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="zone"):
        literal(datetime(2026, 1, 1), 2)  # noqa: DTZ001


def test_keys_are_quoted() -> None:
    assert key_text({"SalesOrder": "1", "Text": "a'b"}) == "(SalesOrder='1',Text='a''b')"


def test_a_calendar_date_is_never_shifted_and_a_moment_is_utc() -> None:
    # vectors: SAP Gateway JSON; 1767571200000 ms is 2026-01-05T00:00:00Z
    assert date_of("/Date(1767571200000)/") == date(2026, 1, 5)
    assert moment_of("/Date(1767571200000+0000)/") == datetime(2026, 1, 5, tzinfo=UTC)
    assert moment_of("/Date(1767571200000+0480)/") == datetime(2026, 1, 5, tzinfo=UTC)
    assert date_of("2026-01-05") == date_of("2026-01-05T00:00:00.000Z") == date(2026, 1, 5)
    assert date_of("/Date(-86400000)/") == date(1969, 12, 31)


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_comes_back_to_the_millisecond(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert moment_of(f"/Date({milliseconds}+0000)/") == moment


def test_what_is_no_date_stays_text() -> None:
    assert readable("/Date(x)/") == "/Date(x)/"
    assert readable("/Date(999999999999999)/") == "/Date(999999999999999)/"
    assert readable("7178165.500") == "7178165.500"


GATEWAY = b"""{"error":{"code":"V1/302","message":{"lang":"en","value":"Sales document 7 is not in the database"},
"innererror":{"transactionid":"4A5B","errordetails":[{"code":"V1/302","message":"Sales document 7 is not in the database",
"severity":"error"},{"code":"V1/555","message":"Check the number","severity":"error"},{"code":"X/1","message":"hint",
"severity":"info"}]}}}"""


def test_a_gateway_error_gives_code_words_details_and_the_transaction_for_the_basis_team() -> None:
    refusal = refusal_of(GATEWAY)
    assert refusal is not None
    assert refusal.code == "V1/302"
    assert refusal.spoken() == "Sales document 7 is not in the database; Check the number [transaction 4A5B]"


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":"400","message":"no such property"}}',
        b'{"error":{"code":"400","message":{"lang":"en","value":"no such property"},"innererror":{"errordetails":'
        b'[{"code":"400","message":{"lang":"en","value":"no such property"}}]}}}',
        b'<?xml version="1.0"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        b"<code>400</code><message>no such property</message></error>",
    ],
    ids=["V4", "V2 nested", "XML"],
)
def test_every_shape_of_a_refusal_is_read(body: bytes) -> None:
    refusal = refusal_of(body)
    assert refusal is not None
    assert (refusal.code, refusal.spoken()) == ("400", "no such property")


@pytest.mark.parametrize("body", [b"", b"CSRF token validation failed", b"<html><body>403</body></html>", b"{}", b"{"])
def test_other_bodies_prove_nothing(body: bytes) -> None:
    answer = HttpAnswer(403, {"content-type": "text/html"}, body)
    assert refusal_of(body) is None
    assert isinstance(error_of(answer, write=True, system="SAP"), OutcomeUnknown)
    assert isinstance(error_of(answer, write=False, system="SAP"), Unavailable)


def test_a_refusal_with_a_status_is_rejected_and_a_stale_etag_is_read_again() -> None:
    assert isinstance(error_of(HttpAnswer(400, {}, GATEWAY), write=True, system="SAP"), Rejected)
    assert isinstance(error_of(HttpAnswer(412, {}, GATEWAY), write=True, system="SAP"), Unavailable)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_refusals(body: bytes) -> None:
    refusal_of(body)


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE a><a/>",
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<a><b></a>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_any_doctype_is_refused_in_any_encoding(document: str, encoding: str) -> None:
    with pytest.raises(UnsafeXml):
        read_xml(document.encode(encoding))
