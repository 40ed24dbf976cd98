"""Two realistic specs from file to typed fields: a Kingdee order row with custom fields, and a CSV with Chinese headings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mapping_speed import measure
from mapping import SCHEMAS, CompiledSpec, RecordFailed, check_spec, compile_spec, load_spec, preview
from messages import say

D = Decimal
CONTRACT_LINE = SCHEMAS["contract_line"]
ORDER: dict[str, Any] = {
    "FBillNo": "XSDD000017 ",
    "FSaleOrderEntry_FSeq": D(2),
    "FCustId.FNumber": "CUST0007",
    "FMaterialId.FNumber": "1.01.CU01",
    "FDate": "2026-03-02T00:00:00",
    "FDeliveryDate": "2026-04-15T00:00:00",
    "FUnitID.FNumber": "kg",
    "FQty": D("125000.5"),
    "FStockOutQty": D("25000"),
    "FReturnQty": None,
    "FCancelStatus": "A",
    "FCloseStatus": "A",
    "FMrpCloseStatus": "A",
    "FDocumentStatus": "C",
    "F_HB_Pricing": "",
    "F_HB_Month": "",
    "FTaxPrice": D("89.722"),
    "FPriceUnitId.FNumber": "kg",
    "FEntryTaxRate": D("13.00"),
    "F_HB_Premium": None,
    "F_HB_Reference": None,
    "FSettleCurrId.FNumber": "PRE001",
    "FModifyDate": "2026-03-03T17:41:09.873",
}
SHEET = {
    "合同编号": " xs-2026-018",
    "行号": "1",
    "合同类型": "销售",
    "往来单位": "临江电缆厂",
    "物料编码": "1.02.AL01",
    "品种": "铝",
    "签订日期": "2026年3月4日",
    "交货日期": "2026/4/20",
    "计价月份": "2026-05",
    "数量(吨)": "1,250.5",
    "已交数量": "",
    "状态": "执行中",
    "计价方式": "点价",
    "含税单价": "",
    "升贴水": "-120",
    "参考合约": "al2605",
    "税率": "13%",
    "最后修改时间": "2026-03-04 10:00:00",
}


@pytest.fixture(scope="module")
def kingdee() -> CompiledSpec:
    spec = load_spec(Path(__file__).parent / "specs" / "kingdee_sale_order_line.yaml")
    return compile_spec(spec, CONTRACT_LINE, "Asia/Shanghai")


@pytest.fixture(scope="module")
def sheet() -> CompiledSpec:
    spec = load_spec(Path(__file__).parent / "specs" / "chinese_contracts.csv")
    return compile_spec(spec, CONTRACT_LINE, "Asia/Shanghai")


@pytest.mark.parametrize("name", ["kingdee_sale_order_line.yaml", "chinese_contracts.csv"])
def test_the_example_specs_have_no_findings(specs: Path, name: str) -> None:
    assert check_spec(load_spec(specs / name), CONTRACT_LINE) == []


def test_a_priced_order_line_in_kilograms_becomes_tonnes_without_tax(kingdee: CompiledSpec) -> None:
    assert kingdee(ORDER) == {
        "contract_no": "XSDD000017",
        "line_no": 2,
        "side": "sale",
        "partner": "CUST0007",
        "material": "1.01.CU01",
        "commodity": "copper",
        "contract_date": date(2026, 3, 2),
        "delivery_date": date(2026, 4, 15),
        "delivery_month": "2026-04",
        "unit": "t",
        "ordered": D("125.0005"),
        "delivered": D("25"),
        "returned": D("0"),
        "status": "open",
        "pricing": "priced",
        "price": D("79400.000000"),
        "premium": None,
        "reference": None,
        "currency": "CNY",
        "vat_rate": D("0.13"),
        "modified_at": datetime(2026, 3, 3, 9, 41, 9, 873000, tzinfo=UTC),
        **dict.fromkeys(["priced", "closed_rest", "tolerance", "shipped", "invoiced"]),
    }


def test_custom_fields_make_a_line_floating_with_month_premium_and_reference(kingdee: CompiledSpec) -> None:
    floating = {"F_HB_Pricing": "F", "F_HB_Month": "2026-05", "F_HB_Premium": D("-80"), "F_HB_Reference": "SHFE.cu2605"}
    line = kingdee({**ORDER, **floating})
    assert (line["pricing"], line["delivery_month"], line["price"]) == ("floating", "2026-05", None)
    assert (line["premium"], line["reference"]) == (D("-80"), "SHFE.cu2605")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"FDocumentStatus": "B"}, "draft"),
        ({"FCloseStatus": "B"}, "closed"),
        ({"FMrpCloseStatus": "B"}, "closed"),
        ({"FCloseStatus": "B", "FCancelStatus": "B"}, "cancelled"),
    ],
)
def test_statuses_of_the_erp_are_translated(kingdee: CompiledSpec, change: dict[str, Any], status: str) -> None:
    assert kingdee({**ORDER, **change})["status"] == status


def test_an_unknown_unit_names_row_character_and_code_in_both_languages(kingdee: CompiledSpec) -> None:
    with pytest.raises(RecordFailed) as caught:
        kingdee({**ORDER, "FUnitID.FNumber": "lb"})
    assert (caught.value.rule, caught.value.column, caught.value.offset) == ("12", "ordered", 16)
    assert "tonnes_per_unit" in str(caught.value)
    assert "lb" in say(caught.value.message, "zh")


def test_a_negative_quantity_is_refused_with_its_target(kingdee: CompiledSpec) -> None:
    with pytest.raises(RecordFailed) as caught:
        kingdee({**ORDER, "FQty": D(-5)})
    assert (caught.value.column, caught.value.problem.id) == ("ordered", "mapping.below_minimum")


def test_the_fields_to_ask_the_erp_for_are_exactly_those_the_spec_reads(kingdee: CompiledSpec) -> None:
    assert set(kingdee.fields) == set(ORDER)
    assert kingdee.kind == "contract_line"
    assert kingdee.identity.startswith("kingdee-sale-order-line@")


def test_a_row_of_a_chinese_sheet_becomes_a_floating_sale(sheet: CompiledSpec) -> None:
    line = sheet(SHEET)
    assert line["contract_no"] == "XS-2026-018"
    assert (line["side"], line["status"], line["pricing"]) == ("sale", "open", "floating")
    assert (line["contract_date"], line["delivery_date"]) == (date(2026, 3, 4), date(2026, 4, 20))
    assert (line["delivery_month"], line["ordered"], line["delivered"]) == ("2026-05", D("1250.5"), D(0))
    assert (line["price"], line["premium"], line["reference"]) == (None, D(-120), "SHFE.al2605")
    assert line["vat_rate"] == D("0.13")
    assert line["modified_at"] == datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
    priced = sheet({**SHEET, "计价方式": "一口价", "含税单价": "23,050.00", "计价月份": "", "税率": ""})
    assert (priced["pricing"], priced["delivery_month"], priced["vat_rate"]) == ("priced", "2026-04", D("0.13"))


def test_a_preview_shows_inputs_outputs_and_every_error_of_a_record(specs: Path) -> None:
    spec = load_spec(specs / "kingdee_sale_order_line.yaml")
    broken = {**ORDER, "FUnitID.FNumber": "lb", "FDate": "04.03.2026", "FSettleCurrId.FNumber": "PRE999"}
    table = preview(spec, [ORDER, broken, ORDER], CONTRACT_LINE, "Asia/Shanghai", limit=2)
    good, bad = table.rows
    assert good.errors == ()
    assert good.inputs["FQty"] == "125000.5"
    assert good.outputs["ordered"] == D("125.0005")
    assert [(error.rule, error.column) for error in bad.errors] == [
        ("7", "contract_date"),
        ("12", "ordered"),
        ("13", "delivered"),
        ("22", "currency"),
    ]
    assert "ordered" not in bad.outputs
    assert bad.outputs["partner"] == "CUST0007"
    assert table.outputs == tuple(field.name for field in CONTRACT_LINE.fields)
    assert set(table.inputs) == set(ORDER)


def test_a_preview_of_a_wrong_spec_shows_its_findings_instead(specs: Path) -> None:
    spec = load_spec(specs / "kingdee_sale_order_line.yaml")
    table = preview(spec, [ORDER], SCHEMAS["inventory_lot"], "Asia/Shanghai")
    assert table.rows == ()
    assert any(finding.message.id == "mapping.wrong_target_kind" for finding in table.findings)


def test_the_benchmark_compares_equal_results_before_it_times_them() -> None:
    (result,) = measure(200, 1)
    assert result["unit"] == "records/s"
    assert set(result["peers"]) == {"hand-written", "bare", "jmespath"}
    assert all(peer["value"] > 0 and peer["ratio"] > 0 for peer in result["peers"].values())
