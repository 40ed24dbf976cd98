"""SAP S/4HANA passes the conformance suite, with basic authentication and with OAuth2 client credentials."""

from conformance import ErpConformance
from tests.support.sap import SapOAuthUnderTest, SapUnderTest


class TestConformanceSap(ErpConformance):
    under_test = SapUnderTest


class TestConformanceSapOAuth(ErpConformance):
    under_test = SapOAuthUnderTest
