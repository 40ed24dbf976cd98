"""Price lists, the hedge designation, the broken files, and the command that writes them all."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox import statements
from sandbox.company.broker import Account
from sandbox.company.broker_files import files
from sandbox.company.facts import CONTRACT_MONTHS, OPENING_DAY, PRODUCTS, TRADING_DAYS
from sandbox.company.trading import month


@pytest.fixture(scope="module")
def written() -> dict[str, bytes]:
    return files()


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_another_process_with_another_hash_seed_writes_the_same_bytes(tmp_path, written):
    call = "import sys, pathlib; from sandbox.statements import write; write(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(statements.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", call, str(tmp_path)], check=True, env=environment, timeout=60)
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == written


def test_every_day_has_prices_of_all_listed_months(written):
    listed = {
        f"{code}{month}" for code, name in (("cu", "copper"), ("al", "aluminium")) for month in CONTRACT_MONTHS[name]
    }
    for day in (OPENING_DAY, *TRADING_DAYS):
        content = written[f"prices/settlement_{day:%Y%m%d}.csv"]
        assert content.startswith(b"\xef\xbb\xbf")
        rows = table(content)
        assert {row["合约"] for row in rows} == listed
        assert {row["交易日"] for row in rows} == {day.isoformat()}
        assert any(row["结算价"] != row["收盘价"] for row in rows)
        spot = table(written[f"prices/spot_{day:%Y%m%d}.csv"])
        assert [(row["品种"], row["含税"], row["币种"]) for row in spot] == [
            ("aluminium", "是", "CNY"),
            ("copper", "是", "CNY"),
        ]


def test_printed_settlement_prices_are_those_of_the_price_list(written):
    for day in TRADING_DAYS:
        prices = {row["合约"]: row["结算价"] for row in table(written[f"prices/settlement_{day:%Y%m%d}.csv"])}
        for account in ("80010001", "66880002"):
            lines = written[f"statements/{account}_{day:%Y%m%d}.txt"].decode("gb18030").split("\r\n")
            start = next(place for place, line in enumerate(lines) if "持仓汇总" in line)
            header = [cell.strip() for cell in lines[start + 2].split("|")]
            rows = [line.split("|") for line in lines[start + 5 :] if line.startswith("|") and "|共" not in line]
            assert rows
            for row in rows:
                cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
                assert cells["今结算"] == f"{prices[cells['合约']]}0"


def test_the_designation_names_fills_that_stand_in_the_statements(written):
    record = json.loads(written["designation.json"])
    legs = list(record["instruments"])
    for end in (*record["sales"], record["discontinued"]):
        legs += end["closing_fills"]
    for leg in legs:
        text = written[f"statements/{leg['account']}_{leg['trading_day'].replace('-', '')}.txt"].decode("gb18030")
        side = {"buy": "|买   |", "sell": "|   卖|"}[leg["direction"]]
        lines = [line for line in text.split("\r\n") if f"|{leg['fill_id']} " in line and side in line]
        assert len(lines) == 1
        assert f"|{leg['lots']:>6}|" in lines[0]
        assert "|cu2606 " in lines[0]
    assert sum(leg["lots"] for leg in record["instruments"]) * 5 == int(record["quantity"]) == 500
    closed = sum(leg["lots"] for leg in legs if leg["direction"] == "buy")
    assert closed == 100
    assert record["approved_on"] <= record["designated_on"]


def test_nothing_but_its_own_closes_touches_the_designated_month_before_the_end(written):
    for day in TRADING_DAYS:
        text = written[f"statements/80010001_{day:%Y%m%d}.txt"].decode("gb18030")
        held = sum(
            int(line.split("|")[7])
            for line in text[text.index("持仓明细") : text.index("持仓汇总")].split("\r\n")
            if "|cu2606 " in line and "|   卖|" in line
        )
        expected = 0 if day.day < 5 or day.day == 31 else 100 if day.day < 18 else 60
        assert held == expected


def test_each_broken_file_is_broken_in_one_way_only(written):
    broken = {name.removeprefix("broken/"): content for name, content in written.items() if name.startswith("broken/")}
    assert len(broken) == 4
    good = written["statements/80010001_20260310.txt"]

    cut = broken["truncated_80010001_20260310.txt"]
    assert good.startswith(cut)
    with pytest.raises(UnicodeDecodeError):
        cut.decode("gb18030")
    assert "持仓明细" in cut.decode("gb18030", errors="ignore")
    assert "持仓汇总" not in cut.decode("gb18030", errors="ignore")

    assert broken["utf8_80010001_20260310.txt"].decode("utf-8") == good.decode("gb18030")

    pairs = zip(broken["balance_off_80010001_20260310.txt"].split(b"\r\n"), good.split(b"\r\n"), strict=True)
    different = [
        (wrong.decode("gb18030").split(), right.decode("gb18030").split()) for wrong, right in pairs if wrong != right
    ]
    assert len(different) == 1
    wrong, right = different[0]
    assert wrong[:-1] == right[:-1]
    assert round(float(wrong[-1]) - float(right[-1]), 2) == 100.00

    whole = table(written["prices/settlement_20260310.csv"])
    assert table(broken["missing_cu2604_settlement_20260310.csv"]) == [row for row in whole if row["合约"] != "cu2604"]


def test_the_command_writes_the_files_and_says_how_many(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    statements.add_arguments(parser)
    out = tmp_path / "new" / "folder"
    assert statements.main(parser.parse_args(["--out", str(out)])) == 0
    assert str(len(files())) in capsys.readouterr().out
    assert (out / "opening" / "80010001_20260303.txt").is_file()
    assert (out / "manifest.json").is_file()


def test_an_unwritable_folder_is_told_and_not_a_crash(tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    assert statements.main(argparse.Namespace(out=tmp_path / "taken" / "below")) == 3
    assert "taken" in capsys.readouterr().err


def test_a_night_fill_stands_on_the_previous_trading_evening_and_in_the_next_days_statement(written):
    known = json.loads(written["manifest.json"])["night_fills"]
    for account, days in month().items():
        for before, settled in pairwise(days):
            night = [fill for fill in settled.fills if fill.executed_at.date() < settled.day]
            assert [str(fill.fill_id) for fill in night] == known[account][settled.day.isoformat()]
            assert bool(night) == bool(settled.fills)
            for fill in night:
                assert (fill.executed_at.date(), fill.executed_at.hour >= 21) == (before.day, True)
            for fill in settled.fills[len(night) :]:
                assert 9 <= fill.executed_at.hour < 12
            times = [fill.executed_at for fill in settled.fills]
            assert times == sorted(times)


def test_every_price_is_a_multiple_of_the_tick():
    ticks = {code: tick for _, code, _, tick in PRODUCTS.values()}
    for days in month().values():
        for settled in days:
            for fill in settled.fills:
                assert fill.price % ticks[fill.instrument[:2]] == 0
            for position in settled.positions:
                assert position.lot.price % ticks[position.lot.instrument[:2]] == 0


def test_a_fill_that_closes_more_than_is_held_is_refused():
    settled = month()["80010001"][1]
    fill = next(fill for fill in settled.fills if fill.offset == "平昨")
    with pytest.raises(ValueError, match="too many"):
        Account("80010001", Decimal(0), []).trade(settled.day, {fill.instrument: fill.price}, fill)
