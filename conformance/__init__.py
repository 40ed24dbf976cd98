"""The numbered cases every adapter must pass, against a system that somebody can look into and make fail.

A third party inherits them in two lines (see docs/writing-an-adapter.md):

    class TestConformanceAcme(ErpConformance):
        under_test = AcmeUnderTest
"""

import pytest

for _module in ("cases", "pulling", "posting", "honesty", "broker"):
    pytest.register_assert_rewrite(f"conformance.{_module}")

from conformance.broker import BrokerConformance  # noqa: E402 - assertions must be rewritten before the cases are imported
from conformance.broker_under_test import BrokerUnderTest, Dealt  # noqa: E402
from conformance.erp import ErpConformance  # noqa: E402
from conformance.samples import sample_voucher  # noqa: E402
from conformance.under_test import (  # noqa: E402
    STALL_SECONDS,
    Access,
    Booked,
    BookedLine,
    ErpUnderTest,
    Fault,
    NotSwitchable,
    On,
    Planted,
    Planting,
)

__all__ = [
    "STALL_SECONDS",
    "Access",
    "Booked",
    "BookedLine",
    "BrokerConformance",
    "BrokerUnderTest",
    "Dealt",
    "ErpConformance",
    "ErpUnderTest",
    "Fault",
    "NotSwitchable",
    "On",
    "Planted",
    "Planting",
    "sample_voucher",
]
