"""The general ledger: a voucher with all its checks, whichever road it came by, and the rows of `voucherdetails`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.u8openapi.answers import no
from sandbox.u8openapi.books import Books
from sandbox.u8openapi.demo import MAKER, VOUCHER_TYPE


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved: the id of the document, its number and period."""

    id: int
    number: int
    period: str


def add_voucher(
    books: Books, head: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], *, biz_id: str, road: str
) -> Saved:
    """Check and save one voucher; nothing is saved when anything is wrong. An entry has its side's amounts as text and its
    auxiliary values under `auxiliary`."""
    with books.transaction():
        period = _check_head(books, head, biz_id)
        lines = [_line(books, number, entry) for number, entry in enumerate(entries, 1)]
        debit, credit = (sum((line[side] for line in lines), Decimal(0)) for side in ("debit", "credit"))
        if len(lines) < 2:
            raise no("too_few_lines")
        if debit != credit:
            raise no("unbalanced", debit=debit, credit=credit)
        number = 1 + (books.one("SELECT MAX(number) FROM vouchers WHERE period = ?", (period,)) or 0)
        voucher = books.run(
            "INSERT INTO vouchers (reference, biz_id, period, number, day, maker, road) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (head.get("reserve2") or "", biz_id, period, number, head["date"], head.get("enter"), road),
        )
        for place, line in enumerate(lines, 1):
            books.run(
                "INSERT INTO voucher_lines (voucher, number, account, debit, credit, digest, auxiliary) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (voucher, place, line["account"], str(line["debit"]), str(line["credit"]), line["text"], line["aux"]),
            )
    return Saved(voucher, number, period)


def voucher_rows(books: Books, given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of vouchers, one per line: of one external number, of one row id, of a range of days."""
    where, values = "1 = 1", []
    for name, condition in (
        ("coutno_id", "v.reference = ?"), ("i_id", "l.id = ?"), ("date_begin", "v.day >= ?"), ("date_end", "v.day <= ?"),
    ):  # fmt: skip
        if given.get(name):
            where += f" AND {condition}"
            values.append(given[name])
    columns = "l.*, v.day, v.number AS voucher_number, v.maker, v.checked, v.posted, v.void"
    joined = "voucher_lines l JOIN vouchers v ON v.id = l.voucher"
    found = books.rows(f"SELECT {columns} FROM {joined} WHERE {where} ORDER BY v.id, l.number", values)  # noqa: S608
    return [
        {
            "i_id": str(row["id"]), "date": f"{row['day']} 00:00:00.0", "ino_id": str(row["voucher_number"]),
            "inid": str(row["number"]), "digest": row["digest"], "code": row["account"], "md": row["debit"],
            "mc": row["credit"], "bill": row["maker"], "ccheck": row["checked"], "cbook": row["posted"],
            "iflag": "1" if row["void"] else None, "cexch_name": "人民币", **json.loads(row["auxiliary"]),
        }
        for row in found
    ]  # fmt: skip


def _check_head(books: Books, head: Mapping[str, Any], biz_id: str) -> str:
    if head.get("voucher_type") != VOUCHER_TYPE:
        raise no("no_type", code=head.get("voucher_type"))
    if head.get("enter") != MAKER:
        raise no("no_maker", name=head.get("enter"))
    year, month, day = (str(head.get(name) or "") for name in ("fiscal_year", "accounting_period", "date"))
    period = f"{year}-{month.zfill(2)}"
    is_open = books.one("SELECT is_open FROM periods WHERE period = ?", (period,))
    if is_open is None:
        raise no("no_period", period=period)
    if not is_open:
        raise no("closed_period", period=period)
    if len(day) != len("2026-03-31") or not day.startswith(f"{period}-"):
        raise no("date_outside", day=day, period=period)
    key = head.get("reserve2")
    if key and head.get("voucher_making_system") != "CDM":
        raise no("needs_cdm")
    known = books.one("SELECT 1 FROM vouchers WHERE (? <> '' AND reference = ?)", (key or "", key))
    if known or (biz_id and books.one("SELECT 1 FROM vouchers WHERE biz_id = ?", (biz_id,))):
        raise no("duplicate", key=key or biz_id)
    return period


def _line(books: Books, number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    code = str(entry.get("account_code") or "")
    found = books.rows("SELECT * FROM accounts WHERE code = ?", (code,))
    if not found:
        raise no("no_ledger_account", line=number, code=code)
    account = found[0]
    for wrong, which in (
        (not account["leaf"], "not_leaf"),
        (account["forbidden"], "forbidden"),
        (account["stock_controlled"], "stock_controlled"),
    ):
        if wrong:
            raise no(which, line=number, code=code)
    if entry.get("currency") not in (None, "", "人民币"):
        raise no("bad_currency", line=number, name=entry["currency"])
    amounts = {side: _amount(number, entry, side) for side in ("debit", "credit")}
    if (amounts["debit"] == 0) == (amounts["credit"] == 0):
        raise no("no_amount", line=number)
    auxiliary = {name: value for name, value in (entry.get("auxiliary") or {}).items() if value}
    _check_auxiliary(books, number, code, account["required"], auxiliary)
    text = str(entry.get("abstract") or "")
    return {"account": code, **amounts, "text": text, "aux": json.dumps(auxiliary, ensure_ascii=False)}


def _amount(number: int, entry: Mapping[str, Any], side: str) -> Decimal:
    given = entry.get(f"natural_{side}_currency") or "0"
    if not isinstance(given, str):
        raise no("not_text", line=number)
    try:
        amount = Decimal(given)
    except InvalidOperation:
        raise no("no_amount", line=number) from None
    if amount != round(amount, 2):
        raise no("too_precise", line=number)
    return amount


def _check_auxiliary(books: Books, number: int, code: str, required: str, given: Mapping[str, str]) -> None:
    for slot in filter(None, required.split(",")):
        if slot not in given:
            raise no("no_auxiliary", line=number, code=code, name=slot)
    for slot, value in given.items():
        if slot == "item_class":
            continue
        if not books.one("SELECT 1 FROM auxiliaries WHERE slot = ? AND code = ?", (slot, value)):
            raise no("bad_auxiliary", line=number, name=slot, value=value)
