"""Yonyou NC Cloud passes the conformance suite: with plain bodies and counted lists, and with compressed bodies and no counts."""

from conformance import ErpConformance
from tests.support.nccloud import NcCloudCompressedUnderTest, NcCloudUnderTest


class TestConformanceNccloud(ErpConformance):
    under_test = NcCloudUnderTest


class TestConformanceNccloudCompressed(ErpConformance):
    under_test = NcCloudCompressedUnderTest
