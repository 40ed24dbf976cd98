"""Pages of a list that came before, so that one that comes again exactly as it was need not be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.storage.row_security import protect
from adapters.storage.types import Instant, Key

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_pages",
        sa.Column("book_id", Key(), nullable=False),
        sa.Column("connection", Key(), nullable=False),
        sa.Column("token", Key(), nullable=False),
        sa.Column("part", Key(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_known_pages_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "token", "part", name="pk_known_pages"),
    )
    op.create_index("ix_known_pages_part", "known_pages", ["book_id", "connection", "part"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in protect(["known_pages"]):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("known_pages")
