"""The restore drill: a month of a company is backed up, restored on either database, proved whole, and works on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from adapters.clock import SystemClock
from adapters.reference import load_products
from adapters.storage import open_store
from adapters.storage.backup import restore_backup, verify_backup, write_backup
from cli.commands.demo import run_demo
from cli.demo.month import BOOK, fresh_folder
from cli.session import Session
from hedge_core.audit import verify_log
from hedge_core.model.identity import Actor
from hedge_core.ports.storage import Store
from hedge_core.use_cases.recalculate import propose
from hedge_core.use_cases.verify import verify_stored
from tests.support.databases import *  # noqa: F403

ROOT = Path(__file__).resolve().parents[2]
WHO = Actor("restorer")


def held(store: Store) -> dict[str, Any]:
    """What a company would ask for first: its raw records, lines, lots, snapshots, vouchers with receipts, and its log."""
    with store.read(BOOK) as uow:
        lines, lots = uow.physical.contract_lines(), uow.physical.inventory()
        refs = sorted([one.ref for one in (*lines, *lots)] + [one.ref for one in uow.records.quarantine()], key=str)
        return {
            "raw": {str(ref): uow.records.raw(ref) for ref in refs},
            "lines": {str(line.ref): line for line in lines},
            "lots": {str(lot.ref): lot for lot in lots},
            "quarantine": {str(one.ref): one for one in uow.records.quarantine()},
            "snapshots": {(one.trading_day, one.version): bytes(one.body) for one in uow.results.snapshots()},
            "vouchers": {one.voucher.key: one for one in uow.results.vouchers()},
            "log": uow.audit.head(),
        }


def days_of(store: Store) -> Sequence[date]:
    with store.read(BOOK) as uow:
        return sorted(one.trading_day for one in uow.results.snapshots())


@pytest.mark.slow
@pytest.mark.postgres
def test_a_month_comes_back_from_its_backup_and_recalculates_to_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: Any
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    session = Session(settings=fresh_folder(tmp_path / "demo"))
    run_demo(session, tmp_path / "demo", [])
    before = held(session.app.store)
    assert len(before["raw"]) == 395 + 60 + 5, "lines, lots and what waits in quarantine"
    assert all(raw is not None and raw.body for raw in before["raw"].values())
    path = tmp_path / "month.zip"
    write_backup(session.settings.database, path)
    assert verify_backup(path)[1] == []
    url = postgres_server.create()
    try:
        app_url = postgres_server.as_app(url)
        sqlite = f"sqlite:///{tmp_path / 'restored.db'}"
        for owner, target, role in ((sqlite, sqlite, ""), (url, app_url, str(make_url(app_url).username))):
            assert restore_backup(owner, path, grant_to=role).ready
            store = open_store(target, SystemClock())
            try:
                assert held(store) == before, make_url(target).get_backend_name()
                with store.read(BOOK) as uow:
                    assert verify_log(BOOK, uow.audit.events(), uow.audit.head()) == []
                assert verify_stored(store, BOOK) == []
                first, *_ = days = days_of(store)
                proposed = propose(store, BOOK, first, load_products(), WHO, SystemClock())
                assert [(day.trading_day, day.state) for day in proposed.days] == [(day, "same") for day in days]
            finally:
                store.close()
    finally:
        postgres_server.drop(url)
