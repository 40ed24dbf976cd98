"""The bytes of raw records: kept packed by the page they came in, given back one by one exactly as they were."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from itertools import accumulate, repeat
from typing import Any, Final

from sqlalchemy.dialects import postgresql, sqlite

from adapters.storage.schema import RAW_PAGES
from adapters.storage.scope import Scope

FEWEST: Final = 16
"""Records from which on a page is packed; fewer keep their bytes in their own rows."""

_CODING: Final = "zlib"
_LEVEL: Final = 1
"""Rows of a list are so alike that the quickest level already leaves a tenth of them."""

Place = tuple[str, int, int]
"""Page, where the record begins in it, and how many bytes it has."""


class RawPages:
    """The pages of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def keep(self, connection: str, digests: Sequence[str], bodies: Sequence[bytes]) -> list[Place]:
        """Keep the bytes of records of one connection together; where each of them lies. The same page again is one page."""
        page = hashlib.sha256("".join(digests).encode("ascii")).hexdigest()
        lengths = list(map(len, bodies))
        places = list(zip(repeat(page), accumulate(lengths, initial=0), lengths, strict=False))
        row = {
            "book_id": self._scope.book,
            "connection": connection,
            "page": page,
            "coding": _CODING,
            "size": sum(lengths),
            "body": zlib.compress(b"".join(bodies), _LEVEL),
            "kept_at": self._scope.clock.now(),
        }
        dialect = postgresql if self._scope.connection.dialect.name == "postgresql" else sqlite
        self._scope.run(dialect.insert(RAW_PAGES).on_conflict_do_nothing(), [row])
        return places

    def bodies(self, rows: Iterable[Any]) -> dict[tuple[str, str, str, str], bytes]:
        """The bytes of rows of `raw_records`, by connection, kind, key and digest. Each page is unpacked once, and one at a
        time."""
        found: dict[tuple[str, str, str, str], bytes] = {}
        paged: dict[tuple[str, str], list[Any]] = {}
        for row in rows:
            if row.page is None:
                found[_record(row)] = bytes(row.body)
            else:
                paged.setdefault((row.connection, row.page), []).append(row)
        for (connection, page), there in paged.items():
            whole = self._unpacked(connection, page)
            found |= {_record(row): whole[row.place : row.place + row.length] for row in there}
        return found

    def _unpacked(self, connection: str, page: str) -> bytes:
        table = RAW_PAGES
        query = self._scope.select(table, table.c.coding, table.c.size, table.c.body)
        row = self._scope.first(query.where(table.c.connection == connection, table.c.page == page))
        if row is None or row.coding != _CODING:
            raise LookupError(f"the raw page {connection}/{page} is missing or packed in a way unknown here")
        whole = zlib.decompress(row.body, bufsize=row.size or 1)
        if len(whole) != row.size:
            raise LookupError(f"the raw page {connection}/{page} has {len(whole)} bytes instead of {row.size}")
        return whole


def _record(row: Any) -> tuple[str, str, str, str]:
    return row.connection, row.kind, row.key, row.digest
