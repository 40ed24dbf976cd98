"""Periods, trial balance, designations and a voucher's life as typed: answers, exit codes and printed pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedge_core.model.vouchers import Voucher, VoucherStatus
from hedge_core.ports.storage import StoredVoucher
from tests.support.command import *  # noqa: F403
from tests.support.command import CommandLine
from tests.support.databases import sqlite_template, sqlite_url  # noqa: F401
from tests.support.posting import BOOK, MAKER, Ledger, ledger, settings, voucher

DESIGNATION = {
    "relationship_id": "FVH-1", "designated_on": "2026-03-05", "approved_on": "2026-03-04", "approved_by": "周琳",
    "commodity": "copper", "quantity": "100", "carrying_amount_total": "6100000", "spot_price_ex_vat": "62000",
    "strategy": "hedge 80 to 100 % of stock",
    "instruments": [{"account": "80010001", "trading_day": "2026-03-05", "exchange": "SHFE", "fill_id": "7",
                     "direction": "sell", "lots": 20}],
}  # fmt: skip


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path, command: CommandLine) -> Iterator[Ledger]:  # noqa: F811
    """A book with a Kingdee stand-in behind it; the commands work on the same database."""
    with ledger(settings(sqlite_url, tmp_path)) as made:
        command.use(sqlite_url)
        command.set("HEDGEBRIDGE_KEY_FILE", str(tmp_path / "hedgebridge.key"))
        yield made


def draft(site: Ledger) -> Voucher:
    made = voucher(1)
    with site.app.store.begin(BOOK, MAKER) as uow:
        uow.results.add_voucher(StoredVoucher(made, VoucherStatus.DRAFT, MAKER.name))
    return made


def test_a_dry_run_shows_the_exact_body_and_nothing_leaves(site: Ledger, command: CommandLine) -> None:
    made = draft(site)
    body = command("voucher", "show", made.voucher_id, "--erp-body").json
    assert {line["FBUSNO"] for line in body["FEntity"]} == {made.key}
    assert command("voucher", "push", made.voucher_id, "--dry-run").json == {made.voucher_id: body}
    assert site.in_erp() == {}
    assert site.rows() == []


def test_a_voucher_is_submitted_sent_back_printed_and_reversed(
    site: Ledger, command: CommandLine, tmp_path: Path
) -> None:
    made = draft(site)
    command("voucher", "submit", made.voucher_id, "--as", MAKER.name)
    command("voucher", "return", made.voucher_id, "--reason", "typo", "--as", "wang.wei")
    command("voucher", "submit", made.voucher_id, "--as", MAKER.name)
    command("voucher", "approve", made.voucher_id, "--as", "wang.wei")
    command("voucher", "push", "--wait", "20", "--as", "wang.wei")
    assert command("voucher", "reread", "--json").json[0]["findings"] == ""
    command("voucher", "print", made.voucher_id, "--to", tmp_path / "voucher.html")
    page = (tmp_path / "voucher.html").read_text(encoding="utf-8")
    assert made.key in page
    assert made.content_hash in page
    told = command("voucher", "reverse", made.voucher_id, "--reason", "wrong", "--as", MAKER.name, "--json").json
    assert told["blue"] is None
    command("voucher", "approve", told["red"], "--as", "wang.wei")
    command("voucher", "push", "--wait", "20", "--as", "wang.wei")
    listed = {row["voucher"]: row["status"] for row in command("voucher", "list", "--json").json}
    assert listed == {made.voucher_id: "reversed", told["red"]: "delivered"}
    command("voucher", "reverse", made.voucher_id, "--reason", "again", "--as", MAKER.name, code=1)


def test_periods_are_closed_opened_and_listed(site: Ledger, command: CommandLine) -> None:
    command("period", "close", "2026-03", "--reason", "month end", "--as", "li.na")
    command("period", "close", "2026-03", "--as", "li.na", code=1)
    command("period", "open", "2026-03", "--reason", "late", "--approved-by", "li.na", "--as", "li.na", code=1)
    command("period", "open", "2026-03", "--reason", "late", "--approved-by", "chief", "--as", "li.na")
    rows = command("period", "list", "--json").json
    assert [(row["period"], row["state"], row["approved_by"]) for row in rows] == [
        ("2026-03", "closed", None),
        ("2026-03", "open", "chief"),
    ]
    command("period", "close", "March", code=1)


def test_the_trial_balance_adds_up_and_a_voucher_nobody_asked_for_breaks_its_tie(
    site: Ledger, command: CommandLine
) -> None:
    assert command("trial-balance", "2026-03", "--json").json == {"accounts": [], "ties": [], "total": "0"}
    draft(site)
    shown = command("trial-balance", "2026-03", "--json", code=1).json
    assert sum(float(row["closing"]) for row in shown["accounts"]) == 0
    assert {tie["tie"] for tie in shown["ties"] if not tie["holds"]} == {"vouchers"}
    command("trial-balance", "2026-03", "--ties", "--erp", code=1)
    command("trial-balance", "2026-03", "--sub-ledger", code=1)
    command("trial-balance", "2026-3x", code=3)


def test_a_designation_is_imported_approved_listed_and_printed(
    site: Ledger, command: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "FVH-1.json"
    file.write_text(json.dumps(DESIGNATION), encoding="utf-8")
    command("designation", "import", file, "--as", "li.na")
    command("designation", "approve", "FVH-1", "--as", "li.na", code=1)
    command("designation", "approve", "FVH-1", "--as", "chief")
    (row,) = command("designation", "list", "--json").json
    assert (row["relationship"], row["approved_by"]) == ("FVH-1", "chief")
    command("designation", "print", "FVH-1", "--to", tmp_path / "page.html", "--through", "2026-03-31")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "hedge 80 to 100 % of stock" in page
    assert "chief" in page
    command("designation", "effectiveness", "--through", "2026-03-31", "--json")
    command("designation", "print", "FVH-9", "--to", tmp_path / "none.html", code=3)
    file.write_text(json.dumps({**DESIGNATION, "colour": "red"}), encoding="utf-8")
    assert any("colour" in sentence for sentence in command("designation", "import", file, code=3).said)
