"""The defaults that suit most small companies, one test each; and the account map's finer columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.accounting.account_checks import LedgerAccount, account_findings, old_chart, our_roles
from hedge_core.accounting.charts import AccountMap, AccountMapping, AccountTarget
from hedge_core.accounting.events import AccountingEvent, EventKind, one_amount
from hedge_core.accounting.posting import Posted, PostingPlan, post_events
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, ItemCarrying, Measure, Post, RuleSet
from hedge_core.accounting.summaries import MAX_SUMMARY, Labels
from hedge_core.accounting.templates import ATTACHMENTS, VoucherKind
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import book_id
from hedge_core.model.vouchers import SourceRef
from messages import LANGUAGES, say

D = Decimal
K = EventKind
R = AccountRole
PLAN = PostingPlan(
    book_id("demo"),
    BookSettings(),
    AccountMap.usual(RuleSet.NONE),
    Labels({"80018001": "华泰*8001", "80018002": "华泰*8002"}, {"SHFE.cu": "铜", "SHFE.al": "铝"}),
)
MONTH_END = date(2026, 5, 31)
"""A Sunday: the last trading day of that month is the 29th."""


def event(kind: EventKind, day: int, amount: str, **more: object) -> AccountingEvent:
    plain = AccountingEvent(kind, date(2026, 5, day), one_amount(D(amount)), "80018001", "SHFE.cu")
    return replace(plain, **more)  # type: ignore[arg-type]


def post(*events: AccountingEvent, plan: PostingPlan = PLAN) -> Posted:
    posted = post_events(events, plan)
    assert posted.problems == ()
    return posted


def test_a_book_is_measured_daily_and_booked_monthly_without_hedge_accounting() -> None:
    book = BookSettings.read({})
    assert (book.measure, book.post, book.rule_set) == (Measure.DAY, Post.MONTH, RuleSet.NONE)


def test_one_voucher_per_book_account_and_kind_with_lines_by_product() -> None:
    events = [
        event(K.FAIR_VALUE_CHANGE, 4, "100"),
        event(K.FAIR_VALUE_CHANGE, 5, "40", product="SHFE.al"),
        event(K.FAIR_VALUE_CHANGE, 5, "7", account="80018002"),
        event(K.FEE, 5, "3"),
        event(K.FEE, 8, "-1"),
        event(K.INTEREST, 20, "2", product=""),
    ]
    vouchers = post(*events).vouchers
    assert [(v.kind, v.lines[0].dimensions or v.lines[1].dimensions) for v in vouchers if v.kind == "fee"] == [
        ("fee", (("broker_account", "80018001"),))
    ]
    assert [v.kind for v in vouchers] == ["fair_value", "fair_value", "fee", "interest"]
    fair = next(v for v in vouchers if len(v.lines) == 4)
    assert [line.debit for line in fair.lines if line.debit] == [40, 100]


def test_a_month_is_dated_on_its_last_calendar_day_even_a_sunday() -> None:
    (voucher,) = post(event(K.FAIR_VALUE_CHANGE, 29, "100")).vouchers
    assert voucher.posting_date == MONTH_END
    assert MONTH_END.weekday() == 6


def test_deposits_stand_on_their_bank_date() -> None:
    (voucher,) = post(event(K.DEPOSIT, 4, "500000", product="")).vouchers
    assert voucher.posting_date == date(2026, 5, 4)


def test_hedge_events_stand_on_their_own_date_one_voucher_per_relationship() -> None:
    plan = replace(PLAN, accounts=AccountMap.usual(RuleSet.CAS24))
    events = [
        event(K.ITEM_DESIGNATION, 6, "90", relationship="R1"),
        event(K.ITEM_DESIGNATION, 6, "80", relationship="R2"),
        event(K.ITEM_RETURN, 20, "10", relationship="R1"),
    ]
    found = [(v.posting_date.day, v.relationship) for v in post(*events, plan=plan).vouchers]
    assert found == [(6, "R1"), (6, "R2"), (20, "R1")]


def test_fifty_lines_are_one_voucher_and_fifty_two_are_two() -> None:
    for products, sizes in ((25, [50]), (26, [50, 2])):
        events = [event(K.FAIR_VALUE_CHANGE, 4, "10", product=f"SHFE.p{number:02d}") for number in range(products)]
        assert [len(v.lines) for v in post(*events).vouchers] == sizes


def test_the_summary_is_chinese_within_sixty_characters_with_the_reference_last() -> None:
    (voucher,) = post(event(K.CLOSE_SETTLEMENT, 8, "100", lots=18)).vouchers
    assert voucher.summary == f"2026年5月期货平仓盈亏 铜18手 华泰*8001 {voucher.key}"
    assert len(voucher.summary) <= MAX_SUMMARY


def test_a_zero_amount_makes_nothing() -> None:
    assert post(event(K.FAIR_VALUE_CHANGE, 4, "100"), event(K.FAIR_VALUE_CHANGE, 5, "-100")).vouchers == ()


def test_attachments_are_counted_by_kind() -> None:
    plan = replace(PLAN, accounts=AccountMap.usual(RuleSet.CAS24))
    events = [
        event(K.DEPOSIT, 4, "5", product=""),
        event(K.FAIR_VALUE_CHANGE, 4, "10"),
        event(K.ITEM_CHANGE, 4, "10", relationship="R1"),
    ]
    assert {v.kind: v.attachments for v in post(*events, plan=plan).vouchers} == {
        "cash": 1,
        "fair_value": 2,
        "hedge": 3,
    }
    assert set(ATTACHMENTS) == set(VoucherKind)


@pytest.mark.parametrize(
    ("kind", "amount", "codes"),
    [
        (K.DEPOSIT, "5", ("1012", "1002")),
        (K.FAIR_VALUE_CHANGE, "5", ("3101", "6101")),
        (K.CLOSE_RESULT_TRANSFER, "5", ("6101", "6111.01")),
        (K.FEE, "5", ("6111.02", "1012")),
        (K.FEE, "-5", ("1012", "6111.02")),  # a rebate credits the same account
        (K.INTEREST, "5", ("1012", "6603")),
        (K.PENALTY, "5", ("6711", "1012")),
        (K.INSTRUMENT_CHANGE, "5", ("3201", "6102")),
        (K.ITEM_CHANGE, "5", ("3202", "6102")),
        (K.BASIS_ADJUSTMENT, "5", ("4003", "1403.99")),
        (K.RESERVE_TO_NET_RESULT, "5", ("4003", "6103")),
    ],
)
def test_the_usual_accounts_of_a_cas_book(kind: EventKind, amount: str, codes: tuple[str, str]) -> None:
    plan = replace(PLAN, accounts=AccountMap.usual(RuleSet.CAS24))
    relationship = "R1" if codes[0] in ("3201", "3202", "4003") else None
    (voucher,) = post(event(kind, 4, amount, relationship=relationship), plan=plan).vouchers
    sides = sorted(voucher.lines, key=lambda line: line.credit > 0)
    assert tuple(line.account for line in sides) == codes


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (K.REALISED_RESULT, ("1012", "5111")),
        (K.FEE, ("5603", "1012")),
        (K.PENALTY, ("5711", "1012")),
    ],
)
def test_the_usual_accounts_of_a_small_enterprise(kind: EventKind, codes: tuple[str, str]) -> None:
    book = BookSettings(rule_set=RuleSet.SMALL_ENTERPRISE)
    plan = replace(PLAN, settings=book, accounts=AccountMap.usual(RuleSet.SMALL_ENTERPRISE))
    (voucher,) = post(event(kind, 4, "5"), plan=plan).vouchers
    assert tuple(line.account for line in sorted(voucher.lines, key=lambda line: line.credit > 0)) == codes


def test_a_row_gives_dimensions_cash_flow_item_quantity_column_and_rate_type() -> None:
    row = AccountMapping.read(
        {"role": "derivative", "account": "3101.cu", "dimensions": "material={product}", "cash_flow_item": "CF7",
         "unit": "手", "rate_type": "HLTX02", "rule_set": "none"}
    )  # fmt: skip
    assert row.rule_set is RuleSet.NONE
    rows = AccountMap.usual(RuleSet.NONE, [replace(row, rule_set=None)])
    (voucher,) = post(event(K.CLOSE_SETTLEMENT, 4, "5", lots=8), plan=replace(PLAN, accounts=rows)).vouchers
    line = next(one for one in voucher.lines if one.account == "3101.cu")
    told = (line.dimensions, line.cash_flow_item, line.quantity, line.unit, line.rate_type)
    assert told == ((("material", "SHFE.cu"),), "CF7", D(8), "手", "HLTX02")
    other = next(one for one in voucher.lines if one is not line)
    assert (other.quantity, other.unit, other.rate_type) == (None, None, None)


def test_a_row_for_one_rule_set_is_used_for_that_one_only() -> None:
    rows = AccountMap.usual(
        RuleSet.CAS24, [AccountMapping(R.HEDGE_RESULT, AccountTarget("6102.15"), rule_set=RuleSet.CAIKUAI_2015_18)]
    )
    for rule_set, code in ((RuleSet.CAS24, "6102"), (RuleSet.CAIKUAI_2015_18, "6102.15")):
        found = rows.resolve(R.HEDGE_RESULT, MONTH_END, rule_set=rule_set)
        assert isinstance(found, AccountTarget)
        assert found.account == code


def test_every_line_keeps_the_sources_of_its_event() -> None:
    source = (SourceRef("fill", "80018001/20260504/SHFE/1/sell"), SourceRef("contract_line", "k3:sale_line:1/1"))
    (voucher,) = post(event(K.CLOSE_SETTLEMENT, 4, "5", sources=source)).vouchers
    assert all(line.sources == source for line in voucher.lines)


# --- does the map fit the ERP's chart ---------------------------------------------------------------------------------

CHART = [
    LedgerAccount(code, name)
    for code, name in {
        "1002": "银行存款", "1012": "其他货币资金", "3101": "衍生工具", "3201": "套期工具", "3202": "被套期项目",
        "6101": "公允价值变动损益", "6111.01": "平仓损益", "6111.02": "手续费", "6603": "财务费用", "6711": "营业外支出",
        "6102": "套期损益", "6103": "净敞口套期损益", "4003": "其他综合收益", "1403.99": "套期调整", "1405": "库存商品",
        "1122": "应收账款", "2202": "应付账款", "6401": "主营业务成本", "6001": "主营业务收入", "1811": "递延所得税资产",
        "2901": "递延所得税负债", "6801": "所得税费用",
    }.items()
]  # fmt: skip


def findings(
    accounts: AccountMap,
    chart: list[LedgerAccount],
    book: BookSettings | None = None,
    hedges: bool = False,
    **texts: str,
) -> list[tuple[str, str]]:
    found = account_findings(accounts, book or BookSettings(), MONTH_END, chart, texts, hedges=hedges)
    for problem in found:
        assert isinstance(problem, RuleBroken)
        assert all("{" not in say(problem.message, language) for language in LANGUAGES)
    return [(problem.rule, problem.record) for problem in found]


def test_the_usual_map_fits_a_chart_that_has_its_accounts() -> None:
    assert findings(AccountMap.usual(RuleSet.NONE), CHART) == []
    without = [account for account in CHART if account.code != "6711"]
    assert findings(AccountMap.usual(RuleSet.NONE), without) == [("account_missing", "penalty")]
    small = BookSettings(rule_set=RuleSet.SMALL_ENTERPRISE)
    assert findings(AccountMap.usual(RuleSet.SMALL_ENTERPRISE), [], small) == []


def test_a_chart_of_the_old_system_is_recognised_by_3101_and_3201() -> None:
    old = [replace(a, name={"3101": "盈余公积", "3201": "利润分配—未分配利润"}.get(a.code, a.name)) for a in CHART]
    assert [account.code for account in old_chart(old)] == ["3101", "3201"]
    assert old_chart(CHART) == []
    assert findings(AccountMap.usual(RuleSet.NONE), old) == [("old_chart", "derivative")]
    own = AccountMap.usual(RuleSet.NONE, [AccountMapping(R.DERIVATIVE, AccountTarget("1101"))])
    assert findings(own, [*old, LedgerAccount("1101", "短期投资")]) == []


def test_an_account_that_stock_controls_is_refused_and_the_adjustment_mode_needs_none() -> None:
    hedged = AccountMap.usual(RuleSet.CAS24)
    assert findings(hedged, CHART, hedges=True) == [("stock_account", "inventory")]
    adjusting = BookSettings(item_carrying=ItemCarrying.ADJUSTMENT)
    assert R.INVENTORY not in our_roles(adjusting, hedges=True)
    assert findings(hedged, CHART, adjusting, hedges=True) == []
    told = [replace(account, stock_controlled=account.code == "1403.99") for account in CHART]
    assert findings(hedged, told, adjusting, hedges=True) == [("stock_account", "raw_material_adjustment")]
    assert findings(hedged, CHART, hedges=True, inventory_accounts="1403") == []
