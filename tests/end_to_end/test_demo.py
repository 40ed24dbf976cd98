"""The demo ties out, and a difference planted in it is found."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.commands.demo import run_demo
from cli.demo.month import DEFAULT_FAULTS, Month, fresh_folder
from cli.demo.summary import Outcome, conclude
from cli.session import Session

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "contracts_pulled",
    "inventory_pulled",
    "fills_imported",
    "quarantined",
    "matches",
    "days_settled",
    "vouchers_created",
    "vouchers_delivered",
    "vouchers_unknown",
    "found_by_lookup",
    "duplicates_in_erp",
    "reconciliation_differences",
    "audit_root",
    "seconds",
}
"""What the summary is promised to hold, flat except the seconds by stage."""


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Session(settings=fresh_folder(tmp_path / "demo"))


def sum_changed(month: Month, voucher: dict[str, Any]) -> None:
    """Somebody changes the amount of a delivered voucher in the ERP, on both sides, so that it still balances."""
    for line in voucher["GL_VOUCHERENTRY"]:
        side = "FDEBIT" if Decimal(str(line["DEBIT"])) else "FCREDIT"
        month._stand_in.control("edit", {"form": "GL_VOUCHER", "entry_id": line["Id"], "set": {side: "1.23"}})


def removed(month: Month, voucher: dict[str, Any]) -> None:
    """Somebody deletes a delivered voucher in the ERP."""
    month._stand_in.control("delete", {"form": "GL_VOUCHER", "id": voucher["Id"]})


def date_moved(month: Month, voucher: dict[str, Any]) -> None:
    """Somebody moves a delivered voucher to another day."""
    month._stand_in.control("edit", {"form": "GL_VOUCHER", "id": voucher["Id"], "set": {"FDate": "2026-03-01"}})


@pytest.mark.slow
def test_the_month_ties_out_and_its_summary_keeps_its_promises(demo: Session, tmp_path: Path) -> None:
    outcome = run_demo(demo, tmp_path / "demo", list(DEFAULT_FAULTS))
    assert outcome.reasons == ()
    figures = json.loads((tmp_path / "demo" / "summary.json").read_text(encoding="utf-8"))
    assert set(figures) >= KEYS
    assert all(not isinstance(value, dict | list) for name, value in figures.items() if name != "seconds")
    assert figures["contracts_pulled"] == 395
    assert figures["quarantined"] == 5
    assert figures["inventory_pulled"] == 60
    assert figures["days_settled"] == 20
    assert figures["vouchers_created"] == figures["vouchers_delivered"] > 0
    assert (figures["vouchers_unknown"], figures["duplicates_in_erp"], figures["reconciliation_differences"]) == (
        0,
        0,
        0,
    )
    assert len(figures["audit_root"]) == 64
    assert figures["seconds"]["total"] > 0


@pytest.mark.slow
def test_every_planted_difference_is_found_and_the_demo_fails(demo: Session, tmp_path: Path) -> None:
    outcomes: list[Outcome] = []

    def plant(month: Month) -> None:
        vouchers = [v for v in month._stand_in.control("vouchers") if len(v["GL_VOUCHERENTRY"]) == 2]
        for tamper, voucher in zip((sum_changed, removed, date_moved), vouchers, strict=False):
            tamper(month, voucher)
            outcomes.append(conclude(month, tmp_path / "demo" / "inbox" / "manifest.json"))

    last = run_demo(demo, tmp_path / "demo", [], plant)
    assert [one.figures["reconciliation_differences"] for one in outcomes] == [1, 2, 3]
    assert [one.reasons for one in outcomes] == [(f"reconciliation_differences = {count}",) for count in (1, 2, 3)]
    assert sorted(found.subject for found in last.reconciliation.breaks) == [
        "voucher_date",
        "voucher_documents",
        "voucher_sum",
    ]
    assert last.figures["duplicates_in_erp"] == 0
    written = json.loads((tmp_path / "demo" / "summary.json").read_text(encoding="utf-8"))
    assert written["reconciliation_differences"] == 3
