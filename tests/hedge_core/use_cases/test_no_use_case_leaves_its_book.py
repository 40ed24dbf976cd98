"""No use case leaves its book: each one opens the book it was given and no other, and the other book's tries with our ids find
nothing and change nothing. The use cases are enumerated, so that a new one cannot be forgotten."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedge_core.errors import PlatformError
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.limits import LimitKind, LimitRule
from hedge_core.ports.storage import Book
from hedge_core.reconciliation import Cause
from hedge_core.use_cases import (
    account,
    approvals,
    checkpoints,
    deliveries,
    designations,
    history_inputs,
    limits,
    match,
    morning,
    movements,
    orders,
    outbox,
    periods,
    post,
    recalculate,
    reopen,
    reversals,
    review_differences,
    schedule,
    settle,
    trial_balance,
    verify,
)
from tests.support.company import BOOK_SETTINGS, CLERK, COPPER, DAYS, Company
from tests.support.posting import BOOK

FOLDER = Path(__file__).resolve().parents[3] / "hedge_core" / "use_cases"
OTHER, WANG = BookId("jinhe2"), Actor("wang.fang")

OPENS_MORE = {
    ("allocation.py", "one"): "an internal allocation writes its entry into both books, once both have agreed",
    ("allocation.py", "mine.other_book"): "and reads what the other side has proposed",
    ("allocation.py", "one.other_book"): "and whether the other side has agreed",
}
"""Places that open a book under another name than the `book` they were given, and why."""


def opened() -> Iterator[tuple[str, str, str]]:
    """(file, name of the function, what it gives to `begin` or `read` of a store) of every place in the use cases."""
    for path in sorted(FOLDER.glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                match node:
                    case ast.Call(func=ast.Attribute(value=on, attr="begin" | "read"), args=[first, *_]) if (
                        "store" in ast.unparse(on)
                    ):
                        yield path.name, function.name, ast.unparse(first)


def test_every_use_case_opens_its_own_book_and_no_other() -> None:
    places = list(opened())
    assert len(places) > 120, "the reading of the code finds what there is"
    strange = {(file, given) for file, _, given in places if given not in ("book", "lease.book")}
    assert strange == OPENS_MORE.keys()


@pytest.fixture
def ours(company: Company) -> dict[str, Any]:
    """What the other book knows of ours: the ids of a voucher and an alert; days, files and movements it can guess."""
    company.make_vouchers(DAYS[-1])
    limits.import_limits(
        company.store, BOOK, [(date(2026, 1, 1), LimitRule("cu", LimitKind.LOTS, high=Decimal(0)))], CLERK
    )
    limits.check_limits(company.store, BOOK, company.app.products, CLERK, company.app.clock)
    company.store.add_book(Book(OTHER, "Hedging Ltd", "CNY", BOOK_SETTINGS), CLERK)
    reopen.ask_to_reopen(company.store, BOOK, DAYS[-1], "late fill", CLERK)
    with company.store.read(BOOK) as uow:
        (alert,) = uow.limits.open_alerts()
    return {"voucher": company.vouchers()[0].voucher.voucher_id, "alert": alert.alert_id}


def attempts(company: Company, ours: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """The other book tries, with our ids."""
    store, clock, products = company.store, company.app.clock, company.app.products
    day, voucher = DAYS[-1], ours["voucher"]
    ledger = company.app.ledger(BOOK_SETTINGS)
    return {
        "account.account": lambda: account.account(store, OTHER, day, ledger, WANG),
        "approvals.submit": lambda: approvals.submit(store, OTHER, [voucher], WANG),
        "approvals.send_back": lambda: approvals.send_back(store, OTHER, voucher, "x", WANG),
        "approvals.approve": lambda: approvals.approve(store, OTHER, [voucher], WANG),
        "checkpoints.newest_checkpoint": lambda: checkpoints.newest_checkpoint(store, OTHER),
        "checkpoints.prove_voucher": lambda: checkpoints.prove_voucher(store, OTHER, voucher),
        "deliveries.release_receipt": lambda: deliveries.release_receipt(store, OTHER, "CD-1", day, WANG),
        "designations.approve_designation": lambda: designations.approve_designation(store, OTHER, "H1", WANG),
        "designations.effectiveness_reports": lambda: designations.effectiveness_reports(
            store, OTHER, day, ledger, products
        ),
        "history_inputs.verify_blocks": lambda: history_inputs.verify_blocks(store, OTHER),
        "limits.check_limits": lambda: limits.check_limits(store, OTHER, products, WANG, clock),
        "limits.after_settlement": lambda: limits.after_settlement(store, OTHER, day, products, WANG, clock),
        "limits.acknowledge": lambda: limits.acknowledge(store, OTHER, ours["alert"], WANG, clock),
        "match.release_breaks": lambda: match.release_breaks(store, OTHER, products, "x", WANG, clock),
        "morning.morning_sheet": lambda: [
            row for sheet in [morning.morning_sheet(store, OTHER, products, clock)[0]]
            for row in (*sheet.commodities, *sheet.accounts, *sheet.positions, *sheet.due, *sheet.breaks, *sheet.stale)
        ],
        "movements.classify": lambda: movements.classify(
            store, OTHER, f"{COPPER}:2026-03-06:cash:1", movements.MovementKind.INTEREST, WANG
        ),
        "orders.approve_order": lambda: orders.approve_order(store, OTHER, "o1", WANG, clock, digest="x"),
        "outbox.retry_row": lambda: outbox.retry_row(store, OTHER, 1, "x", WANG, clock),
        "outbox.cancel_row": lambda: outbox.cancel_row(store, OTHER, 1, "x", WANG, clock),
        "outbox.deliver_by_hand": lambda: outbox.deliver_by_hand(store, OTHER, 1, "5", "x", WANG, clock),
        "periods.period_history": lambda: periods.period_history(store, OTHER),
        "post.approve_vouchers": lambda: post.approve_vouchers(store, OTHER, [voucher], WANG),
        "recalculate.accept": lambda: recalculate.accept(store, OTHER, 1, "x", products, WANG),
        "recalculate.reject": lambda: recalculate.reject(store, OTHER, 1, "x", WANG),
        "reopen.ask_to_reopen": lambda: reopen.ask_to_reopen(store, OTHER, day, "x", WANG),
        "reopen.approve_reopening": lambda: reopen.approve_reopening(store, OTHER, day, WANG),
        "reopen.refuse_reopening": lambda: reopen.refuse_reopening(store, OTHER, day, WANG),
        "reversals.reverse": lambda: reversals.reverse(store, OTHER, voucher, "x", WANG),
        "review_differences.assign_difference": lambda: review_differences.assign_difference(
            store, OTHER, "r1", "zhao", WANG
        ),
        "review_differences.explain_difference": lambda: review_differences.explain_difference(
            store, OTHER, "r1", Cause.DELIVERY, None, "x", WANG, "li.na"
        ),
        "review_differences.overrule_difference": lambda: review_differences.overrule_difference(
            store, OTHER, "r1", "x", WANG, "li.na"
        ),
        "schedule.remove_schedule": lambda: schedule.remove_schedule(store, OTHER, "nightly", WANG),
        "schedule.cancel_job": lambda: schedule.cancel_job(store, OTHER, 1, WANG),
        "settle.accept_proposal": lambda: settle.accept_proposal(store, OTHER, day, 1, "x", WANG, "li.na"),
        "trial_balance.trial_balance": lambda: trial_balance.trial_balance(store, OTHER, DAYS[0], day, ledger),
        "verify.verify_stored": lambda: verify.verify_stored(store, OTHER),
    }  # fmt: skip


def test_the_other_book_tries_with_our_ids_and_finds_and_changes_nothing(
    company: Company, ours: dict[str, Any]
) -> None:
    log = company.log()
    before = [(one.trading_day, one.version, one.status) for one in company.snapshots()]
    for name, attempt in attempts(company, ours).items():
        try:
            answer = attempt()
        except (PlatformError, KeyError):
            continue
        assert not _speaks_of_ours(answer), name
    assert company.log() == log
    assert [(one.trading_day, one.version, one.status) for one in company.snapshots()] == before


def _speaks_of_ours(answer: object) -> bool:
    text = repr(answer)
    return any(word in text for word in (COPPER, "SHFE.", "'jinhe'"))


def test_a_new_module_of_use_cases_is_tried_here_or_in_the_other_tests_of_isolation() -> None:
    """Modules whose public functions take a store and a book, and where the other book's tries stand."""
    found = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            if public and [one.arg for one in node.args.args][:2] == ["store", "book"]:  # type: ignore[attr-defined]
                found.add(path.stem)
    source = Path(__file__).read_text(encoding="utf-8")
    here = {name for name in found if f'"{name}.' in source}
    flows = (Path(__file__).parent / "test_commodity_flows.py").read_text(encoding="utf-8")
    there = {name for name in found if f"hedge_core.use_cases.{name} import" in flows}
    assert found - here - there == WITH_ANOTHER_SIDE


WITH_ANOTHER_SIDE = {
    "fetch_statements",
    "opening_matches",
    "order_plans",
    "pull",
    "pull_broker",
    "pull_pages",
    "reconcile",
    "reconcile_day",
    "remap",
    "statements",
    "sweep",
}
"""They bring records of an ERP, a broker or a file into the book they are given: what they open is read from the code above,
and what the stores of records keep apart is in `adapters/storage/test_storage_isolation.py`."""
