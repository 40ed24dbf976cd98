"""Fixtures of the use case tests: a real store on SQLite with one book, and a fake ERP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.storage import SqlStore, open_store
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book
from tests.support.company import DAYS, Company
from tests.support.databases import HandClock, clock, sqlite_template, sqlite_url  # noqa: F401
from tests.support.fake_erp import FakeErp
from tests.support.samples import connection

BOOK = BookId("cu01")


@pytest.fixture
def store(sqlite_url: str, clock: HandClock) -> Iterator[SqlStore]:  # noqa: F811
    """A store with the book `cu01` and its connection `k3`."""
    opened = open_store(sqlite_url, clock)
    opened.add_book(Book(BOOK, "示例铜业贸易", "CNY"), Actor("li.na"))
    with opened.begin(BOOK, Actor("li.na")) as uow:
        uow.save_connection(connection("cu01", options={"hedge_fields": {"sale_line": "F_HB_Hedge"}}))
    yield opened
    opened.close()


@pytest.fixture
def erp() -> FakeErp:
    return FakeErp()


@pytest.fixture(scope="session")
def settled_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """The demo company after go-live and its first business days, each settled: made once, copied by every test."""
    file = tmp_path_factory.mktemp("company") / "settled.db"
    shutil.copy(sqlite_template, file)
    made = Company.open(f"sqlite:///{file}", file.parent)
    made.go_live()
    for day in DAYS:
        assert made.business_day(day).state == "settled"
    made.store.close()
    return file


@pytest.fixture
def company(settled_file: Path, tmp_path: Path) -> Iterator[Company]:
    """The company with the days of `DAYS` settled."""
    opened = Company.open(f"sqlite:///{shutil.copy(settled_file, tmp_path / 'company.db')}", tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def new_company(sqlite_url: str, tmp_path: Path) -> Iterator[Company]:  # noqa: F811
    """The company on the morning of its first business day."""
    opened = Company.open(sqlite_url, tmp_path)
    opened.go_live()
    yield opened
    opened.store.close()
