"""A backup holds everything, both databases take it back, and a damaged one is refused as a whole."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from adapters.storage import open_store, upgrade_database
from adapters.storage.backup import _KINDS, restore_backup, verify_backup, write_backup
from adapters.storage.engine import make_engine
from adapters.storage.schema import METADATA
from adapters.storage.upgrade import downgrade_one_step
from hedge_core.audit import verify_log
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import Book, Connection, StoredVoucher
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from tests.support.databases import *  # noqa: F403
from tests.support.databases import owner_url
from tests.support.posting import BOOK, CHECKER, ERP, MAKER, voucher

LI = Actor("li")


@pytest.fixture
def empty_sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'restored.db'}"


@pytest.fixture
def empty_postgres(postgres_server: object) -> Iterator[str]:
    url = postgres_server.create()  # type: ignore[attr-defined]
    yield url
    postgres_server.drop(url)  # type: ignore[attr-defined]


@pytest.fixture
def filled(database_url: str, clock: HandClock) -> str:  # noqa: F405
    """A book with a connection, approved and queued vouchers, documents and settings."""
    store = open_store(database_url, clock)
    store.add_book(Book(BOOK, "金禾金属", "CNY", {"rule_set": "none"}), MAKER)
    with store.begin(BOOK, MAKER) as uow:
        uow.save_connection(
            Connection(ERP, BOOK, "kingdee", {"url": "https://erp.example/k3cloud/"}, {"app_secret": "hb1:x"})
        )
        uow.save_document("mapping", "k3/sale_line", bytes(range(256)))
        for number in range(5):
            uow.results.add_voucher(StoredVoucher(voucher(number), VoucherStatus.DRAFT, MAKER.name))
    ids = [voucher(number).voucher_id for number in range(5)]
    assert approve_vouchers(store, BOOK, ids, CHECKER) == []
    assert queue_vouchers(store, BOOK, ERP, ids[:3], CHECKER, clock) == 3
    store.close()
    return database_url


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    engine = make_engine(owner_url(url))
    with engine.connect().execution_options(reading=True) as connection:
        found = {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
        }
    engine.dispose()
    return found


def test_every_column_of_every_table_can_be_written_and_read() -> None:
    unknown = [
        f"{table.name}.{column.name}"
        for table in METADATA.sorted_tables
        for column in table.c
        if not any(isinstance(column.type, kind) for kind in _KINDS)
    ]
    assert unknown == []


@pytest.mark.parametrize("target", ["empty_sqlite", "empty_postgres"])
def test_either_database_takes_the_backup_of_either(
    filled: str,
    target: str,
    tmp_path: Path,
    clock: HandClock,  # noqa: F405
    request: pytest.FixtureRequest,
) -> None:
    url = request.getfixturevalue(target)
    path = tmp_path / "backup.zip"
    made = write_backup(filled, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert verify_backup(path) == (made, [])
    assert restore_backup(url, path).ready
    assert contents(url) == contents(filled)
    store = open_store(url, clock)
    with store.read(BOOK) as uow:
        assert verify_log(BOOK, uow.audit.events(), uow.audit.head()) == []
    four = voucher(4).voucher_id
    assert queue_vouchers(store, BOOK, ERP, [four], CHECKER, clock) == 1
    with store.read(BOOK) as uow:
        ids = [row.id for row in uow.outbox.rows()]
    assert len(set(ids)) == 4 and max(ids) == ids[-1]
    with pytest.raises(RuleBroken), store.begin(BOOK, LI) as uow:
        uow.results.replace_draft(StoredVoucher(voucher(1, "9.00"), VoucherStatus.DRAFT, LI.name))
    store.close()


def test_a_backup_of_an_older_schema_is_restored_and_brought_forward(
    filled: str, tmp_path: Path, empty_sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, older = tmp_path / "backup.zip", tmp_path / "older.zip"
    write_backup(filled, path)
    engine = make_engine(filled)
    engine.dispose()
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        first = {"books", "connections", "documents", "vouchers", "outbox", "audit_events", "audit_heads"}
        manifest["revision"] = "0001"
        columns = _columns_of_the_first_schema(tmp_path)
        with zipfile.ZipFile(older, "w") as out:
            tables = {}
            for name in manifest["tables"]:
                if name not in first:
                    continue
                tables[name] = _narrowed(archive, out, name, manifest["tables"][name], columns[name])
            out.writestr("manifest.json", json.dumps({**manifest, "tables": tables}))
    assert restore_backup(empty_sqlite, older).ready
    assert contents(empty_sqlite)["audit_events"] == contents(filled)["audit_events"]


def _columns_of_the_first_schema(folder: Path) -> dict[str, set[str]]:

    url = f"sqlite:///{folder / 'first.db'}"
    upgrade_database(url)
    while downgrade_one_step(url).current != "0001":
        pass
    engine = make_engine(url)
    found = inspect(engine)
    columns = {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}
    engine.dispose()
    return columns


def _narrowed(
    source: zipfile.ZipFile, out: zipfile.ZipFile, name: str, part: dict[str, object], known: set[str]
) -> dict[str, object]:

    columns: list[list[str]] = part["columns"]  # type: ignore[assignment]
    kept = [n for n, (column, _) in enumerate(columns) if column in known]
    lines = [json.loads(line) for line in source.read(f"{name}.jsonl").splitlines()]
    body = "".join(json.dumps([line[n] for n in kept], ensure_ascii=False) + "\n" for line in lines).encode()
    out.writestr(f"{name}.jsonl", body)
    return {"columns": [columns[n] for n in kept], "rows": len(lines), "sha256": hashlib.sha256(body).hexdigest()}


def test_a_database_that_is_not_empty_and_a_name_that_is_taken_are_left_alone(filled: str, tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    write_backup(filled, path)
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="not overwritten"):
        write_backup(filled, path)
    assert path.read_bytes() == before
    with pytest.raises(InvalidInput, match="not empty"):
        restore_backup(filled, path)


def _rewrite(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, change(name, body))


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("vouchers.jsonl", lambda body: body.replace(b"approved", b"draft", 1)),
        ("vouchers.jsonl", lambda body: body[: len(body) // 2]),
        ("vouchers.jsonl", lambda body: b"[1]\n"),
        ("audit_events.jsonl", lambda body: b"".join(body.splitlines(keepends=True)[:-1])),
        ("manifest.json", lambda body: b"{}"),
        ("manifest.json", lambda body: body.replace(b'"decimal"', b'"float"').replace(b'"key"', b'"float"')),
        ("manifest.json", lambda body: body.replace(b'"revision": "0', b'"revision": "9')),
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_the_database_empty(
    filled: str, tmp_path: Path, empty_sqlite: str, member: str, change: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "backup.zip"
    write_backup(filled, path)
    _rewrite(path, lambda name, body: change(body) if name == member else body)
    with pytest.raises(InvalidInput):
        restore_backup(empty_sqlite, path)
    engine = make_engine(empty_sqlite)
    with engine.connect().execution_options(reading=True) as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


@pytest.mark.parametrize("body", [b"", b"PK", b"not a zip at all"])
def test_a_file_that_is_no_backup_is_said_to_be_none(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "backup.zip"
    path.write_bytes(body)
    with pytest.raises(InvalidInput, match="not a HedgeBridge backup"):
        verify_backup(path)
    with pytest.raises(InvalidInput, match="no file"):
        verify_backup(tmp_path / "none.zip")


def test_a_log_that_was_changed_before_the_backup_is_found_in_it(filled: str, tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    write_backup(filled, path)
    changed = tmp_path / "changed.zip"

    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(changed, "w") as out:
        manifest = json.loads(archive.read("manifest.json"))
        for name in archive.namelist():
            body = archive.read(name)
            if name == "audit_events.jsonl":
                lines = body.splitlines(keepends=True)
                body = b"".join([lines[1], lines[0], *lines[2:]])
                manifest["tables"]["audit_events"]["sha256"] = hashlib.sha256(body).hexdigest()
            if name != "manifest.json":
                out.writestr(name, body)
        out.writestr("manifest.json", json.dumps(manifest))
    assert "audit.out_of_order" in [found.id for found in verify_backup(changed)[1]]


def test_a_snapshot_of_one_moment_is_written_while_others_go_on(
    filled: str,
    tmp_path: Path,
    clock: HandClock,  # noqa: F405
) -> None:
    store = open_store(filled, clock)
    wrote = False

    def meanwhile(table: str, rows: int) -> None:
        nonlocal wrote
        if not wrote:
            wrote = True
            with store.begin(BOOK, LI) as uow:
                uow.audit.append("book.settings", str(BOOK), {"later": date(2026, 3, 2)})

    write_backup(filled, tmp_path / "backup.zip", meanwhile)
    store.close()
    findings = verify_backup(tmp_path / "backup.zip")[1]
    assert wrote and findings == []
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        assert b"later" not in archive.read("audit_events.jsonl")
