"""Kingdee K/3 Cloud passes the conformance suite, with signed requests and with a session."""

from conformance import ErpConformance
from tests.support.kingdee import KingdeeSessionUnderTest, KingdeeUnderTest


class TestConformanceKingdee(ErpConformance):
    under_test = KingdeeUnderTest


class TestConformanceKingdeeSession(ErpConformance):
    under_test = KingdeeSessionUnderTest
