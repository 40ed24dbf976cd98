"""The trader's commands as they are typed: terms, pricing desk, plans, matching, rolls, results, basis, allocations."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from hedge_core.model.physical import Side
from hedge_core.ports.storage import Book
from tests.hedge_core.use_cases.conftest import settled_file  # noqa: F401
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.company import CLERK, DAYS, Company
from tests.support.databases import sqlite_template  # noqa: F401
from tests.support.posting import BOOK
from tests.support.samples import contract_line, inventory_lot, ref

MARCH = date(2026, 3, 4)


@pytest.fixture
def desk(command: CommandLine, settled_file: Path) -> CommandLine:  # noqa: F811
    """The demo company after its first settled days, with one floating purchase and some stock."""
    file = command.folder / "hedgebridge.db"
    shutil.copy(settled_file, file)
    company = Company.open(f"sqlite:///{file}", command.folder)
    line = contract_line(
        ref=ref("7/1"), contract_no="CG-7", line_no=1, side=Side.PURCHASE, commodity="copper", ordered=Decimal(500),
        delivered=Decimal(200), premium=None, reference="SHFE.cu2605", invoiced=Decimal(200), contract_date=MARCH,
    )  # fmt: skip
    lot = inventory_lot(ref=ref("W1/L1", "inventory"), commodity="copper", material="CU", quantity=Decimal(300))
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines([line])
        uow.physical.save_inventory([lot], company.app.clock.now())
    company.store.close()
    return command


def table(command: CommandLine, name: str, text: str) -> Path:
    file = command.folder / name
    file.write_text(text, encoding="utf-8")
    return file


TERMS = "合同行,定价方式,参考合约,开始日,截止日,升贴水,暂定价,强制点价\n"
TERMS += "CG-7/1,floating,SHFE.cu2605,2026-03-04,2099-12-31,120,69500,否\n"


def test_the_desk_from_terms_to_the_final_price(desk: CommandLine) -> None:
    file = table(desk, "terms.csv", TERMS)
    assert desk("terms", "import", file, "--kind", "line", "--from", "2026-03-04").said == [
        "1 rows read, 1 new versions kept."
    ]
    assert desk("terms", "import", file, "--kind", "line", "--from", "2026-03-04").said == [
        "1 rows read, 0 new versions kept."
    ]
    (row,) = desk("pricing", "list", "--json").json
    assert (row["document"], row["remaining"], row["due"], row["premium"]) == ("CG-7/1", "500", False, "120")
    done = desk("pricing", "add", "CG-7/1", "200", "69000", "--on", "2026-03-05", "--id", "a1", "--json").json
    assert (done["spot_before"], done["spot_after"], done["basis"]) == ("100", "300", "120")
    run = desk("pricing", "add", "CG-7/1", "301", "69000", "--on", "2026-03-05", code=1)
    assert "only 300 is still to be priced" in run.said[0]
    assert "is not a number" in desk("pricing", "add", "CG-7/1", "many", "69000", code=3).said[0]
    desk("pricing", "add", "CG-7/1", "300", "68700", "--on", "2026-03-06", "--id", "a2")
    assert desk("pricing", "list", "--json").json == []
    (note,) = desk("pricing", "final", "CG-7/1", "--json").json
    assert (note["what"], note["price"], Decimal(note["net_amount"]) + Decimal(note["vat"])) == (
        "note",
        "68940",
        -112000,
    )
    desk("pricing", "cancel", "a2", "--reason", "typed twice")
    events = desk("pricing", "list", "--events", "--json").json
    assert [(one["event"], one["ended"]) for one in events] == [("a1", None), ("a2", "typed twice")]
    (total,) = [one for one in desk("exposure", "--totals", "--json").json if one["commodity"] == "copper"]
    assert total["spot_exposure"] == "300"
    (partner,) = desk("exposure", "--by", "partner", "--totals", "--json").json
    assert (partner["partner"], partner["spot_exposure"]) == ("示例客户", "0")
    assert desk("pricing", "forced", "--json").json == []
    assert desk("audit", "verify", "--json").json["ok"] is True


def test_terms_are_refused_by_row_and_column_and_shown_with_their_history(desk: CommandLine) -> None:
    bad = table(desk, "bad.csv", TERMS.replace("floating", "whenever"))
    said = desk("terms", "import", bad, "--kind", "line", code=3).said[0]
    assert "row 2" in said
    assert "whenever" in said
    assert "column" in desk("terms", "import", table(desk, "x.csv", "line,colour\na,b\n"), "--kind", "line", code=3).err
    assert "currency" in desk("terms", "import", bad, "--kind", "plan", code=3).said[0]
    nobody = table(desk, "nobody.csv", TERMS.replace("CG-7/1", "CG-8/1"))
    assert "CG-8/1" in desk("terms", "import", nobody, "--kind", "line", code=3).said[0]
    rates = table(desk, "rates.csv", "币种,汇率,生效日期\nUSD,7.1,2026-03-01\nUSD,7.2,2026-03-15\n")
    desk("terms", "import", rates, "--kind", "currency", "--reason", "bank")
    (row,) = desk("terms", "list", "--kind", "currency", "--from", "2026-03-10", "--json").json
    assert row["terms"]["rate"] == "7.1"
    history = desk("terms", "history", "--kind", "currency", "--subject", "USD", "--json").json
    assert [(one["effective_from"], one["reason"]) for one in history] == [
        ("2026-03-01", "bank"),
        ("2026-03-15", "bank"),
    ]
    template = table(desk, "t.csv", "name,kind,formula,window_days\nusual,floating,events,30\n")
    desk("terms", "import", template, "--kind", "template", "--from", "2026-03-01")
    desk("terms", "apply", "usual", "CG-7/1", "SHFE.cu2605", "--from", "2026-03-05")
    volumes = table(
        desk, "v.csv", "name,commodity,side,month,quantity,unit,weight\nQ2,copper,purchase,2026-05,1000,t,60%\n"
    )
    desk("terms", "import", volumes, "--kind", "planned")
    (planned,) = desk("exposure", "--by", "planned", "--json").json
    assert (planned["planned"], planned["weighted"]) == ("1000", "600")
    assert desk("exposure", "--by", "owner", "--json").json


def test_a_plan_from_proposal_to_the_report_of_its_fills(desk: CommandLine) -> None:
    day = f"{DAYS[0]}"
    missing = desk("plan", "fills", "--json", code=1).json
    first = next(row for row in missing if row["rule"] == "plan_missing")
    side = "purchase" if first["fill"].endswith("/buy") else "sale"
    head = "plan_id,commodity,what,side,quantity,target_ratio,ratio_low,ratio_high,instruments,price_low,price_high,"
    head += "first_day,last_day,budget,stop_loss\n"
    row = f"P1,copper,stock,{side},100000,1,0.8,1.2,SHFE.cu2604;SHFE.cu2605,,,2026-03-01,2099-12-31,1000000000,1000000000\n"
    file = table(desk, "plan.csv", head + row)
    desk("plan", "add", file, "--as", "li.na")
    assert "somebody else" in desk("plan", "approve", "P1", "--as", "li.na", code=1).said[0]
    desk("plan", "approve", "P1", "--as", "wang.fang")
    desk("plan", "tie", first["fill"], "P1", "--as", "li.na")
    found = desk("plan", "fills", "--day", first["day"], "--json", code=1).json
    assert "plan_after_trade" in {one["rule"] for one in found if one["fill"] == first["fill"]}
    (listed,) = desk("plan", "list", "--json", code=None).json
    assert (listed["plan"], listed["approved_by"]) == ("P1", "wang.fang")
    shown = desk("plan", "show", "P1", code=1)
    assert any("trade first, plan later" in line for line in shown.said)
    assert "P9" in desk("plan", "show", "P9", code=3).said[0]
    assert day


def test_matching_by_every_mode_unmatching_and_its_history(desk: CommandLine) -> None:
    for mode in ("fifo", "optimal", "one_to_one"):
        made = desk("match", "--mode", mode, "--json").json
        assert made, mode
        desk("unmatch", *(row["match"] for row in made), "--reason", f"try {mode}")
    assert desk("matches", "--json").json == []
    assert {row["ended"] for row in desk("matches", "--history", "--json").json} == {
        "try fifo", "try optimal", "try one_to_one",
    }  # fmt: skip
    first = desk("match", "--dry-run", "--json").json[0]
    by_hand = ("match", "--mode", "hand", "--leg", first["leg"], "--lot", first["lot"])
    assert "--spot" in desk(*by_hand, code=3).said[0]
    (row,) = desk(*by_hand, "--spot", "5", "--futures", "5", "--json").json
    assert row["why"] == "Chosen by a person"
    tags = table(desk, "tags.csv", f"subject,tag,account\n{first['leg']},x,elsewhere\n{first['lot']},x,\n")
    desk("terms", "import", tags, "--kind", "tag", "--from", "2026-03-01")
    (tagged,) = desk("match", "--mode", "tag", "--json").json
    assert (tagged["leg"], tagged["lot"]) == (first["leg"], first["lot"])
    findings = desk("matches", "--accounts", "--json", code=1).json
    assert {one["subject"] for one in findings} >= {row["match"], tagged["match"]}
    assert desk("match", "--account", "nobody", "--json").json == []
    assert "long, short" in desk("match", "--side", "up", code=3).said[0]
    assert "0:3" in desk("match", "--months", "3:0", code=3).said[0]
    assert "speculation" in desk("match", "--flag", "x", code=3).said[0]
    assert "M0" in desk("unmatch", "M0", "--reason", "x", code=3).said[0]


def test_rolls_results_and_bases(desk: CommandLine) -> None:
    spot = table(
        desk,
        "spot.csv",
        "品种,日期,现货价,含税,币种\ncopper,2026-03-06,79000,是,CNY\naluminium,2026-03-06,20600,是,CNY\n",
    )
    cost = table(desk, "cost.csv", "物料,日期,成本单价,币种\nCU,2026-03-04,69000,CNY\n")
    desk("price", "import", "--kind", "spot", spot)
    desk("price", "import", "--kind", "cost", cost)
    desk("match")
    for by in ("order", "lot", "book"):
        rows = desk("result", "--by", by, "--json", code=None).json
        lines = ("basis", "price", "roll", "vat_rate", "vat_delivery", "fees", "funding")
        assert all(sum(Decimal(row[name]) for name in lines) == Decimal(row["total"]) for row in rows)
    assert rows[0]["subject"] == BOOK
    desk("roll", "find", "2026-03-06", "--json")
    desk("roll", "keep", "2026-03-06")
    desk("roll", "list", "--json")
    assert "2026-01-01" in desk("roll", "find", "2026-01-01", code=3).said[0]
    shown = desk("basis", "show", "2026-03-06", "--json", code=None).json
    kept = desk("basis", "keep", "2026-03-06", "--json", code=None).json
    assert shown == kept
    assert {row["kind"] for row in kept} >= {"market_basis", "inventory_basis"}
    copper = next(row for row in desk("basis", "history", "--json").json if row["commodity"] == "copper")
    assert copper["rank"] == "1"
    band = table(desk, "band.csv", "commodity,low,high,stale_days\ncopper,-1,1,36500\n")
    desk("terms", "import", band, "--kind", "band", "--from", "2026-03-01")
    (alert,) = desk("basis", "alerts", "--json", code=1).json
    assert alert["rule"] in ("basis_low", "basis_high")
    assert "品牌" in desk("basis", "show", "2026-03-06", "--brand", "品牌", code=1).err


def test_an_allocation_between_two_books_on_the_command_line(desk: CommandLine) -> None:
    desk("init", "other2", "--name", "Hedging Ltd")
    ours = ("--book", BOOK)
    desk("allocation", "propose", "other2", "SHFE.cu2605", "--as", "li.na", *ours, "--", "-100", "70000")
    (row,) = desk("allocation", "list", *ours, "--json").json
    assert (row["state"], row["quantity"], row["book"]) == ("proposed", "-100", "other2")
    name = row["allocation"]
    assert "li.na" in desk("allocation", "agree", name, "--book", "other2", "--as", "li.na", code=1).said[0]
    desk("allocation", "agree", name, "--book", "other2", "--as", "wang.fang")
    group = desk("exposure", *ours, "--group", BOOK, "--group", "other2", "--json").json
    assert {row["book"]: row["internal"] for row in group if row["commodity"] == "copper"} == {
        BOOK: "-100",
        "other2": "100",
    }
    assert "no book" in desk("allocation", "propose", "nobody", "SHFE.cu2605", "1", "1", *ours, code=3).said[0]
    assert Book
