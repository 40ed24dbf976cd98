"""Raw pages as received, compressed."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

from adapters.storage.types import Instant, Key

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_RECORD = ("book_id", "connection", "kind", "key", "digest")


def upgrade() -> None:
    op.create_table(
        "raw_pages",
        sa.Column("book_id", Key(), nullable=False),
        sa.Column("connection", Key(), nullable=False),
        sa.Column("page", Key(), nullable=False),
        sa.Column("coding", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_raw_pages_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "page", name="pk_raw_pages"),
    )
    op.add_column("raw_records", sa.Column("page", Key(), nullable=True))
    op.add_column("raw_records", sa.Column("place", sa.Integer(), nullable=True))
    op.add_column("raw_records", sa.Column("length", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Every record gets its own bytes back before the pages go."""
    connection = op.get_bind()
    pages, records = (sa.Table(name, sa.MetaData(), autoload_with=connection) for name in ("raw_pages", "raw_records"))
    keys = connection.execute(sa.select(pages.c.book_id, pages.c.connection, pages.c.page)).all()
    for of_page in keys:
        where = [pages.c[name] == value for name, value in zip(("book_id", "connection", "page"), of_page, strict=True)]
        body = zlib.decompress(connection.execute(sa.select(pages.c.body).where(*where)).scalar_one())
        kept = [
            records.c[name] == value for name, value in zip(("book_id", "connection", "page"), of_page, strict=True)
        ]
        found = connection.execute(sa.select(*(records.c[n] for n in (*_RECORD, "place", "length"))).where(*kept)).all()
        one = records.update().where(*(records.c[name] == sa.bindparam(f"its_{name}") for name in _RECORD))
        connection.execute(
            one.values(body=sa.bindparam("bytes")),
            [
                {f"its_{name}": row[at] for at, name in enumerate(_RECORD)}
                | {"bytes": body[row.place : row.place + row.length]}
                for row in found
            ],
        )
    for name in ("length", "place", "page"):
        op.drop_column("raw_records", name)
    op.drop_table("raw_pages")
