"""Journal entries in Odoo: once, exact, resumable, in batches, and never on a date that nobody chose."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    IdempotencyConflict,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unavailable,
)
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher
from messages import say
from tests.support.odoo import ROUTES, Odoo, connected, serving

Make = Callable[..., Voucher]
CENT = Decimal("0.01")


def test_a_voucher_is_posted_with_its_own_date_number_and_partner(odoo: Odoo, voucher: Make) -> None:
    (receipt,) = odoo.adapter.push_vouchers([voucher()])
    assert isinstance(receipt, PostingReceipt)
    assert receipt.stage is Stage.POSTED
    assert receipt.number == "HEDG/2026/03/0001"
    assert receipt.posting_date == date(2026, 3, 31)
    (move,) = odoo.moves()
    assert move["state"] == "posted"
    partners = {row["id"]: row["ref"] for row in odoo.rows("res.partner")}
    assert [partners.get(line["partner_id"]) for line in move["lines"]] == ["80010001", None]
    assert [line["name"] for line in move["lines"]] == ["持仓盈亏 1", "三月盯市"]


def test_a_connection_may_stop_at_drafts(route, voucher: Make) -> None:
    with serving(route, target_stage=Stage.SAVED) as odoo:
        (receipt,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(receipt, PostingReceipt)
        assert receipt.stage is Stage.SAVED
        assert odoo.adapter.capabilities.default_stage is Stage.SAVED
        assert odoo.moves()[0]["state"] == "draft"
        (again,) = odoo.adapter.push_vouchers([voucher()])
        assert again == replace(receipt, found_by_lookup=True)


# --- once ---


@pytest.mark.parametrize("loss", ["lose_answer_after_commit", "error_500_after_commit", "cut_connection"])
def test_conformance_odoo_E10_answer_lost_after_commit_is_outcome_unknown(odoo: Odoo, voucher: Make, loss: str) -> None:
    odoo.fault(f"{loss}=1x@writes")
    (outcome,) = odoo.adapter.push_vouchers([voucher()])
    assert isinstance(outcome, OutcomeUnknown)
    assert len(odoo.moves()) == 1


def test_conformance_odoo_E11_the_lost_document_is_found_and_finished(odoo: Odoo, voucher: Make) -> None:
    odoo.fault("lose_answer_after_commit=1x@writes")
    odoo.adapter.push_vouchers([voucher()])
    found = odoo.adapter.find_voucher(voucher().key)
    assert found is not None
    assert found.found_by_lookup
    (receipt,) = odoo.adapter.push_vouchers([voucher()])
    assert isinstance(receipt, PostingReceipt)
    assert receipt.stage is Stage.POSTED
    assert len(odoo.moves()) == 1


def test_conformance_odoo_E12_a_draft_is_posted_not_made_again(voucher: Make) -> None:
    with serving(ROUTES["json2"]) as odoo:
        odoo.fault("error_500_before=1x@Odoo.action_post")
        (outcome,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(outcome, OutcomeUnknown)
        assert isinstance(outcome.reached, PostingReceipt)
        assert outcome.reached.stage is Stage.SAVED
        (receipt,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(receipt, PostingReceipt)
        assert (receipt.stage, receipt.external_id) == (Stage.POSTED, outcome.reached.external_id)
        assert odoo.calls()["load"] == 1


def test_an_answer_lost_while_posting_is_found_posted(voucher: Make) -> None:
    with serving(ROUTES["xmlrpc"]) as odoo:
        odoo.fault("lose_answer_after_commit=1x@Odoo.action_post")
        (outcome,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(outcome, OutcomeUnknown)
        found = odoo.adapter.find_voucher(voucher().key)
        assert found is not None
        assert found.stage is Stage.POSTED


def test_must_be_in_draft_after_somebody_posted_it_is_a_success(voucher: Make) -> None:
    with serving(ROUTES["json2"], target_stage=Stage.SAVED) as drafting:
        drafting.adapter.push_vouchers([voucher()])
        odoo = connected(drafting.site)
        other = connected(drafting.site)
        real_run = odoo.client.run

        def run_after_another(model, method, named, **rest):
            if method == "action_post":
                other.client.run(model, method, named, **rest)
            return real_run(model, method, named, **rest)

        odoo.client.run = run_after_another  # type: ignore[method-assign]
        (receipt,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(receipt, PostingReceipt)
        assert receipt.stage is Stage.POSTED


def test_conformance_odoo_E13_same_key_with_other_content_is_a_conflict(odoo: Odoo, voucher: Make) -> None:
    odoo.adapter.push_vouchers([voucher()])
    for other in (
        voucher(1, "1234567.88"),
        voucher(posting_date=date(2026, 3, 30)),
        voucher(lines=tuple(replace(line, account="6111.01") if line.credit else line for line in voucher().lines)),
    ):
        (outcome,) = odoo.adapter.push_vouchers([other])
        assert isinstance(outcome, IdempotencyConflict)
    assert len(odoo.moves()) == 1


def test_two_entries_under_one_reference_are_a_conflict(odoo: Odoo, voucher: Make) -> None:
    odoo.adapter.push_vouchers([voucher(1), voucher(2)])
    odoo.control("edit", {"model": "account.move", "id": 2, "set": {"ref": voucher(1).key}})
    with pytest.raises(IdempotencyConflict):
        odoo.adapter.find_voucher(voucher(1).key)
    if not odoo.site.site.books.release.addon:
        assert len(odoo.adapter.find_vouchers([voucher(1).key])[voucher(1).key]) == 2


def test_an_entry_whose_reference_was_edited_is_still_found(odoo: Odoo, voucher: Make) -> None:
    odoo.adapter.push_vouchers([voucher()])
    odoo.control("edit", {"model": "account.move", "id": 1, "set": {"ref": "typed over"}})
    (receipt,) = odoo.adapter.push_vouchers([voucher()])
    assert isinstance(receipt, PostingReceipt)
    assert receipt.external_id == "1"
    assert len(odoo.moves()) == 1


def test_a_cancelled_entry_is_neither_found_nor_sent_again(odoo: Odoo, voucher: Make) -> None:
    odoo.adapter.push_vouchers([voucher()])
    odoo.control("edit", {"model": "account.move", "id": 1, "set": {"state": "cancel"}})
    assert odoo.adapter.find_voucher(voucher().key) is None
    assert odoo.adapter.find_vouchers([voucher().key]) == {}
    (outcome,) = odoo.adapter.push_vouchers([voucher()])
    assert isinstance(outcome, Rejected)
    assert outcome.vendor_code == "cancelled"


def test_racing_writers_make_one_entry(odoo: Odoo, voucher: Make) -> None:
    """Each has looked before any of them wrote: the external id (or the unique index) decides, not the look-up."""
    together = threading.Barrier(4)
    outcomes: list[object] = []

    def push() -> None:
        racer = connected(odoo.site)
        real_run = racer.client.run

        def run_together(model, method, named, **rest):
            if method in ("load", "hedge_create_and_post"):
                together.wait(timeout=10)
            return real_run(model, method, named, **rest)

        racer.client.run = run_together  # type: ignore[method-assign]
        outcomes.extend(racer.adapter.push_vouchers([voucher()]))

    racers = [threading.Thread(target=push) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(odoo.moves()) == 1
    assert len(odoo.moves()[0]["lines"]) == 2
    assert all(isinstance(outcome, PostingReceipt | OutcomeUnknown) for outcome in outcomes)
    assert len({outcome.number for outcome in outcomes if isinstance(outcome, PostingReceipt)}) == 1


# --- batches ---


def test_a_hundred_vouchers_go_out_in_one_call(odoo: Odoo, voucher: Make) -> None:
    batch = [voucher(number, f"{number}.37") for number in range(1, 101)]
    receipts = odoo.adapter.push_vouchers(batch)
    assert [receipt.key for receipt in receipts if isinstance(receipt, PostingReceipt)] == [one.key for one in batch]
    assert [receipt.total for receipt in receipts if isinstance(receipt, PostingReceipt)] == [
        one.total for one in batch
    ]
    calls = odoo.calls()
    if odoo.site.site.books.release.addon:
        assert calls["hedge_create_and_post"] == 1
    else:
        assert (calls["load"], calls["action_post"]) == (1, 1)


def test_a_refused_batch_is_split_until_the_culprit_stands_alone(odoo: Odoo, voucher: Make) -> None:
    batch = [voucher(number, f"{number}.37") for number in range(1, 17)]
    odoo.adapter.push_vouchers([voucher(99)])  # the account is known to the adapter before it is closed in Odoo
    bad = replace(
        batch[11], lines=tuple(replace(one, account="6051") if one.credit else one for one in batch[11].lines)
    )
    batch[11] = bad
    odoo.adapter.push_vouchers([replace(bad, voucher_id="warm")])
    account = next(row["id"] for row in odoo.rows("account.account") if row["code"] == "6051")
    field = {"active": False} if odoo.site.site.books.release.series >= 19 else {"deprecated": True}
    odoo.control("edit", {"model": "account.account", "id": account, "set": field})
    outcomes = odoo.adapter.push_vouchers(batch)
    refused = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Rejected)]
    assert refused == [11]
    assert "6051" in outcomes[11].vendor_text  # type: ignore[union-attr]
    assert sum(isinstance(outcome, PostingReceipt) for outcome in outcomes) == 15
    assert len(odoo.moves()) == 2 + 15


def test_after_a_refused_login_nothing_more_is_sent(route, voucher: Make) -> None:
    with serving(route) as odoo:
        wrong = connected(odoo.site, key="0" * 40)
        for _ in range(3):
            with pytest.raises(AuthFailed):
                wrong.adapter.push_vouchers([voucher()])
        assert sum(odoo.control("requests")["auth_failures"].values()) == 1
        assert odoo.moves() == []


def test_conformance_odoo_E07_throttling_is_rate_limited(odoo: Odoo, voucher: Make) -> None:
    odoo.adapter.check()
    odoo.fault("too_frequent=1x@writes")
    (outcome,) = odoo.adapter.push_vouchers([voucher()])
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == 1
    assert odoo.moves() == []


# --- what Odoo would change without a word (the traps of docs/connections/odoo.md) ---


def test_trap_2_an_amount_that_would_be_rounded_is_not_sent(odoo: Odoo, voucher: Make) -> None:
    (outcome,) = odoo.adapter.push_vouchers([voucher(1, "100.005")])
    assert isinstance(outcome, Rejected)
    assert outcome.vendor_code == "rounding"
    assert "100.005" in say(outcome.message, "zh")
    assert odoo.moves() == []


def test_trap_2_a_draft_that_differs_from_what_was_sent_is_not_posted(stock_api: Odoo, voucher: Make) -> None:
    real_run = stock_api.client.run

    def run_rounding(model, method, named, **rest):
        answer = real_run(model, method, named, **rest)
        if method == "load":
            for line, change in ((1, {"debit": 100.01}), (2, {"credit": 100.01})):
                stock_api.control("edit", {"model": "account.move.line", "id": line, "set": change})
        return answer

    stock_api.client.run = run_rounding  # type: ignore[method-assign]
    (outcome,) = stock_api.adapter.push_vouchers([voucher(1, "100.00")])
    assert isinstance(outcome, ContractViolation)
    assert isinstance(outcome.reached, PostingReceipt)
    assert stock_api.moves()[0]["state"] == "draft"


def test_trap_4_a_voucher_in_a_locked_period_is_refused_before_odoo_can_move_it(odoo: Odoo, voucher: Make) -> None:
    odoo.control("lock", {"date": "2026-03-31"})
    (outcome,) = odoo.adapter.push_vouchers([voucher()])
    assert isinstance(outcome, Rejected)
    assert outcome.vendor_code == "locked"
    assert "2026-03-31" in say(outcome.message, "zh")
    assert odoo.moves() == []
    (allowed,) = odoo.adapter.push_vouchers([voucher(posting_date=date(2026, 4, 1))])
    assert isinstance(allowed, PostingReceipt)


@pytest.mark.parametrize("earlier_entries", [0, 1], ids=["first-open-day", "today"])
def test_trap_4_an_entry_that_odoo_moved_after_all_is_found_out(voucher: Make, earlier_entries: int) -> None:
    with serving(ROUTES["json2"]) as odoo:
        if earlier_entries:
            odoo.adapter.push_vouchers([voucher(9)])
        real_run = odoo.client.run

        def lock_first(model, method, named, **rest):
            if method == "action_post":
                odoo.control("lock", {"date": "2026-03-31"})
            return real_run(model, method, named, **rest)

        odoo.client.run = lock_first  # type: ignore[method-assign]
        (outcome,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(outcome, Rejected)
        assert outcome.vendor_code == "moved"
        assert isinstance(outcome.reached, PostingReceipt)
        assert outcome.reached.posting_date != date(2026, 3, 31)
        assert outcome.reached.number
        (again,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(again, IdempotencyConflict)
        assert len(odoo.moves()) == 1 + earlier_entries


def test_conformance_odoo_E15_with_the_module_a_moved_date_is_refused_by_odoo_in_its_own_words(voucher: Make) -> None:
    with serving(ROUTES["module"]) as odoo:
        real_run = odoo.client.run

        def lock_first(model, method, named, **rest):
            if method == "hedge_create_and_post":
                odoo.control("lock", {"date": "2026-03-31"})
            return real_run(model, method, named, **rest)

        odoo.client.run = lock_first  # type: ignore[method-assign]
        (outcome,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(outcome, Rejected)
        assert (
            outcome.vendor_text == f"Odoo would post {voucher().key} on 2026-04-01 instead: a lock date is in the way."
        )
        assert odoo.moves() == []


def test_trap_5_a_voucher_of_the_far_future_is_refused(odoo: Odoo, voucher: Make) -> None:
    (outcome,) = odoo.adapter.push_vouchers([voucher(posting_date=date(2026, 5, 10))])
    assert isinstance(outcome, Rejected)
    assert outcome.vendor_code == "future"
    (soon,) = odoo.adapter.push_vouchers([voucher(posting_date=date(2026, 4, 8))])
    assert isinstance(soon, PostingReceipt)


def test_trap_6_and_7_no_name_and_no_state_are_ever_sent(odoo: Odoo, voucher: Make) -> None:
    body = odoo.adapter.voucher_body(voucher())
    head = body["fields"] if "fields" in body else list(body["vouchers"][0])
    assert not {"name", "state"} & set(head)
    odoo.adapter.push_vouchers([voucher(1)])
    (second,) = odoo.adapter.push_vouchers([voucher(2)])
    assert isinstance(second, PostingReceipt)
    assert second.number == "HEDG/2026/03/0002"


def test_trap_10_every_line_has_its_own_external_id_so_that_a_second_load_adds_nothing(
    stock_api: Odoo, voucher: Make
) -> None:
    body = stock_api.adapter.voucher_body(voucher())
    for _ in range(2):
        stock_api.client.run("account.move", "load", body, write=True)
    (move,) = stock_api.moves()
    assert len(move["lines"]) == 2


# --- refusals of our own and of Odoo ---


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "USD"}, "currency"),
        ({"account": "9999"}, "account"),
        ({"dimensions": (("broker_account", "nobody"),)}, "partner"),
        ({"dimensions": (("material", "1.01.CU01"),)}, "dimension"),
    ],
)
def test_what_has_no_place_in_odoo_is_refused_before_it_is_sent(odoo: Odoo, voucher: Make, changes, code: str) -> None:
    if code == "currency":
        wrong = voucher(**changes)
    else:
        wrong = voucher(lines=tuple(replace(line, **changes) if line.debit else line for line in voucher().lines))
    outcomes = odoo.adapter.push_vouchers([wrong, voucher(2)])
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].vendor_code == code
    assert isinstance(outcomes[1], PostingReceipt)


def test_an_account_of_another_company_is_not_taken_for_ours(odoo: Odoo, voucher: Make) -> None:
    """Both companies have 3101 and 6101 in their charts; only ours is used."""
    odoo.adapter.push_vouchers([voucher()])
    accounts = {row["id"]: row for row in odoo.rows("account.account")}
    for line in odoo.moves()[0]["lines"]:
        row = accounts[line["account_id"]]
        assert str(row.get("company_ids") or row.get("company_id")).strip("[]") == "1"


def test_a_label_dimension_is_added_to_the_line(odoo: Odoo, voucher: Make) -> None:
    lines = voucher().lines
    odoo.adapter.push_vouchers([voucher(lines=(lines[0], replace(lines[1], dimensions=(("desk", "D03"),))))])
    assert odoo.moves()[0]["lines"][1]["name"] == "三月盯市 [D03]"


def test_conformance_odoo_E15_the_text_of_a_refusal_reaches_the_accountant_unchanged(odoo: Odoo, voucher: Make) -> None:
    odoo.adapter.push_vouchers([voucher()])
    account = next(row["id"] for row in odoo.rows("account.account") if row["code"] == "6101")
    field = {"active": False} if odoo.site.site.books.release.series >= 19 else {"deprecated": True}
    odoo.control("edit", {"model": "account.account", "id": account, "set": field})
    (outcome,) = odoo.adapter.push_vouchers([voucher(2)])
    assert isinstance(outcome, Rejected)
    assert outcome.vendor_text == "The account 6101 is deprecated."


def test_conformance_odoo_E16_no_key_and_no_server_traceback_in_any_error(odoo: Odoo, voucher: Make) -> None:
    secret = odoo.site.credentials.api_key
    seen = []
    for fault in ("lose_answer_after_commit", "error_500_before", "html_200", "too_frequent"):
        odoo.fault(f"{fault}=1x@writes")
        seen += odoo.adapter.push_vouchers([voucher()])
    odoo.adapter.push_vouchers([voucher(3, "5.00")])
    for call in (("no.model", "read"), ("account.move", "_private"), ("account.move", "search")):
        try:
            odoo.client.run(call[0], call[1], {"domain": [["no_field", "=", 1]]}, write=False)
        except Exception as error:  # noqa: BLE001
            seen.append(error)
    assert len(seen) >= 6
    for error in seen:
        text = f"{error!r} {error} {getattr(error, 'vendor_text', '')}"
        assert secret not in text
        assert "Traceback" not in text
        assert "/opt/odoo" not in text
    assert secret not in repr(odoo.client.__dict__)


def test_conformance_odoo_E18_a_call_ends_in_time_when_the_server_stalls_in_the_body(route, voucher: Make) -> None:
    with serving(route, seconds=0.5) as odoo:
        odoo.adapter.check()
        odoo.fault("stall=1x@writes:30")
        (outcome,) = odoo.adapter.push_vouchers([voucher()])
        assert isinstance(outcome, OutcomeUnknown)


def test_a_busy_database_is_unavailable_not_refused(stock_api: Odoo, voucher: Make) -> None:
    real_run = stock_api.client.run

    def conflict(model, method, named, **rest):
        if method == "load":
            text = "could not serialize access due to concurrent update\n"
            return {"ids": False, "messages": [{"type": "error", "message": text}]}
        return real_run(model, method, named, **rest)

    stock_api.client.run = conflict  # type: ignore[method-assign]
    (outcome,) = stock_api.adapter.push_vouchers([voucher()])
    assert isinstance(outcome, Unavailable)


def test_conformance_odoo_E17_the_card_names_where_the_key_is_carried(odoo: Odoo, voucher: Make) -> None:
    card = odoo.adapter.capabilities
    odoo.adapter.push_vouchers([voucher()])
    (move,) = odoo.moves()
    assert move["ref"] == voucher().key
    assert len(voucher().key) <= card.reference_length
    if odoo.site.site.books.release.addon:
        assert move["hedge_ref"] == voucher().key
    else:
        names = [row["name"] for row in odoo.rows("ir.model.data")]
        assert f"voucher_{voucher().key}" in names
    assert Stage.POSTED in card.stages
    assert card.max_batch == 100
