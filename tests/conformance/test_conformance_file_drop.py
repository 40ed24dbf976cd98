"""A folder with an importing ERP behind it passes the conformance suite."""

from conformance import ErpConformance
from tests.support.file_drop import FileDropUnderTest


class TestConformanceFileDrop(ErpConformance):
    under_test = FileDropUnderTest
