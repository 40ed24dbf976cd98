"""`hedgebridge recalc` and `hedgebridge day` as people type them, on the demo company's first days."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from adapters.storage import SqlStore
from hedge_core.snapshot import decode
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.company import CLERK, DAYS, Company
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK

FIRST, SECOND, LAST = DAYS


def settled(command: CommandLine, url: str) -> None:
    """Go-live and three settled days in the command's database."""
    company = Company.open(url, command.folder)
    company.go_live()
    for day in DAYS:
        assert company.business_day(day).state == "settled"
    company.store.close()
    command.use(url)


def correct_a_price(url: str, command: CommandLine) -> None:
    company = Company.open(url, command.folder)
    store: SqlStore = company.store
    with store.begin(BOOK, CLERK) as uow:
        stored = uow.results.snapshot(SECOND)
        assert stored is not None
        name = next(lot.instrument for lot in decode(stored.body).figures.lots_after())
        known = uow.broker.prices("settlement", SECOND)[name]
        uow.broker.save_prices([replace(known, price=known.price + Decimal(10))])
    store.close()


def test_a_correction_is_proposed_shown_and_accepted_by_somebody_else(command: CommandLine, sqlite_url: str) -> None:
    settled(command, sqlite_url)
    same = command("recalc", "--from", FIRST.isoformat(), "--as", "li.na", "--json").json
    assert same["run"] == 1
    assert {day["state"] for day in same["days"]} == {"same"}
    correct_a_price(sqlite_url, command)
    made = command("recalc", "--from", SECOND.isoformat(), "--as", "li.na", code=1)
    assert "nothing has changed" in made.err
    runs = command("recalc", "list", "--json").json
    assert [(run["run"], run["status"], run["made_by"]) for run in runs] == [
        (1, "proposed", "li.na"), (2, "proposed", "li.na"),
    ]  # fmt: skip
    lines = command("recalc", "show", "2", SECOND.isoformat(), "--json").json
    assert any((line["section"], line["field"]) == ("lots", "floating") for line in lines)
    own = command("recalc", "accept", "2", "--reason", "list was wrong", "--as", "li.na", code=1)
    assert "somebody else" in own.err
    command("recalc", "accept", "2", "--reason", "list was wrong", "--as", "wang.fang")
    command("recalc", "reject", "1", "--reason", "not needed", "--as", "wang.fang")
    status = {run["run"]: run["status"] for run in command("recalc", "list", "--json").json}
    assert status == {1: "rejected", 2: "accepted"}
    assert command("snapshot", "show", SECOND.isoformat(), "--json").json["version"] == 2
    command("recalc", "verify", "--json")
    command("audit", "verify")


def test_a_day_is_reopened_by_two_people(command: CommandLine, sqlite_url: str) -> None:
    settled(command, sqlite_url)
    command("day", "reopen", LAST.isoformat(), "--reason", "late fill", "--as", "li.na", code=1)
    assert "somebody else" in command("day", "approve", LAST.isoformat(), "--as", "li.na", code=1).err
    assert LAST.isoformat() in command("day", "approve", LAST.isoformat(), "--as", "wang.fang").err
    (row,) = command("day", "list", "--json").json
    assert (row["status"], row["asked_by"], row["decided_by"]) == ("approved", "li.na", "wang.fang")
    command("day", "reopen", FIRST.isoformat(), "--reason", "look again", "--as", "li.na", code=1)
    command("day", "refuse", FIRST.isoformat(), "--as", "wang.fang")
    assert command("snapshot", "show", FIRST.isoformat(), "--json").json["version"] == 1


def test_recalc_without_a_day_says_how_to_give_one(command: CommandLine, sqlite_url: str) -> None:
    command.use(sqlite_url)
    assert "--from" in command("recalc", code=3).err
