"""The other companies of the demo's group tie out on their own ERPs, and one that does not fails the demo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.commands.demo import show, with_group
from cli.demo import group
from cli.demo.group import DAYS, GROUP, Member
from cli.demo.month import fresh_folder
from cli.demo.standin import write_statements
from cli.demo.summary import Outcome
from cli.session import Session
from hedge_core.use_cases.reconcile import Reconciliation

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "demo"


def run(folder: Path, *members: Member) -> Outcome:
    session = Session(settings=fresh_folder(folder))
    write_statements(folder / "inbox")
    month = Outcome({"contracts_pulled": 1, "seconds": {"total": 1.0}}, Reconciliation((), 0, 0, 0), ())
    outcome = with_group(session, folder, month, members)
    show(session, folder, outcome)
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("member", GROUP, ids=[member.system for member in GROUP])
def test_a_company_of_the_group_ties_out_on_its_own_erp(folder: Path, member: Member) -> None:
    outcome = run(folder, member)
    assert outcome.reasons == ()
    written: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert all(not isinstance(value, dict | list) for name, value in written.items() if name != "seconds")
    assert written[f"{member.book}.system"] == member.system
    assert written[f"{member.book}.days_settled"] == DAYS
    assert written[f"{member.book}.vouchers_created"] == written[f"{member.book}.vouchers_delivered"] > 0
    assert written[f"{member.book}.reconciliation_differences"] == written[f"{member.book}.duplicates_in_erp"] == 0
    assert written["contracts_pulled"] == 1, "the month's own figures stay"


@pytest.mark.slow
def test_a_company_that_does_not_tie_out_is_a_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = group.Company.figures
    monkeypatch.setattr(group.Company, "figures", lambda self: {**real(self), "reconciliation_differences": 3})
    (odoo,) = (member for member in GROUP if member.system == "odoo")
    assert run(folder, odoo).reasons == (f"{odoo.book}: reconciliation_differences = 3",)


def test_every_company_has_a_book_and_a_system_of_its_own() -> None:
    assert len({member.book for member in GROUP}) == len({member.system for member in GROUP}) == len(GROUP)
