"""Kingdee Cosmic passes the conformance suite: as published, and behind a gateway with other names and no counts."""

from conformance import ErpConformance
from tests.support.cosmic import CosmicGatewayUnderTest, CosmicUnderTest


class TestConformanceCosmic(ErpConformance):
    under_test = CosmicUnderTest


class TestConformanceCosmicGateway(ErpConformance):
    under_test = CosmicGatewayUnderTest
