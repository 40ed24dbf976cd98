"""Pages of records for tests: invented rows of one connection and kind."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from hedge_core.model.identity import ExternalRef
from hedge_core.model.record_pages import PageToKeep, RecordPage
from hedge_core.model.records import Cursor, Mapped
from tests.support import samples
from tests.support.samples import NOON


def page(
    keys: Sequence[str], said: str = "", token: str = "", told: str = "", spec: str = "orders@aa"
) -> RecordPage[Any]:
    """A page whose every record is mapped to a contract line of its own."""
    bodies = [f"{key} {said}".encode() for key in keys]

    def read(places: Sequence[int]) -> list[Any]:
        refs = [ExternalRef("k3", "sales_line", keys[place]) for place in places]
        return [Mapped(samples.contract_line(ref=ref, contract_no=f"C-{ref.key}"), spec) for ref in refs]

    return RecordPage(
        "k3", "sales_line", spec, keys, bodies, [hashlib.sha256(body).hexdigest() for body in bodies], NOON,
        Cursor("inside"), Cursor("after"), read, token, told,
    )  # fmt: skip


def whole(one: RecordPage[Any]) -> PageToKeep:
    """All of a page to be kept."""
    return PageToKeep(one, range(len(one)))
