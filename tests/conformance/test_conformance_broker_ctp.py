"""CTP passes the broker conformance suite, against a scripted trader API."""

from conformance import BrokerConformance
from tests.support.ctp_broker import CtpUnderTest


class TestConformanceBrokerCtp(BrokerConformance):
    under_test = CtpUnderTest
