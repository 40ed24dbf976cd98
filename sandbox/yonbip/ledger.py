"""The general ledger: `addVoucher` with all its checks, and `queryVouchers`. Vouchers are only created, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sandbox.yonbip.answers import Refused, encode, parse
from sandbox.yonbip.books import Books
from sandbox.yonbip.demo import BOOK, VOUCHER_TYPE
from sandbox.yonbip.texts import say

SAVED = "01"
MOST_VOUCHERS = 1000
_REFUSED = "404"


def add_voucher(books: Books, body: Mapping[str, Any]) -> dict[str, Any]:
    """Check and save one voucher; nothing is saved when anything is wrong."""
    with books.transaction():
        _check_head(books, body)
        lines = [_line(books, number, one) for number, one in enumerate(body.get("bodies") or [], 1)]
        debit, credit = (sum((line[side] for line in lines), Decimal(0)) for side in ("debit", "credit"))
        if len(lines) < 2:
            raise _no("too_few_lines")
        if debit != credit:
            raise _no("unbalanced", debit=debit, credit=credit)
        number = 1 + (books.one("SELECT MAX(bill_code) FROM vouchers WHERE period = ?", (body["period"],)) or 0)
        voucher = books.run(
            "INSERT INTO vouchers (business_id, period, bill_code, status, make_time, description, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                body.get("businessId") or None, body["period"], number, SAVED, body["makeTime"],
                body.get("description", ""), encode(body),
            ),
        )  # fmt: skip
        for place, line in enumerate(lines, 1):
            books.run(
                "INSERT INTO voucher_lines VALUES (?, ?, ?, ?, ?, ?, ?)",
                (voucher, place, line["account"], str(line["debit"]), str(line["credit"]), line["text"], line["aux"]),
            )
    return {
        "voucherId": voucher_id(voucher), "voucherStatus": SAVED, "period": body["period"], "billCode": number,
        "totalDebitOrg": debit, "totalCreditOrg": credit, "accbook": {"code": BOOK, "name": "主账簿"},
    }  # fmt: skip


def query_vouchers(books: Books, body: Mapping[str, Any]) -> dict[str, Any]:
    """Vouchers of a range of periods, newest first, in pages."""
    if not body.get("accbookCode"):
        raise _no("no_book")
    if body["accbookCode"] != BOOK:
        raise _no("no_such_book", code=body["accbookCode"])
    pager = body.get("pager") or {}
    index, size = int(pager.get("pageIndex", 1)), int(pager.get("pageSize", 10))
    if size > MOST_VOUCHERS:
        raise Refused("310008", say("page_size", most=MOST_VOUCHERS))
    where = "period BETWEEN ? AND ?"
    given = [body.get("periodStart") or "0000-00", body.get("periodEnd") or "9999-99"]
    statuses = body.get("voucherStatusList") or []
    if statuses:
        where += f" AND status IN ({', '.join('?' * len(statuses))})"
        given += [str(one) for one in statuses]
    with books.lock:
        count = books.one(f"SELECT COUNT(*) FROM vouchers WHERE {where}", given)  # noqa: S608
        rows = books.rows(
            f"SELECT * FROM vouchers WHERE {where} ORDER BY period DESC, id DESC LIMIT ? OFFSET ?",  # noqa: S608
            (*given, size, (index - 1) * size),
        )
        records = [{"header": _header(row), "body": _body(books, row["id"])} for row in rows]
    pages = -(-count // size)
    return {"pageIndex": index, "pageSize": size, "recordCount": count, "pageCount": pages, "recordList": records}


def voucher_id(number: int) -> str:
    """The id shown for a stored voucher."""
    return f"2A45{number:012X}"


def _header(row: Any) -> dict[str, Any]:
    return {
        "id": voucher_id(row["id"]), "period": row["period"], "billcode": row["bill_code"],
        "voucherstatus": row["status"], "maketime": row["make_time"], "description": row["description"],
        "businessid": row["business_id"], "accbook": {"code": BOOK},
    }  # fmt: skip


def _body(books: Books, voucher: int) -> list[dict[str, Any]]:
    lines = books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number", (voucher,))
    return [
        {
            "recordnumber": line["number"], "description": line["description"],
            "accsubject": {"code": line["account"]}, "debit_org": Decimal(line["debit"]),
            "credit_org": Decimal(line["credit"]), "clientauxiliary": parse(line["auxiliary"]),
        }
        for line in lines
    ]  # fmt: skip


def _check_head(books: Books, body: Mapping[str, Any]) -> None:
    if not body.get("accbookCode"):
        raise _no("no_book")
    if body["accbookCode"] != BOOK:
        raise _no("no_such_book", code=body["accbookCode"])
    if body.get("voucherTypeCode") != VOUCHER_TYPE:
        raise _no("no_type")
    if not (body.get("makerMobile") or body.get("makerEmail")):
        raise _no("no_maker")
    period, day = str(body.get("period", "")), str(body.get("makeTime", ""))
    is_open = books.one("SELECT is_open FROM periods WHERE period = ?", (period,))
    if is_open is None:
        raise _no("no_period", period=period)
    if not is_open:
        raise _no("closed_period", period=period)
    if len(day) != len("2026-03-31") or not day.startswith(f"{period}-"):
        raise _no("date_outside", day=day, period=period)
    key = body.get("businessId")
    if key and books.one("SELECT 1 FROM vouchers WHERE business_id = ?", (key,)):
        raise _no("duplicate", key=key)


def _line(books: Books, number: int, line: Mapping[str, Any]) -> dict[str, Any]:
    code = str(line.get("accsubjectCode", ""))
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
    if not line.get("currencyCode"):
        raise _no("no_currency", line=number)
    amounts = {side: _amounts(number, line, side) for side in ("debit", "credit")}
    if (amounts["debit"] == 0) == (amounts["credit"] == 0):
        raise _no("both_sides" if amounts["debit"] else "no_amount", line=number)
    auxiliary = line.get("clientAuxiliaryList") or []
    _check_auxiliary(books, number, code, account["required"], auxiliary)
    return {"account": code, **amounts, "text": line.get("description", ""), "aux": encode(auxiliary)}


def _amounts(number: int, line: Mapping[str, Any], side: str) -> Decimal:
    original, local = line.get(f"{side}Original"), line.get(f"{side}Org")
    if (original is None) != (local is None):
        raise _no("no_amount", line=number)
    amount = Decimal(str(local or 0))
    if amount != round(amount, 2):
        raise _no("too_precise", line=number)
    return amount


def _check_auxiliary(
    books: Books, number: int, code: str, required: str, given: Sequence[Mapping[str, Any]]
) -> None:  # fmt: skip
    values = {str(one.get("filedCode")): str(one.get("valueCode")) for one in given}
    for kind in filter(None, required.split(",")):
        if kind not in values:
            raise _no("no_auxiliary", line=number, code=code, name=kind)
    for kind, value in values.items():
        if not books.one("SELECT 1 FROM auxiliaries WHERE type = ? AND code = ?", (kind, value)):
            raise _no("bad_auxiliary", line=number, name=kind, value=value)


def _no(which: str, /, **given: object) -> Refused:
    return Refused(_REFUSED, say(which, **given))
