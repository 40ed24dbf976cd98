"""A Kingdee stand-in with the demo company's books, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kingdee import Kingdee, serving


@pytest.fixture
def kingdee() -> Iterator[Kingdee]:
    with serving() as running:
        yield running
