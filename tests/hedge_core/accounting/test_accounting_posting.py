"""Events to vouchers: balanced, dated, named and split the same way whatever the order the events come in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.accounting.charts import AccountMap, AccountMapping, AccountTarget
from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent, EventKind, one_amount
from hedge_core.accounting.posting import MAX_LINES, PostingPlan, account_balances, month_end, post_events
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, Post, RuleSet
from hedge_core.accounting.summaries import MAX_SUMMARY, Labels
from hedge_core.accounting.templates import TEMPLATES
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import book_id
from hedge_core.model.vouchers import BookedBy, PostingLine, SourceRef, Voucher, idempotency_key

D = Decimal
K = EventKind
BOOK = book_id("demo")
ACCOUNTS = AccountMap.usual(RuleSet.CAS24, [AccountMapping(AccountRole.HEDGE_RESULT, AccountTarget("6102"))])
LABELS = Labels({"80010001": "华岳*0001"}, {"SHFE.cu": "铜", "SHFE.al": "铝"})
MONTHLY = PostingPlan(BOOK, BookSettings(), ACCOUNTS, LABELS)
DAILY = replace(MONTHLY, settings=BookSettings(post=Post.DAY))

fen = st.integers(-(10**9), 10**9).map(lambda units: D(units) / 100)


def amounts_of(kind: EventKind, first: Decimal, second: Decimal) -> tuple[tuple[str, Decimal], ...]:
    """Amounts in a template's own names, adding up where they must."""
    names = {line.amount for line in TEMPLATES[kind].lines}
    if "gross" in names:
        return (("gross", first + second), ("net", first), ("vat", second))
    if "ineffective" in names:
        return (("instrument", first + second), ("reserve", first), ("ineffective", second))
    if "excess" in names:
        return (("instrument", first + second), ("reserve", first), ("excess", second))
    if "carrying" in names:
        return (("carrying", first), ("adjustment", second))
    return one_amount(first)


@st.composite
def any_event(draw: st.DrawFn) -> AccountingEvent:
    kind = draw(st.sampled_from(EventKind))
    hedge = TEMPLATES[kind].voucher.value == "hedge"
    return AccountingEvent(
        kind,
        date(2026, 3, 1 + draw(st.integers(0, 40)) % 31),
        amounts_of(kind, draw(fen), draw(fen)),
        account=draw(st.sampled_from(["80010001", "80010002"])),
        product=draw(st.sampled_from(["SHFE.cu", "SHFE.al", "SHFE.zn"])),
        lots=draw(st.integers(0, 30)),
        relationship=draw(st.sampled_from(["R1", "R2"])) if hedge else None,
        sources=(SourceRef("fill", str(draw(st.integers(0, 10**6)))),),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(any_event(), max_size=30), st.randoms(use_true_random=False), st.sampled_from([MONTHLY, DAILY]))
def test_any_posting_sequence_has_a_zero_trial_balance_and_does_not_depend_on_order(
    events: list[AccountingEvent], random: object, plan: PostingPlan
) -> None:
    posted = post_events(events, plan)
    assert posted.problems == ()
    assert sum(account_balances(posted.vouchers).values()) == 0
    ours = [e for event in events for e in entries_of(event, plan.settings) if e.booked_by is BookedBy.HEDGEBRIDGE]
    theirs = [e for event in events for e in entries_of(event, plan.settings) if e.booked_by is BookedBy.ERP]
    found: dict[str, Decimal] = {}
    for voucher in posted.vouchers:
        assert 2 <= len(voucher.lines) <= MAX_LINES
        for line in voucher.lines:
            found[line.role] = found.get(line.role, D(0)) + line.debit - line.credit
    for role, balance in role_balances(ours).items():
        assert found.get(role.value, D(0)) == balance
    expected = sum((debit - credit for entry in posted.expected for _, _, debit, credit in entry.lines), D(0))
    assert expected == sum(role_balances(theirs).values()) == 0
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = post_events(shuffled, plan)
    assert [(v.voucher_id, v.content_hash) for v in again.vouchers] == [
        (v.voucher_id, v.content_hash) for v in posted.vouchers
    ]
    assert {source for voucher in posted.vouchers for line in voucher.lines for source in line.sources} <= {
        source for event in events for source in event.sources
    }


@settings(max_examples=80, deadline=None)
@given(st.lists(any_event(), max_size=20))
def test_every_summary_fits_and_ends_with_the_reference(events: list[AccountingEvent]) -> None:
    for voucher in post_events(events, MONTHLY).vouchers:
        for summary in (voucher.summary, *(line.summary for line in voucher.lines)):
            assert len(summary) <= MAX_SUMMARY
            assert summary.endswith(f" {voucher.key}")


@settings(max_examples=80, deadline=None)
@given(st.lists(any_event(), min_size=1, max_size=20))
def test_a_reversal_of_a_reversal_is_the_original(events: list[AccountingEvent]) -> None:
    for voucher in post_events(events, MONTHLY).vouchers:
        back = voucher.reversal(f"{voucher.voucher_id}.r", voucher.posting_date, "-")
        assert all(value == 0 for value in account_balances([voucher, back]).values())
        assert back.reversal("again", voucher.posting_date, "-").lines == voucher.lines


@given(fen.filter(bool), fen.filter(bool))
def test_an_unbalanced_voucher_cannot_be_constructed(debit: Decimal, credit: Decimal) -> None:
    lines = (
        PostingLine("bank", "1002", abs(debit), D(0), ""),
        PostingLine("fee", "6111.02", D(0), abs(credit) + (1 if abs(debit) == abs(credit) else 0), ""),
    )
    with pytest.raises(RuleBroken):
        Voucher(BOOK, "v", 1, "fee", date(2026, 3, 31), "CNY", "", lines)


def test_every_template_balances_for_each_booker_and_uses_a_mapped_role() -> None:
    for kind in EventKind:
        event = AccountingEvent(kind, date(2026, 3, 31), amounts_of(kind, D(70), D(30)), relationship="R1")
        for entry in entries_of(event, BookSettings(rule_set=RuleSet.CAS24)):
            assert sum(line.debit - line.credit for line in entry.lines) == 0
            for line in entry.lines:
                assert not isinstance(ACCOUNTS.resolve(line.role, entry.day), RuleBroken)


def close(
    day: int, amount: str, lots: int, product: str = "SHFE.cu", kind: EventKind = K.CLOSE_SETTLEMENT
) -> AccountingEvent:
    return AccountingEvent(kind, date(2026, 3, day), one_amount(D(amount)), "80010001", product, lots)


def test_a_month_of_closes_is_one_voucher_per_account_with_lines_by_product() -> None:
    events = [close(3, "100", 10), close(17, "-40.50", 8), close(17, "7", 2, "SHFE.al")]
    (voucher,) = post_events(events, MONTHLY).vouchers
    assert voucher.posting_date == date(2026, 3, 31)
    assert voucher.voucher_id == "demo.close.20260331.80010001.1"
    assert voucher.key == idempotency_key(BOOK, voucher.voucher_id, 1)
    assert [(line.account, line.debit, line.credit) for line in voucher.lines] == [
        ("1012", D(7), 0),
        ("3101", 0, D(7)),
        ("1012", D("59.50"), 0),
        ("3101", 0, D("59.50")),
    ]
    assert voucher.lines[0].dimensions == (("broker_account", "80010001"),)
    assert voucher.summary == f"2026年3月期货平仓盈亏 铝2手 铜18手 华岳*0001 {voucher.key}"
    assert voucher.lines[2].summary == f"2026年3月期货平仓盈亏 铜18手 华岳*0001 {voucher.key}"


def test_posting_by_day_dates_every_voucher_on_its_day() -> None:
    posted = post_events([close(3, "100", 10), close(17, "40", 8)], DAILY)
    assert [voucher.posting_date.day for voucher in posted.vouchers] == [3, 17]
    assert posted.vouchers[0].summary.startswith("2026年3月3日期货平仓盈亏 铜10手 华岳*0001 HB")


def test_amounts_that_cancel_make_no_line_and_no_voucher() -> None:
    assert post_events([close(3, "100", 10), close(9, "-100", 10)], MONTHLY).vouchers == ()
    assert post_events([], MONTHLY).vouchers == ()


def test_deposits_keep_their_bank_date_and_stay_single() -> None:
    events = [
        AccountingEvent(K.DEPOSIT, date(2026, 3, 4), one_amount(D(500)), "80010001", sources=(SourceRef("cash", key),))
        for key in ("a", "b")
    ]
    (voucher,) = post_events(events, MONTHLY).vouchers
    assert voucher.posting_date == date(2026, 3, 4)
    assert [line.debit for line in voucher.lines if line.debit] == [500, 500]


def test_a_sixty_line_month_becomes_two_balanced_vouchers() -> None:
    events = [close(3, "10", 1, f"SHFE.p{number:02d}") for number in range(30)]
    first, second = post_events(events, MONTHLY).vouchers
    assert (len(first.lines), len(second.lines)) == (50, 10)
    assert (first.voucher_id[-2:], second.voucher_id[-2:]) == (".1", ".2")
    assert first.total + second.total == 300
    assert "25个品种" in first.summary


def test_a_long_relationship_name_is_cut_and_the_reference_kept() -> None:
    event = AccountingEvent(K.ITEM_CHANGE, date(2026, 3, 9), one_amount(D(5)), relationship="R" * 60, product="copper")
    (voucher,) = post_events([event], MONTHLY).vouchers
    assert len(voucher.summary) == MAX_SUMMARY
    assert voucher.summary.endswith(f"R {voucher.key}")


def test_a_role_without_an_account_keeps_back_its_voucher_only_and_says_which() -> None:
    rows = [row for row in ACCOUNTS.rows if row.role is not AccountRole.HEDGE_RESULT]
    plan = replace(MONTHLY, accounts=AccountMap(tuple(rows)))
    hedge = AccountingEvent(K.INSTRUMENT_CHANGE, date(2026, 3, 9), one_amount(D(5)), relationship="R1")
    posted = post_events([hedge, close(3, "10", 1)], plan)
    assert [voucher.kind for voucher in posted.vouchers] == ["close"]
    (problem,) = posted.problems
    assert (problem.rule, problem.record) == ("account_unmapped", "hedge_result")
    assert "account map" in str(problem)


def test_entries_of_the_erp_are_expected_and_never_pushed() -> None:
    sale = AccountingEvent(
        K.SALE,
        date(2026, 3, 9),
        (("gross", D(113)), ("net", D(100)), ("vat", D(13))),
        product="copper",
        relationship="R1",
    )
    posted = post_events([sale], MONTHLY)
    assert posted.vouchers == ()
    (entry,) = posted.expected
    assert entry.posting_date == date(2026, 3, 9)
    assert entry.lines == (
        ("bank", "1002", D(113), D(0)),
        ("revenue", "6001", D(0), D(100)),
        ("vat_output", "2221", D(0), D(13)),
    )
    assert entry.payload["lines"][0] == {"role": "bank", "account": "1002", "debit": D(113), "credit": D(0)}  # type: ignore[index]


def test_hedge_measurements_of_a_month_go_with_the_next_hedge_event() -> None:
    def hedge(kind: EventKind, day: int, amount: int, relationship: str = "R1") -> AccountingEvent:
        return AccountingEvent(
            kind, date(2026, 3, day), one_amount(D(amount)), relationship=relationship, product="copper"
        )

    events = [
        hedge(K.ITEM_CHANGE, 3, -10),
        hedge(K.ITEM_CHANGE, 12, -5),
        hedge(K.ITEM_RETURN, 12, 85),
        hedge(K.ITEM_CHANGE, 20, 1),
        hedge(K.ITEM_CHANGE, 3, -7, "R2"),
    ]
    posted = post_events(events, MONTHLY)
    assert [(voucher.posting_date.day, voucher.relationship, voucher.total) for voucher in posted.vouchers] == [
        (12, "R1", 100),
        (31, "R1", 1),
        (31, "R2", 7),
    ]
    assert posted.vouchers[0].summary == f"2026年3月12日套期 copper R1 {posted.vouchers[0].key}"


@pytest.mark.parametrize(
    ("day", "last"), [("2026-02-03", "2026-02-28"), ("2024-02-29", "2024-02-29"), ("2026-12-01", "2026-12-31")]
)
def test_month_end_is_the_last_calendar_day(day: str, last: str) -> None:
    assert month_end(date.fromisoformat(day)) == date.fromisoformat(last)
