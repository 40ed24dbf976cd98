"""Earlier stays of a version of a record: when it was what the other side showed."""

from sqlalchemy import Column, Table, Text

from adapters.storage.schema.columns import METADATA, key, must, record_columns
from adapters.storage.types import Instant

RECORD_STAYS = Table(
    "record_stays",
    METADATA,
    *record_columns(),
    key("digest"),
    Column("since", Instant, primary_key=True),
    must("spec", Text),
    Column("gone_at", Instant),
)
"""Written by a trigger of `raw_records` and by nothing else: a version that is received again (after another one, after it was
gone, or by another mapping) has its row there renewed, and what that row said before is kept here."""
