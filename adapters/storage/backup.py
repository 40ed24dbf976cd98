"""A backup as one file that either database takes back: a zip of one file per table, with counts and digests.

`manifest.json` names the form, the schema's revision, the moment, and per table its columns (name and type), rows and
SHA-256; `<table>.jsonl` holds a JSON array per row, Decimals and instants as text, bytes in base64. The whole is read in one
transaction, so it shows one moment; it is restored in one, so a failure leaves the database empty. Secrets are in it as they
are stored: sealed. The master key is not.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final

from alembic import command
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    inspect,
    select,
    text,
)
from sqlalchemy.types import TypeEngine

from adapters.storage.engine import enter_all_books, enter_book, make_engine
from adapters.storage.schema import METADATA
from adapters.storage.types import ExactDecimal, Instant, Json, Key
from adapters.storage.upgrade import SchemaState, grant, migrations, state_of
from hedge_core.audit import verify_log
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import BookId
from messages import Message

FORM: Final = "hedgebridge-backup-1"
_MANIFEST: Final = "manifest.json"
_PAGE: Final = 1000
_LONGEST_LINE: Final = 256 * 1024 * 1024
"""Bytes of one row; a statement's file is the largest thing in one."""

Progress = Callable[[str, int], None]
"""Called with a table's name and the rows of it that are done."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """One table in a backup."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    revision: str
    made_at: str
    tables: tuple[TablePart, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A column type: its name in the manifest, how to rebuild it, and how a value is written and read."""

    name: str
    type: Callable[[], TypeEngine[Any]]
    write: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value


_KINDS: Final[Mapping[type, _Kind]] = {
    ExactDecimal: _Kind("decimal", ExactDecimal, str, Decimal),
    Instant: _Kind("instant", Instant, lambda value: value.astimezone(UTC).isoformat(), datetime.fromisoformat),
    Date: _Kind("date", Date, lambda value: value.isoformat(), date.fromisoformat),
    LargeBinary: _Kind(
        "bytes", LargeBinary, lambda value: b64encode(value).decode(), lambda value: b64decode(value, validate=True)
    ),
    Json: _Kind("json", Json, lambda value: value.decode(), lambda value: value.encode()),
    Key: _Kind("key", Key),
    Text: _Kind("text", Text),
    Boolean: _Kind("boolean", Boolean),
    BigInteger: _Kind("big integer", BigInteger),
    Integer: _Kind("integer", Integer),
}
_BY_NAME: Final = {kind.name: kind for kind in _KINDS.values()}


def write_backup(url: str, path: Path, progress: Progress = lambda table, rows: None) -> Manifest:
    """Back the database at `url` up into `path`, readable by its owner only. InvalidInput when the file exists or the
    database has not this program's schema."""
    if path.exists():
        raise InvalidInput(str(path), 0, "", Message("backup.exists", {"path": path}))
    new = path.with_name(f".{path.name}.part")
    engine = make_engine(url)
    try:
        with engine.connect().execution_options(reading=True) as connection, _private(new) as file:
            state = state_of(connection)
            state.require_ready()
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                books = _books(connection)
                parts = tuple(_dump(connection, table, books, archive, progress) for table in METADATA.sorted_tables)
                manifest = Manifest(state.current, datetime.now(UTC).isoformat(timespec="seconds"), parts)
                archive.writestr(_MANIFEST, _manifest_text(manifest))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
        engine.dispose()
    return manifest


def restore_backup(
    url: str, path: Path, progress: Progress = lambda table, rows: None, grant_to: str = ""
) -> SchemaState:
    """Put a backup into the empty database at `url` and bring it to this program's schema, in one transaction; `grant_to` as
    in `upgrade_database`.

    InvalidInput when the file is no backup, is damaged, comes from a newer program, or the database is not empty."""
    with opened(path) as archive:
        manifest = read_manifest(archive, path)
        engine = make_engine(url)
        try:
            with engine.begin() as connection, migrations(connection) as (config, known):
                if inspect(connection).get_table_names():
                    raise InvalidInput("database", 0, "", Message("backup.not_empty"))
                if manifest.revision not in known:
                    raise InvalidInput(str(path), 0, "", Message("backup.newer", {"revision": manifest.revision}))
                command.upgrade(config, manifest.revision)
                for part in manifest.tables:
                    _load(connection, part, archive, path, progress)
                _go_on_counting(connection, engine, manifest)
                command.upgrade(config, "head")
                grant(connection, grant_to)
                return state_of(connection)
        finally:
            engine.dispose()


def verify_backup(path: Path) -> tuple[Manifest, list[Message]]:
    """What a backup says of itself and what does not hold in it: counts, digests, and each book's audit log."""
    findings: list[Message] = []
    with opened(path) as archive:
        manifest = read_manifest(archive, path)
        for part in manifest.tables:
            rows, digest = 0, hashlib.sha256()
            with archive.open(f"{part.name}.jsonl") as lines:
                for line in lines:
                    digest.update(line)
                    rows += 1
            if (rows, digest.hexdigest()) != (part.rows, part.digest):
                findings.append(Message("backup.damaged", {"table": part.name, "rows": rows, "said": part.rows}))
        if not findings:
            findings += _audit_findings(archive, manifest, path)
    return manifest, findings


def opened(path: Path) -> zipfile.ZipFile:
    """The archive; InvalidInput when it is none."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InvalidInput(str(path), 0, "", Message("backup.no_file", {"path": path})) from None
    except (zipfile.BadZipFile, OSError):
        raise InvalidInput(str(path), 0, "", Message("backup.form", {"path": path})) from None


def read_manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    """What the archive says of itself; InvalidInput when it is no backup of ours."""
    try:
        told = json.loads(archive.read(_MANIFEST))
        if told["form"] != FORM:
            raise ValueError
        parts = tuple(
            TablePart(name, tuple((c, _BY_NAME[kind].name) for c, kind in it["columns"]), it["rows"], it["sha256"])
            for name, it in told["tables"].items()
        )
        return Manifest(told["revision"], told["made_at"], parts)
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile):
        raise InvalidInput(str(path), 0, "", Message("backup.form", {"path": path})) from None


def _manifest_text(manifest: Manifest) -> str:
    tables = {
        part.name: {"columns": part.columns, "rows": part.rows, "sha256": part.digest} for part in manifest.tables
    }
    told = {"form": FORM, "revision": manifest.revision, "made_at": manifest.made_at, "tables": tables}
    return json.dumps(told, ensure_ascii=False, indent=1)


def _private(path: Path) -> IO[bytes]:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _kind(column: Column[Any]) -> _Kind:
    return next(kind for known, kind in _KINDS.items() if isinstance(column.type, known))


def _books(connection: Connection) -> list[str]:
    enter_all_books(connection)
    table = METADATA.tables["books"]
    return list(connection.execute(select(table.c.book_id).order_by(table.c.book_id)).scalars())


def _dump(
    connection: Connection, table: Table, books: Sequence[str], archive: zipfile.ZipFile, progress: Progress
) -> TablePart:
    kinds = [_kind(column) for column in table.c]
    rows, digest = 0, hashlib.sha256()
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as out:
        for page in _pages(connection, table, books):
            for row in page:
                values = [None if v is None else kind.write(v) for kind, v in zip(kinds, row, strict=True)]
                line = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
                digest.update(line)
                out.write(line)
            rows += len(page)
            progress(table.name, rows)
    columns = tuple((column.name, kind.name) for column, kind in zip(table.c, kinds, strict=True))
    return TablePart(table.name, columns, rows, digest.hexdigest())


def _pages(connection: Connection, table: Table, books: Sequence[str]) -> Iterator[Sequence[Any]]:
    for book in books:
        enter_book(connection, book)
        query = select(table).where(table.c.book_id == book).order_by(*_order(table))
        yield from connection.execution_options(yield_per=_PAGE).execute(query).partitions(_PAGE)


def _order(table: Table) -> Sequence[Column[Any]]:
    """By what counts rows, where rows of a table name each other; else by primary key."""
    counted = [column for column in table.c if column.identity is not None]
    return counted or list(table.primary_key)


def _load(connection: Connection, part: TablePart, archive: zipfile.ZipFile, path: Path, progress: Progress) -> None:
    kinds = [_BY_NAME[kind] for _, kind in part.columns]
    names = [name for name, _ in part.columns]
    columns = [Column(name, kind.type()) for name, kind in zip(names, kinds, strict=True)]
    insert = Table(part.name, MetaData(), *columns).insert()
    rows, digest = 0, hashlib.sha256()
    for page in _lines(archive, part, path):
        values = []
        for number, line in page:
            digest.update(line)
            try:
                found = json.loads(line)
                read = (None if v is None else kind.read(v) for kind, v in zip(kinds, found, strict=True))
                values.append(dict(zip(names, read, strict=True)))
            except (ValueError, TypeError, ArithmeticError, AttributeError):
                raise InvalidInput(str(path), number, part.name, Message("backup.row")) from None
        for book, group in groupby(values, key=lambda row: str(row["book_id"])):
            enter_book(connection, book)
            connection.execute(insert, list(group))
        rows += len(values)
        progress(part.name, rows)
    if (rows, digest.hexdigest()) != (part.rows, part.digest):
        named = {"table": part.name, "rows": rows, "said": part.rows}
        raise InvalidInput(str(path), 0, part.name, Message("backup.damaged", named))


def _lines(archive: zipfile.ZipFile, part: TablePart, path: Path) -> Iterator[list[tuple[int, bytes]]]:
    page: list[tuple[int, bytes]] = []
    try:
        with archive.open(f"{part.name}.jsonl") as lines:
            number = 0
            while line := lines.readline(_LONGEST_LINE):
                number += 1
                page.append((number, line))
                if len(page) == _PAGE:
                    yield page
                    page = []
    except (KeyError, zipfile.BadZipFile, EOFError):
        raise InvalidInput(str(path), 0, part.name, Message("backup.form", {"path": path})) from None
    if page:
        yield page


def _go_on_counting(connection: Connection, engine: Engine, manifest: Manifest) -> None:
    """PostgreSQL counts rows beside the table; SQLite looks at the table itself."""
    if engine.dialect.name != "postgresql":
        return
    enter_all_books(connection)
    for table in METADATA.sorted_tables:
        for column in table.c:
            if column.identity is not None and table.name in {part.name for part in manifest.tables}:
                query = (
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - our names
                    f"coalesce(max({column.name}), 1), max({column.name}) IS NOT NULL) FROM {table.name}"
                )
                connection.execute(text(query))


def _audit_findings(archive: zipfile.ZipFile, manifest: Manifest, path: Path) -> list[Message]:
    heads = {row["book_id"]: row for row in _rows(archive, manifest, "audit_heads")}
    findings: list[Message] = []
    for book, head in heads.items():
        events = (
            (row["sequence"], row["body"], row["leaf_hash"])
            for row in _rows(archive, manifest, "audit_events")
            if row["book_id"] == book
        )
        findings += verify_log(BookId(book), events, (head["size"], head["root"].hex()))
    return findings


def _rows(archive: zipfile.ZipFile, manifest: Manifest, table: str) -> Iterator[dict[str, Any]]:
    part = next((part for part in manifest.tables if part.name == table), None)
    if part is None:
        return
    kinds = [_BY_NAME[kind] for _, kind in part.columns]
    with archive.open(f"{table}.jsonl") as lines:
        for line in lines:
            values = zip(part.columns, kinds, json.loads(line), strict=True)
            yield {name: None if value is None else kind.read(value) for (name, _), kind, value in values}
