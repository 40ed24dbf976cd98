"""Yonyou U8 Cloud passes the conformance suite: as published, and where lists neither count nor promise a page's size."""

from conformance import ErpConformance
from tests.support.u8cloud import U8CloudTextUnderTest, U8CloudUnderTest


class TestConformanceU8cloud(ErpConformance):
    under_test = U8CloudUnderTest


class TestConformanceU8cloudText(ErpConformance):
    under_test = U8CloudTextUnderTest
