"""A mapping is changed from a day on: proposed over the command line, looked at record by record and line by line, refused
while records no longer map, accepted by somebody else; on SQLite and on PostgreSQL."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cli.demo.standin import StandIn
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.databases import *  # noqa: F403

FIRST, SECOND = "2026-03-04", "2026-03-05"


def business_day(command: CommandLine, inbox: Path, day: str) -> None:
    stamp = day.replace("-", "")
    command("statement", "import", *sorted((inbox / "statements").glob(f"*_{stamp}.txt")))
    command("price", "import", inbox / "prices" / f"settlement_{stamp}.csv")
    assert command("settle", day, "--json").json["state"] == "settled"


def spec(command: CommandLine, kind: str, before: str, after: str, name: str = "new") -> Path:
    """The live mapping with one place changed."""
    file = command.folder / f"{name}_{kind}.csv"
    command("mapping", "export", f"k3/{kind}", "--to", file)
    text = file.read_text(encoding="utf-8-sig")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8-sig")
    return file


MATERIAL = "1.01.CU02"
"""Copper, as mapped first; the steward finds that its sales are to be counted as aluminium."""


def still_to_deliver(erp: StandIn) -> Decimal:
    """What priced open sales of the material come to, in tonnes, from the ERP's own documents."""
    found = Decimal(0)
    for order in erp.control("orders?form=SAL_SaleOrder"):
        if (order["DocumentStatus"], order["CloseStatus"], order["CancelStatus"]) != ("C", "A", "A"):
            continue
        for line in order["SaleOrderEntry"]:
            if (
                line["MaterialId"]["Number"] == MATERIAL
                and line["_HB_Pricing"] == "P"
                and line["MrpCloseStatus"] == "A"
            ):
                rest = Decimal(str(line["Qty"])) - Decimal(str(line["StockOutQty"])) + Decimal(str(line["ReturnQty"]))
                found += max(Decimal(0), rest) / (1000 if line["UnitID"]["Number"] == "kg" else 1)
    return found


def moved(command: CommandLine, run: int, day: str) -> tuple[Decimal, Decimal]:
    """By how much a run lessens the priced sales of copper on a day, and raises those of aluminium."""
    sums = {"copper": Decimal(0), "aluminium": Decimal(0)}
    for line in command("recalc", "show", str(run), day, "--json").json:
        if (line["section"], line["field"]) == ("exposure", "priced_sales"):
            sums[line["key"].split()[0]] += Decimal(line["after"] or 0) - Decimal(line["before"] or 0)
    return -sums["copper"], sums["aluminium"]


def finals(command: CommandLine) -> list[int]:
    return [command("snapshot", "show", day, "--json").json["version"] for day in (FIRST, SECOND)]


@pytest.mark.slow
def test_a_changed_mapping_is_proposed_for_past_days_and_nothing_changes_until_somebody_else_accepts(
    command: CommandLine, erp: StandIn, inbox: Path, database_url: str
) -> None:
    command.use(database_url)
    command.set_up(erp)
    command("sync", "--json", code=1)
    command.map_commodities()
    command("quarantine", "retry", "--json", code=1)
    command("opening", "import", *sorted((inbox / "opening").iterdir()))
    business_day(command, inbox, FIRST)
    on_first = still_to_deliver(erp)

    # between the two days 5 t of one line are delivered: each day is to see its own version of the record
    order = erp.control("orders?form=SAL_SaleOrder")[0]
    line = order["SaleOrderEntry"][0]
    assert (line["MaterialId"]["Number"], line["Qty"], line["StockOutQty"]) == (MATERIAL, 20.0, 0.0)
    erp.control("edit", {"form": "SAL_SaleOrder", "entry_id": line["Id"], "set": {"FStockOutQty": 5}, "touch": True})
    command("sync", "--scope", "open", "--json", code=None)
    business_day(command, inbox, SECOND)
    on_second = still_to_deliver(erp)
    assert on_first - on_second == 5
    document = f"{order['BillNo']}/1"

    # the same mapping again: every record is read, and nothing comes out otherwise
    same = spec(command, "sale_line", "returned,FReturnQty", "returned,FReturnQty", "same")
    made = command("recalc", "--from", FIRST, "--mapping", f"k3/sale_line={same}", "--as", "chen.jing", "--json").json
    assert {day["state"] for day in made["days"]} == {"same"}

    # a mapping that no longer knows the material: every such record is named, and nobody can accept it
    gap = spec(command, "sale_line", f"commodities,{MATERIAL},copper\n", "", "gap")
    refused = command("recalc", "--from", FIRST, "--mapping", f"k3/sale_line={gap}", "--as", "chen.jing", code=1)
    assert f"{document} no longer maps" in refused.err
    assert "does not know the code" in refused.err
    assert "no longer map" in command("recalc", "accept", "2", "--reason", "try", "--as", "wang.fang", code=1).err
    assert finals(command) == [1, 1]

    # the mapping that is meant
    before = command.dump()
    new = spec(command, "sale_line", f"commodities,{MATERIAL},copper", f"commodities,{MATERIAL},aluminium")
    proposed = command("recalc", "--from", FIRST, "--mapping", f"k3/sale_line={new}", "--as", "chen.jing", code=1)
    assert "2 days differ" in proposed.err
    assert "nothing has changed" in proposed.err
    assert moved(command, 3, FIRST) == (on_first, on_first)
    assert moved(command, 3, SECOND) == (on_second, on_second)
    records = command("recalc", "records", "3", "--json").json
    mine = [row for row in records if row["document"] == document]
    assert [(row["state"], row["field"], row["before"], row["after"]) for row in mine] == [
        ("changed", "commodity", "copper", "aluminium"),
        ("changed", "commodity", "copper", "aluminium"),
    ], "both versions of the record"
    after = command.dump()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"snapshots", "recalculations", "result_days", "documents", "audit_events", "audit_heads"}
    assert finals(command) == [1, 1]
    now = {row["commodity"]: row for row in command("exposure", "--totals", "--json").json}

    assert "somebody else" in command("recalc", "accept", "3", "--reason", "ok", "--as", "chen.jing", code=1).err
    command("recalc", "accept", "3", "--reason", "the contract says so", "--as", "wang.fang")
    assert finals(command) == [3, 3], "the second versions are those of the run that nobody can accept"
    then = {row["commodity"]: row for row in command("exposure", "--totals", "--json").json}
    assert Decimal(then["aluminium"]["priced_sales"]) == Decimal(now["aluminium"]["priced_sales"]) + on_second
    assert Decimal(then["copper"]["priced_sales"]) == Decimal(now["copper"]["priced_sales"]) - on_second
    (run,) = [one for one in command("recalc", "list", "--json").json if one["run"] == 3]
    identity = run["mapping"][0].split()[1]
    rows = command.dump()["raw_records"]
    current = {row[6] for row in rows if row[2] == "sale_line" and row[5]}
    assert current == {identity}, "what is there now names the new mapping"
    command("audit", "verify")

    # it is live: the next settlement rests on it, reading again changes nothing, and so does the same proposal
    assert command("settle", SECOND, "--json").json["state"] == "unchanged"
    command("sync", "--scope", "open", "--json", code=None)
    again = command("recalc", "--from", FIRST, "--mapping", f"k3/sale_line={new}", "--as", "chen.jing", "--json").json
    assert {day["state"] for day in again["days"]} == {"same"}
