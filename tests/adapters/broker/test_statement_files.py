"""One entrance for every statement file: the content decides, and what is none is named for what it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.broker.generic_statement import write_template
from adapters.broker.statement_files import StatementKind, kind_of, read_any_statement
from hedge_core.errors import InvalidInput
from messages import say
from tests.support import cfmmc_book, ctp_text

FLEX = (
    b'<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1"><FlexStatement accountId="U1" '
    b'fromDate="20260910" toDate="20260910"><CashReport><CashReportCurrency currency="USD" startingCash="1" '
    b'endingCash="1"/></CashReport></FlexStatement></FlexStatements></FlexQueryResponse>'
)
WHOLE: dict[StatementKind, list[bytes]] = {
    StatementKind.CTP_TEXT: [ctp_text.statement(ctp_text.trading_day())],
    StatementKind.CFMMC_WORKBOOK: [cfmmc_book.xls(cfmmc_book.sheets()), cfmmc_book.xlsx(cfmmc_book.sheets("trade"))],
    StatementKind.IBKR_FLEX: [FLEX, b'<?xml version="1.0" encoding="UTF-8"?>\n' + FLEX, b"\xef\xbb\xbf" + FLEX],
    StatementKind.GENERIC: [write_template("csv"), write_template("csv", "zh"), write_template("xlsx", "zh")],
}
CASES = [(kind, body) for kind, bodies in WHOLE.items() for body in bodies]


def refusal(body: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        read_any_statement("日结.xls", body)
    for lang in ("en", "zh"):
        assert say(refused.value.message, lang)
    return refused.value


@pytest.mark.parametrize(("kind", "body"), CASES)
def test_every_kind_is_known_by_its_content_whatever_the_file_is_called(kind: StatementKind, body: bytes) -> None:
    assert kind_of("whatever.dat", body) is kind
    assert read_any_statement("whatever.dat", body)


def test_a_notice_page_instead_of_a_workbook_gives_its_own_words_back() -> None:
    head = "<head><style>p{color:red}</style><script>var a='{x}';</script></head>"
    page = f"<html>{head}<body><p>该日为非交易日&nbsp;</p></body></html>"
    for encoding in ("utf-8", "gb18030"):
        refused = refusal(page.encode(encoding))
        assert refused.reason.id == "statement_file.is_page"
        assert "该日为非交易日" in str(refused) and "color" not in str(refused)
    assert refusal(b"<html><script>x</script></html>").reason.id == "statement_file.is_empty_page"


def test_an_encrypted_workbook_asks_for_one_without_a_password() -> None:
    body = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    assert refusal(body).reason.id == "tabular.is_encrypted"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "statement.empty"),
        (b" \r\n", "statement.empty"),
        (b"%PDF-1.7 ...", "statement_file.is_pdf"),
        (b"a,b\n1,2\n", "statement_file.unknown_table"),
        (b"only words", "statement_file.unknown"),
        (bytes(range(256)), "statement_file.unknown"),
        ("合约,价格\n".encode("utf-16"), "tabular.is_utf16"),
        (ctp_text.statement(ctp_text.trading_day()).decode("gb18030").encode(), "statement.is_utf8"),
        (cfmmc_book.xlsx({"价格": [["合约", "价格"], ["cu2605", 1]]}), "statement_file.unknown_workbook"),
        (cfmmc_book.xls({"空": []}), "statement_file.unknown_workbook"),
        (b"PK\x03\x04 cut", "tabular.not_a_workbook"),
        (b"<?xml version='1.0'?><Workbook/>", "flex.not_a_report"),
    ],
)
def test_what_is_no_statement_is_named_for_what_it_is(body: bytes, reason: str) -> None:
    assert refusal(body).reason.id == reason


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_cut_damaged_and_reencoded_files_end_in_a_parse_or_a_refusal(
    case: tuple[StatementKind, bytes], data: st.DataObject
) -> None:
    body = bytearray(case[1][: data.draw(st.integers(0, len(case[1])))])
    for at, piece in data.draw(st.lists(st.tuples(st.integers(0, 60_000), st.binary(max_size=4)), max_size=4)):
        at %= len(body) + 1
        body[at : at + len(piece)] = piece
    try:
        read_any_statement("any", bytes(body))
    except InvalidInput as refused:
        assert str(refused)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"<?xml ", b"record,account,"]),
)
def test_arbitrary_bytes_are_refused(body: bytes, start: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_any_statement("any", start + body)
