"""Differences, money movements, deliveries and pledges, as a person works through them by command."""

from __future__ import annotations

import pytest

from tests.support import ctp_text
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine

ACCOUNT = "80010001"


def statement(**shape: str) -> bytes:
    """The copper day with a rebate of a word that nobody has explained."""
    day = ctp_text.trading_day()
    row = {"发生日期": "20260304", "出入金类型": "其他", "入金": "88.00", "出金": "0.00", "说明": "三月返还"}
    day.tables[ctp_text.CASH].append(row)
    return ctp_text.statement(day, **shape)


@pytest.fixture
def book(command: CommandLine) -> CommandLine:
    """A book with one statement and no connection."""
    command("init", "cu01", "--name", "示例铜业贸易")
    (command.folder / "day.txt").write_bytes(statement())
    command("statement", "import", "day.txt")
    return command


def test_differences_are_run_listed_assigned_explained_and_overruled_by_command(book: CommandLine) -> None:
    (book.folder / "bank.csv").write_text(
        f"流水号,资金账号,日期,金额,摘要\nB1,{ACCOUNT},2026-02-27,700.00,入金\nB2,{ACCOUNT},2026-03-02,30.00,\n", encoding="utf-8"
    )  # fmt: skip
    assert "2 new" in book("movement", "bank", "bank.csv").said[0]
    assert "0 new" in book("movement", "bank", "bank.csv").said[0]
    run = book("reconcile", "run", "2026-03-04", "--json", code=1)
    rows = {row["key"]: row for row in run.json if row["subject"] == "transfer"}
    first, second = rows["2026-02-27 B1"], rows["2026-03-02 B2"]
    assert (first["left_value"], first["right_value"], first["age"], first["state"]) == ("700", None, 5, "open")
    assert "open" in run.said[-1]

    taken = book("reconcile", "assign", first["row"], "--to", "wang", "--as", "li", "--json").json[0]
    assert taken["owner"] == "wang"
    why = ("--cause", "deposit_other_day", "--evidence", "receipt 17 of the bank")
    assert "approve" in book("reconcile", "explain", first["row"], *why, "--as", "li", code=1).said[0]
    explained = book("reconcile", "explain", first["row"], *why, "--approved-by", "chief", "--as", "li", "--json").json[
        0
    ]
    assert (explained["state"], explained["remainder"], explained["steps"][0]["by"]) == ("explained", "0", "li")

    held = book("settle", "2026-03-04", code=1)
    assert any(second["row"] in line for line in held.said)
    assert first["row"] not in held.err
    refused = book("reconcile", "overrule", second["row"], "--reason", "cheque bounced", "--as", "li", code=1)
    assert "approve" in refused.said[0]
    overruled = book(
        "reconcile",
        "overrule",
        second["row"],
        "--reason",
        "cheque bounced",
        "--as",
        "li",
        "--approved-by",
        "chief",
        "--json",
    ).json[0]
    said = (overruled["state"], overruled["reason"], overruled["approved_by"])
    assert said == ("overruled", "cheque bounced", "chief")
    left = book("reconcile", "list", "--state", "open", "--json", code=None).json
    assert {row["subject"] for row in left}.isdisjoint({"transfer"})
    table = book("--lang", "zh", "reconcile", "list", code=None)
    assert "银期转账" in table.out and "已放行" in table.out


def test_a_difference_that_is_not_there_is_said(book: CommandLine) -> None:
    assert "no difference D0" in book("reconcile", "assign", "D0", "--to", "wang", code=1).said[0]


def test_a_movement_nobody_has_explained_waits_until_somebody_does(book: CommandLine) -> None:
    waiting = book("movement", "list", "--unknown", "--json", code=1).json
    assert [(row["word"], row["note"], row["amount"], row["kind"]) for row in waiting] == [
        ("其他", "三月返还", "88", None)
    ]
    told = book("movement", "classify", waiting[0]["movement"], "--kind", "rebate", "--by-note")
    assert "三月返还" in told.said[0]
    assert {row["kind"] for row in book("movement", "list", "--json").json} == {"transfer", "rebate"}
    assert "no movement" in book("movement", "classify", "nothing", "--kind", "rebate", code=1).said[0]


def test_a_bank_list_with_a_number_twice_is_refused(book: CommandLine) -> None:
    (book.folder / "bank.csv").write_text(
        f"number,account,date,amount\nB1,{ACCOUNT},2026-03-02,1\nB1,{ACCOUNT},2026-03-03,2\n", encoding="utf-8"
    )
    run = book("movement", "bank", "bank.csv", code=3)
    assert run.said[0].startswith("bank.csv, row 3") and "twice" in run.said[0]


def delivered() -> bytes:
    """Five lots of copper delivered; the positions of the account are gone with them."""
    row = {
        "交割日期": "20260305", "交易所": "上期所", "合约": "cu2603", "投/保": "保", "买/卖": "买", "手数": "5",
        "交割结算价": "79000.000", "交割手续费": "10.00",
    }  # fmt: skip
    day = ctp_text.Day(balance_bf="500000.00", tables={ctp_text.DELIVERIES: [row]})
    day.funds |= {"Delivery Fee": "10.00", "Balance c/f": "499990.00", "Client Equity": "499990.00"}
    day.funds |= {"Market value(equity)": "499990.00", "Fund Avail.": "499990.00"}
    return ctp_text.statement(day, date="20260305", client="80010009")


def test_a_delivery_goes_through_its_steps_and_says_what_is_still_missing(book: CommandLine) -> None:
    (book.folder / "delivery.txt").write_bytes(delivered())
    imported = book("statement", "import", "delivery.txt", "--accept", "first delivery", "--json").json
    assert imported[0]["state"] == "stored"
    (case,) = book("delivery", "list", "--json", code=1).json
    assert (case["quantity"], case["value"], case["state"]) == ("25", "1975000", "waits_for_closed")
    assert case["missing"] == {"closed": "25", "payment": "1975000", "receipt": "25", "invoice": "25"}
    name, day = case["delivery"], ("--on", "2026-03-06")
    book("delivery", "record", name, "--step", "payment", "--paper", "P1", *day)
    part = book(
        "delivery", "record", name, "--step", "receipt", "--paper", "W1", *day, "--amount", "10", "--json"
    ).json[0]
    assert (part["state"], part["missing"]) == ("waits_for_closed", {"closed": "25", "receipt": "15", "invoice": "25"})
    refused = book("delivery", "record", name, "--step", "receipt", "--paper", "W2", *day, "--amount", "16", code=1)
    assert "15" in refused.said[0]
    book("delivery", "record", name, "--step", "receipt", "--paper", "W2", *day)
    book("delivery", "record", name, "--step", "invoice", "--paper", "F1", *day)
    left = book("delivery", "list", "--open", "--json", code=1).json[0]
    assert (left["state"], left["missing"]) == ("waits_for_closed", {"closed": "25"}), "the day is not settled yet"
    assert book("statement", "import", "delivery.txt", "--json").json[0]["state"] == "unchanged"
    by_hand = book("delivery", "record", name, "--step", "closed", "--paper", "X", *day, code=1)
    assert "settle" in by_hand.said[0]


def test_a_pledged_receipt_counts_until_it_is_released(book: CommandLine) -> None:
    receipt = ("--account", ACCOUNT, "--commodity", "copper", "--quantity", "25", "--price", "79000")
    pledged = book("delivery", "pledge", "W9", *receipt, "--on", "2026-03-02", "--json").json[0]
    assert pledged["value"] == "1580000"
    shown = book("delivery", "pledges", "--day", "2026-03-04", code=1)
    assert "1580000" in shown.err.replace(",", "") and "equity, not the balance" in shown.err
    book("delivery", "release", "W9", "--on", "2026-03-04")
    assert book("delivery", "pledges", "--day", "2026-03-04", "--json").json[0]["value"] == "0"
    too_much = book("delivery", "pledge", "W8", *receipt, "--rate", "1.2", "--on", "2026-03-02", code=3)
    assert "up to 1" in too_much.said[0]
