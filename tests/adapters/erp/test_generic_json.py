"""The generic JSON adapter beyond the pulling cases: every login, every refusal, lists that move, and what it does not do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.erp.generic_json.vendor import earlier_by, later
from conformance import sample_voucher
from hedge_core.errors import AuthFailed, ContractViolation, InvalidInput, Rejected, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import Mapped, PullScope, Quarantined
from hedge_core.ports.erp import Lookup
from messages import LANGUAGES, say
from sandbox.generic.command import RunningSite, running_site
from tests.support.generic_json import LISTS, STYLES, WRONG, build, kinds


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site() as running:
        yield running


def connect(site: RunningSite, style: str = "keys", **options: Any) -> Any:
    return build(site.url, site.credentials, style, **options)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_brings_the_same_records(site: RunningSite, style: str) -> None:
    erp, plain = connect(site, style), connect(site, "keys")
    assert {item.ref: item.outcome for item in erp.pull_contracts(None)} == {
        item.ref: item.outcome for item in plain.pull_contracts(None)
    }
    assert [item.ref for item in erp.pull_inventory(None)] == [item.ref for item in plain.pull_inventory(None)]
    assert {item.ref for item in erp.pull_contracts(None, PullScope.KEYS)} == {
        item.ref for item in plain.pull_contracts(None)
    }
    assert all(isinstance(item.outcome, Mapped) for kind in MasterKind for item in erp.pull_masters(kind, None))
    assert erp.check().ok


def test_conformance_generic_json_E01_login_is_told_from_network(site: RunningSite) -> None:
    who = site.credentials
    for options in (
        {"auth": "bearer", "secret": who.token},
        {"auth": "basic", "user": who.user, "secret": who.password},
        {"auth": "api_key", "secret": who.api_key},
    ):
        assert connect(site, **options).check().ok
        refused = connect(site, **{**options, "secret": WRONG}).check()
        assert [step.step for step in refused.steps] == ["login"] and not refused.ok
    assert [step.step for step in connect(site, auth="none", secret="").check().steps] == ["login"]
    silent = build("http://127.0.0.1:9", who).check()
    assert [step.step for step in silent.steps] == ["reach"]
    for health in (refused, silent):
        assert all(say(step.finding, language) for step in health.steps for language in LANGUAGES)


def test_conformance_generic_json_E09_refusal_inside_a_200_is_rejected_with_its_words(site: RunningSite) -> None:
    erp = connect(site, kinds={"stock": {"path": "api/offset/salaries", "id": ["id"], "rows": "data.list"}})
    with pytest.raises(Rejected) as refused:
        list(erp.pull_inventory(None))
    assert (refused.value.vendor_code, refused.value.vendor_text) == ("40301", "无权查看该清单")
    assert "无权查看该清单" in str(erp.check().steps[0].finding)


def test_a_path_that_does_not_exist_is_rejected_with_the_systems_words(site: RunningSite) -> None:
    erp = connect(site, kinds={"stock": {"path": "api/keys/nothing", "id": ["id"]}})
    with pytest.raises(Rejected) as refused:
        list(erp.pull_inventory(None))
    assert (refused.value.vendor_code, refused.value.vendor_text) == ("404", "没有该清单")


def test_rows_that_are_not_where_they_should_be_are_a_violation(site: RunningSite) -> None:
    erp = connect(site, kinds={"stock": {"path": "api/page/stock", "id": ["id"], "rows": "data"}})
    with pytest.raises(ContractViolation):
        list(erp.pull_inventory(None))


def test_a_maintenance_page_is_asked_again_and_then_unavailable(site: RunningSite) -> None:
    site.site.faults.arm("html_200", count=2)
    assert list(connect(site).pull_inventory(None))
    site.site.faults.arm("html_200", count=50)
    with pytest.raises(Unavailable):
        list(connect(site).pull_inventory(None))


def test_conformance_generic_json_E06_row_that_is_no_record_is_held_back_alone(site: RunningSite) -> None:
    for broken in ("just text", None, 7, [], {"id": None, "orderNo": "S1"}):
        site.site.books.add("sale-lines", broken)
    items = list(connect(site, "offset").pull_contracts(None))
    held = [item for item in items if item.ref.key.startswith("?")]
    assert len(held) == 5
    assert all(isinstance(item.outcome, Quarantined) and item.outcome.column == "id" for item in held)


@pytest.mark.parametrize("style", ["offset", "page", "link"])
def test_conformance_generic_json_E06_row_with_damaged_text_is_held_back_alone(site: RunningSite, style: str) -> None:
    number = site.site.books.rows("purchase-orders")[2].id
    site.site.books.change(number, '"orderNo":"', '"orderNo":"DAMAGED', "2026-04-01T01:00:00Z")
    answer = site.site._answer

    def damage(request: Any) -> Any:
        told = answer(request)
        return replace(told, body=told.body.replace(b"DAMAGED", b"\xff\xfe"))

    before = {item.ref for item in connect(site, style).pull_contracts(None)}
    site.site._answer = damage  # type: ignore[method-assign]
    items = list(connect(site, style).pull_contracts(None))
    held = [item for item in items if item.ref not in before]
    assert len(held) == sum(ref.key.startswith(f"{number}/") for ref in before)
    for item in held:
        assert isinstance(item.outcome, Quarantined) and item.raw is not None
        assert connect(site, style).remap(item.raw) == item.outcome
    assert {item.ref for item in items} > {ref for ref in before if not ref.key.startswith(f"{number}/")}


def test_conformance_generic_json_E18_a_read_ends_in_time_when_the_answer_stalls(site: RunningSite) -> None:
    site.site.faults.arm("stall", count=1_000, seconds=90)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        list(connect(site, seconds=0.3).pull_contracts(None))
    assert time.monotonic() - started < 45


def test_conformance_generic_json_E16_no_secret_is_told(site: RunningSite) -> None:
    erp = connect(site, secret=WRONG)
    with pytest.raises(AuthFailed) as refused:
        list(erp.pull_contracts(None))
    assert all(WRONG not in text for text in (repr(erp), repr(refused.value), str(refused.value), repr(erp.check())))


def test_conformance_generic_json_E17_the_card_says_that_nothing_is_written(site: RunningSite) -> None:
    erp = connect(site, kinds={"stock": kinds("keys")["stock"]})
    card = erp.capabilities
    assert (card.pulls, card.lookup, card.writes_hedges) == ({"inventory"}, Lookup.NONE, False)
    voucher = sample_voucher(1, Decimal("10.00"), date(2026, 3, 31), debit="1", credit="2")
    (outcome,) = erp.push_vouchers([voucher])
    assert isinstance(outcome, Rejected)
    assert erp.find_voucher(voucher.key) is None and erp.find_vouchers([voucher.key]) == {}
    with pytest.raises(Rejected):
        erp.push_hedges(ExternalRef("erp", "sale_line", "1"), [])


@pytest.mark.parametrize("style", ["offset", "odata", "page"])
def test_a_list_that_moves_while_it_is_read_whole_is_read_again(site: RunningSite, style: str) -> None:
    books, erp = site.site.books, connect(site, style, kinds={"stock": {**kinds(style)["stock"], "page_rows": 20}})
    answer, first = site.site._answer, books.rows("stock")[0].id

    def delete_after_the_first_page(request: Any) -> Any:
        told = answer(request)
        if site.site.requests[request.path] == 1:
            books.delete(first)
        return told

    site.site._answer = delete_after_the_first_page  # type: ignore[method-assign]
    keys = [item.ref.key for item in erp.pull_inventory(None)]
    assert keys == [str(row.id) for row in books.rows("stock")]


def test_a_list_that_never_rests_is_unavailable(site: RunningSite) -> None:
    books, erp = (
        site.site.books,
        connect(site, "offset", kinds={"stock": {**kinds("offset")["stock"], "page_rows": 20}}),
    )
    answer = site.site._answer

    def delete_always(request: Any) -> Any:
        told = answer(request)
        books.delete(books.rows("stock")[0].id)
        return told

    site.site._answer = delete_always  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        list(erp.pull_inventory(None))


def test_only_what_changed_is_asked_for_again(site: RunningSite) -> None:
    erp = connect(site, "odata")
    items = list(erp.pull_contracts(None))
    row = next(row for row in site.site.books.rows("purchase-orders") if '"returned":0,' in row.body)
    site.site.books.change(row.id, f'"id":{row.id},', f'"id":{row.id},"note":"x",', "2026-04-01T01:00:00Z")
    again = list(erp.pull_contracts(items[-1].cursor))
    assert len(again) < len(items) / 4
    assert any(item.ref.key.startswith(f"{row.id}/") for item in again)


def test_a_deleted_line_is_missing_from_the_sweep(site: RunningSite) -> None:
    erp = connect(site, "page")
    gone = site.site.books.rows("sale-lines")[5].id
    site.site.books.delete(gone)
    assert str(gone) not in {item.ref.key for item in erp.pull_contracts(None, PullScope.KEYS)}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("kinds", {}),
        ("kinds", {"invoices": {"path": "a", "id": ["b"]}}),
        ("kinds", {"stock": {"path": "a", "id": ["b"], "pages": "somehow"}}),
        ("auth", "kerberos"),
        ("envelope", {"kode": "x"}),
    ],
)
def test_an_option_that_cannot_work_is_named(site: RunningSite, option: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        connect(site, **{option: value})
    assert refused.value.field == option
    assert all(option in say(refused.value.message, language) for language in LANGUAGES)


def test_a_login_without_its_secret_is_refused_before_any_call(site: RunningSite) -> None:
    with pytest.raises(InvalidInput):
        connect(site, secret="")


@pytest.mark.parametrize(
    ("text", "earlier"),
    [
        ("2026-03-31T08:05:00Z", "2026-03-31T07:55:00Z"),
        ("2026-03-31T08:05:00.123Z", "2026-03-31T07:55:00.123Z"),
        ("2026-03-31 00:05:00", "2026-03-30 23:55:00"),
        ("2026-03-31T08:05:00+08:00", "2026-03-31T07:55:00+08:00"),
        ("2026-03-31", "2026-03-30"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_a_change_time_is_moved_back_in_its_own_writing(text: str, earlier: str) -> None:
    assert earlier_by(text, 10) == earlier


def test_the_later_change_is_found_across_writings() -> None:
    assert later("2026-03-31T08:00:00Z", "2026-03-31T08:00:00.5Z") == "2026-03-31T08:00:00.5Z"
    assert later("2026-03-31T08:00:00+08:00", "2026-03-31T01:00:00Z") == "2026-03-31T01:00:00Z"
    assert later("", "x") == "x"
    assert later("b", "a") == "b"


def test_the_stand_in_holds_every_list(site: RunningSite) -> None:
    assert all(site.site.books.rows(name) for name in LISTS.values())


def test_the_example_of_the_documentation_works(site: RunningSite) -> None:
    example = json.loads(Path("docs/connections/examples/generic-json/kinds.json").read_bytes())
    erp = connect(site, kinds=example)
    assert erp.check().ok and len(erp.check().steps) == len(LISTS)
    assert sum(isinstance(item.outcome, Mapped) for item in erp.pull_contracts(None)) > 300
