"""Which pages of a list are known, and what makes them unknown again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from adapters.storage.schema import KNOWN_PAGES
from adapters.storage.scope import Scope, pages

MOST: Final = 20_000
"""Rows kept per connection: pages whose boundaries moved never come again, and the oldest go first."""


class KnownPages:
    """The known pages of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def told(self, connection: str) -> dict[str, str]:
        table = KNOWN_PAGES
        query = self._scope.select(table, table.c.token, table.c.told).where(table.c.connection == connection)
        return {row.token: row.told for row in self._scope.rows(query)}

    def counted(self, connection: str, tokens: Sequence[str]) -> dict[str, int]:
        table = KNOWN_PAGES
        query = self._scope.select(table, table.c.token, table.c.records).where(table.c.connection == connection)
        return {
            row.token: row.records
            for page in pages(tokens)
            for row in self._scope.rows(query.where(self._scope.among(table.c.token, page)))
        }

    def remember(self, connection: str, token: str, parts: Sequence[str], records: int, told: str) -> None:
        now = self._scope.clock.now()
        row = {"connection": connection, "token": token, "records": records, "told": told, "kept_at": now}
        self._scope.upsert(KNOWN_PAGES, ({**row, "part": part} for part in parts))

    def forget(self, connection: str, parts: Iterable[str | None]) -> None:
        """Records of these raw pages are no longer what they were; None stands for those outside raw pages."""
        table = KNOWN_PAGES
        for page in pages({part for part in parts if part is not None}):
            met = self._scope.select(table, table.c.token).where(
                table.c.connection == connection, self._scope.among(table.c.part, page)
            )
            gone = self._scope.delete(table).where(table.c.connection == connection, table.c.token.in_(met))
            self._scope.run(gone)

    def forget_all(self, connection: str) -> None:
        """Whatever was known of its pages: its records are read by another mapping now."""
        self._scope.run(self._scope.delete(KNOWN_PAGES).where(KNOWN_PAGES.c.connection == connection))

    def tidy(self, connection: str) -> None:
        """Forget the oldest beyond `MOST`."""
        table = KNOWN_PAGES
        of_connection = self._scope.select(table, table.c.kept_at).where(table.c.connection == connection)
        last = self._scope.first(of_connection.order_by(table.c.kept_at.desc()).offset(MOST).limit(1))
        if last is not None:
            old = table.c.kept_at <= last.kept_at
            self._scope.run(self._scope.delete(table).where(table.c.connection == connection, old))
