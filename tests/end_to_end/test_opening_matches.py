"""Matches made before go-live: taken over once, from CSV in both languages, refused with row and field when they cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.demo.standin import StandIn
from cli.session import Session
from hedge_core.model.identity import BookId
from hedge_core.model.physical import ContractLine, LineStatus, PricingKind, Side
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine

HEADER = "contract,line,account,instrument,open date,open price,spot quantity,futures quantity\n"
CHINESE = "连接,类型,键,资金账号,合约,开仓日期,开仓价,现货数量,期货数量\n"
LOT = "66880002,al2604,20260205,20375"
"""30 lots of 5 t sold, as the opening statement's 持仓明细 prints them."""


@pytest.fixture
def live(command: CommandLine, erp: StandIn, inbox: Path) -> CommandLine:
    """The company with its ERP pulled and its opening statements imported, nothing matched yet."""
    command.set_up(erp)
    command.map_commodities()
    command("sync", code=1)
    command("opening", "import", *sorted((inbox / "opening").iterdir()))
    return command


def purchases(live: CommandLine, commodity: str) -> list[dict[str, str]]:
    """What a matching would match: aluminium purchases with their quantities."""
    rows = live("match", "--dry-run", "--json").json
    prefix = {"aluminium": "SHFE.al", "copper": "SHFE.cu"}[commodity]
    return [row for row in rows if row["instrument"].startswith(prefix) and ":purchase_line:" in row["leg"]]


def written(live: CommandLine, text: str) -> Path:
    file = live.folder / "matches.csv"
    file.write_text(text, encoding="utf-8")
    return file


def record(row: dict[str, str]) -> str:
    return ",".join(row["leg"].split(":", 2))


def test_earlier_matches_are_taken_over_once_and_matching_goes_on_from_them(live: CommandLine) -> None:
    first, second = purchases(live, "aluminium")[:2]
    file = written(live, CHINESE + f"{record(first)},{LOT},10,10\n{record(second)},{LOT},15,5\n")
    run = live("opening", "import", "--matches", file)
    assert run.said == ["2 earlier matches taken over, 0 were there already."]
    before = live.dump()
    kept = {row[1]: row for row in before["matches"]}
    assert len(kept) == 2
    assert live("opening", "import", "--matches", file).said == ["0 earlier matches taken over, 2 were there already."]
    assert live.dump() == before, "the same file again changes nothing"

    live("match")
    after = {row[1]: row for row in live.dump()["matches"]}
    assert len(after) > 2
    assert {name: after[name] for name in kept} == kept, "matching adds to them and leaves them as they are"
    assert live("audit", "verify", "--json").json["ok"] is True
    assert any(kind == "hedges" for kind in {row["what"] for row in live("outbox", "list", "--json").json})


def open_line(side: Side) -> ContractLine:
    """An aluminium line that is open, priced and not delivered yet."""
    with Session().app.store.read(BookId("jinhe")) as uow:
        return next(
            line
            for line in uow.physical.contract_lines()
            if (line.side, line.commodity, line.status) == (side, "aluminium", LineStatus.OPEN)
            and line.pricing is PricingKind.PRICED
            and line.open_quantity == line.ordered
        )


def test_the_contract_number_and_line_name_a_leg_as_well(live: CommandLine) -> None:
    line = open_line(Side.PURCHASE)
    file = written(live, HEADER + f"{line.contract_no},{line.line_no},{LOT},5,5\n")
    assert live("opening", "import", "--matches", file).said[0].startswith("1 earlier matches")


@pytest.mark.parametrize(
    ("row", "en", "zh"),
    [
        ("{leg},66880002,al2604,20260205,20376,5,5", "row 2, field account: There is no opening lot", "期初持仓中没有"),
        ("{leg},66880002,al2604,20260205,20375,5,151", "field futures_quantity: 151 .* only 150", "仅剩 150"),
        ("{leg},66880002,al2604,20260205,20375,100000,5", "field spot_quantity: .*100000 is to be", "要匹配 100000"),
        ("{leg},66880002,al2604,20260205,20375,-5,5", "field spot_quantity: -5 is no quantity", "-5 不是可匹配的数量"),
        ("{leg},66880002,al2604,2026-13-05,20375,5,5", "row 2, field 开仓日期: .*2026-13-05.* is no", "2026-13-05"),
        ("{leg},66880002,zz9,20260205,20375,5,5", "row 2, field 合约: ", "第 2 行，字段 合约"),
        ("{leg},,al2604,20260205,20375,5,5", "row 2, field 资金账号: The cell is empty", "该单元格为空"),
        ("{leg},66880002,al2604,20260205,20375,five,5", "row 2, field 现货数量: “five”", "“five”"),
        ("k3,purchase_line,0/0,66880002,al2604,20260205,20375,5,5", "field key: .*is no open contract", "不是本账簿"),
        ("{leg},80010001,cu2604,20260205,20375,5,5", "field account: There is no opening lot", "期初持仓中没有"),
    ],
)
def test_a_row_that_cannot_be_true_is_named_and_nothing_of_the_file_is_stored(
    live: CommandLine, row: str, en: str, zh: str
) -> None:
    leg = purchases(live, "aluminium")[0]
    good = f"{record(leg)},{LOT},1,1\n"
    file = written(live, CHINESE + row.format(leg=record(leg)) + "\n" + good)
    before = live.dump()
    for lang, pattern in (("en", en), ("zh", zh)):
        said = live("--lang", lang, "opening", "import", "--matches", file, code=3).said
        assert len(said) == 1
        assert said[0].startswith("matches.csv")
        assert re.search(pattern, said[0]), said[0]
    assert live.dump() == before


def test_a_leg_and_a_fill_that_gain_together_cannot_be_matched(live: CommandLine) -> None:
    line = open_line(Side.SALE)
    file = written(live, HEADER + f"{line.contract_no},{line.line_no},{LOT},5,5\n")
    assert "gain and lose together" in live("opening", "import", "--matches", file, code=3).said[0]


def test_neither_statements_nor_matches_is_a_misuse(command: CommandLine) -> None:
    command("init", "jinhe")
    run = command("opening", "import", code=2)
    assert "--matches" in run.said[0]
