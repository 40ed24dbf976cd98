"""Where a ledger cannot be asked for a reference, an old voucher that is not found is not called missing."""

from __future__ import annotations

import inspect
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from hedge_core.ports.erp import LooksBack
from hedge_core.use_cases import reconcile, reconcile_day, reversals, sweep, trial_balance
from hedge_core.use_cases.reconcile import in_sight
from tests.support import cosmic, nccloud, u8cloud, u8openapi, yonbip

SYSTEMS = {"yonbip": yonbip, "u8cloud": u8cloud, "nccloud": nccloud, "cosmic": cosmic}
FEBRUARY, MARCH = date(2026, 2, 27), date(2026, 3, 31)


def stored(*vouchers: Any) -> list[Any]:
    return [SimpleNamespace(voucher=one) for one in vouchers]


@pytest.mark.parametrize("name", SYSTEMS)
def test_only_what_a_look_up_can_see_is_compared(name: str) -> None:
    support: Any = SYSTEMS[name]
    with support.serving() as site:
        old, new = (support.voucher(number, Decimal("10.00"), day) for number, day in ((1, FEBRUARY), (2, MARCH)))
        far, near = site.adapter(), site.adapter(lookup_months=1)
        far.push_vouchers([old, new])
        assert [len(far.find_vouchers([one.key]).get(one.key, [])) for one in (old, new)] == [1, 1]
        assert [len(near.find_vouchers([one.key]).get(one.key, [])) for one in (old, new)] == [0, 1]
        assert in_sight(stored(old, new), far) == stored(old, new)
        assert in_sight(stored(old, new), near) == stored(new)
        assert near.looks_back_to() == date(2026, 3, 1)


def test_a_ledger_that_is_asked_for_the_reference_sees_every_voucher() -> None:
    with u8openapi.serving() as site:
        adapter = site.adapter()
        assert not isinstance(adapter, LooksBack)
        old = stored(u8openapi.voucher(1, Decimal("10.00"), FEBRUARY))
        assert in_sight(old, adapter) == old


def test_every_reader_of_sent_vouchers_keeps_to_what_can_be_seen() -> None:
    """Whoever draws a conclusion from a voucher that is not found asks for those in sight."""
    for reader in (reconcile, reconcile_day, reversals, sweep, trial_balance):
        source = inspect.getsource(reader)
        assert source.count("adapter.find_vouchers(") == source.count("= in_sight(") + source.count(" in in_sight(")
