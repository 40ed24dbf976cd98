"""The whole suite for an ERP adapter: E01 to E18."""

from __future__ import annotations

from conformance.honesty import HonestyCases
from conformance.posting import PostingCases
from conformance.pulling import PullingCases


class ErpConformance(PullingCases, PostingCases, HonestyCases):
    """Inherit and set `under_test`; name the class (or its file) with `conformance` and the system's name in it."""
