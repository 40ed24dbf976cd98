"""Spoilt statement files of every kind: each is read whole or refused with a sentence, never half, never otherwise."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from adapters.broker.generic_statement import write_template
from adapters.broker.statement_files import read_any_statement
from adapters.reference import load_products
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import AccountStatement
from hedge_core.statement_findings import Severity
from hedge_core.statement_form_checks import check_any_statement
from tests.support import cfmmc_book, ctp_text

FLEX = (
    b'<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">'
    b'<FlexStatement accountId="U1" fromDate="2026-09-10" toDate="2026-09-10"><CashReport>'
    b'<CashReportCurrency currency="USD" startingCash="100" endingCash="150" deposits="50"/>'
    b'<CashReportCurrency currency="EUR" startingCash="7" endingCash="9" deposits="2"/>'
    b"</CashReport></FlexStatement></FlexStatements></FlexQueryResponse>"
)
TEXTS = {
    "ctp short": ctp_text.statement(ctp_text.trading_day()),
    "ctp long": ctp_text.statement(ctp_text.trading_day(), layout="long"),
    "ctp month": ctp_text.statement(ctp_text.trading_day(), date="20260301-20260304"),
    "flex": FLEX,
    "template": write_template("csv", "en"),
    "template zh": write_template("csv", "zh"),
}
BOOKS = {
    "cfmmc day xls": cfmmc_book.xls(cfmmc_book.sheets()),
    "cfmmc day xlsx": cfmmc_book.xlsx(cfmmc_book.sheets()),
    "cfmmc month xls": cfmmc_book.xls(cfmmc_book.sheets(monthly=True)),
    "cfmmc trade xlsx": cfmmc_book.xlsx(cfmmc_book.sheets("trade")),
    "template book": write_template("xlsx", "en"),
}
WHOLE = TEXTS | BOOKS
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "big5", "shift_jis", "gb18030", "latin-1", "utf-7")
Spoilt = tuple[str, bytes]


def cuts(body: bytes) -> Iterator[Spoilt]:
    for part in range(1, 40):
        yield f"cut to {part}/40", body[: len(body) * part // 40]
    yield "last byte", body[:-1]
    yield "without its beginning", body[len(body) // 3 :]


def rearranged(body: bytes) -> Iterator[Spoilt]:
    lines = body.splitlines(keepends=True)
    for seed in range(12):
        mixed = lines[:]
        random.Random(seed).shuffle(mixed)
        yield f"shuffled {seed}", b"".join(mixed)
    yield "backwards", b"".join(reversed(lines))
    yield "twice", body + body
    yield "second half first", b"".join(lines[len(lines) // 2 :] + lines[: len(lines) // 2])


def damaged(body: bytes) -> Iterator[Spoilt]:
    for seed in range(12):
        chance = random.Random(seed)
        spoilt = bytearray(body)
        for _ in range(chance.randint(1, 30)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        yield f"bytes {seed}", bytes(spoilt)
    yield "a hole of zeros", body[: len(body) // 2] + bytes(200) + body[len(body) // 2 + 200 :]


def reencoded(body: bytes) -> Iterator[Spoilt]:
    for source in ("utf-8-sig", "gb18030"):
        try:
            text = body.decode(source)
        except UnicodeDecodeError:
            continue
        for encoding in ENCODINGS:
            yield f"{source} as {encoding}", text.encode(encoding, "replace")


def content(statement: AccountStatement) -> AccountStatement:
    """A statement without the order of its rows and the notes at their ends, which nothing counts."""
    ordered = {
        name: tuple(sorted(getattr(statement, name), key=repr))
        for name in ("fills", "closed", "positions", "summary", "cash", "totals", "unknown", "other_charges")
    }
    cash = tuple(replace(row, note="") for row in statement.cash)
    return replace(replace(statement, cash=cash), **(ordered | {"cash": tuple(sorted(cash, key=repr))}))


def complete_or_refused(name: str, kind: str, body: bytes) -> None:
    """What an import does: read, then check. Passing both means that nothing is missing."""
    try:
        found = read_any_statement(name, body, load_products())
    except InvalidInput as refused:
        assert str(refused)
        return
    findings = [one for statement in found for one in check_any_statement(statement, None, load_products())]
    if any(one.severity is Severity.REFUSE for one in findings):
        return
    assert found, name
    if name.startswith(("cut", "last", "without", "shuffled", "backwards", "second")):
        known = {content(one) for one in read_any_statement("whole", WHOLE[kind], load_products())}
        same = {replace(content(one), notice="", created_on=None) for one in known}
        missing = [one for one in found if replace(content(one), notice="", created_on=None) not in same]
        assert not missing, f"{kind}, {name}: half a statement passed as a whole one"


@pytest.mark.parametrize("spoil", [cuts, rearranged, damaged, reencoded], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("kind", TEXTS)
def test_a_spoilt_text_is_read_whole_or_refused(kind: str, spoil: Callable[[bytes], Iterator[Spoilt]]) -> None:
    for name, body in spoil(TEXTS[kind]):
        complete_or_refused(name, kind, body)


@pytest.mark.parametrize("spoil", [cuts, damaged], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("kind", BOOKS)
def test_a_spoilt_workbook_is_read_whole_or_refused(kind: str, spoil: Callable[[bytes], Iterator[Spoilt]]) -> None:
    for name, body in spoil(BOOKS[kind]):
        complete_or_refused(name, kind, body)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("write", [cfmmc_book.xls, cfmmc_book.xlsx], ids=["xls", "xlsx"])
def test_a_workbook_with_shuffled_sheets_and_rows_is_read_whole_or_refused(
    write: Callable[[cfmmc_book.Sheets], bytes], seed: int
) -> None:
    chance = random.Random(seed)
    sheets = cfmmc_book.sheets()
    names = list(sheets)
    chance.shuffle(names)
    rows = {name: list(sheets[name]) for name in names}
    if seed % 2:
        chance.shuffle(rows[chance.choice(names)])
    complete_or_refused("shuffled book", "cfmmc day xls", write(rows))


@pytest.mark.parametrize("kind", WHOLE)
def test_the_files_that_are_spoilt_here_are_good_before(kind: str) -> None:
    found = read_any_statement("whole", WHOLE[kind], load_products())
    findings = [one for statement in found for one in check_any_statement(statement, None, load_products())]
    assert [one.identity for one in findings if one.severity is Severity.REFUSE] == []
