"""The short chaos: the same code as `make chaos`, a tenth of the vouchers, one of each fault. Nothing here looks at a time: the
run waits for what it does, and the assertions count what stands in the ERPs' books at the end."""

from __future__ import annotations

import os

import pytest

from chaos import full_disk, postings, pulls
from chaos.own_servers import CannotRun
from chaos.tally import Tally


def held(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """Every promise holds; the table is shown."""
    with capsys.disabled():
        print("\n" + tally.text())
    assert tally.broken == []


def without_a_server(why: CannotRun) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(str(why))
    pytest.skip(str(why))


@pytest.mark.slow
@pytest.mark.postgres
def test_150_vouchers_over_two_connections_arrive_once_through_every_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        tally = postings.run(150, postings.SHORT, seed=7, latency_ms=0)
    except CannotRun as why:
        without_a_server(why)
        return
    held(tally, capsys)
    expected = {name: times for name, times in postings.SHORT.items() if name not in tally.not_run}
    assert {name: tally.injected[name] for name in expected} == expected
    assert tally.came["vouchers sent"] == 150


@pytest.mark.slow
@pytest.mark.postgres
def test_two_pulls_leave_no_gap_and_no_repeat_through_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        tally = pulls.run(pulls.SHORT, seed=7)
    except CannotRun as why:
        without_a_server(why)
        return
    held(tally, capsys)
    assert {name: tally.injected[name] for name in pulls.SHORT} == pulls.SHORT
    assert tally.came["lines in the ERPs' books"] == tally.came["kept raw"]


@pytest.mark.slow
def test_a_full_disk_loses_and_doubles_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    tally = full_disk.run(100, 2, seed=7)
    held(tally, capsys)
    assert tally.injected["disk full (SQLite page limit)"] == 2
    assert tally.came["vouchers sent"] == 100
