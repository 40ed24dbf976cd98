"""E02 to E08: pulling. References are stable, nothing is lost or changed on the way, and every refusal has its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.cases import Cases, changes_state, digests, outcome_of, switch
from conformance.under_test import ErpUnderTest, Fault, On, Planted
from hedge_core.errors import AuthFailed, OutcomeUnknown, PlatformError, RateLimited
from hedge_core.model.physical import ContractLine
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, Seen
from hedge_core.model.vouchers import PostingReceipt

_AMOUNT = Decimal("1234.56")
MORE_THAN_ANY_RETRY = 1_000
CURSOR_BYTES = 4096

cuts = st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=3)
"""After how many items a pull is cut, and whether the network does it (or the process just ends)."""

fixtures_are_not_reset = settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # the books are only read
        HealthCheck.differing_executors,  # the same case runs for several systems
        HealthCheck.too_slow,
    ],
)


class PullingCases(Cases):
    """Contracts, inventory and masters come in."""

    def test_E02_references_are_stable(self, erp: ErpUnderTest) -> None:
        first = list(erp.adapter().pull_contracts(None))
        again = list(erp.adapter().pull_contracts(None))
        assert first, "the books hold no contract lines"
        assert {item.ref for item in first} == {item.ref for item in again}
        assert digests(first) == digests(again)
        kinds = {(item.ref.kind, item.ref.key) for item in first}
        assert len(kinds) == len({str(item.ref) for item in first})

    def test_E02_a_stored_record_can_be_mapped_again_with_the_same_result(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        for item in adapter.pull_contracts(None):
            assert item.raw is not None
            assert adapter.remap(item.raw) == item.outcome
            assert adapter.raw_fields(item.raw)

    @changes_state
    def test_E02_another_line_leaves_the_references_of_the_others_alone(self, erp: ErpUnderTest) -> None:
        before = {item.ref for item in erp.adapter().pull_contracts(None)}
        planted = erp.plant(Planted.EXACT_LINE)
        after = {item.ref for item in erp.adapter().pull_contracts(None)}
        assert after - before == {planted.ref}
        assert before <= after

    @fixtures_are_not_reset
    @given(cuts=cuts)
    def test_E03_a_pull_cut_anywhere_resumes_and_loses_nothing(
        self, erp: ErpUnderTest, cuts: list[tuple[int, bool]]
    ) -> None:
        whole = digests(erp.adapter().pull_contracts(None))
        kept: dict[str, str] = {}
        cursor: Cursor | None = None
        for number, by_the_network in cuts:
            adapter = erp.adapter()
            for item in _cut(erp, adapter.pull_contracts(cursor), number, by_the_network):
                kept |= digests([item])
                cursor = item.cursor
                assert len(cursor.encode()) <= CURSOR_BYTES
            erp.clear()
        kept |= digests(erp.adapter().pull_contracts(cursor))
        assert kept == whole

    def test_E04_a_resumed_pull_repeats_records_with_the_same_digest(self, erp: ErpUnderTest) -> None:
        items = list(erp.adapter().pull_contracts(None))
        whole = digests(items)
        for place in (0, len(items) // 2, len(items) - 1):
            repeated = digests(erp.adapter().pull_contracts(items[place].cursor))
            assert repeated.items() <= whole.items()

    @changes_state
    def test_E04_the_next_pull_brings_the_changed_line_with_another_digest_and_no_other_line_differs(
        self, erp: ErpUnderTest
    ) -> None:
        items = list(erp.adapter().pull_contracts(None))
        changed = erp.change_line()
        news = list(erp.adapter().pull_contracts(items[-1].cursor))
        assert digests(news)[str(changed)] != digests(items)[str(changed)]
        before, after = _contents(items), _contents(news)
        assert {ref for ref, content in after.items() if before.get(ref) != content} == {str(changed)}

    @changes_state
    def test_E05_quantities_and_prices_arrive_exact_to_the_last_digit(self, erp: ErpUnderTest) -> None:
        planted = erp.plant(Planted.EXACT_LINE)
        (item,) = [one for one in erp.adapter().pull_contracts(None) if one.ref == planted.ref]
        assert isinstance(item.outcome, Mapped), item.outcome
        line = item.outcome.item
        assert isinstance(line, ContractLine)
        assert planted.expected, "nothing is expected of the planted line"
        assert {name: getattr(line, name) for name in planted.expected} == dict(planted.expected)

    @changes_state
    def test_E06_unknown_value_is_quarantined_and_the_pull_goes_on(self, erp: ErpUnderTest) -> None:
        _quarantined_alone(erp, Planted.UNKNOWN_VALUE)

    @changes_state
    def test_E06_missing_value_is_quarantined_and_the_pull_goes_on(self, erp: ErpUnderTest) -> None:
        _quarantined_alone(erp, Planted.MISSING_VALUE)

    @changes_state
    def test_E06_extra_field_changes_nothing(self, erp: ErpUnderTest) -> None:
        planted = erp.plant(Planted.EXTRA_FIELD)
        (item,) = [one for one in erp.adapter().pull_contracts(None) if one.ref == planted.ref]
        assert isinstance(item.outcome, Mapped), item.outcome

    def test_E07_throttled_read_is_rate_limited(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        switch(erp, Fault.TOO_FREQUENT, On.READS, MORE_THAN_ANY_RETRY)
        with pytest.raises(RateLimited) as refused:
            list(adapter.pull_contracts(None))
        assert refused.value.retry_after >= 1

    @changes_state
    def test_E07_throttled_write_is_rate_limited_and_nothing_is_booked(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(7, _AMOUNT)
        switch(erp, Fault.TOO_FREQUENT, On.WRITES, MORE_THAN_ANY_RETRY)
        assert isinstance(outcome_of(erp.adapter(), voucher), RateLimited)
        assert erp.booked(voucher.key) == []

    def test_E08_a_lost_session_is_renewed_once_without_anybody_noticing(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        whole = digests(adapter.pull_contracts(None))
        switch(erp, Fault.SESSION_LOST, On.READS)
        assert digests(adapter.pull_contracts(None)) == whole

    def test_E08_a_session_lost_again_is_auth_failed(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        switch(erp, Fault.SESSION_LOST, On.READS, MORE_THAN_ANY_RETRY)
        with pytest.raises(AuthFailed):
            list(adapter.pull_contracts(None))

    @changes_state
    def test_E08_a_session_lost_during_a_write_never_doubles_it(self, erp: ErpUnderTest) -> None:
        voucher = erp.voucher(8, _AMOUNT)
        adapter = erp.adapter()
        switch(erp, Fault.SESSION_LOST, On.WRITES)
        outcome = outcome_of(adapter, voucher)
        assert isinstance(outcome, OutcomeUnknown | AuthFailed | PostingReceipt), outcome
        assert isinstance(outcome_of(adapter, voucher), PostingReceipt)
        assert len(erp.booked(voucher.key)) == 1

    def test_E17_a_key_sweep_sees_every_line(self, erp: ErpUnderTest) -> None:
        adapter = erp.adapter()
        if not adapter.capabilities.contracts_key_sweep:
            pytest.skip(f"{erp.name}: the card says that keys cannot be swept")
        swept = list(adapter.pull_contracts(None, PullScope.KEYS))
        assert all(isinstance(item.outcome, Seen) for item in swept)
        assert {item.ref for item in swept} == {item.ref for item in adapter.pull_contracts(None)}


def _cut(
    erp: ErpUnderTest, items: Iterator[Pulled[ContractLine]], number: int, by_the_network: bool
) -> Iterator[Pulled[ContractLine]]:
    """The first `number` items; then the process ends, or every further answer is cut."""
    for count, item in enumerate(items):
        if count == number and not by_the_network:
            return
        yield item
        if count == number:
            switch(erp, Fault.ANSWER_CUT, On.READS, MORE_THAN_ANY_RETRY)
            break
    try:
        yield from items
    except PlatformError:
        return


def _contents(items: Iterable[Pulled[ContractLine]]) -> dict[str, object]:
    """What was understood of each record. The change date is left out: an ERP may stamp a whole document for one line."""
    return {
        str(item.ref): replace(item.outcome.item, modified_at=None)
        if isinstance(item.outcome, Mapped)
        else item.outcome
        for item in items
    }


def _quarantined_alone(erp: ErpUnderTest, what: Planted) -> None:
    before = {item.ref: item.outcome for item in erp.adapter().pull_contracts(None)}
    planted = erp.plant(what)
    after = {item.ref: item.outcome for item in erp.adapter().pull_contracts(None)}
    outcome = after.pop(planted.ref)
    assert isinstance(outcome, Quarantined), outcome
    assert outcome.column and str(outcome.reason)
    assert after == before
