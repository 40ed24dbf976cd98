"""Jobs with their progress, and the schedule of each book; what a row of the outbox and a connection know in addition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.storage import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DUE = sa.text("state = 'queued'")
_HELD = sa.text("state IN ('leased', 'running')")
_ALONE = sa.text("state = 'running' AND exclusive <> ''")
_PLANNED = sa.text("NOT paused AND next_at IS NOT NULL")

_OUTBOX = ("unknowns", "lost_leases", "batch_limit")
_CONNECTION = {"concurrency": "0", "per_minute": "0", "batch": "0", "max_batch": "1"}


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("queue", types.Key(), nullable=False),
        sa.Column("state", types.Key(), nullable=False),
        sa.Column("params", types.Json(), nullable=False),
        sa.Column("exclusive", types.Key(), nullable=False),
        sa.Column("schedule", types.Key(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", types.Instant(), nullable=False),
        sa.Column("due_at", types.Instant(), nullable=False),
        sa.Column("available_at", types.Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lost_leases", sa.Integer(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("counts", types.Json(), nullable=False),
        sa.Column("checkpoint", types.Json(), nullable=False),
        sa.Column("error", types.Json(), nullable=True),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("lease_token", sa.Text(), nullable=False),
        sa.Column("lease_until", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_jobs_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "id", name="pk_jobs"),
    )
    op.create_index("uq_jobs_id", "jobs", ["id"], unique=True)
    op.create_index("ix_jobs_schedule", "jobs", ["book_id", "schedule", "id"])
    for name, columns, where, unique in (
        ("ix_jobs_due", ["queue", "available_at", "id"], _DUE, False),
        ("ix_jobs_held", ["queue", "lease_until", "id"], _HELD, False),
        ("uq_jobs_alone", ["book_id", "exclusive"], _ALONE, True),
    ):
        op.create_index(name, "jobs", columns, unique=unique, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "schedules",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("name", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("params", types.Json(), nullable=False),
        sa.Column("next_at", types.Instant(), nullable=True),
        sa.Column("last_at", types.Instant(), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_schedules_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "name", name="pk_schedules"),
    )
    op.create_index("ix_schedules_next", "schedules", ["next_at"], sqlite_where=_PLANNED, postgresql_where=_PLANNED)
    for name in _OUTBOX:
        op.add_column("outbox", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("queued_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("decided_by", sa.Text(), nullable=False, server_default=""))
    for name, usual in _CONNECTION.items():
        op.add_column("connections", sa.Column(name, sa.Integer(), nullable=False, server_default=usual))
    op.add_column("connections", sa.Column("throttled_until", types.Instant(), nullable=True))


def downgrade() -> None:
    for name in ("throttled_until", *reversed(_CONNECTION)):
        op.drop_column("connections", name)
    for name in ("decided_by", "queued_by", *reversed(_OUTBOX)):
        op.drop_column("outbox", name)
    op.drop_table("schedules")
    op.drop_table("jobs")
