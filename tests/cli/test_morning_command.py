"""The morning sheet by command: JSON with every figure, tables that fit 100 columns, in English and in Chinese."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine

STAMP = "20260304"


@pytest.fixture
def settled(command: CommandLine, inbox: Path) -> CommandLine:
    """The demo company's brokers up to the first settled day."""
    command("init", "jinhe", "--name", "锦禾金属贸易有限公司", "--set", "limit_rate=0.05")
    command("opening", "import", *sorted((inbox / "opening").glob("*.txt")))
    command("price", "import", inbox / "prices" / f"settlement_{STAMP}.csv")
    command("statement", "import", *sorted((inbox / "statements").glob(f"*_{STAMP}.txt")))
    assert command("settle", "2026-03-04", "--json").json["state"] == "settled"
    return command


def test_the_sheet_in_json_has_every_figure_and_agrees_with_the_other_commands(settled: CommandLine) -> None:
    sheet = settled("morning", "--json", code=None).json
    assert (sheet["day"], sheet["broken"]) == ("2026-03-04", [])
    totals = {row["commodity"]: row for row in settled("exposure", "--totals", "--json").json}
    assert {row["commodity"] for row in sheet["commodities"]} == totals.keys()
    for row in sheet["commodities"]:
        assert (row["futures"], row["net"]) == (totals[row["commodity"]]["futures"], totals[row["commodity"]]["net"])
    funds = {row["account"]: row for row in settled("snapshot", "show", "2026-03-04", "--json").json["funds"]}
    assert {row["account"]: row["equity"] for row in sheet["accounts"]} == {
        name: row["equity"] for name, row in funds.items()
    }
    assert all(row["cash_needed"] is not None for row in sheet["accounts"])


@pytest.mark.parametrize(("lang", "words"), [("en", ("Net exposure", "Risk degree")), ("zh", ("净敞口", "风险度"))])
def test_the_tables_fit_a_hundred_columns(
    settled: CommandLine, monkeypatch: pytest.MonkeyPatch, lang: str, words: tuple[str, str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    run = settled("--lang", lang, "morning", code=None)
    assert max(cell_len(line) for line in run.out.splitlines()) <= 100
    assert all(word in run.out for word in words)
