"""DIFF passes the broker conformance suite, against the stand-in gateway."""

from conformance import BrokerConformance
from tests.support.diff import DiffUnderTest


class TestConformanceBrokerDiff(BrokerConformance):
    under_test = DiffUnderTest
