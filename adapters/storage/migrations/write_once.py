"""Triggers for what the database itself must refuse to change, written from a table of guards for both databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.storage.engine import REFUSED

_FUNCTION: Final = "hedgebridge_refuse"


@dataclass(frozen=True, slots=True)
class Guard:
    """What is kept of one table.

    `columns` may not change while `when` (SQL over OLD) holds, nor the row be deleted then; `never` (SQL over OLD and NEW)
    is a change refused besides. No columns: no update at all. Not `deletable_otherwise`: no row is ever deleted."""

    table: str
    columns: Sequence[str] = ()
    when: str = ""
    never: str = ""
    deletable_otherwise: bool = False


def install(guards: Sequence[Guard], dialect: str) -> Iterator[str]:
    """The statements that create the triggers on `dialect` (`sqlite` or `postgresql`)."""
    if dialect == "postgresql":
        yield (
            f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = '{REFUSED}' || TG_TABLE_NAME; END $$"
        )
    for guard in guards:
        yield _row_trigger(guard, "update", _update_condition(guard, dialect), dialect)
        yield _row_trigger(guard, "delete", guard.when if guard.deletable_otherwise else "", dialect)
        if dialect == "postgresql":
            yield (
                f"CREATE TRIGGER {guard.table}_truncate BEFORE TRUNCATE ON {guard.table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
            )


def remove(guards: Sequence[Guard], dialect: str) -> Iterator[str]:
    """The statements that take the triggers of `install` away again."""
    for guard in guards:
        for action in ("update", "delete", *(("truncate",) if dialect == "postgresql" else ())):
            yield f"DROP TRIGGER {guard.table}_{action}" + (f" ON {guard.table}" if dialect == "postgresql" else "")
    if dialect == "postgresql":
        yield f"DROP FUNCTION {_FUNCTION}()"


def _update_condition(guard: Guard, dialect: str) -> str:
    differs = "IS DISTINCT FROM" if dialect == "postgresql" else "IS NOT"
    content = " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in guard.columns)
    if content and guard.when:
        content = f"({guard.when}) AND ({content})"
    return " OR ".join(f"({part})" for part in (content, guard.never) if part)


def _row_trigger(guard: Guard, action: str, condition: str, dialect: str) -> str:
    head = f"CREATE TRIGGER {guard.table}_{action} BEFORE {action.upper()} ON {guard.table} FOR EACH ROW"
    if condition:
        head += f" WHEN ({condition})"
    if dialect == "postgresql":
        return f"{head} EXECUTE FUNCTION {_FUNCTION}()"
    return f"{head} BEGIN SELECT RAISE(ABORT, '{REFUSED}{guard.table}'); END"
