"""Bad input typed or imported by command: the record is named in both languages, nothing is half kept, the day stays open, and
no case ends in an error of the program's own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.storage import open_store
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.physical import PricingKind, Side
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.company import inbox as files_of_month
from tests.support.databases import HandClock
from tests.support.samples import contract_line, ref

DAY = "2026-03-04"
COPPER = f"statements/80010001_{DAY.replace('-', '')}.txt"
FILL = "| 79440.000|     9|"
CASES = (
    # what is done to the broker's file, and the words that name the record in English and Chinese
    ("an instrument that is none", "cu2604          |   卖|保          | 79440", "cu2613          |   卖|保          | 79440",
     "row 32", "cu2613", "第 32 行"),
    ("a price below zero", FILL, FILL.replace(" 79440", "-79440"), "Fill 10007", "-79440.000", "成交 10007"),
    ("a price of zero", FILL, FILL.replace("79440", "    0"), "Fill 10007", "above zero", "必须大于零"),
    ("no number for a price", FILL, FILL.replace("79440.000", "      NaN"), "row 32", "NaN", "不是数字"),
    ("infinity", FILL, FILL.replace("79440.000", " Infinity"), "row 32", "Infinity", "第 32 行"),
    ("a price off the tick", FILL, FILL.replace("79440.000", "79441.370"), "Fill 10007", "61.65", "10007"),
    ("twelve decimals", FILL, FILL.replace("79440.000", "79440.000000000001"), "row 32", "79440.000000000001", "第 32 行"),
    ("a huge figure", FILL, FILL.replace("79440.000", "9" * 40), "row 32", "is not a number", "第 32 行"),
    ("no lots", FILL, FILL.replace("     9|", "     0|"), "row 32", "not a number of lots", "手数"),
    ("half a lot", FILL, FILL.replace("     9|", "   9.5|"), "row 32", "not a number of lots", "手数"),
    ("full-width digits", FILL, FILL.replace("     9|", "    ９|"), "row 32", "９", "第 32 行"),
    ("a day of the year 1900", f"|{DAY.replace('-', '')}|上期所", "|19000304|上期所", "row", "before 1990", "早于 1990"),
    ("a day of the year 2999", "20260304", "29990304", "row 6", "after 2100", "晚于 2100"),
    ("a close that nothing was open for", "|开                |    178.74", "|平昨              |    178.74",
     "SHFE.cu2604", "close 9 lots", "SHFE.cu2604"),
    ("a word nobody knows", "|开                |", "|借                |", "row 32", "借", "第 32 行"),
    ("a fill without its number", "|10007       |", "|            |", "row 32", "no number", "缺少成交序号"),
)  # fmt: skip


@pytest.fixture
def book(command: CommandLine) -> CommandLine:
    """The book on the first business day: go-live, prices, and the statement of the other account."""
    month = files_of_month()
    for path in ("opening/66880002_20260303.txt", "opening/80010001_20260303.txt", "prices/settlement_20260304.csv",
                 "statements/66880002_20260304.txt", COPPER):  # fmt: skip
        (command.folder / Path(path).name).write_bytes(month[path])
    command("init", "jinhe", "--set", "rule_set=none", "--set", "variation=sweep", "--set", "futures_cash=margin")
    command("opening", "import", "66880002_20260303.txt", "80010001_20260303.txt")
    command("price", "import", "settlement_20260304.csv")
    command("statement", "import", "66880002_20260304.txt")
    return command


def statement() -> str:
    return files_of_month()[COPPER].decode("gb18030")


def named(command: CommandLine, en: tuple[str, ...], zh: str, *arguments: str) -> int:
    """The command is refused in both languages with the words, and never with a trace of the program; its exit code."""
    codes = set()
    for lang, words in (("en", en), ("zh", (zh,))):
        run = command("--lang", lang, *arguments, code=None)
        told = " ".join(run.said)
        assert "Traceback" not in run.err, told
        assert all(word in told for word in words), told
        codes.add(run.code)
    (code,) = codes
    return code


def open_with(command: CommandLine, *words: str) -> None:
    run = command("settle", DAY, code=1)
    assert all(word in " ".join(run.said) for word in words), run.err
    assert "no such snapshot" in command("snapshot", "show", DAY, code=3).said[0]


def test_each_bad_record_of_a_statement_is_named_nothing_is_stored_and_the_day_stays_open(book: CommandLine) -> None:
    before = book.dump()
    for name, good, bad, first, second, zh in CASES:
        text = statement()
        assert good in text, name
        (book.folder / "bad.txt").write_bytes(text.replace(good, bad).encode("gb18030"))
        assert named(book, (first, second), zh, "statement", "import", "bad.txt") == 3, name
    assert book.dump() == before
    open_with(book, "80010001", "no statement")


def test_a_row_that_stands_twice_is_named_and_not_the_total_row(book: CommandLine) -> None:
    row = next(line for line in statement().splitlines(keepends=True) if "|10007 " in line)
    (book.folder / "bad.txt").write_bytes(statement().replace(row, row * 2).encode("gb18030"))
    assert named(book, ("row 33", "10007", "line 32"), "10007", "statement", "import", "bad.txt") == 3


@pytest.mark.parametrize(
    ("body", "en", "zh"),
    [
        (statement().encode(), "UTF-8", "UTF-8"),
        (statement().encode("utf-16"), "UTF-16", "UTF-16"),
        (statement()[:3000].encode("gb18030"), "was cut", "截断"),
        (b"", "empty", "空"),
        (bytes(range(256)) * 20, "none of the statements", "结算单"),
    ],
)
def test_a_file_that_is_not_as_the_broker_wrote_it_says_so(book: CommandLine, body: bytes, en: str, zh: str) -> None:
    (book.folder / "bad.txt").write_bytes(body)
    assert named(book, (en,), zh, "statement", "import", "bad.txt") == 3


def test_an_unknown_instrument_and_a_close_without_an_open_keep_the_day_open_by_name(book: CommandLine) -> None:
    """An account that has no opening state closes five lots it never opened, of a product that nobody knows."""
    book("statement", "import", Path(COPPER).name)
    text = statement().replace("80010001", "99999999").replace("cu2604", "zz2604").replace("cu2605", "zz2605")
    (book.folder / "other.txt").write_bytes(text.encode("gb18030"))
    assert named(book, ("No product zz", "not stored"), "zz", "statement", "import", "other.txt") == 1
    book("statement", "import", "other.txt", "--accept", "an account of its own")
    open_with(book, "SHFE.zz2604", "closes 5 lots", "only 0 matching lots are open")
    assert named(book, ("SHFE.zz2604",), "SHFE.zz2604", "settle", DAY) == 1


def test_a_missing_settlement_price_keeps_the_day_open_by_name(book: CommandLine) -> None:
    day = "2026-03-05"
    book("statement", "import", Path(COPPER).name)
    assert book("settle", DAY, "--json").json["state"] == "settled"
    run = book("settle", day, code=1)
    assert any(f"no settlement price for {day}" in said and "SHFE.cu2604" in said for said in run.said)
    assert named(book, ("no settlement price",), "结算价", "settle", day) == 1


def test_days_are_settled_in_order_and_none_up_to_the_go_live(book: CommandLine) -> None:
    book("statement", "import", Path(COPPER).name)
    book("settle", DAY)
    assert named(book, ("go-live of 2026-03-03",), "上线日", "settle", "2026-03-03") == 1
    for day in ("1900-01-01", "2999-01-01", "2026-02-30", "tomorrow"):
        assert named(book, (day,), day, "settle", day) == 2
    assert named(book, ("999999",), "999999", "snapshot", "show", DAY, "--version", "9" * 30) == 2


PRICES = (
    ("cu2604,2026-03-09,-1", "SHFE.cu2604 is -1", "-1"),
    ("cu2604,2026-03-09,NaN", "NaN", "NaN"),
    ("cu2604,2026-03-09,七万", "七万", "七万"),
    ("cu2604,2026-03-09,79000.000000000001", "79000.000000000001", "79000.000000000001"),
    ("cu2604,1900-03-09,79000", "before 1990", "早于 1990"),
    ("cu2604,2999-03-09,79000", "after 2100", "晚于 2100"),
    ("cu2613,2026-03-09,79000", "cu2613", "cu2613"),
    ("qq2604,2026-03-09,79000", "qq2604", "qq2604"),
    ("cu2604,2026-03-09,79000\ncu2604,2026-03-09,79010", "79010", "79010"),
)
TERMS = (
    ("planned", "name,commodity,side,month,quantity,unit,weight", "a,copper,purchase,2026-05,5,t,7", "weight"),
    ("planned", "name,commodity,side,month,quantity,unit,weight", "a,copper,purchase,2026-13,5,t,0.5", "month"),
    ("planned", "name,commodity,side,month,quantity,unit,weight", "a,copper,purchase,2026-05,-5,t,0.5", "quantity"),
    ("currency", "currency,rate", "USD,0", "rate"),
    ("delta", "instrument,delta", "SHFE.cu2605C70000,5", "delta"),
    ("delta", "instrument,delta", "SHFE.cu2605,0.5", "SHFE.cu2605"),
    ("band", "commodity,low,high", "copper,100,-100", "-100"),
    ("funding", "currency,rate", "CNY,500", "rate"),
    ("line", "line,kind,instrument,first_day,last_day", "XS-2/1,floating,cu26zz,2026-03-02,2026-03-12", "cu26zz"),
    ("line", "line,kind,instrument,first_day,last_day,stop_price", "XS-2/1,floating,SHFE.cu2605,2026-03-02,2026-03-12,-5",
     "stop_price"),
    ("line", "line,kind,instrument,first_day,last_day,pricing_days", "XS-2/1,average,SHFE.cu2605,2026-03-02,2026-03-12,2.5",
     "2.5"),
    ("price", "line,stage,price,vat_rate", "XS-2/1,final,60000,13", "vat_rate"),
    ("yield", "material,commodity,from_unit,unit,content", "ore,copper,t,t,25", "content"),
    ("forward", "name,instrument,commodity,unit,side,quantity,price,currency,prompt",
     "f,LME.CA2606,copper,t,sale,-100,9500,USD,2026-06-17", "quantity"),
)  # fmt: skip


def test_prices_limits_and_terms_that_cannot_be_meant_are_refused_by_row(book: CommandLine) -> None:
    before = book.dump()

    def refused(kind: tuple[str, ...], head: str, row: str, en: str, zh: str) -> None:
        (book.folder / "t.csv").write_text(f"{head}\n{row}\n", encoding="utf-8-sig")
        assert named(book, ("t.csv, row", en), zh, kind[0], "import", "t.csv", *kind[1:]) == 3, row

    for row, en, zh in PRICES:
        refused(("price",), "合约,交易日,结算价", row, en, zh)
    for kind, head, row, word in TERMS:
        refused(("terms", "--kind", kind, "--from", "2026-03-02"), head, row, word, word)
    for row, en in (("a,lots,,-5,copper,", "below zero"), ("a,hedge_ratio,0.9,1.1,copper,", "physical or vat"),
                    ("a,lots,,NaN,copper,", "NaN"), ("a,lotz,,5,copper,", "lotz")):  # fmt: skip
        refused(("limit",), "rule_id,kind,low,high,commodity,view", row, en, "第 2 行")
    assert book.dump() == before


def test_a_price_called_at_the_desk_that_cannot_be_is_refused_and_changes_nothing(book: CommandLine) -> None:
    store = open_store(book.database, HandClock(datetime(2026, 3, 4, 8, 0, tzinfo=UTC)))
    line = contract_line(ref=ref("2/1"), contract_no="XS-2", commodity="copper", side=Side.SALE, ordered=Decimal(120),
                         delivered=Decimal(20), pricing=PricingKind.FLOATING)  # fmt: skip
    with store.begin(BookId("jinhe"), Actor("li.na")) as uow:
        uow.physical.save_contract_lines([line])
    store.close()
    (book.folder / "t.csv").write_text(
        "line,kind,instrument,first_day,last_day\nXS-2/1,floating,SHFE.cu2605,2026-03-02,2026-03-12\n", encoding="utf-8"
    )
    book("terms", "import", "t.csv", "--kind", "line", "--from", "2026-03-02", "--reason", "signed")
    before = book.dump()
    for quantity, price in (
        ("0", "69000"), ("-1", "69000"), ("NaN", "69000"), ("1e400", "69000"), ("9" * 50, "69000"), ("999", "69000"),
        ("10", "0"), ("10", "-5"), ("10", "NaN"), ("10", "Infinity"), ("abc", "69000"), ("10.1234567890123", "69000"),
        ("10", "69000.123456789012"), ("10", "9" * 50), ("１０", "69000"),
    ):  # fmt: skip
        code = named(book, (), "", "pricing", "add", "XS-2/1", "--on", DAY, "--", quantity, price)
        assert code in (1, 3), (quantity, price)
    for on in ("2026-03-15", "1900-01-01"):
        assert named(book, (), "", "pricing", "add", "XS-2/1", "10", "69000", "--on", on) in (1, 2, 3)
    assert book.dump() == before
