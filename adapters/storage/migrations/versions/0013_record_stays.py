"""When a version of a record was what the other side showed, kept where its own row is received again."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from adapters.storage.row_security import protect
from adapters.storage.types import Instant, Key

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = ("book_id", "connection", "kind", "key", "digest", "since", "spec", "gone_at")
_FROM = ("book_id", "connection", "kind", "key", "digest", "received_at", "spec", "gone_at")
_FUNCTION = "hedgebridge_keep_stay"


def upgrade() -> None:
    op.create_table(
        "record_stays",
        sa.Column("book_id", Key(), nullable=False),
        sa.Column("connection", Key(), nullable=False),
        sa.Column("kind", Key(), nullable=False),
        sa.Column("key", Key(), nullable=False),
        sa.Column("digest", Key(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("gone_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_record_stays_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "kind", "key", "digest", "since", name="pk_record_stays"),
    )
    dialect = op.get_bind().dialect.name
    for statement in (*_trigger(dialect), *(protect(["record_stays"]) if dialect == "postgresql" else ())):
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER raw_records_stay ON raw_records")
        op.execute(f"DROP FUNCTION {_FUNCTION}()")
    else:
        op.execute("DROP TRIGGER raw_records_stay")
    op.drop_table("record_stays")


def _trigger(dialect: str) -> Iterator[str]:
    """Whoever writes a record received again, in whatever way, leaves behind when it was there before."""
    old = ", ".join(f"OLD.{name}" for name in _FROM)
    into = f"INSERT INTO record_stays ({', '.join(_COLUMNS)})"
    if dialect == "postgresql":
        yield (
            f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{into} VALUES ({old}) ON CONFLICT DO NOTHING; RETURN NULL; END $$"
        )
        yield (
            "CREATE TRIGGER raw_records_stay AFTER UPDATE ON raw_records FOR EACH ROW "
            f"WHEN (OLD.received_at IS DISTINCT FROM NEW.received_at) EXECUTE FUNCTION {_FUNCTION}()"
        )
        return
    same = " AND ".join(f"{name} = OLD.{old}" for name, old in zip(_COLUMNS[:6], _FROM[:6], strict=True))
    yield (  # the words are ours
        "CREATE TRIGGER raw_records_stay AFTER UPDATE OF received_at ON raw_records FOR EACH ROW "  # noqa: S608
        "WHEN OLD.received_at IS NOT NEW.received_at BEGIN "
        f"{into} SELECT {old} WHERE NOT EXISTS (SELECT 1 FROM record_stays WHERE {same}); END"
    )
