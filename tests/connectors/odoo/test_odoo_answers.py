"""Sorting Odoo's answers by status, name and code; exact numbers; what leaves the machine, byte for byte."""

from __future__ import annotations

import json
import xmlrpc.client
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http import HttpAnswer
from connectors.odoo.answers import fault_error, json2_error, raised
from connectors.odoo.json2 import decode
from connectors.odoo.xmlrpc import decode_answer, encode_call
from hedge_core.errors import AuthFailed, OutcomeUnknown, Rejected, Unavailable

TRACEBACK = 'Traceback (most recent call last):\n  File "/opt/odoo/http.py", line 1, in dispatch\n    raise\n{last}\n'


def body(name: str, message: str = "said the server") -> dict[str, object]:
    return {"name": name, "message": message, "arguments": [message], "context": {}, "debug": TRACEBACK}


@pytest.mark.parametrize(
    ("status", "name", "read", "write"),
    [
        (401, "werkzeug.exceptions.Unauthorized", AuthFailed, AuthFailed),
        (403, "odoo.exceptions.AccessDenied", AuthFailed, AuthFailed),
        (403, "odoo.exceptions.AccessError", Rejected, Rejected),
        (404, "odoo.exceptions.MissingError", Rejected, Rejected),
        (404, "werkzeug.exceptions.NotFound", Rejected, Rejected),
        (422, "odoo.exceptions.UserError", Rejected, Rejected),
        (422, "odoo.exceptions.ValidationError", Rejected, Rejected),
        (400, "werkzeug.exceptions.BadRequest", Rejected, Rejected),
        (500, "builtins.ValueError", Rejected, Rejected),
        (500, "builtins.KeyError", Rejected, Rejected),
        (500, "psycopg2.OperationalError", Unavailable, OutcomeUnknown),
        (500, "odoo.something.New", Unavailable, OutcomeUnknown),
    ],
)
@pytest.mark.parametrize("message", ["The entry is not balanced.", "该分录不平衡。", ""])
def test_json2_is_sorted_by_status_and_name_whatever_the_text_says(status, name, read, write, message) -> None:
    for writing, expected in ((False, read), (True, write)):
        error = json2_error(status, body(name, message), write=writing, system="Odoo")
        assert type(error) is expected
        if isinstance(error, Rejected):
            assert (error.vendor_code, error.vendor_text) == (name, message)


@pytest.mark.parametrize("status", [404, 500, 502])
@pytest.mark.parametrize(
    "payload", [b"<!doctype html><h1>Not Found</h1>", b"", b"[]", b'{"message": "no name"}', b'"text"']
)
def test_without_an_error_object_of_odoos_nothing_is_proven(status: int, payload: bytes) -> None:
    for writing, expected in ((False, Unavailable), (True, OutcomeUnknown)):
        with pytest.raises(expected):
            decode(HttpAnswer(status, {}, payload), write=writing, where="x.y", system="Odoo")


@pytest.mark.parametrize("payload", [b"<html></html>", b"", b"[1,", b"\xff\xfe"])
def test_a_200_that_is_not_json_is_no_answer(payload: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        decode(HttpAnswer(200, {}, payload), write=True, where="x.y", system="Odoo")
    with pytest.raises(Unavailable):
        decode(HttpAnswer(200, {}, payload), write=False, where="x.y", system="Odoo")


@pytest.mark.parametrize(
    ("code", "last", "read", "write"),
    [
        (1, "ValueError: Invalid field 'x'", Rejected, Rejected),
        (1, "KeyError: 'no.model'", Rejected, OutcomeUnknown),
        (1, "TypeError: cannot marshal None unless allow_none is enabled", Rejected, OutcomeUnknown),
        (1, "OverflowError: int exceeds XML-RPC limits", Unavailable, OutcomeUnknown),
        (1, 'psycopg2.OperationalError: connection to server at "db.invalid"', Unavailable, OutcomeUnknown),
        (2, "The entry is not balanced.", Rejected, Rejected),
        (3, "Access Denied", AuthFailed, AuthFailed),
        (4, "You are not allowed", Rejected, Rejected),
        (9, "who knows", Unavailable, OutcomeUnknown),
    ],
)
def test_faults_are_sorted_by_code_and_exception_name(code, last, read, write) -> None:
    """Trap 9: a method that returns nothing faults after its commit, so a TypeError proves nothing about a write."""
    text = TRACEBACK.format(last=last) if code == 1 else last
    for writing, expected in ((False, read), (True, write)):
        error = fault_error(code, text, write=writing, system="Odoo")
        assert type(error) is expected
        assert "Traceback" not in str(error)
        assert "/opt/odoo" not in str(error)
        assert "db.invalid" not in str(error)


def test_the_last_exception_of_a_traceback_counts_and_gets_its_module() -> None:
    chained = (
        TRACEBACK.format(last="KeyError: 1") + "\nDuring handling …\n\n" + TRACEBACK.format(last="ValueError: two")
    )
    assert raised(chained) == ("builtins.ValueError", "two")
    assert raised(TRACEBACK.format(last="odoo.exceptions.UserError")) == ("odoo.exceptions.UserError", "")
    assert raised("") == ("", "")


def test_a_call_leaves_as_the_standard_library_would_read_it() -> None:
    arguments = ["db", 2, "k&<", "account.move", "load", [], {"data": [["中文", Decimal("70619.469027"), True, False]]}]
    read, method = xmlrpc.client.loads(encode_call("execute_kw", arguments))
    assert method == "execute_kw"
    assert read[6]["data"] == [["中文", 70619.469027, True, False]]
    assert list(read[:6]) == arguments[:6]
    assert b"<double>70619.469027</double>" in encode_call("x", [Decimal("70619.469027")])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15), max_value=10**15))
def test_conformance_odoo_E05_numbers_cross_xml_rpc_without_losing_a_digit(value: Decimal) -> None:
    answer = (
        f"<methodResponse><params><param><value><double>{value:f}</double></value></param></params></methodResponse>"
    )
    assert decode_answer(answer.encode()) == value


printable = st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=("Cs", "Cn")))
json_values = st.recursive(
    st.booleans() | st.integers(-(2**31), 2**31 - 1) | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_every_value_that_the_standard_library_writes_is_read_back(value: object) -> None:
    assert decode_answer(xmlrpc.client.dumps((value,), methodresponse=True).encode()) == value


@pytest.mark.parametrize(
    "payload",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><methodResponse/>',
        b"<methodResponse></methodResponse>",
        b"<html><body>hello</body></html>",
        b"not xml",
        b"",
        b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
    ],
)
def test_what_is_no_xml_rpc_answer_raises(payload: bytes) -> None:
    with pytest.raises(Exception) as seen:
        decode_answer(payload)
    assert not isinstance(seen.value, AttributeError | AssertionError)


def test_json_numbers_keep_their_digits() -> None:
    answer = decode(HttpAnswer(200, {}, json.dumps({"x": 70619.469027}).encode()), write=False, where="", system="Odoo")
    assert answer == {"x": Decimal("70619.469027")}
