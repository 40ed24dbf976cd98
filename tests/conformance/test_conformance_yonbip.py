"""Yonyou YonBIP passes the conformance suite: with codes as text, and with codes as numbers and plain text about a bad token."""

from conformance import ErpConformance
from tests.support.yonbip import YonBipNumericUnderTest, YonBipUnderTest


class TestConformanceYonbip(ErpConformance):
    under_test = YonBipUnderTest


class TestConformanceYonbipNumeric(ErpConformance):
    under_test = YonBipNumericUnderTest
