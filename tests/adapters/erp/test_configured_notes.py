"""Hedge notes in a configured free field, on every system that has no other way: written, read back, and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from adapters.erp.configured_notes import NoteCall, note_calls
from conformance.samples import sample_match
from hedge_core.errors import InvalidInput, OutcomeUnknown, Rejected, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.records import Mapped
from hedge_core.notes import hedge_note
from messages import LANGUAGES, say
from sandbox.cosmic.server import Behaviour as CosmicBehaviour
from sandbox.nccloud.server import Behaviour as NcBehaviour
from sandbox.u8cloud.server import Behaviour as U8CBehaviour
from sandbox.u8openapi.server import Behaviour as U8Behaviour
from sandbox.yonbip.server import Behaviour as YonBehaviour
from tests.support import cosmic, nccloud, u8cloud, u8openapi, yonbip


@dataclass(frozen=True)
class Case:
    """One system: its support module, its switches, the name of its free field and of the write, and how the ERP says no."""

    support: Any
    under_test: Callable[[], Any]
    behaviour: Callable[..., Any]
    inner: str
    write: str
    touched: str
    stale: dict[str, Any]
    revision: str

    def other_field(self, kind: str = "sale_line") -> dict[str, Any]:
        notes: dict[str, Any] = self.support.HEDGE_NOTE
        given = notes[kind]
        return {**notes, kind: {**given, "field": "quantity", "read_from": given.get("read_from", given["field"])}}

    def with_revision(self) -> dict[str, Any]:
        """A call that sends the revision as it was read."""
        (name,) = self.stale
        given = self.support.HEDGE_NOTE["sale_line"]
        values = {**given.get("head_values", {}), name: f"={self.revision}"}
        if self.support is yonbip:
            values["code"] = "=code"
        return {"sale_line": {**given, "head_values": values}}

    def with_stale_revision(self) -> dict[str, Any]:
        notes: dict[str, Any] = self.support.HEDGE_NOTE
        given = notes["sale_line"]
        values = {**given.get("head_values", {}), **self.stale}
        if self.support is yonbip:  # what is given replaces the default
            values["code"] = "=code"
        return {**notes, "sale_line": {**given, "head_values": values}}


CASES = {
    "yonbip": Case(
        yonbip, yonbip.YonBipUnderTest, YonBehaviour, "_yonbip", "UpdateSaleItems", "memo",
        {"pubts": "2000-01-01 00:00:00"}, "pubts",
    ),
    "u8cloud": Case(
        u8cloud, u8cloud.U8CloudUnderTest, U8CBehaviour, "_u8cloud", "UpdateSaleOrder", "line.frownote",
        {"ts": "2000-01-01 00:00:00"}, "head.ts",
    ),
    "u8openapi": Case(
        u8openapi, u8openapi.U8UnderTest, U8Behaviour, "_u8", "EditOrder", "memo", {"ufts": "1"}, "head_ufts"
    ),
    "nccloud": Case(
        nccloud, nccloud.NcCloudUnderTest, NcBehaviour, "_nc", "UpdateSaleOrder", "vrownote",
        {"ts": "2000-01-01 00:00:00"}, "head_ts",
    ),
    "cosmic": Case(
        cosmic, cosmic.CosmicUnderTest, CosmicBehaviour, "_cosmic", "SaveSaleOrder", "",
        {"modifytime": "2000-01-01 00:00:00"}, "head.modifytime",
    ),
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


class Desk:
    """A system with its books open: an approved line to write on, and what is beside it."""

    def __init__(self, case: Case, erp: Any) -> None:
        self.erp = erp
        self.site = getattr(erp, case.inner)
        self.leg: ExternalRef = erp.hedged_line()
        self.wanted = [sample_match(self.leg, "25", "25")]

    def writes(self, case: Case) -> int:
        return int(self.site.site.site.log.calls[case.write])

    def requests(self) -> list[tuple[str, Any]]:
        """What arrives from now on: the call's name and the request, added to while the test goes on."""
        seen: list[tuple[str, Any]] = []
        site = self.site.site.site
        serve = site._serve

        def noting(request: Any, name: str, *more: Any) -> Any:
            seen.append((name, request))
            return serve(request, name, *more)

        site._serve = noting
        return seen


@pytest.fixture
def desk(case: Case) -> Any:
    with case.under_test() as erp:
        yield Desk(case, erp)


def mapped(lines: dict[ExternalRef, Any]) -> dict[ExternalRef, Any]:
    """What the platform sees of lines, but for the time of change."""
    items = {ref: item.outcome.item for ref, item in lines.items() if isinstance(item.outcome, Mapped)}
    return {ref: replace(item, modified_at=None) for ref, item in items.items()}


def meddling(case: Case) -> Any:
    kind = type("Meddling", (case.under_test,), {"behaviour": case.behaviour(touches_more=True)})
    return kind()


def test_a_note_is_written_read_back_and_written_again_as_often_as_it_changes(case: Case, desk: Desk) -> None:
    adapter = desk.erp.adapter()
    before = desk.erp.rest_of(desk.leg)
    other = [*desk.wanted, sample_match(desk.leg, "7.5", "10")]
    for matches in (desk.wanted, other, desk.wanted, [], desk.wanted):  # the same text is right a second time
        adapter.push_hedges(desk.leg, matches)
        assert desk.erp.adapter().find_hedges(desk.leg).text == hedge_note(matches)
    assert desk.erp.rest_of(desk.leg) == before
    sent = desk.writes(case)
    adapter.push_hedges(desk.leg, desk.wanted)
    assert (sent, desk.writes(case)) == (5, 5), "what is there already is not sent"


GUARDS = {"u8cloud": "uniquekey", "nccloud": "repeat_check", "cosmic": "idempotency-key"}
"""The header by which a system is asked to do a thing once only."""


@pytest.mark.parametrize("name", GUARDS)
def test_a_note_goes_without_the_guard_against_repetition_that_a_voucher_carries(name: str) -> None:
    """Under a guard that succeeded before, a system may answer and do nothing; the same note may be right a second time."""
    case = CASES[name]
    with case.under_test() as erp:
        desk = Desk(case, erp)
        requests = desk.requests()
        adapter = erp.adapter()
        adapter.push_hedges(desk.leg, desk.wanted)
        adapter.push_vouchers([erp.voucher(1, Decimal("10.00"))])
        guarded = [called for called, request in requests if GUARDS[name] in request.headers]
        assert case.write in {called for called, _ in requests}
        assert guarded, "a voucher carries it"
        assert case.write not in guarded


def test_each_note_is_a_business_of_its_own_for_the_relay_of_u8() -> None:
    case = CASES["u8openapi"]
    with case.under_test() as erp:
        desk = Desk(case, erp)
        requests = desk.requests()
        for matches in (desk.wanted, [], desk.wanted):
            erp.adapter().push_hedges(desk.leg, matches)
        queries = [parse_qs(request.query) for called, request in requests if called == case.write]
        assert len({query["biz_id"][0] for query in queries}) == 3
        assert [query["sync"] for query in queries] == [["1"]] * 3


def test_purchase_lines_have_a_place_too(case: Case, desk: Desk) -> None:
    adapter = desk.erp.adapter()
    lines = {item.ref: item for item in adapter.pull_contracts(None) if item.ref.kind == "purchase_line"}
    opened = [
        ref for ref, item in lines.items() if getattr(getattr(item.outcome, "item", None), "status", "") == "open"
    ]
    leg = sorted(opened)[0]
    adapter.push_hedges(leg, [sample_match(leg, "5", "5")])
    assert desk.erp.adapter().find_hedges(leg).text == hedge_note([sample_match(leg, "5", "5")])
    after = {item.ref: item for item in desk.erp.adapter().pull_contracts(None) if item.ref.kind == "purchase_line"}
    assert mapped(after) == mapped(lines)


def test_a_system_that_changes_more_than_the_note_is_found_out(case: Case) -> None:
    with meddling(case) as erp:
        desk = Desk(case, erp)
        with pytest.raises(Rejected) as refused:
            erp.adapter().push_hedges(desk.leg, desk.wanted)
        assert refused.value.vendor_code == "changed-elsewhere"
        for language in LANGUAGES:
            told = say(refused.value.message, language)
            assert desk.leg.key in told
            assert case.touched in told
        if not case.touched:  # lines that were dropped are named by their keys
            document = desk.leg.key.partition("/")[0]
            assert str(refused.value).count(f"{document}/") > 1


def test_a_lost_answer_is_unknown_and_settled_by_the_next_attempt_without_a_second_write(
    case: Case, desk: Desk
) -> None:
    desk.site.fault("lose_answer_after_commit=1x@writes")
    with pytest.raises(OutcomeUnknown):
        desk.erp.adapter().push_hedges(desk.leg, desk.wanted)
    sent = desk.writes(case)
    receipt = desk.erp.adapter().push_hedges(desk.leg, desk.wanted)
    assert receipt.key == desk.leg.key
    assert desk.writes(case) == sent
    assert desk.erp.adapter().find_hedges(desk.leg).text == hedge_note(desk.wanted)


def test_damage_behind_a_lost_answer_is_told_while_the_state_before_it_is_known(case: Case) -> None:
    with meddling(case) as erp:
        desk = Desk(case, erp)
        desk.site.fault("lose_answer_after_commit=1x@writes")
        with pytest.raises(Rejected) as refused:
            erp.adapter().push_hedges(desk.leg, desk.wanted)
        assert refused.value.vendor_code == "changed-elsewhere"


def test_a_field_that_is_not_free_is_refused_in_the_words_of_the_erp(case: Case, desk: Desk) -> None:
    before = desk.erp.rest_of(desk.leg)
    adapter = desk.site.adapter(hedge_note=case.other_field())
    with pytest.raises(Rejected) as refused:
        adapter.push_hedges(desk.leg, desk.wanted)
    assert "字段quantity不存在或不允许修改" in refused.value.vendor_text
    assert desk.erp.rest_of(desk.leg) == before


def test_a_revision_that_moved_on_is_refused_in_the_words_of_the_erp(case: Case, desk: Desk) -> None:
    adapter = desk.site.adapter(hedge_note=case.with_stale_revision())
    with pytest.raises(Rejected) as refused:
        adapter.push_hedges(desk.leg, desk.wanted)
    assert "单据已被他人修改" in refused.value.vendor_text
    assert desk.erp.adapter().find_hedges(desk.leg).text == ""


def test_somebody_who_was_quicker_makes_the_note_wait_and_not_die(case: Case, desk: Desk) -> None:
    """The order moves on between reading and writing: the ERP refuses the old revision, and the next attempt reads anew."""
    adapter = desk.site.adapter(hedge_note=case.with_revision())
    notes = adapter._notes
    send = notes._send

    def quicker(path: str, body: dict[str, Any]) -> object:
        desk.erp.change_line()
        return send(path, body)

    notes._send = quicker
    with pytest.raises(Unavailable) as waits:
        adapter.push_hedges(desk.leg, desk.wanted)
    assert "稍后重试" in say(waits.value.message, "zh")
    assert desk.erp.adapter().find_hedges(desk.leg).text == ""
    desk.erp.adapter().push_hedges(desk.leg, desk.wanted)
    assert desk.erp.adapter().find_hedges(desk.leg).text == hedge_note(desk.wanted)


def test_notes_of_two_lines_of_one_order_written_at_once_do_not_take_each_other_for_damage(
    case: Case, desk: Desk
) -> None:
    document = desk.leg.key.partition("/")[0]
    refs = [item.ref for item in desk.erp.adapter().pull_contracts(None)]
    legs = [ref for ref in refs if ref.kind == "sale_line" and ref.key.startswith(f"{document}/")]
    assert len(legs) > 2
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(desk.erp.adapter().push_hedges, leg, [sample_match(leg, "25", "25")]) for leg in legs]
        assert {one.result().key for one in done} == {leg.key for leg in legs}


def test_a_system_that_writes_the_note_on_every_line_is_found_out(case: Case, desk: Desk) -> None:
    adapter = desk.erp.adapter()
    notes = adapter._notes
    document = desk.leg.key.partition("/")[0]
    refs = [item.ref for item in adapter.pull_contracts(None)]
    other = next(ref for ref in refs if ref.key.startswith(f"{document}/") and ref != desk.leg)
    send = notes._send

    def spreads(path: str, body: dict[str, Any]) -> object:
        answer = send(path, body)
        call = notes._calls["sale_line"]
        fields = notes._fields(notes._read(call, other)[other.key])
        send(path, call.request(other, fields, hedge_note(desk.wanted)))
        return answer

    notes._send = spreads
    with pytest.raises(Rejected) as refused:
        adapter.push_hedges(desk.leg, desk.wanted)
    assert refused.value.vendor_code == "changed-elsewhere"
    assert other.key in str(refused.value)


def test_a_closed_order_is_refused_in_the_words_of_the_erp(case: Case, desk: Desk) -> None:
    adapter = desk.erp.adapter()
    closed = [
        item.ref
        for item in adapter.pull_contracts(None)
        if item.ref.kind == "sale_line" and getattr(getattr(item.outcome, "item", None), "status", "") == "closed"
    ]
    with pytest.raises(Rejected) as refused:
        adapter.push_hedges(sorted(closed)[0], [sample_match(sorted(closed)[0], "1", "1")])
    assert "单据已关闭，不允许修改" in refused.value.vendor_text


def test_a_line_that_is_gone_has_no_note_and_takes_none(case: Case, desk: Desk) -> None:
    document = desk.leg.key.partition("/")[0]
    gone = ExternalRef(desk.leg.connection, "sale_line", f"{document}/999999")
    adapter = desk.erp.adapter()
    assert adapter.find_hedges(gone) is None
    with pytest.raises(Rejected) as refused:
        adapter.push_hedges(gone, desk.wanted)
    assert refused.value.vendor_code == "not-found"
    assert desk.writes(case) == 0


def test_without_configuration_there_is_no_place_and_the_card_says_so(case: Case, desk: Desk) -> None:
    adapter = desk.site.adapter(hedge_note={})
    assert not adapter.capabilities.writes_hedges
    assert desk.erp.adapter().capabilities.writes_hedges
    assert adapter.find_hedges(desk.leg) is None
    with pytest.raises(Rejected) as refused:
        adapter.push_hedges(desk.leg, desk.wanted)
    assert refused.value.vendor_code == "no-place"
    assert all("hedge_note" in say(refused.value.message, language) for language in LANGUAGES)


def test_without_a_place_in_the_erp_notes_go_to_files(case: Case, desk: Desk, tmp_path: Path) -> None:
    for name in ("out", "sent"):
        (tmp_path / "notes" / name).mkdir(parents=True)
    adapter = desk.site.adapter(hedge_note={}, notes_folder=str(tmp_path / "notes"))
    assert adapter.capabilities.writes_hedges
    assert "file" in adapter.capabilities.hedge_place
    adapter.push_hedges(desk.leg, desk.wanted)
    assert adapter.find_hedges(desk.leg).text == hedge_note(desk.wanted)
    (put_down,) = (tmp_path / "notes" / "out").iterdir()
    assert hedge_note(desk.wanted) in put_down.read_text(encoding="utf-8-sig")
    assert desk.writes(case) == 0


def test_the_check_says_when_a_note_could_not_be_read_back(case: Case, desk: Desk) -> None:
    notes = case.support.HEDGE_NOTE
    blind = {**notes, "sale_line": {**notes["sale_line"], "read_from": "nowhere"}}
    assert desk.erp.adapter().check().ok
    health = desk.site.adapter(hedge_note=blind).check()
    (failed,) = [step for step in health.steps if not step.ok]
    assert "nowhere" in say(failed.finding, "en")


def test_a_note_longer_than_the_field_is_refused_before_it_is_sent(case: Case, desk: Desk) -> None:
    notes = case.support.HEDGE_NOTE
    short = {**notes, "sale_line": {**notes["sale_line"], "length": 10}}
    with pytest.raises(Rejected) as refused:
        desk.site.adapter(hedge_note=short).push_hedges(desk.leg, desk.wanted)
    assert refused.value.vendor_code == "too-long"
    assert desk.writes(case) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"stock": {"field": "x"}}, {"sale_line": {"field": "x", "stranger": 1}}, {"sale_line": {"path": "p", "shape": "round"}},
        {"sale_line": {"path": "p", "field": "x", "shape": "documents", "lines": ""}}, {"sale_line": {"path": "", "field": "x"}},
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_an_answer_about_the_option(
    case: Case, desk: Desk, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="hedge_note"):
        try:
            desk.site.adapter(hedge_note=wrong)
        except ValueError as error:  # wired without the composition root's wrapper
            raise InvalidInput("erp", 0, "", str(error)) from error  # type: ignore[arg-type]


LEG = ExternalRef("erp", "sale_line", "D1/L2")


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        ({"lines": "rows"}, {"data": [{"id": "D1", "rows": [{"id": "L2", "f": "text"}]}]}),
        (
            {"shape": "heads", "holder": "orders", "head": "h", "lines": "b", "line_values": {"state": "update"}},
            {"orders": [{"h": {"id": "D1"}, "b": [{"id": "L2", "f": "text", "state": "update"}]}]},
        ),
        (
            {"shape": "document", "holder": "order", "lines": "b", "head_values": {"ts": "=head.ts"}},
            {"order": {"id": "D1", "ts": "T1", "b": [{"id": "L2", "f": "text"}]}},
        ),
        ({"shape": "flat", "document": "doc", "line": "row", "body": {"v": 1}}, {"v": 1, "doc": "D1", "row": "L2", "f": "text"}),
        (
            {"lines": "b", "document": "", "line_from": "own", "field": "item.f"},
            {"data": [{"b": [{"id": 7, "item": {"f": "text"}}]}]},
        ),
    ],
)  # fmt: skip
def test_each_shape_is_what_the_page_says(settings: dict[str, Any], body: dict[str, Any]) -> None:
    call = note_calls({"sale_line": {"path": "p", "field": "f", **settings}}, {}, ["sale_line"])["sale_line"]
    assert call.request(LEG, {"head.ts": "T1", "own": 7}, "text") == body


def test_what_is_to_be_copied_and_is_not_there_is_refused_by_ourselves() -> None:
    call = NoteCall(path="p", field="f", lines="rows", head_values={"ts": "=head.ts"})
    with pytest.raises(Rejected) as refused:
        call.request(LEG, {}, "text")
    assert all("head.ts" in say(refused.value.message, language) for language in LANGUAGES)
