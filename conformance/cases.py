"""What all cases share: the system per test, what is skipped and why, and short ways to pull and to push."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, TypeVar

import pytest

from conformance.under_test import ErpUnderTest, Fault, NotSwitchable, On
from hedge_core.errors import PlatformError
from hedge_core.model.physical import ContractLine
from hedge_core.model.records import Pulled
from hedge_core.model.vouchers import PostingReceipt, Voucher
from hedge_core.ports.erp import ErpAdapter

Test = TypeVar("Test", bound=Callable[..., Any])


def changes_state(test: Test) -> Test:
    """Marks a case that leaves something behind in the other side's books."""
    test.changes_state = True  # type: ignore[attr-defined]
    return test


class Cases:
    """Base of the groups of cases. `under_test` is a class that fulfils `ErpUnderTest`."""

    under_test: ClassVar[Callable[[], ErpUnderTest]]

    @pytest.fixture
    def erp(self, request: pytest.FixtureRequest) -> Iterator[ErpUnderTest]:
        """The system, entered for one test; what does not apply to it is skipped with its reason."""
        erp = type(self).under_test()
        name = request.function.__name__.removeprefix("test_")
        for start, reason in erp.not_applicable.items():
            if name.startswith(start):
                pytest.skip(f"{erp.name}: {start} does not apply: {reason}")
        if getattr(request.function, "changes_state", False) and not erp.may_write:
            pytest.skip(f"{erp.name}: changes state; allow it with HEDGEBRIDGE_TEST_WRITE=1")
        with erp:
            yield erp


def switch(erp: ErpUnderTest, fault: Fault, on: On, times: int = 1) -> None:
    """Switch a fault on, or skip the case visibly where nobody can."""
    try:
        erp.fault(fault, on, times)
    except NotSwitchable as reason:
        pytest.skip(f"{erp.name}: cannot be made to fail like this ({fault.name}): {reason}")


def outcome_of(adapter: ErpAdapter, voucher: Voucher) -> PostingReceipt | PlatformError:
    """Push one voucher; an error that is raised counts like one that is answered."""
    try:
        (outcome,) = adapter.push_vouchers([voucher])
    except PlatformError as error:
        return error
    return outcome


def receipt_of(adapter: ErpAdapter, voucher: Voucher) -> PostingReceipt:
    """Push one voucher that must get through."""
    outcome = outcome_of(adapter, voucher)
    assert isinstance(outcome, PostingReceipt), outcome
    return outcome


def digests(items: Iterable[Pulled[ContractLine]]) -> dict[str, str]:
    """Reference to digest of the record, for everything that was pulled whole."""
    return {str(item.ref): item.raw.digest for item in items if item.raw is not None}
