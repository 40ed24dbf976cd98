"""Raw records of one page as one compressed text, each addressed by its place in it."""

from sqlalchemy import Integer, LargeBinary, Table, Text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant

RAW_PAGES = Table(
    "raw_pages",
    METADATA,
    book_column(),
    key("connection"),
    key("page"),
    must("coding", Text),
    must("size", Integer),
    must("body", LargeBinary),
    must("kept_at", Instant),
)
"""`page` is SHA-256 over the digests of its records in their order, `body` their bytes one after the other, packed as `coding`
says (`zlib`), `size` the length unpacked. A page never changes: another content is another page."""
