"""Bad input, as people meet it: one clear sentence with file, row and field, nothing else lost, the store as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from cli.demo.standin import StandIn
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine

COPPER, ALUMINIUM = "80010001", "66880002"
STATEMENT = f"statements/{COPPER}_20260304.txt"
Spoil = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Bad:
    """One way in which a file is wrong: from which good file it is made, how it is imported, and what has to be said."""

    name: str
    made_from: str
    spoil: Spoil
    command: str
    en: str
    zh: str
    options: tuple[str, ...] = ()


def cut(body: bytes) -> bytes:
    """The first half, ending inside a Chinese character."""
    half = body[: len(body) // 2]
    return half[: next(at for at in range(len(half) - 1, 0, -1) if half[at - 1] < 0x80 <= half[at]) + 1]


def in_utf8(body: bytes) -> bytes:
    return body.decode("gb18030").encode("utf-8")


def broken_gbk(body: bytes) -> bytes:
    """A byte in the middle of a line that no character begins with."""
    at = body.index("成交记录".encode("gb18030"))
    return body[:at] + b"\xff\xff" + body[at:]


def balance_off(body: bytes) -> bytes:
    """期末结存 is 100.00 too high, and nothing else."""
    text = body.decode("gb18030")
    found = re.search(r"(期末结存[^0-9]*)([0-9]+\.[0-9]{2})", text)
    assert found is not None
    figure = str(Decimal(found[2]) + 100)
    return (text[: found.start(2)] + figure + text[found.end(2) :]).encode("gb18030")


def line_twice(section: str) -> Spoil:
    """The first data row below a section's heading stands there twice."""

    def spoil(body: bytes) -> bytes:
        lines = body.decode("gb18030").splitlines(keepends=True)
        start = next(number for number, line in enumerate(lines) if section in line)
        row = next(number for number in range(start, len(lines)) if re.search(r"\|\s*[0-9]{8}\s*\|", lines[number]))
        return "".join([*lines[: row + 1], *lines[row:]]).encode("gb18030")

    return spoil


def without(instrument: str) -> Spoil:
    return lambda body: b"".join(row for row in body.splitlines(keepends=True) if instrument.encode() not in row)


def price_twice(body: bytes) -> bytes:
    return body + body.splitlines(keepends=True)[1].replace(b"660.00", b"661.00")


def negative(body: bytes) -> bytes:
    return body.replace(b"20660.00", b"-20660.00")


BAD = (
    Bad("cut", STATEMENT, cut, "statement", "row [0-9]+.*was cut", "第 [0-9]+ 行.*截断"),
    Bad("utf8", STATEMENT, in_utf8, "statement", "UTF-8.*GB18030", "UTF-8.*GB18030"),
    Bad("gbk", STATEMENT, broken_gbk, "statement", "row [0-9]+, field", "第 [0-9]+ 行，字段"),
    Bad("off", STATEMENT, balance_off, "statement", "field balance.*100.00 off", "字段 balance.*相差 100.00"),
    Bad("fill twice", STATEMENT, line_twice("成交记录"), "statement", "row 33.*10007.*line 32", "第 33 行.*10007.*第 32 行"),
    Bad(
        "no price", "prices/settlement_20260304.csv", without("cu2604"), "price",
        "field 合约: the file has no settlement price of SHFE.cu2604", "字段 合约：文件缺少所需的 SHFE.cu2604 价格",
        ("--require", "SHFE.cu2604"),
    ),
    Bad(
        "price twice", "prices/settlement_20260304.csv", price_twice, "price",
        "row 8, field 结算价: SHFE.al2604 .* already has the price", "第 8 行，字段 结算价：SHFE.al2604",
    ),
    Bad(
        "negative price", "prices/settlement_20260304.csv", negative, "price",
        "row 2, field 结算价: the price of SHFE.al2604 is -20660.00", "第 2 行，字段 结算价：SHFE.al2604 的价格为 -20660.00",
    ),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_wrong_file_is_refused_with_one_sentence_and_changes_nothing(
    command: CommandLine, inbox: Path, bad: Bad
) -> None:
    command("init", "jinhe")
    command("opening", "import", *sorted((inbox / "opening").iterdir()))
    good = (inbox / bad.made_from).read_bytes()
    body = bad.spoil(good)
    assert body != good
    file = command.folder / f"wrong{Path(bad.made_from).suffix}"
    file.write_bytes(body)
    before = command.dump()
    for lang, pattern in (("en", bad.en), ("zh", bad.zh)):
        run = command("--lang", lang, bad.command, "import", file, *bad.options, code=3)
        sentence = run.said[0]
        assert sentence.startswith(file.name)
        assert re.search(pattern, sentence), sentence
        assert "Traceback" not in run.err
        assert run.out == ""
    assert command.dump() == before

    # the good file beside it is not kept out, and the bad one is still named
    beside = inbox / bad.made_from
    run = command(bad.command, "import", file, beside, *bad.options, code=3)
    assert run.said[0].startswith(file.name)
    assert command(bad.command, "import", beside, "--json").json[0].get("state", "unchanged") == "unchanged"
    assert command.dump() != before


def test_the_stand_in_brokers_own_broken_files_are_refused(command: CommandLine, inbox: Path) -> None:
    command("init", "jinhe")
    before = command.dump()
    for file in sorted((inbox / "broken").glob("*.txt")):
        run = command("statement", "import", file, code=3)
        assert run.said[0].startswith(file.name)
        assert run.out == ""
    file = inbox / "broken" / "missing_cu2604_settlement_20260310.csv"
    command("price", "import", file, "--require", "SHFE.cu2604", code=3)
    assert command.dump() == before


EXPECTED_QUARANTINE = {
    # document: (field, English, Chinese)
    "CGDD900001/1": ("ordered", "does not know the code KUN", "没有代码 KUN"),
    "CGDD900002/1": ("commodity", "does not know the code 9.99.SC01", "没有代码 9.99.SC01"),
    "CGDD900005/1": ("contract_date", "Nothing came from FDate", "FDate 没有值"),
    "XSDD900003/1": ("ordered", "-15.0 is below the smallest allowed value 0", "-15.0 小于允许的最小值 0"),
    "XSDD900004/2": ("line_no", "says the same as its line 1", "与第 1 行的物料、数量、价格和交货完全相同"),
}


def test_a_wrong_order_waits_in_quarantine_with_its_sentence_and_keeps_no_other_out(
    command: CommandLine, erp: StandIn
) -> None:
    command.set_up(erp)
    command.map_commodities()
    pulled = {row["what"]: row for row in command("sync", "--json", code=1).json}
    assert (pulled["contracts"]["stored"], pulled["contracts"]["quarantined"]) == (395, 5)
    for lang, place in (("en", 1), ("zh", 2)):
        entries = command("--lang", lang, "quarantine", "list", "--json", code=1).json
        assert {entry["document"] for entry in entries} == set(EXPECTED_QUARANTINE)
        for entry in entries:
            expected = EXPECTED_QUARANTINE[entry["document"]]
            assert entry["field"] == expected[0]
            assert expected[place] in entry["reason"]
            assert entry["record"].startswith("k3:")
    before = command.dump()
    again = {row["what"]: row for row in command("sync", "--scope", "open", "--json").json}
    assert (again["contracts"]["stored"], again["contracts"]["quarantined"]) == (0, 0)
    after = command.dump()
    for table in ("contract_lines", "inventory_lots", "quarantine", "raw_records"):
        assert after[table] == before[table], table


def test_a_book_whose_contracts_repeat_lines_on_purpose_may_say_so(command: CommandLine, erp: StandIn) -> None:
    command.set_up(erp)
    command.map_commodities()
    command("sync", code=1)
    command("init", "jinhe", "--set", "repeated_lines=accept")
    assert command("quarantine", "retry", "--json", code=1).json[0]["stored"] == 1
    assert "XSDD900004/2" not in {e["document"] for e in command("quarantine", "list", "--json", code=1).json}
