"""Pages of a list that were read before: who sees one again exactly as it was need not read it."""

from sqlalchemy import Index, Integer, Table, Text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant

KNOWN_PAGES = Table(
    "known_pages",
    METADATA,
    book_column(),
    key("connection"),
    key("token"),
    key("part"),
    must("records", Integer),
    must("told", Text),
    must("kept_at", Instant),
)
"""One row per raw page (`part`) in which current versions of the page's records lie. A record that gets another version or is
gone takes with it every row of every token that has its raw page among its parts."""

Index("ix_known_pages_part", KNOWN_PAGES.c.book_id, KNOWN_PAGES.c.connection, KNOWN_PAGES.c.part)
