"""Broker connections by command, against a running gateway: add, test, pull, prices."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from sandbox.diff.command import USER
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.diff import BUY, SELL, DiffUnderTest, Offset

PASSWORD = "HEDGEBRIDGE_SECRET_PASSWORD"


@pytest.fixture
def broker() -> Iterator[DiffUnderTest]:
    with DiffUnderTest() as running:
        yield running


@pytest.fixture
def book(command: CommandLine, broker: DiffUnderTest, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A book with one connection to the gateway."""
    monkeypatch.setenv(PASSWORD, broker.running.password)
    command("init", "cu01", "--name", "示例铜业贸易")
    command(
        "connection", "add", "td", "--system", "diff", "--set", f"url={broker.running.url}", "--set", f"user={USER}"
    )
    return command


def test_a_broker_connection_is_tested_like_any_other(book: CommandLine) -> None:
    steps = book("connection", "test", "td", "--json").json
    assert [(step["step"], step["ok"]) for step in steps] == [
        ("login", True), ("funds", True), ("hedge_flag", True), ("orders", True),
    ]  # fmt: skip
    assert USER in str(steps[0]["finding"])


def test_a_pull_counts_each_fill_once_and_a_second_one_finds_nothing_new(
    book: CommandLine, broker: DiffUnderTest
) -> None:
    broker.trade(BUY, Offset.OPEN, 3)
    broker.trade(SELL, Offset.CLOSE_TODAY, 1)
    (row,) = book("broker", "pull", "--json").json
    assert (row["account"], row["read"], row["new"], row["fills"], row["positions"]) == (USER, 4, 2, 2, 1)
    (row,) = book("broker", "pull", "td", "--json").json
    assert (row["new"], row["fills"], row["findings"]) == (0, 2, [])
    assert book("audit", "verify", code=0).code == 0


def test_an_unknown_instrument_waits_in_quarantine(book: CommandLine, broker: DiffUnderTest) -> None:
    broker.plant_unknown_instrument()
    broker.trade(BUY, Offset.OPEN, 3)
    (row,) = book("broker", "pull", "--json", code=1).json
    assert (row["quarantined"], row["fills"]) == (1, 1)
    (held,) = book("quarantine", "list", "--json", code=1).json
    assert "what?" in str(held["record"]) + str(held["reason"]) + str(held["value"])


def test_a_day_on_which_nobody_asked_is_said(book: CommandLine, broker: DiffUnderTest) -> None:
    book("broker", "pull")
    exchange = broker.running.gateway.exchange
    exchange.settle()
    exchange.roll_day()
    exchange.settle()
    exchange.roll_day()
    (row,) = book("broker", "pull", "--json", code=1).json
    assert row["missed"] == ["2026-11-24", "2026-11-25"]


def test_prices_are_fixed_once_with_source_and_time_and_gaps_are_said(book: CommandLine, broker: DiffUnderTest) -> None:
    broker.trade(BUY, Offset.OPEN, 3)
    book("broker", "pull")
    nothing = book("broker", "prices", "td", "--json", code=1)
    assert nothing.json == []
    assert "no settlement price yet" in nothing.said[0]
    exchange = broker.running.gateway.exchange
    exchange.settle({"SHFE.cu2605": Decimal("71300")})
    (row,) = book("broker", "prices", "td", "--json").json
    assert (row["subject"], row["day"], row["price"]) == ("SHFE.cu2605", "2026-11-24", "71300")
    assert row["source"] == "diff td 2026-11-24 10:00:00"
    exchange.settle({"SHFE.cu2605": Decimal("71310")})
    again = book("broker", "prices", "td", "--json", code=1)
    assert again.json == []
    assert "71300" in again.said[0]
    assert "71310" in again.said[0]
    stale = book("broker", "prices", "td", "--day", "2026-11-23", "--instrument", "SHFE.cu2605", code=1)
    assert "2026-11-24" in stale.said[-1]


def test_brokers_are_left_out_of_the_pull_from_erps(book: CommandLine) -> None:
    assert "connection" in book("sync", code=1).said[0]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--set", "url=ws://broker.example:8765/", "--set", "user=1"], "url"),
        (["--set", "user=1"], "url"),
        (["--set", "url=wss://broker.example/", "--set", "user=1", "--set", "password=x"], "password"),
    ],
)
def test_what_cannot_be_a_connection_is_refused_when_it_is_added(
    book: CommandLine, options: list[str], word: str
) -> None:
    assert word in " ".join(book("connection", "add", "other", "--system", "diff", *options, code=3).said)


def test_an_unknown_system_is_answered_with_erps_and_brokers(book: CommandLine) -> None:
    told = " ".join(book("connection", "add", "x", "--system", "nothing", code=3).said)
    assert "ctp" in told
    assert "diff" in told
    assert "kingdee" in told


def test_a_wrong_password_is_an_unreachable_broker_and_tried_once(
    book: CommandLine, broker: DiffUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "wrong-horse")
    book("connection", "add", "td")
    assert "402" in " ".join(book("broker", "pull", code=4).said)
    assert broker.login_attempts() == 1


def test_ctp_without_its_library_says_what_to_install(book: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.ctp.library.PACKAGE", "no_such_ctp_package")
    book("connection", "add", "ctp", "--system", "ctp", "--set", "front=tcp://127.0.0.1:9", "--set", "broker_id=9999",
         "--set", "user=1")  # fmt: skip
    assert "hedgebridge[ctp]" in book("connection", "test", "ctp", code=1).out
