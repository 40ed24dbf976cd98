"""Yonyou U8+ passes the conformance suite: with vouchers by the OpenAPI relay, and with vouchers by EAI."""

from conformance import ErpConformance
from tests.support.u8openapi import U8EaiUnderTest, U8UnderTest


class TestConformanceU8openapi(ErpConformance):
    under_test = U8UnderTest


class TestConformanceU8openapiEai(ErpConformance):
    under_test = U8EaiUnderTest
