"""Price lists: settlement, close, spot and cost prices from CSV and Excel; every mistake named, nothing half-read."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from adapters.market.price_file import PriceFileRefused, read_prices
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import SettlementPrice
from hedge_core.prices import missing_prices
from messages import say

DAY = date(2026, 3, 4)


def read(text: str, kind: str = "settlement", **options: object) -> list[SettlementPrice]:
    return read_prices("prices.csv", text.encode(), kind, **options)  # type: ignore[arg-type]


def refusal_of(text: str, kind: str = "settlement", **options: object) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        read(text, kind, **options)
    error = refusal.value
    for problem in getattr(error, "problems", [error]):
        for lang in ("en", "zh"):
            assert "{" not in say(problem.message, lang)
    return error


def test_settlement_and_close_prices_come_from_their_own_columns() -> None:
    text = "合约,交易日,结算价,收盘价\ncu2605,2026-03-04,79500.00,79480\nSR605,20260304,5800,5790\n"
    settled = read(text)
    assert [(price.subject, price.trading_day, price.price) for price in settled] == [
        ("SHFE.cu2605", DAY, Decimal("79500.00")),
        ("CZCE.SR2605", DAY, Decimal("5800")),
    ]
    assert {(price.kind, price.currency, price.source) for price in settled} == {("settlement", "CNY", "prices.csv")}
    assert [price.price for price in read(text, "close")] == [Decimal(79480), Decimal(5790)]


def test_english_headers_and_the_exchange_column_do_as_well() -> None:
    text = "Instrument;Trading Day;Settlement Price (CNY);Exchange;Source\nM2609;2026/3/4;2,900.5;大商所;desk\n"
    (price,) = read(text)
    assert (price.subject, price.price, price.source) == ("DCE.m2609", Decimal("2900.5"), "desk")


def test_spot_prices_and_costs_belong_to_a_commodity_or_a_material() -> None:
    (spot,) = read("品种,日期,现货价,含税,币种\ncopper,2026-03-04,79410,是,CNY\n", "spot")
    assert (spot.kind, spot.subject, spot.price, spot.vat_included) == ("spot", "copper", Decimal(79410), True)
    (cost,) = read("物料,品种,日期,成本单价,币种\n1.01.CU01,铜,2026-03-04,69850.25,美元\n", "cost")
    assert (cost.subject, cost.price, cost.currency) == ("1.01.CU01", Decimal("69850.25"), "USD")


@pytest.mark.parametrize(
    ("kind", "text", "included"),
    [
        ("settlement", "合约,日期,结算价\ncu2605,2026-03-04,1\n", True),
        ("settlement", "合约,日期,结算价\nsc2605,2026-03-04,1\n", False),
        ("spot", "品种,日期,价格\ncopper,2026-03-04,1\n", True),
        ("cost", "物料,日期,成本\nCU01,2026-03-04,1\n", False),
        ("cost", "物料,日期,成本,含税\nCU01,2026-03-04,1,是\n", True),
        ("spot", "品种,日期,价格,含税\ncopper,2026-03-04,1,否\n", False),
    ],
)
def test_vat_is_as_the_list_says_or_as_is_custom(kind: str, text: str, included: bool) -> None:
    assert [price.vat_included for price in read(text, kind)] == [included]


def test_a_missing_date_column_can_be_stood_in_for() -> None:
    text = "合约,结算价\ncu2605,79500\n"
    assert read(text, trading_day=DAY)[0].trading_day == DAY
    assert refusal_of(text).reason.id == "tabular.column_missing"


def test_a_workbook_reads_like_a_csv() -> None:
    body = io.BytesIO()
    with xlsxwriter.Workbook(body) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["合约", "日期", "结算价"])
        sheet.write_row(1, 0, ["cu2605"])
        sheet.write_datetime(1, 1, datetime(2026, 3, 4), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
        sheet.write(1, 2, 79500.1)
    (price,) = read_prices("prices.xlsx", body.getvalue(), "settlement")
    assert (price.subject, price.trading_day, str(price.price)) == ("SHFE.cu2605", DAY, "79500.1")


def test_gb18030_reads_like_utf_8() -> None:
    text = "品种,日期,现货价\n电解铜,2026-03-04,79410\n"
    assert read_prices("a.csv", text.encode("gb18030"), "spot") == read_prices("a.csv", text.encode(), "spot")


def test_the_same_price_twice_is_one_price() -> None:
    assert len(read("合约,日期,结算价\ncu2605,2026-03-04,79500\nCU2605,2026-03-04,79500.00\n")) == 1


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("cu2605,2026-03-04,0,CNY", "结算价", "price_not_positive"),
        ("cu2605,2026-03-04,-79500,CNY", "结算价", "price_not_positive"),
        ("cu2605,2026-03-04,,CNY", "结算价", "price_missing"),
        ("cu2605,2026-03-04,n/a,CNY", "结算价", "price_not_a_number"),
        ("cu2605,2026-03-04,1e5,CNY", "结算价", "price_not_a_number"),
        ("cu2605,2026-03-04,NaN,CNY", "结算价", "price_not_a_number"),
        ("cu2605,2026-03-04,１,CNY", "结算价", "price_not_a_number"),
        ("cu2605,2026-02-30,79500,CNY", "日期", "not_a_date"),
        ("cu2605,yesterday,79500,CNY", "日期", "not_a_date"),
        ("cu2605,,79500,CNY", "日期", "not_a_date"),
        (",2026-03-04,79500,CNY", "合约", "subject_missing"),
        ("cu2605,2026-03-04,79500,yuan", "币种", "not_a_currency"),
        ("cu2605,2026-03-04,79501,CNY", "结算价", "price_twice"),
    ],
)
def test_a_mistake_is_named_by_row_and_column(row: str, field: str, reason: str) -> None:
    error = refusal_of(f"合约,日期,结算价,币种\ncu2605,2026-03-04,79500,CNY\n{row}\n")
    assert (error.source, error.row, error.field) == ("prices.csv", 3, field)
    assert error.reason.id == f"price_file.{reason}"


@pytest.mark.parametrize(("code", "reason"), [("zz2605", "exchange_unclear"), ("cu2613", "unknown_month")])
def test_an_unknown_contract_is_named(code: str, reason: str) -> None:
    error = refusal_of(f"合约,日期,结算价\n{code},2026-03-04,1\n")
    assert (error.row, error.field, error.reason.id) == (2, "合约", f"instrument.{reason}")


def test_all_mistakes_are_collected_and_nothing_is_read() -> None:
    text = "合约,日期,结算价\ncu2605,2026-03-04,0\nal2605,2026-03-04,20660\nzn2605,bad,1\n"
    error = refusal_of(text)
    assert isinstance(error, PriceFileRefused)
    assert [problem.row for problem in error.problems] == [2, 4]
    assert "1 more row(s)" in str(error)


def test_a_missing_instrument_is_named_with_file_and_column() -> None:
    error = refusal_of("合约,日期,结算价\ncu2605,2026-03-04,1\n", required=["SHFE.cu2605", "SHFE.cu2606"])
    assert isinstance(error, PriceFileRefused)
    (problem,) = error.problems
    assert (problem.source, problem.row, problem.field) == ("prices.csv", 0, "合约")
    assert "SHFE.cu2606" in str(error)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("合约,日期\ncu2605,2026-03-04\n", "tabular.column_missing"),
        ("合约,日期,结算价\n", "price_file.no_rows"),
        ("合约,日期,结算价,结算价\ncu2605,2026-03-04,1,2\n", "tabular.column_twice"),
        ("品种,日期,价格,含税\ncopper,2026-03-04,1,也许\n", "price_file.not_yes_or_no"),
    ],
)
def test_a_list_that_does_not_say_enough_or_says_it_twice_is_refused(text: str, reason: str) -> None:
    assert refusal_of(text, "spot" if "品种" in text else "settlement").reason.id == reason


def test_another_kind_of_price_is_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="settlement"):
        read("合约,日期,结算价\ncu2605,2026-03-04,1\n", "bid")


def test_missing_prices_are_values_in_order() -> None:
    given_prices = read("合约,日期,结算价\ncu2605,2026-03-04,1\n")
    required = [("SHFE.cu2606", DAY), ("SHFE.al2605", DAY), ("SHFE.cu2605", DAY), ("SHFE.al2605", DAY)]
    broken = missing_prices(required, given_prices)
    assert [(rule.rule, rule.record) for rule in broken] == [
        ("price_missing", "SHFE.al2605"),
        ("price_missing", "SHFE.cu2606"),
    ]
    assert "2026-03-04" in say(broken[0].message, "zh")
    assert len(missing_prices([("SHFE.cu2605", DAY)], given_prices, kind="close")) == 1


@given(
    st.dictionaries(st.sampled_from(["cu2605", "al2605", "SR605", "i2609"]), st.decimals("0.01", "999999", places=2))
)
def test_every_price_written_is_read_exactly(prices: dict[str, Decimal]) -> None:
    text = "合约,日期,结算价\n" + "".join(f"{code},2026-03-04,{price}\n" for code, price in prices.items())
    if not prices:
        assert refusal_of(text).reason.id == "price_file.no_rows"
    else:
        assert [price.price for price in read(text)] == list(prices.values())
