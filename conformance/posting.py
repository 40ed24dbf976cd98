"""E05 and E09 to E15: posting. Once, exact, resumable, and the other side's words reach a person unchanged."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from conformance.cases import Cases, changes_state, outcome_of, receipt_of, switch
from conformance.samples import EXACT_AMOUNTS
from conformance.under_test import ErpUnderTest, Fault, On
from hedge_core.errors import IdempotencyConflict, OutcomeUnknown, PlatformError, Rejected, RuleBroken
from hedge_core.model.vouchers import STAGE_ORDER, PostingReceipt, Voucher
from hedge_core.ports.erp import Lookup
from messages import LANGUAGES, say

AMOUNT = Decimal("70619.47")


class PostingCases(Cases):
    """Vouchers go out."""

    @changes_state
    def test_E05_amounts_are_booked_exact_to_the_last_digit(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        for number, amount in enumerate(EXACT_AMOUNTS, 1):
            voucher = erp.voucher(number, Decimal(amount))
            receipt_of(adapter, voucher)
            (document,) = erp.booked(voucher.key)
            if getattr(erp, "sees_lines", True):
                assert [(line.account, line.debit, line.credit) for line in document.lines] == [
                    (line.account, line.debit, line.credit) for line in voucher.lines
                ]
            else:  # a real system whose books are seen through the adapter only
                found = adapter.find_voucher(voucher.key)
                assert found is not None and found.total == voucher.total
            assert document.posting_date == voucher.posting_date

    @changes_state
    def test_E09_a_refusal_inside_an_ordinary_answer_is_rejected(self, erp: ErpUnderTest) -> None:
        voucher = erp.refused_voucher()
        outcome = outcome_of(erp.adapter(), voucher)
        assert isinstance(outcome, Rejected), outcome
        assert outcome.vendor_text.strip()
        assert erp.booked(voucher.key) == []

    @changes_state
    def test_E10_answer_lost_after_commit_is_outcome_unknown(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, AMOUNT)
        switch(erp, Fault.ANSWER_LOST, On.WRITES)
        outcome = outcome_of(erp.adapter(), voucher)
        assert isinstance(outcome, OutcomeUnknown), outcome
        assert len(erp.booked(voucher.key)) == 1

    @changes_state
    def test_E10_answer_cut_in_the_middle_is_outcome_unknown(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, AMOUNT)
        switch(erp, Fault.ANSWER_CUT, On.WRITES)
        outcome = outcome_of(erp.adapter(), voucher)
        assert isinstance(outcome, OutcomeUnknown), outcome
        assert len(erp.booked(voucher.key)) == 1

    @changes_state
    def test_E11_the_lost_document_is_found_by_its_key(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, AMOUNT)
        switch(erp, Fault.ANSWER_LOST, On.WRITES)
        outcome_of(erp.adapter(), voucher)
        adapter = erp.adapter()
        found = adapter.find_voucher(voucher.key)
        (document,) = erp.booked(voucher.key)
        assert found is not None
        assert found.found_by_lookup
        assert (found.key, found.posting_date, found.total) == (voucher.key, voucher.posting_date, voucher.total)
        assert (found.number, found.stage) == (document.number, document.stage)
        assert adapter.find_vouchers([voucher.key, _unused_key(erp)]) == {voucher.key: [found]}

    def test_E11_what_was_never_pushed_is_not_found(self, erp: ErpUnderTest) -> None:
        assert erp.adapter().find_voucher(_unused_key(erp)) is None

    @changes_state
    def test_E11_the_receipt_of_a_push_and_of_a_look_up_name_the_same_document(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, AMOUNT)
        adapter = erp.adapter()
        pushed = receipt_of(adapter, voucher)
        found = adapter.find_voucher(voucher.key)
        assert found is not None
        (document,) = erp.booked(voucher.key)
        assert pushed.number == found.number == document.number
        assert pushed.external_id == found.external_id
        assert pushed.stage is found.stage is document.stage

    @changes_state
    def test_E12_pushed_twice_is_one_document(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, AMOUNT)
        first = receipt_of(erp.adapter(), voucher)
        second = receipt_of(erp.adapter(), voucher)
        assert (second.number, second.external_id, second.stage) == (first.number, first.external_id, first.stage)
        assert len(erp.booked(voucher.key)) == 1

    @changes_state
    def test_E12_pushed_again_after_a_lost_answer_is_one_document(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, AMOUNT)
        adapter = erp.adapter()
        switch(erp, Fault.ANSWER_LOST, On.WRITES)
        outcome_of(adapter, voucher)
        receipt = receipt_of(adapter, voucher)
        (document,) = erp.booked(voucher.key)
        assert document.stage is receipt.stage is adapter.capabilities.default_stage

    @changes_state
    def test_E12_a_document_left_at_an_earlier_stage_is_resumed(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        reachable = sorted(adapter.capabilities.stages, key=STAGE_ORDER.index)
        earlier = reachable[0]
        if earlier is adapter.capabilities.default_stage:
            pytest.skip(f"{erp.name}: the card knows no stage before {earlier.value}")
        voucher = erp.voucher(1, AMOUNT)
        saved = receipt_of(erp.adapter(target=earlier), voucher)
        assert saved.stage is earlier
        finished = receipt_of(adapter, voucher)
        assert finished.external_id == saved.external_id
        (document,) = erp.booked(voucher.key)
        assert document.stage is finished.stage is adapter.capabilities.default_stage

    @changes_state
    def test_E12_a_batch_answers_every_voucher_in_its_place(self, erp: ErpUnderTest) -> None:
        there, bad, fresh, twice = (
            erp.voucher(1, AMOUNT), erp.refused_voucher(), erp.voucher(2, AMOUNT), erp.voucher(3, AMOUNT),
        )  # fmt: skip
        adapter = erp.adapter()
        number = receipt_of(adapter, there).number
        first, second, third, fourth = adapter.push_vouchers([there, bad, fresh, twice])
        assert isinstance(first, PostingReceipt) and first.number == number
        assert isinstance(second, Rejected), second
        for voucher, outcome in ((there, first), (fresh, third), (twice, fourth)):
            assert isinstance(outcome, PostingReceipt), outcome
            assert outcome.key == voucher.key
            (document,) = erp.booked(voucher.key)
            assert (document.number, document.stage) == (outcome.number, outcome.stage)
        assert erp.booked(bad.key) == []

    @changes_state
    def test_E13_the_same_key_with_other_content_is_a_conflict(self, erp: ErpUnderTest) -> None:
        voucher, other = erp.voucher(1, AMOUNT), erp.voucher(1, AMOUNT + 1)
        assert voucher.key == other.key
        receipt_of(erp.adapter(), voucher)
        before = list(erp.booked(voucher.key))
        outcome = outcome_of(erp.adapter(), other)
        assert isinstance(outcome, IdempotencyConflict), outcome
        assert list(erp.booked(voucher.key)) == before

    def test_E14_an_unbalanced_voucher_cannot_be_made(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(1, AMOUNT)
        with pytest.raises(RuleBroken):
            replace(voucher, lines=(voucher.lines[0], replace(voucher.lines[1], credit=AMOUNT - Decimal("0.01"))))

    @changes_state
    def test_E14_an_unbalanced_voucher_made_by_force_is_not_booked(self, erp: ErpUnderTest) -> None:
        forged = _forged(erp.voucher(1, AMOUNT))
        outcome = outcome_of(erp.adapter(), forged)
        assert isinstance(outcome, PlatformError), outcome
        assert erp.booked(forged.key) == []

    @changes_state
    def test_E15_the_words_about_a_closed_period_arrive_unchanged(self, erp: ErpUnderTest) -> None:
        voucher, words = erp.closed_period()
        outcome = outcome_of(erp.adapter(), voucher)
        assert isinstance(outcome, Rejected), outcome
        assert words in outcome.vendor_text
        assert all(words in say(outcome.message, language) for language in LANGUAGES)
        assert erp.booked(voucher.key) == []

    @changes_state
    def test_E17_the_card_tells_how_a_key_is_looked_up(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        voucher = erp.voucher(1, AMOUNT)
        assert adapter.capabilities.reference_length >= len(voucher.key)
        receipt = receipt_of(adapter, voucher)
        assert receipt.stage is adapter.capabilities.default_stage
        if adapter.capabilities.lookup is Lookup.REFERENCE:
            assert adapter.find_voucher(voucher.key) is not None


def _unused_key(erp: ErpUnderTest) -> str:
    return erp.voucher(99_999, AMOUNT).key


def _forged(voucher: Voucher) -> Voucher:
    """A voucher that does not balance, made behind the constructor's back."""
    forged = replace(voucher)
    short = replace(voucher.lines[-1], credit=voucher.lines[-1].credit - Decimal("0.01"))
    object.__setattr__(forged, "lines", (*voucher.lines[:-1], short))
    return forged
