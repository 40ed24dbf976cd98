"""The port for pages of records: kept in one go, and recognised when they come again exactly as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from hedge_core.model.record_pages import PageToKeep, RecordPage


class RecordPageStore(Protocol):
    """Pages of records of one book."""

    def known(self, connection: str) -> dict[str, str]:
        """token -> told of the pages that would say nothing new: every record in them is current as that page had it."""
        ...

    def unchanged(self, connection: str, tokens: Sequence[str]) -> dict[str, int]:
        """token -> number of records of those among the pages of which that still holds."""
        ...

    def keep(self, pages: Sequence[PageToKeep]) -> None:
        """Keep what is new of pages: raw bodies, versions, quarantine. No record twice in one call. To be called after
        `RecordStore.known` was asked for these keys in the same unit."""
        ...

    def remember(self, pages: Sequence[RecordPage[Any]]) -> None:
        """The pages with a token, whose records are all kept by now, are known from here on."""
        ...
