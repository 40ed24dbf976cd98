"""The general ledger: `gl/voucher/insert` with all its checks, and `gl/voucher/pagequery`. Vouchers are only created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.u8cloud.answers import Refused, encode, parse
from sandbox.u8cloud.books import Books
from sandbox.u8cloud.demo import BOOK, CORP, MAKER, VOUCHER_TYPE, key_of
from sandbox.u8cloud.texts import say


def insert(books: Books, body: Mapping[str, Any], unique_key: str, *, refuse_repeats: bool) -> list[dict[str, Any]]:
    """Check and save vouchers, all or none. A `uniquekey` that succeeded before gives the same answer again, or is refused:
    which of the two the vendor does is not published."""
    with books.transaction():
        before = books.one("SELECT answer FROM unique_keys WHERE unique_key = ?", (unique_key,)) if unique_key else None
        if before is not None and refuse_repeats:
            raise _no("duplicate", key=unique_key)
        if before is not None:
            return list(parse(before))
        vouchers = body.get("voucher") or []
        if len({(one.get("pk_corp"), one.get("pk_glorgbook")) for one in vouchers}) != 1:
            raise _no("several_books")
        made = [_save(books, one) for one in vouchers]
        if unique_key:
            books.run("INSERT INTO unique_keys VALUES (?, ?)", (unique_key, encode(made)))
        return made


def vouchers(books: Books, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every voucher of a range of dates, in no promised order."""
    if body.get("pk_glorgbook") != BOOK:
        raise _no("no_book", code=body.get("pk_glorgbook"))
    first, last = body.get("prepareddate_begin") or "0000", body.get("prepareddate_end") or "9999"
    rows = books.rows(
        "SELECT * FROM vouchers WHERE day BETWEEN ? AND ? ORDER BY (number * 7919) % 10007", (first, last)
    )  # fmt: skip
    return [_shown(books, row["number"]) for row in rows]


def _save(books: Books, head: Mapping[str, Any]) -> dict[str, Any]:
    day = _check_head(books, head)
    details = head.get("details") or []
    lines = [_line(books, number, one) for number, one in enumerate(details, 1)]
    debit, credit = (sum((line[side] for line in lines), Decimal(0)) for side in ("debit", "credit"))
    if len(lines) < 2:
        raise _no("too_few_lines")
    if debit != credit:
        raise _no("unbalanced", debit=debit, credit=credit)
    last = books.one("SELECT MAX(no) FROM vouchers WHERE substr(day, 1, 7) = ?", (day[:7],)) or 0
    number = books.run(
        "INSERT INTO vouchers (no, day, maker, attachments) VALUES (?, ?, ?, ?)",
        (last + 1, day, head["pk_prepared"], int(head.get("attachment") or 0)),
    )
    books.run("UPDATE vouchers SET id = ? WHERE number = ?", (key_of("V", number), number))
    for place, line in enumerate(lines, 1):
        books.run(
            "INSERT INTO voucher_lines VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number, place, line["account"], str(line["debit"]), str(line["credit"]), line["text"],
                line["reference"], line["auxiliary"],
            ),
        )  # fmt: skip
    return _shown(books, number)


def _shown(books: Books, number: int) -> dict[str, Any]:
    (head,) = books.rows("SELECT * FROM vouchers WHERE number = ?", (number,))
    lines = books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY line", (number,))
    return {
        "pk_voucher": head["id"], "no": head["no"], "prepareddate": head["day"], "pk_corp": CORP, "pk_glorgbook": BOOK,
        "pk_prepared": head["maker"], "pk_checked": head["audited_by"], "pk_manager": head["posted_by"],
        "discardflag": head["void"] or "N", "attachment": head["attachments"],
        "details": [
            {
                "detailindex": line["line"], "pk_accsubj_code": line["account"], "explanation": line["text"],
                "localdebitamount": Decimal(line["debit"]), "localcreditamount": Decimal(line["credit"]),
                "freevalue1": line["reference"],
            }
            for line in lines
        ],
    }  # fmt: skip


def _check_head(books: Books, head: Mapping[str, Any]) -> str:
    for name, known, which in (
        ("pk_corp", CORP, "no_corp"),
        ("pk_glorgbook", BOOK, "no_book"),
        ("pk_vouchertype", VOUCHER_TYPE, "no_type"),
        ("pk_prepared", MAKER, "no_maker"),
    ):
        if head.get(name) != known:
            raise _no(which, code=head.get(name))
    day = str(head.get("prepareddate") or "")
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise _no("bad_date", day=day) from error
    is_open = books.one("SELECT is_open FROM periods WHERE period = ?", (day[:7],))
    if is_open is None:
        raise _no("no_period", period=day[:7])
    if not is_open:
        raise _no("closed_period", period=day[:7])
    return day


def _line(books: Books, number: int, line: Mapping[str, Any]) -> dict[str, Any]:
    code = str(line.get("pk_accsubj", ""))
    found = books.rows("SELECT * FROM accounts WHERE code = ?", (code,))
    if not found:
        raise _no("no_account", line=number, code=code)
    account = found[0]
    for wrong, which in (
        (not account["leaf"], "not_leaf"),
        (account["forbidden"], "forbidden"),
        (account["stock_controlled"], "stock_controlled"),
    ):
        if wrong:
            raise _no(which, line=number, code=code)
    if not line.get("pk_currtype"):
        raise _no("no_currency", line=number)
    amounts = {side: _amount(number, line, side) for side in ("debit", "credit")}
    if (amounts["debit"] == 0) == (amounts["credit"] == 0):
        raise _no("both_sides" if amounts["debit"] else "no_amount", line=number)
    auxiliary = line.get("ass") or []
    _check_auxiliary(books, number, code, account["required"], auxiliary)
    return {
        "account": code, **amounts, "text": line.get("explanation", ""), "reference": line.get("freevalue1"),
        "auxiliary": encode(auxiliary),
    }  # fmt: skip


def _amount(number: int, line: Mapping[str, Any], side: str) -> Decimal:
    """Both sides are mandatory, `0` where empty; the local amount is the same, there is one currency."""
    try:
        amount, local = (
            Decimal(str(line[f"{side}amount"])),
            Decimal(str(line.get(f"local{side}amount", line[f"{side}amount"]))),
        )
    except (KeyError, InvalidOperation) as error:
        raise _no("no_amount", line=number) from error
    if amount != round(amount, 2):
        raise _no("too_precise", line=number)
    if amount != local:
        raise _no("local_differs", line=number)
    return amount


def _check_auxiliary(
    books: Books, number: int, code: str, required: str, given: Sequence[Mapping[str, Any]]
) -> None:  # fmt: skip
    values = {str(one.get("checktypecode")): str(one.get("checkvaluecode")) for one in given}
    for kind in filter(None, required.split(",")):
        if kind not in values:
            raise _no("no_auxiliary", line=number, code=code, name=kind)
    for kind, value in values.items():
        if not books.one("SELECT 1 FROM auxiliaries WHERE type = ? AND code = ?", (kind, value)):
            raise _no("bad_auxiliary", line=number, name=kind, value=value)


def _no(which: str, /, **given: object) -> Refused:
    return Refused(say(which, **given))
