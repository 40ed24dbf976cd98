"""ExecuteBillQuery and BillQuery: keys, filters, order, paging by row, and their refusals."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from sandbox.kingdee.command import SiteOptions
from sandbox.kingdee.server import Behaviour

LINES = "FBillNo,FPOOrderEntry_FEntryID,FQty"


def _refusal(answer) -> str:
    status = answer[0][0]["Result"]["ResponseStatus"]
    assert (status["IsSuccess"], status["ErrorCode"]) == (False, 500)
    assert status["MsgCode"] != 1
    return status["Errors"][0]["Message"]


def test_one_row_per_line_and_header_values_repeat(client):
    rows = client.query("PUR_PurchaseOrder", LINES)
    orders = [row[0] for row in rows]
    assert len({row[1] for row in rows}) == len(rows) > len(set(orders))
    headers = client.query("PUR_PurchaseOrder", "FBillNo")
    assert sorted(row[0] for row in headers) == sorted(set(orders))


def test_numbers_are_floats_and_dates_have_the_vendors_shape(client):
    keys = "FDate,FModifyDate,FQty,FTaxPrice,FEntryTaxRate,FCustId,FCustId.FNumber,FCustId.FName"
    for row in client.query("SAL_SaleOrder", keys, "FBillNo<'XSDD9'"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00", row[0])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", row[1])
        assert all(isinstance(value, float) for value in row[2:5])
        assert isinstance(row[5], int)
        assert row[6].startswith("C0")
        assert row[7]


def test_keys_are_found_in_any_case(client):
    upper = client.query("SAL_SALEORDER", "FBILLNO,FSALEORDERENTRY_FENTRYID", OrderString="fbillno asc,fid")
    assert upper == client.query("SAL_SaleOrder", "FBillNo,FSaleOrderEntry_FEntryId", OrderString="FBillNo,FID")


@pytest.mark.parametrize(
    ("condition", "keeps"),
    [
        ("FDocumentStatus='C'", lambda row: row[1] == "C"),
        ("FDocumentStatus <> 'C' and FQty >= 25", lambda row: row[1] != "C" and row[2] >= 25),
        ("FDocumentStatus in ('Z', 'A') or FQty > 40.5", lambda row: row[1] in "ZA" or row[2] > 40.5),
        ("not (FQty>20) and FTaxPrice!=0", lambda row: row[2] <= 20 and row[3] != 0),
        ("FBillNo like '%0017'", lambda row: row[0].endswith("0017")),
        ("FBillNo not like 'XSDD00%'", lambda row: not row[0].startswith("XSDD00")),
        ("FModifyDate>='2026-03-10 12:00:00'", lambda row: row[4] >= "2026-03-10T12:00:00"),
        ("FModifyDate>='2026-03-10' and FModifyDate < '2026-03-12'", lambda row: row[4][:10] in ("2026-03-10", "2026-03-11")),
        ("FQty between 10 and 20", lambda row: 10 <= row[2] <= 20),
        ("1=1 and FMaterialId.FNumber='1.02.AL01'", lambda row: row[5] == "1.02.AL01"),
        ("FCloseDate", None),
        (
            [{"Left": "(", "FieldName": "FQty", "Compare": ">=", "Value": "25", "Right": ")", "Logic": "AND"},
             {"Left": "", "FieldName": "FDocumentStatus", "Compare": "StatusEqualto", "Value": "C", "Right": ""}],
            lambda row: row[2] >= 25 and row[1] == "C",
        ),
        (
            '[{"FieldName":"FQty","Compare":"<","Value":"10","Logic":"OR"},'
            '{"FieldName":"FDocumentStatus","Compare":"=","Value":"Z"}]',
            lambda row: row[2] < 10 or row[1] == "Z",
        ),
    ],
)  # fmt: skip
def test_filter_keeps_exactly_the_rows_it_says(client, condition, keeps):
    keys = "FBillNo,FDocumentStatus,FQty,FTaxPrice,FModifyDate,FMaterialId.FNumber,FSaleOrderEntry_FEntryID"
    if keeps is None:
        assert "FCloseDate" in _refusal(client.query("SAL_SaleOrder", keys, condition))
        return
    everything = client.query("SAL_SaleOrder", keys)
    kept = client.query("SAL_SaleOrder", keys, condition)
    assert kept == [row for row in everything if keeps(row)]
    assert 0 < len(kept) < len(everything)


@pytest.mark.parametrize(
    "condition",
    [
        "FQty >",
        "FQty = ",
        "FQty = 'many'",
        "FDate >= 'yesterday'",
        "(FQty > 1",
        "FQty > 1)",
        "FQty in ()",
        "FQty ; drop table GL_VOUCHER",
        "FQty > (select 1)",
        "FBillNo = 'it''s' 1",
        "(" * 60 + "FQty>1" + ")" * 60,
        "FQty=1" + " or FQty=1" * 5_000,
        [{"FieldName": "FQty", "Compare": "unheard of", "Value": "1"}],
        ["FQty"],
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(client, condition):
    assert "过滤条件" in _refusal(client.query("SAL_SaleOrder", "FBillNo,FSaleOrderEntry_FEntryID,FQty", condition))


def test_quotes_in_a_value_stay_a_value(client):
    assert client.query("BD_UNIT", "FNumber", "FName = 'x'' or ''1''=''1'") == []


def test_unknown_field_and_unknown_form_use_the_vendors_words(client):
    assert _refusal(client.query("BD_Customer", "FCustomerID")) == "元数据中标识为FCustomerID的字段不存在"
    assert _refusal(client.query("CRM_Contract", "FID")) == "业务对象不存在"


def test_metadata_form_of_a_dimension_is_unknown_in_queries_and_the_dotted_form_works(client, voucher):
    client.form("Save", "GL_VOUCHER", {"Model": voucher()})
    rows = client.query("GL_VOUCHER", "FBillNo,FDetailID.FF100002.FNumber", OrderString="FEntity_FEntryID")
    assert rows == [["记-0001", "80010001"], ["记-0001", None]]
    assert "FDetailID__FF100002" in _refusal(client.query("GL_VOUCHER", "FDetailID__FF100002"))


def test_limit_is_capped_by_the_site_and_paging_goes_on_by_row(open_site):
    client = open_site(SiteOptions(behaviour=Behaviour(max_limit=30)))
    order = {"OrderString": "FID, FPOOrderEntry_FEntryID"}
    pages, start = [], 0
    while page := client.query("PUR_PurchaseOrder", LINES, StartRow=start, Limit=5000, **order):
        assert len(page) <= 30
        pages += page
        start += len(page)
    numbers = [row[1] for row in pages]
    assert numbers == sorted(set(numbers))
    ends = range(30, len(pages), 30)
    assert any(pages[end - 1][0] == pages[end][0] for end in ends)  # an order may be cut by a page's end


def test_top_row_count_limits_the_whole_answer(client):
    assert len(client.query("PUR_PurchaseOrder", LINES, TopRowCount=7)) == 7
    assert len(client.query("PUR_PurchaseOrder", LINES, TopRowCount=7, StartRow=5)) == 2


def test_bill_query_answers_objects_named_by_the_keys(client):
    service = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.BillQuery"
    data = {"FormId": "BD_MATERIAL", "FieldKeys": "FNumber,FBaseUnitId.FNumber", "OrderString": "FNumber"}
    first = client.post(service, {"data": data}).json()[0]
    assert first == {"FNumber": "1.01.CU01", "FBaseUnitId.FNumber": "t"}


def test_errors_of_a_query_can_be_plain_and_flags_can_be_strings(open_site):
    client = open_site(SiteOptions(behaviour=Behaviour(plain_query_errors=True, string_flags=True)))
    assert client.query("BD_UNIT", "FNothing")["Result"]["ResponseStatus"]["IsSuccess"] == "false"


def test_inventory_shows_other_owners_goods_and_no_receipt_date(client):
    keys = "FMaterialId.FNumber,FLot.FNumber,FStockId.FNumber,FQty,FAVBQty,FOwnerTypeId,FOwnerId.FNumber"
    rows = client.query("STK_Inventory", keys)
    assert len(rows) == 60
    assert {row[6] for row in rows if row[5] != "BD_OwnerOrg"} == {"C002", "C003", "C006", "S002", "S004"}
    assert {row[6] for row in rows if row[5] == "BD_OwnerOrg"} == {"100"}
    assert {row[4] for row in rows} == {0.0}
    assert "FInStockDate" in _refusal(client.query("STK_Inventory", "FInStockDate"))


def test_accounts_show_their_required_dimensions(client):
    keys = "FNumber,FITEMSLOT,FInputType,FForbidStatus,FISSTOCKCONTROL"
    by_number = {row[0]: row[1:] for row in client.query("BD_Account", keys)}
    assert by_number["1012"][:2] == ["FF100002", "1"]
    assert by_number["3101"][:2] == ["FF100002", "2"]
    assert by_number["1503"][2] == "B"
    assert by_number["1405.01"][3] is True
    assert by_number["1405.99"][3] is False


def test_prices_survive_the_round_trip_through_floats(client):
    keys = "FQty,FTaxPrice,FAllAmount,FPriceUnitQty"
    for quantity, price, amount, priced in client.query("PUR_PurchaseOrder", keys, "FBillNo<'CGDD9'"):
        exact = Decimal(str(priced)) * Decimal(str(price))
        assert abs(exact - Decimal(str(amount))) <= Decimal("0.01")
        assert priced in (quantity, quantity * 1000)


def test_a_site_without_custom_fields_does_not_know_them(open_site, tmp_path):
    client = open_site(SiteOptions(custom_fields=False, empty=True, db=str(tmp_path / "bare.sqlite")))
    assert "F_HB_Pricing" in _refusal(client.query("SAL_SaleOrder", "F_HB_Pricing"))
