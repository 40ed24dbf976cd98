"""What an administrator changes behind the program's back shows, table by table."""

from __future__ import annotations

import sqlite3

import pytest

from hedge_core.use_cases.verify import verify_stored
from tests.support.company import Company
from tests.support.posting import BOOK


def behind_our_back(company: Company, *statements: str) -> None:
    """Changes made straight in the database file, its triggers taken away first, as an administrator could."""
    with sqlite3.connect(company.app.settings.database.removeprefix("sqlite:///")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            assert database.execute(statement).rowcount > 0, "the change has to change something"


def test_a_book_that_nobody_touched_has_no_findings(company: Company) -> None:
    assert verify_stored(company.store, BOOK) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE fills SET price = '1' WHERE rowid = (SELECT min(rowid) FROM fills)", "verify.fill"),
        ("DELETE FROM fills WHERE rowid = (SELECT min(rowid) FROM fills)", "verify.fill"),
        ("UPDATE snapshots SET digest = 'ab' || substr(digest, 3) WHERE version = 1", "verify.snapshot"),
    ],
)
def test_a_changed_row_is_named(company: Company, change: str, finding: str) -> None:
    behind_our_back(company, change)
    assert finding in {found.id for found in verify_stored(company.store, BOOK)}
