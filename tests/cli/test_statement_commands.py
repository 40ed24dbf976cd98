"""Statements by command: the template, the watched folder, what is refused with which sentence, and the calendar."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import cfmmc_book, ctp_text
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine

ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
NOTICE = "<html><body><p>该日为非交易日，无结算报告</p></body></html>".encode()


@pytest.fixture
def book(command: CommandLine) -> CommandLine:
    """A book without connections."""
    command("init", "cu01", "--name", "示例铜业贸易", "--set", "statement_folder=in")
    (command.folder / "in").mkdir()
    return command


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


@pytest.mark.parametrize("name", ["own.csv", "own.xlsx"])
def test_the_template_is_written_and_can_be_imported_as_it_is(book: CommandLine, name: str) -> None:
    told = book("statement", "template", "--to", name)
    assert name in told.said[0]
    assert "is there already" in book("statement", "template", "--to", name, code=3).said[0]
    assert book("statement", "import", name, "--accept", "an example", "--json").json[0]["state"] == "stored"


def test_a_template_of_another_kind_is_refused(book: CommandLine) -> None:
    assert ".csv or an .xlsx" in book("statement", "template", "--to", "own.pdf", code=3).said[0]


@pytest.mark.parametrize(
    ("body", "en", "zh"),
    [
        (ENCRYPTED, "password", "密码"),
        (NOTICE, "该日为非交易日", "该日为非交易日"),
        (b"%PDF-1.7", "PDF", "PDF"),
    ],
)
def test_what_is_no_statement_is_refused_with_a_clear_sentence(
    book: CommandLine, body: bytes, en: str, zh: str
) -> None:
    (book.folder / "day.xls").write_bytes(body)
    before = book.dump()
    for lang, words in (("en", en), ("zh", zh)):
        run = book("--lang", lang, "statement", "import", "day.xls", code=3)
        assert words in run.said[0] and run.said[0].startswith("day.xls")
    assert book.dump() == before


def test_the_watched_folder_is_looked_into_by_command(book: CommandLine) -> None:
    folder = book.folder / "in"
    (folder / "good.xls").write_bytes(cfmmc_book.xls(cfmmc_book.sheets()))
    (folder / "locked.xls").write_bytes(ENCRYPTED)
    assert "2 still waiting" in book("inbox", "run").said[-1]
    run = book("inbox", "run", "--json", code=3)
    assert {row["file"]: row["state"] for row in run.json} == {"good.xls": "done", "locked.xls": "refused"}
    assert names(folder / "done") == ["good.xls"]
    assert names(folder / "refused") == ["locked.xls", "locked.xls.reason.txt"]
    assert "密码" in (folder / "refused" / "locked.xls.reason.txt").read_text(encoding="utf-8")
    assert book("statement", "import", folder / "done" / "good.xls", "--json").json[0]["state"] == "unchanged"


def test_watching_goes_on_until_nothing_waits(book: CommandLine) -> None:
    folder = book.folder / "other"
    folder.mkdir()
    (folder / "day.txt").write_bytes(ctp_text.statement(ctp_text.trading_day()))
    book("statement", "watch", "--folder", folder, "--every", "0.1", "--until-idle")
    assert names(folder) == [] and names(folder / "done") == ["day.txt"]


def test_a_statement_that_needs_a_person_waits_in_refused_with_the_reason(book: CommandLine) -> None:
    day = ctp_text.trading_day()
    day.funds["Risk Degree"] = "99.99%"
    (book.folder / "in" / "day.txt").write_bytes(ctp_text.statement(day))
    book("inbox", "run")
    assert book("inbox", "run", "--json", code=3).json[0]["state"] == "refused"
    reason = (book.folder / "in" / "refused" / "day.txt.reason.txt").read_text(encoding="utf-8")
    assert "--accept" in reason and "需要人工确认" in reason


def test_a_book_without_a_folder_says_how_to_set_one(command: CommandLine) -> None:
    command("init", "cu01", "--name", "x")
    assert "statement_folder" in command("inbox", "run", code=3).said[0]
    assert "cannot be used" in command("inbox", "run", "--folder", "/proc/none", code=3).said[0]


def test_a_trading_day_without_a_statement_is_told_from_a_holiday(book: CommandLine) -> None:
    """Wednesday, then Friday: a day is missing. With Thursday declared closed nothing is."""
    (book.folder / "a.txt").write_bytes(ctp_text.statement(ctp_text.Day(), date="20260304"))
    (book.folder / "b.txt").write_bytes(ctp_text.statement(ctp_text.Day(), date="20260306"))
    book("statement", "import", "a.txt")
    waiting = book("statement", "import", "b.txt", "--json", code=1).json[0]
    assert waiting["state"] == "needs_acceptance" and "2026-03-04" in waiting["findings"][0]
    (book.folder / "own.csv").write_text("date,state,note\n2026-03-05,closed,typhoon\n", encoding="utf-8")
    assert "1 dates" in book("calendar", "import", "own.csv").said[0]
    shown = book("calendar", "show", "2026-03-04", "--json").json
    assert (shown["trading_day"], shown["night_session"], shown["next_day"]) == (True, False, "2026-03-06")
    assert book("statement", "import", "b.txt", "--json").json[0]["state"] == "stored"


def test_a_sunday_is_not_settled(book: CommandLine) -> None:
    run = book("settle", "2026-03-08", code=1)
    assert any("no trading day" in line and "2026-03-09" in line for line in run.said)


def cash_day(date: str, deposit: str, balance_bf: str = "1000000.00") -> bytes:
    """A day with one deposit and no position."""
    row = {"发生日期": date, "出入金类型": "银期转账", "入金": deposit, "出金": "0.00", "说明": "入金"}
    return ctp_text.statement(ctp_text.Day(balance_bf, {ctp_text.CASH: [row]}), date=date)


def test_a_corrected_statement_of_a_settled_day_is_a_version_with_its_differences(book: CommandLine) -> None:
    files = {
        "opening.txt": ctp_text.statement(ctp_text.Day(), date="20260303"),
        "day.txt": cash_day("20260304", "50000.00"),
        "corrected.txt": cash_day("20260304", "60000.00"),
    }
    for name, body in files.items():
        (book.folder / name).write_bytes(body)
    book("opening", "import", "opening.txt")
    book("statement", "import", "day.txt")
    first = book("settle", "2026-03-04", "--json").json
    assert (first["state"], first["version"]) == ("settled", 1)
    before = book.dump()
    waiting = book("statement", "import", "corrected.txt", "--json", code=1)
    assert waiting.json[0]["state"] == "needs_reopening"
    own = ("--reopen", "the broker corrected it", "--approved-by", "li", "--as", "li")
    book("statement", "import", "corrected.txt", *own, code=1)
    assert book.dump() == before, "nothing changes without another person's approval"
    agreed = ("--reopen", "the broker corrected it", "--approved-by", "chief", "--as", "li")
    stored = book("statement", "import", "corrected.txt", *agreed, "--json").json[0]
    assert (stored["state"], stored["version"]) == ("new_version", 2)
    told = " ".join(stored["changes"]).replace(",", "")
    assert "50000" in told and "60000" in told
    assert len(book.dump()["statements"]) == 2, "the first version is kept as it was"
    again = book("settle", "2026-03-04", "--json").json
    assert (again["state"], again["version"]) == ("settled", 2)
    assert again["snapshot"] != first["snapshot"]
