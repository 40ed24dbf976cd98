"""Statements and prices over a broker connection, by command and by job, up to a settled day that names their source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from sandbox.diff.command import USER
from tests.support.broker_statement import copper_statement
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.diff import BUY, DiffUnderTest, Offset

DAY, BEFORE = date(2026, 11, 24), date(2026, 11, 23)
INSTRUMENT = "SHFE.cu2605"


@pytest.fixture
def broker() -> Iterator[DiffUnderTest]:
    with DiffUnderTest() as running:
        yield running


@pytest.fixture
def book(command: CommandLine, broker: DiffUnderTest, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A book that went live with an empty account the day before, and its connection to the gateway."""
    monkeypatch.setenv("HEDGEBRIDGE_SECRET_PASSWORD", broker.running.password)
    command("init", "cu01", "--name", "示例铜业贸易")
    command(
        "connection", "add", "td", "--system", "diff", "--set", f"url={broker.running.url}", "--set", f"user={USER}"
    )
    (command.folder / "opening.txt").write_bytes(copper_statement([], BEFORE, USER))
    command("opening", "import", "opening.txt")
    return command


def test_a_fetched_statement_is_imported_like_a_file_and_again_changes_nothing(
    book: CommandLine, broker: DiffUnderTest
) -> None:
    broker.trade(BUY, Offset.OPEN, 3)
    early = book("statement", "fetch", "td", "2026-11-24", "--json", code=1)
    assert early.json == []
    assert "has no statement of" in early.said[0]
    broker.finish_day()
    (row,) = book("statement", "fetch", "td", "2026-11-24", "--json").json
    assert (row["account"], row["day"], row["state"], row["fills"]) == (USER, "2026-11-24", "stored", 1)
    (again,) = book("statement", "fetch", "td", "2026-11-24", "--json").json
    assert again["state"] == "unchanged"


def test_without_a_day_the_missing_ones_are_asked_for(book: CommandLine, broker: DiffUnderTest) -> None:
    broker.trade(BUY, Offset.OPEN, 3)
    broker.finish_day()
    run = book("statement", "fetch", "td", "--json", code=1)
    assert [(row["day"], row["state"]) for row in run.json] == [("2026-11-24", "stored")]
    assert "2026-11-23" in run.said[0], "the day before has no statement at this broker"


def test_a_statement_of_another_day_is_refused_and_nothing_is_stored(book: CommandLine, broker: DiffUnderTest) -> None:
    broker.running.gateway.statements[USER, "20261124"] = copper_statement([], BEFORE, USER).decode("gb18030")
    assert book("statement", "fetch", "td", "2026-11-24", code=None).code not in (0, 1)
    assert book("statement", "fetch", "td", "2026-11-25", "--json", code=1).json == []


def test_prices_of_the_broker_settle_the_day_and_a_missing_one_keeps_it_open(
    book: CommandLine, broker: DiffUnderTest
) -> None:
    """The price is fixed before the statement comes, which then gives none: the snapshot names the broker and the time."""
    broker.trade(BUY, Offset.OPEN, 3)
    book("broker", "pull", "td")
    gap = book("broker", "prices", "td", "--json", code=1)
    assert (gap.json, "no settlement price yet" in gap.said[0]) == ([], True)
    broker.running.gateway.exchange.settle({INSTRUMENT: Decimal("71230")})
    (fixed,) = book("broker", "prices", "td", "--json").json
    broker.finish_day()
    book("statement", "fetch", "td", "2026-11-24")
    settled = book("settle", "2026-11-24", "--json").json
    assert settled["state"] == "settled"
    shown = book("snapshot", "show", "2026-11-24", "--json").json
    (price,) = shown["prices"]
    assert (price["subject"], price["price"], price["source"]) == (INSTRUMENT, "71230", fixed["source"])
    assert fixed["source"] == "diff td 2026-11-24 10:00:00"


def test_a_job_fetches_prices_and_statements_and_settles_the_day(book: CommandLine, broker: DiffUnderTest) -> None:
    broker.trade(BUY, Offset.OPEN, 3)
    book("broker", "pull", "td")
    broker.running.gateway.exchange.settle({INSTRUMENT: Decimal("71230")})
    broker.finish_day()
    for kind in ("prices", "fetch"):
        book("job", "add", kind, "--set", "connection=td")
    book("worker", "--until-idle")
    done = {row["kind"]: (row["state"], row["counts"]) for row in book("job", "list", "--json", code=None).json}
    assert done["prices"] == ("done", {"fixed": 1, "known": 0, "missing": 0, "different": 0})
    state, counts = done["fetch"]
    assert (state, counts["stored"], counts["left"]) == ("done", 1, 0)
    assert done["settle"][0] == "done"
    settled = book("settle", "2026-11-24", "--json").json["state"]
    assert settled in ("settled", "unchanged"), "the job settles up to today, and the gateway has its own day"
