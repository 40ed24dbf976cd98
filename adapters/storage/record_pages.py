"""Pages of records: kept in a few statements, and recognised when they come again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from adapters.storage.raw_rows import RawRows
from hedge_core.model.record_pages import PageToKeep, RecordPage

MOST_PARTS: Final = 8
"""A page whose records lie in more raw pages than this is not worth remembering."""


class RecordPages:
    """`hedge_core.ports.record_pages.RecordPageStore` of one book."""

    def __init__(self, rows: RawRows) -> None:
        self._rows = rows
        self._known = rows.known_pages
        self._whole: dict[str, str] = {}

    def known(self, connection: str) -> dict[str, str]:
        return self._known.told(connection)

    def unchanged(self, connection: str, tokens: Sequence[str]) -> dict[str, int]:
        return self._known.counted(connection, tokens)

    def keep(self, pages: Sequence[PageToKeep]) -> None:
        for kept, part in zip(pages, self._rows.keep(pages), strict=True):
            if part is not None and len(kept.places) == len(kept.page):
                self._whole[kept.page.token] = part

    def remember(self, pages: Sequence[RecordPage[Any]]) -> None:
        for page in pages:
            if not page.token:
                continue
            whole = self._whole.pop(page.token, None)
            parts = {whole} if whole else self._rows.parts(page.connection, page.kind, page.keys)
            if 0 < len(parts) <= MOST_PARTS and None not in parts:
                self._known.remember(page.connection, page.token, sorted(map(str, parts)), len(page), page.told)
        for connection in {page.connection for page in pages if page.token}:
            self._known.tidy(connection)
