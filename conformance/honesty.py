"""E01, E16, E17, E18 and hedge notes: an adapter says what is wrong, keeps secrets, tells the truth and comes back in time."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import pytest

from conformance.cases import Cases, changes_state, outcome_of, switch
from conformance.samples import sample_match
from conformance.under_test import STALL_SECONDS, Access, ErpUnderTest, Fault, On
from hedge_core.errors import AuthFailed, OutcomeUnknown, PlatformError, Rejected, Unavailable
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import Mapped
from hedge_core.model.vouchers import STAGE_ORDER
from hedge_core.notes import hedge_note
from hedge_core.ports.erp import Lookup
from messages import LANGUAGES, say

ALWAYS: Final = ("E02", "E03", "E04", "E05", "E06_unknown", "E06_missing", "E12_pushed", "E14", "E16", "E17")
"""Cases that apply to every system: nobody may declare them away."""

BY_REFERENCE: Final = ("E10", "E11", "E13")
"""Cases that apply wherever the card says that documents are found by our reference."""


class HonestyCases(Cases):
    """What people are told."""

    def test_E01_the_check_of_a_sound_connection_passes(self, erp: ErpUnderTest) -> None:
        health = erp.adapter().check()
        assert health.ok, [(step.step, str(step.finding)) for step in health.steps if not step.ok]

    def test_E01_a_wrong_secret_is_told_from_a_network_that_is_down(self, erp: ErpUnderTest) -> None:
        refused, silent = (erp.adapter(access).check() for access in (Access.WRONG_SECRET, Access.UNREACHABLE))
        assert next(step.step for step in refused.steps if not step.ok) == "login"
        assert next(step.step for step in silent.steps if not step.ok) == "reach"
        for health in (refused, silent):
            assert all(say(step.finding, language).strip() for step in health.steps for language in LANGUAGES)

    @changes_state
    def test_E01_a_push_that_never_left_is_unavailable_and_with_a_wrong_secret_auth_failed(
        self, erp: ErpUnderTest
    ) -> None:
        voucher = erp.voucher(1, Decimal("10.00"))
        assert isinstance(outcome_of(erp.adapter(Access.UNREACHABLE), voucher), Unavailable)
        assert isinstance(outcome_of(erp.adapter(Access.WRONG_SECRET), voucher), AuthFailed)
        assert erp.booked(voucher.key) == []

    @changes_state
    def test_E16_no_secret_is_logged_raised_or_stored(
        self, erp: ErpUnderTest, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        said: list[str] = []
        voucher = erp.voucher(1, Decimal("10.00"))
        for access in Access:
            adapter = erp.adapter(access)
            said += [repr(adapter), str(adapter), repr(adapter.check())]
            said += _told(lambda adapter=adapter: adapter.find_voucher(voucher.key))  # type: ignore[misc]
        adapter = erp.adapter()
        said += [repr(item) for item in adapter.pull_contracts(None)]
        switch(erp, Fault.ANSWER_LOST, On.WRITES)
        said += _told(lambda: _raise(outcome_of(adapter, voucher)))
        said += _told(lambda: _raise(outcome_of(adapter, erp.refused_voucher())))
        said += [record.getMessage() for record in caplog.records]
        assert all(erp.secrets)
        assert [one for one in said for secret in erp.secrets if secret in one] == []

    def test_E17_the_card_agrees_with_itself(self, erp: ErpUnderTest) -> None:
        card = erp.adapter().capabilities
        assert card.system == erp.name
        assert card.stages and card.default_stage in card.stages
        assert list(card.stages) == sorted(card.stages, key=STAGE_ORDER.index)
        assert card.max_batch >= 1
        assert card.settle_seconds >= 0
        assert card.lookup is not Lookup.REFERENCE or card.reference_field
        assert bool(card.hedge_place) >= card.writes_hedges

    def test_E17_only_what_cannot_apply_is_declared_so(self, erp: ErpUnderTest) -> None:
        tests = [name.removeprefix("test_") for name in dir(type(self)) if name.startswith("test_")]
        card = erp.adapter().capabilities
        never = ALWAYS + (BY_REFERENCE if card.lookup is Lookup.REFERENCE else ())
        for start, reason in erp.not_applicable.items():
            assert any(test.startswith(start) for test in tests), f"{start} is the start of no case"
            assert not any(start.startswith(case) or case.startswith(start) for case in never), (
                f"{start} always applies"
            )
            assert len(reason.split()) > 3, f"{start}: say why in a sentence"

    def test_E17_the_card_lists_what_can_be_pulled(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        card = adapter.capabilities
        found = {
            "contracts": any(isinstance(item.outcome, Mapped) for item in adapter.pull_contracts(None)),
            "inventory": any(isinstance(item.outcome, Mapped) for item in adapter.pull_inventory(None)),
        }
        for kind in MasterKind:
            if kind.value in card.pulls:
                found[kind.value] = any(isinstance(item.outcome, Mapped) for item in adapter.pull_masters(kind, None))
        assert {kind for kind, there in found.items() if there} == card.pulls

    def test_E17_inventory_is_whole_where_the_card_says_so(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        if not adapter.capabilities.inventory_is_snapshot:
            pytest.skip(f"{erp.name}: the card says that inventory comes in changes")
        first, second = ({item.ref for item in adapter.pull_inventory(None)} for _ in range(2))
        assert first == second

    @changes_state
    def test_E17_hedges_are_written_where_the_card_says_so_and_nothing_else_changes(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        leg = erp.hedged_line()
        matches = [sample_match(leg, "25", "25")]
        if not adapter.capabilities.writes_hedges:
            with pytest.raises(Rejected):
                adapter.push_hedges(leg, matches)
            return
        before = erp.rest_of(leg)
        for wanted in (matches, [*matches, sample_match(leg, "7.5", "10")], []):
            adapter.push_hedges(leg, wanted)
            adapter.push_hedges(leg, wanted)
            note = erp.adapter().find_hedges(leg)
            assert note is not None and note.text == hedge_note(wanted)
            assert erp.rest_of(leg) == before

    def test_E18_a_read_ends_in_time_when_the_answer_stalls(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter(call_seconds=0.5)
        switch(erp, Fault.STALLED, On.READS, 1_000)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            list(adapter.pull_contracts(None))
        assert time.monotonic() - started < STALL_SECONDS / 2

    @changes_state
    def test_E18_a_write_ends_in_time_when_the_answer_stalls(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, Decimal("10.00"))
        adapter = erp.adapter(call_seconds=2)
        switch(erp, Fault.STALLED, On.WRITES)
        started = time.monotonic()
        outcome = outcome_of(adapter, voucher)
        assert isinstance(outcome, OutcomeUnknown), outcome
        assert time.monotonic() - started < STALL_SECONDS / 2
        assert len(erp.booked(voucher.key)) == 1


def _told(act: Callable[[], object]) -> list[str]:
    """What a person or a log would see of it: the traceback with its causes, and the message."""
    try:
        act()
    except PlatformError as error:
        return ["".join(traceback.format_exception(error)), repr(error), *(say(error.message, n) for n in LANGUAGES)]
    return []


def _raise(outcome: object) -> None:
    if isinstance(outcome, PlatformError):
        raise outcome
