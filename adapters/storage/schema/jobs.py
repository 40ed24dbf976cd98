"""The tables of what runs by itself: jobs with their progress, and the schedules of each book."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, Table, Text, text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant, Json, Key

JOBS = Table(
    "jobs",
    METADATA,
    book_column(),
    Column("id", BigInteger, Identity(), primary_key=True),
    must("kind", Key),
    must("queue", Key),
    must("state", Key),
    must("params", Json),
    must("exclusive", Key),
    must("schedule", Key),
    must("made_by", Text),
    must("made_at", Instant),
    must("due_at", Instant),
    must("available_at", Instant),
    must("attempts", Integer),
    must("lost_leases", Integer),
    must("done", BigInteger),
    Column("total", BigInteger),
    must("counts", Json),
    must("checkpoint", Json),
    Column("error", Json),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    must("cancel_asked", Boolean),
    must("lease_token", Text),
    Column("lease_until", Instant),
)

JOB_DUE = text("state = 'queued'")
JOB_HELD = text("state IN ('leased', 'running')")
JOB_ALONE = text("state = 'running' AND exclusive <> ''")
"""Two running jobs never have the same `exclusive`: the database refuses it, whoever thought otherwise."""

Index("uq_jobs_id", JOBS.c.id, unique=True)
Index("ix_jobs_schedule", JOBS.c.book_id, JOBS.c.schedule, JOBS.c.id)
Index(
    "ix_jobs_due",
    *(JOBS.c[n] for n in ("queue", "available_at", "id")),
    sqlite_where=JOB_DUE,
    postgresql_where=JOB_DUE,
)
Index(
    "ix_jobs_held",
    *(JOBS.c[n] for n in ("queue", "lease_until", "id")),
    sqlite_where=JOB_HELD,
    postgresql_where=JOB_HELD,
)
Index(
    "uq_jobs_alone",
    JOBS.c.book_id,
    JOBS.c.exclusive,
    unique=True,
    sqlite_where=JOB_ALONE,
    postgresql_where=JOB_ALONE,
)

SCHEDULES = Table(
    "schedules",
    METADATA,
    book_column(),
    key("name"),
    must("kind", Key),
    must("rule", Text),
    must("params", Json),
    Column("next_at", Instant),
    Column("last_at", Instant),
    must("paused", Boolean),
    must("made_by", Text),
)
PLANNED = text("NOT paused AND next_at IS NOT NULL")
Index("ix_schedules_next", SCHEDULES.c.next_at, sqlite_where=PLANNED, postgresql_where=PLANNED)
