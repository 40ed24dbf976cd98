"""What the general ledger demands of a voucher before it takes it, and how it numbers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sandbox.kingdee.books import SCALE, Books, unscaled
from sandbox.kingdee.envelope import Trouble
from sandbox.kingdee.forms import DIMENSION_SLOTS
from sandbox.kingdee.texts import say

CENT = SCALE // 100
MUST_INPUT = "1"
"""FInputType of a dimension that a line must carry; `2` is optional."""

GROUP_WORDS = {"PRE001": "记", "PRE002": "收", "PRE003": "付", "PRE004": "转"}


def voucher_troubles(books: Books, head: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> list[Trouble]:
    """Everything wrong with a voucher of stored values; empty when the ledger takes it."""
    troubles = _period_troubles(books, head)
    if len(lines) < 2:
        troubles.append(Trouble(say("voucher_lines"), "FEntity"))
    for place, line in enumerate(lines, 1):
        troubles += _amount_troubles(books, head, line, place)
        troubles += _account_troubles(books, line, place)
    debit = sum(line.get("FDEBIT") or 0 for line in lines)
    credit = sum(line.get("FCREDIT") or 0 for line in lines)
    if debit != credit:
        troubles.append(Trouble(say("voucher_unbalanced", debit=unscaled(debit), credit=unscaled(credit)), "FDEBIT"))
    return troubles


def complete_voucher(books: Books, head: dict[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
    """Fill what the ledger derives: year and period from the date, and the totals."""
    day = head.get("FDate")
    if day:
        head["FYEAR"] = head.get("FYEAR") or int(day[:4])
        head["FPERIOD"] = head.get("FPERIOD") or int(day[5:7])
    head["FDEBITTOTAL"] = sum(line.get("FDEBIT") or 0 for line in lines)
    head["FCREDITTOTAL"] = sum(line.get("FCREDIT") or 0 for line in lines)


def number_voucher(books: Books, head: dict[str, Any], record: int) -> list[Trouble]:
    """Give the voucher its number, `记-0001` within book, group, year and period; a number asked for must be free."""
    place = (head.get("FAccountBookID"), head.get("FVOUCHERGROUPID"), head.get("FYEAR"), head.get("FPERIOD"))
    others = (
        "FROM GL_VOUCHER WHERE FYEAR IS ? AND FPERIOD IS ? AND FAccountBookID IS ? AND FVOUCHERGROUPID IS ? AND id <> ?"
    )
    where = (place[2], place[3], place[0], place[1], record)
    asked = (head.get("FVOUCHERGROUPNO") or "").strip()
    if asked and books.one(f"SELECT COUNT(*) {others} AND FVOUCHERGROUPNO = ?", (*where, asked)):
        return [Trouble(say("voucher_number_taken", value=asked), "FVOUCHERGROUPNO")]
    highest = books.one(f"SELECT MAX(CAST(FVOUCHERGROUPNO AS INTEGER)) {others}", where)
    number = asked or str((highest or 0) + 1)
    head["FVOUCHERGROUPNO"] = number
    head["FBillNo"] = f"{_group_word(books, place[1])}-{number:0>4}"
    return []


def _group_word(books: Books, group: int | None) -> str:
    return str(books.one("SELECT FName FROM BD_VOUCHERGROUP WHERE id = ?", (group,)) or "")


def _period_troubles(books: Books, head: Mapping[str, Any]) -> list[Trouble]:
    day, year, period = head.get("FDate"), head.get("FYEAR"), head.get("FPERIOD")
    if not day:
        return []  # said already: the date is required
    label = f"{year}-{period or 0:02d}"
    if (int(day[:4]), int(day[5:7])) != (year, period):
        return [Trouble(say("period_mismatch", period=label), "FDate")]
    is_open = books.one("SELECT is_open FROM periods WHERE year = ? AND period = ?", (year, period))
    if is_open is None:
        return [Trouble(say("period_missing", period=label), "FPERIOD")]
    return [] if is_open else [Trouble(say("period_closed", period=label), "FDate")]


def _amount_troubles(books: Books, head: Mapping[str, Any], line: Mapping[str, Any], place: int) -> list[Trouble]:
    debit, credit = line.get("FDEBIT") or 0, line.get("FCREDIT") or 0
    if debit and credit:
        return [Trouble(say("line_both_sides", line=place), "FDEBIT")]
    amount = debit or credit
    if not amount:
        return [Trouble(say("line_no_amount", line=place), "FDEBIT")]
    foreign = line.get("FAMOUNTFOR")
    if amount % CENT or (foreign or 0) % CENT:
        return [Trouble(say("line_precision", line=place), "FDEBIT")]
    rate = unscaled(line.get("FEXCHANGERATE")) or Decimal(1)
    local = books.one("SELECT FCurrencyID FROM BD_AccountBook WHERE id = ?", (head.get("FAccountBookID"),))
    if (line.get("FCURRENCYID") == local and rate != 1) or rate <= 0:
        return [Trouble(say("line_rate", line=place), "FEXCHANGERATE")]
    if foreign and abs(foreign * rate - amount) >= CENT:  # none of it: only the rate moved (期末调汇)
        return [Trouble(say("line_amount_for", line=place), "FAMOUNTFOR")]
    return []


def _account_troubles(books: Books, line: Mapping[str, Any], place: int) -> list[Trouble]:
    account = line.get("FACCOUNTID")
    found = books.rows("SELECT * FROM BD_Account WHERE id = ?", (account,))
    if not found:
        return []  # said already: the account is required and must exist
    number = found[0]["FNumber"]
    if found[0]["FISDETAIL"] == "false":
        return [Trouble(say("account_not_leaf", line=place, account=number), "FACCOUNTID")]
    if found[0]["FISSTOCKCONTROL"] == "true":
        return [Trouble(say("account_controlled", line=place, account=number), "FACCOUNTID")]
    slots = {
        row["FITEMSLOT"]: row["FInputType"]
        for row in books.rows('SELECT * FROM "BD_Account.FEntity" WHERE parent = ?', (account,))
    }
    troubles = [
        Trouble(say("dimension_required", line=place, account=number, slot=slot), f"FDETAILID__{slot}")
        for slot, needed in slots.items()
        if needed == MUST_INPUT and not line.get(f"FDetailID__{slot}")
    ]
    troubles += [
        Trouble(say("dimension_foreign", line=place, account=number, slot=slot), f"FDETAILID__{slot}")
        for slot in DIMENSION_SLOTS
        if slot not in slots and line.get(f"FDetailID__{slot}")
    ]
    return troubles
