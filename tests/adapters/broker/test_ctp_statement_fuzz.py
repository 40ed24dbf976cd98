"""Cut, shuffled, damaged and re-encoded statements: a complete parse or `InvalidInput`, nothing else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.broker.ctp_statement import read_statements
from adapters.reference import load_products
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import AccountStatement
from hedge_core.statement_checks import Severity, check_statement
from tests.support import ctp_text

DAYS = {layout: ctp_text.statement(ctp_text.trading_day(), layout=layout) for layout in ("short", "long")}
WHOLE = {layout: read_statements("day.txt", body) for layout, body in DAYS.items()}
LAYOUTS = st.sampled_from(sorted(DAYS))


def read_or_refuse(body: bytes) -> list[AccountStatement] | None:
    """The statements, or None if the file was refused the proper way. Any other exception fails the test."""
    try:
        return read_statements("day.txt", body)
    except InvalidInput as refusal:
        assert str(refusal)
        return None


def refused_by_sums(statements: list[AccountStatement]) -> bool:
    found = [finding for one in statements for finding in check_statement(one, None, load_products())]
    return any(finding.severity is Severity.REFUSE for finding in found)


@settings(max_examples=300, deadline=None)
@given(LAYOUTS, st.data())
def test_a_file_cut_anywhere_is_whole_refused_or_does_not_add_up(layout: str, data: st.DataObject) -> None:
    body = DAYS[layout]
    statements = read_or_refuse(body[: data.draw(st.integers(0, len(body)))])
    if statements is not None and statements != WHOLE[layout]:
        assert refused_by_sums(statements)


@settings(max_examples=150, deadline=None)
@given(LAYOUTS, st.data())
def test_a_file_without_some_lines_is_whole_refused_or_does_not_add_up(layout: str, data: st.DataObject) -> None:
    lines = DAYS[layout].split(b"\r\n")
    start = data.draw(st.integers(0, len(lines)))
    length = data.draw(st.integers(1, 12))
    gone = lines[start : start + length]
    statements = read_or_refuse(b"\r\n".join(lines[:start] + lines[start + length :]))
    if statements is not None and any(line.startswith(b"|") for line in gone):
        assert statements == WHOLE[layout] or refused_by_sums(statements)


@settings(max_examples=150, deadline=None)
@given(LAYOUTS, st.randoms(use_true_random=False))
def test_shuffled_lines_end_in_a_parse_or_a_refusal(layout: str, chance: object) -> None:
    lines = DAYS[layout].split(b"\r\n")
    chance.shuffle(lines)  # type: ignore[attr-defined]
    read_or_refuse(b"\r\n".join(lines))


@settings(max_examples=300, deadline=None)
@given(LAYOUTS, st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=6)), min_size=1, max_size=8))
def test_damaged_bytes_end_in_a_parse_or_a_refusal(layout: str, damage: list[tuple[int, bytes]]) -> None:
    body = bytearray(DAYS[layout])
    for at, piece in damage:
        at %= len(body)
        body[at : at + len(piece)] = piece
    statements = read_or_refuse(bytes(body))
    for statement in statements or []:
        check_statement(statement, None, load_products())


@settings(max_examples=60, deadline=None)
@given(
    LAYOUTS,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "big5", "euc_kr", "shift_jis", "ascii"]),
)
def test_another_encoding_is_always_refused(layout: str, encoding: str) -> None:
    assert read_or_refuse(DAYS[layout].decode("gb18030").encode(encoding, "replace")) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(body: bytes) -> None:
    assert read_or_refuse(body) is None


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="|-共条 ：:\n\r0123456789.,资金状况成交记录ABCDate/", max_size=300))
def test_text_made_of_the_formats_own_letters_ends_in_a_parse_or_a_refusal(text: str) -> None:
    head = ctp_text.text(ctp_text.Day())
    read_or_refuse((head + text).encode("gb18030"))
