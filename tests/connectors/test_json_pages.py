"""Paged JSON: rows by path, exact fields, next links that stay at home, and who calls."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.json_pages import Access, Auth, Source, flat_record, record_bodies
from connectors.json_pages.links import from_header, rebased
from connectors.json_pages.pages import merged
from connectors.json_pages.rows import rows_at, value_at
from hedge_core.errors import ContractViolation

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
HOME = {"base_path": "/company/api", "source_path": "v1/orders", "system": "JSON"}


def test_rows_are_found_at_dotted_paths_and_under_names_with_dots() -> None:
    body = b'{"@odata.nextLink":"x","d":{"results":[ {"a": 1.10} ,2]},"data.list":[3]}'
    assert rows_at(body, "d.results") == [b'{"a": 1.10}', b"2"]
    assert rows_at(body, "data.list") == [b"3"]
    assert rows_at(body, "d") is None and rows_at(body, "nothing.there") is None
    assert value_at(body, "@odata.nextLink") == "x"
    assert rows_at(b"[1, 2]", "") == [b"1", b"2"]
    assert rows_at(b"7", "a") is None


def test_a_row_is_kept_as_received_and_flattened_exactly() -> None:
    row = b'{"qty": 12345678901234567890.123450, "n":10, "m":{"code":"x","deep":{"er":null}}, "tags":[1], "ok":true}'
    (body,) = record_bodies(row, "")
    assert row in body
    assert flat_record(body) == {
        "qty": Decimal("12345678901234567890.123450"),
        "n": 10,
        "m.code": "x",
        "m.deep.er": None,
        "ok": True,
    }
    assert str(flat_record(body)["qty"]) == "12345678901234567890.123450"


def test_each_line_is_a_record_that_does_not_change_with_its_neighbours() -> None:
    row = '{"no":"A","items":{"results":[{"line":1,"qty":%s},{"line":2,"qty":2.50}]}}'
    one, two = record_bodies((row % "1").encode(), "items.results")
    assert flat_record(two) == {"no": "A", "items.results.line": 2, "items.results.qty": Decimal("2.50")}
    assert record_bodies((row % "9").encode(), "items.results")[1] == two
    assert record_bodies((row % "9").encode(), "items.results")[0] != one


def test_a_row_without_lines_is_one_record_without_their_fields() -> None:
    assert [flat_record(body) for body in record_bodies(b'{"no":"A","items":null}', "items")] == [
        {"no": "A", "items": None}
    ]
    assert record_bodies(b'{"no":"A","items":[]}', "items") == []


def test_dates_of_odata_2_are_dates_and_with_an_offset_moments() -> None:
    (body,) = record_bodies(b'{"a":"/Date(1767571200000)/","b":"/Date(1767571200000+0000)/","c":"/Date(x)/"}', "")
    flat = flat_record(body)
    assert flat == {"a": date(2026, 1, 5), "b": datetime(2026, 1, 5, tzinfo=UTC), "c": "/Date(x)/"}


@given(json_values)
def test_any_json_row_is_flattened_without_an_error(value: Any) -> None:
    for lines in ("", "a", "a.b"):
        for body in record_bodies(json.dumps(value).encode(), lines):
            assert isinstance(flat_record(body), dict)


@pytest.mark.parametrize(
    ("link", "path", "query"),
    [
        ("https://erp-internal:8443/company/api/v1/orders?token=a%2Bb", "v1/orders", [("token", "a+b")]),
        ("http://elsewhere.example/v1/orders?page=2", "v1/orders", [("page", "2")]),
        ("?page=2", "v1/orders", [("page", "2")]),
        ("orders?$skip=50", "v1/orders", [("$skip", "50")]),
        ("next/abc", "v1/next/abc", []),
        ("/company/api/v1/next/abc?x=", "v1/next/abc", [("x", "")]),
        ("//evil.example/company/api/v1/orders?x=1", "v1/orders", [("x", "1")]),
    ],
)
def test_a_next_link_leads_to_the_configured_address(link: str, path: str, query: list[tuple[str, str]]) -> None:
    assert rebased(link, **HOME) == (path, query)


@pytest.mark.parametrize(
    "link",
    [
        "https://erp/other/admin?x=1",
        "/company/api/../admin",
        "/company/api/%2e%2e/admin",
        "..\\admin",
        "/" + "a" * 9000,
    ],
)
def test_a_next_link_that_leads_elsewhere_is_refused(link: str) -> None:
    with pytest.raises(ContractViolation):
        rebased(link, **HOME)


@given(st.text(max_size=60))
def test_no_link_leaves_the_configured_address(link: str) -> None:
    try:
        path, _ = rebased(link, **HOME)
    except (ContractViolation, ValueError):
        return
    assert "://" not in path and not path.startswith("/") and ".." not in path.split("/")


def test_the_link_header_is_read() -> None:
    assert from_header('<https://a/b?p=1>; rel="prev", <https://a/b?p=3>; rel="next"') == "https://a/b?p=3"
    assert from_header("") == "" and from_header('<https://a>; rel="last"') == ""


def test_two_conditions_must_both_hold() -> None:
    assert (
        merged({"$filter": "a eq 1 or b eq 2"}, {"$filter": "c gt 3"})["$filter"] == "(a eq 1 or b eq 2) and (c gt 3)"
    )


def test_who_calls_is_said_in_four_ways_and_never_shown() -> None:
    secret = "s3cret-p:w"
    ways = {auth: Access(auth, "user", secret, "X-Key") for auth in Auth}
    pair = base64.b64decode(ways[Auth.BASIC].headers()["Authorization"].removeprefix("Basic ")).decode()
    assert pair == f"user:{secret}"
    assert ways[Auth.BEARER].headers() == {"Authorization": f"Bearer {secret}"}
    assert ways[Auth.API_KEY].headers() == {"X-Key": secret}
    assert ways[Auth.NONE].headers() == {}
    assert all(secret not in repr(one) for one in ways.values())


@pytest.mark.parametrize(
    "given_",
    [
        {"path": "a", "id": []},
        {"path": "a", "id": ["x"], "pages": "keyset"},
        {"path": "../a", "id": ["x"]},
        {"path": "https://elsewhere/a", "id": ["x"]},
        {"path": "a?b=c", "id": ["x"]},
        {"path": "a", "id": ["x"], "page_rows": 1},
        {"path": "a", "id": ["x"], "pagse": "offset"},
    ],
)
def test_a_source_that_cannot_work_is_refused(given_: dict[str, Any]) -> None:
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert(given_, Source)
