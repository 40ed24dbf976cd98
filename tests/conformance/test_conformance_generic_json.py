"""Paged JSON lists pass the pulling cases of the conformance suite in every style of paging; nothing is pushed there."""

from conformance.pulling import PullingCases
from tests.support.generic_json import STYLES, GenericJsonUnderTest


def _in_style(style: str) -> type[GenericJsonUnderTest]:
    return type(f"{style}UnderTest", (GenericJsonUnderTest,), {"style": style})


class TestConformanceGenericJsonKeys(PullingCases):
    under_test = _in_style("keys")


class TestConformanceGenericJsonOffset(PullingCases):
    under_test = _in_style("offset")


class TestConformanceGenericJsonPage(PullingCases):
    under_test = _in_style("page")


class TestConformanceGenericJsonLink(PullingCases):
    under_test = _in_style("link")


class TestConformanceGenericJsonHeader(PullingCases):
    under_test = _in_style("header")


class TestConformanceGenericJsonOdata(PullingCases):
    under_test = _in_style("odata")


class TestConformanceGenericJsonOdataKeys(PullingCases):
    under_test = _in_style("odata_keys")


def test_conformance_generic_json_every_style_is_covered() -> None:
    covered = {value.under_test().style for name, value in globals().items() if name.startswith("TestConformance")}
    assert covered == set(STYLES)
