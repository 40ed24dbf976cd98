"""Save and its options, the document states, and the one field of an audited order that stays open."""

from __future__ import annotations

import pytest

from sandbox.kingdee.command import SiteOptions
from sandbox.kingdee.server import Behaviour

KEYS = "FID,FSaleOrderEntry_FEntryID,FQty,F_HB_Hedge,FModifyDate,FDocumentStatus"


def _status(answer) -> dict:
    return answer["Result"]["ResponseStatus"]


def _line(quantity: float, **more) -> dict:
    return {
        "FMaterialId": {"FNumber": "1.01.CU01"},
        "FUnitID": {"FNumber": "t"},
        "FQty": quantity,
        "FTaxPrice": 80000,
        **more,
    }


def _order(*lines: dict, **head) -> dict:
    return {
        "FDate": "2026-03-20",
        "FSaleOrgId": {"FNumber": "100"},
        "FCustId": {"FNumber": "C001"},
        "FSaleOrderFinance": {"FSettleCurrId": {"FNumber": "PRE001"}},
        "FSaleOrderEntry": list(lines),
        **head,
    }


def _audited(client) -> list:
    """Rows of one audited order that has at least two lines."""
    rows = client.query("SAL_SaleOrder", KEYS, "FDocumentStatus='C' and FCloseStatus='A' and FBillNo<'XSDD9'")
    by_order: dict = {}
    for row in rows:
        by_order.setdefault(row[0], []).append(row)
    return next(lines for lines in by_order.values() if len(lines) >= 2)


def _hedge_note(order: int, line: int, text: str, **options) -> dict:
    model = {"FID": order, "FSaleOrderEntry": [{"FEntryID": line, "F_HB_Hedge": text}]}
    return {"NeedUpDateFields": ["F_HB_Hedge"], "IsDeleteEntry": "false", **options, "Model": model}


def test_save_numbers_the_order_and_computes_amounts(client):
    answer = client.form(
        "Save",
        "SAL_SaleOrder",
        {"NeedReturnFields": ["FBillNo", "FSaleOrderEntry.FEntryID"], "Model": _order(_line(10), _line(2.5))},
    )
    assert _status(answer)["IsSuccess"] is True
    back = answer["Result"]["NeedReturnData"][0]
    assert back["FBillNo"] == answer["Result"]["Number"]
    assert len(back["FSaleOrderEntry"]) == 2
    rows = client.query("SAL_SaleOrder", "FAllAmount,FBillAllAmount,FDocumentStatus", f"FID={answer['Result']['Id']}")
    assert sorted(rows) == [[200000.0, 1000000.0, "A"], [800000.0, 1000000.0, "A"]]


def test_saving_with_fewer_lines_deletes_the_missing_ones_by_default(client):
    saved = client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(10), _line(20))})["Result"]["Id"]
    first = client.query("SAL_SaleOrder", KEYS, f"FID={saved}", OrderString="FSaleOrderEntry_FEntryID")[0][1]
    client.form(
        "Save", "SAL_SaleOrder", {"Model": {"FID": saved, "FSaleOrderEntry": [{"FEntryID": first, "FQty": 11}]}}
    )
    assert [row[2] for row in client.query("SAL_SaleOrder", KEYS, f"FID={saved}")] == [11.0]


def test_is_delete_entry_false_keeps_them(client):
    saved = client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(10), _line(20))})["Result"]["Id"]
    first = client.query("SAL_SaleOrder", KEYS, f"FID={saved}", OrderString="FSaleOrderEntry_FEntryID")[0][1]
    model = {"FID": saved, "FSaleOrderEntry": [{"FEntryID": first, "FQty": 11}]}
    client.form("Save", "SAL_SaleOrder", {"IsDeleteEntry": "false", "Model": model})
    assert sorted(row[2] for row in client.query("SAL_SaleOrder", KEYS, f"FID={saved}")) == [11.0, 20.0]


def test_need_update_fields_ignores_every_other_field(client):
    saved = client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(10))})["Result"]["Id"]
    line = client.query("SAL_SaleOrder", KEYS, f"FID={saved}")[0][1]
    request = _hedge_note(saved, line, "cu2605 x2")
    request["Model"]["FSaleOrderEntry"][0]["FQty"] = 99
    client.form("Save", "SAL_SaleOrder", request)
    assert [row[2:4] for row in client.query("SAL_SaleOrder", KEYS, f"FID={saved}")] == [[10.0, "cu2605 x2"]]


def test_the_hedge_note_of_an_audited_order_can_be_written_and_read_back(client):
    lines = _audited(client)
    answer = client.form("Save", "SAL_SaleOrder", _hedge_note(lines[0][0], lines[0][1], "cu2605 卖 3 手"))
    assert _status(answer)["IsSuccess"] is True
    after = {row[1]: row for row in client.query("SAL_SaleOrder", KEYS, f"FID={lines[0][0]}")}
    assert after[lines[0][1]][3] == "cu2605 卖 3 手"
    assert after[lines[0][1]][5] == "C"
    assert after[lines[0][1]][4] > lines[0][4]  # the order counts as modified
    assert [after[row[1]][2:4] for row in lines[1:]] == [row[2:4] for row in lines[1:]]


@pytest.mark.parametrize("options", [{"NeedUpDateFields": ["FQty", "F_HB_Hedge"]}, {"NeedUpDateFields": []}])
def test_any_other_field_of_an_audited_order_is_refused(client, options):
    row = _audited(client)[0]
    request = _hedge_note(row[0], row[1], "note", **options)
    request["Model"]["FSaleOrderEntry"][0]["FQty"] = row[2] + 1
    answer = client.form("Save", "SAL_SaleOrder", request)
    assert "FQty" in _status(answer)["Errors"][0]["Message"]
    assert row in client.query("SAL_SaleOrder", KEYS, f"FID={row[0]}")


def test_forgetting_is_delete_entry_on_an_audited_order_is_refused_not_obeyed(client):
    lines = _audited(client)
    answer = client.form("Save", "SAL_SaleOrder", _hedge_note(lines[0][0], lines[0][1], "note", IsDeleteEntry="true"))
    assert _status(answer)["IsSuccess"] is False
    assert len(client.query("SAL_SaleOrder", KEYS, f"FID={lines[0][0]}")) == len(lines)


def test_a_site_may_lock_the_hedge_note_too(open_site):
    client = open_site(SiteOptions(hedge_note_after_audit=False))
    row = _audited(client)[0]
    assert _status(client.form("Save", "SAL_SaleOrder", _hedge_note(row[0], row[1], "note")))["IsSuccess"] is False


def test_a_line_of_another_order_is_refused(client):
    lines = _audited(client)
    other = client.query("SAL_SaleOrder", KEYS, f"FID<>{lines[0][0]}")[0][1]
    assert _status(client.form("Save", "SAL_SaleOrder", _hedge_note(lines[0][0], other, "x")))["IsSuccess"] is False


def test_states_follow_one_another_and_every_other_step_is_refused(client):
    saved = client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(10))})["Result"]["Id"]
    ids = {"Ids": str(saved)}

    def state() -> str:
        return client.query("SAL_SaleOrder", "FDocumentStatus", f"FID={saved}")[0][0]

    steps = [
        ("Audit", False, "A"),
        ("UnAudit", False, "A"),
        ("Submit", True, "B"),
        ("Submit", False, "B"),
        ("Delete", False, "B"),
        ("Audit", True, "C"),
        ("Delete", False, "C"),
        ("UnAudit", True, "D"),
        ("Submit", True, "B"),
        ("Audit", True, "C"),
        ("UnAudit", True, "D"),
    ]
    for operation, works, after in steps:
        assert _status(client.form(operation, "SAL_SaleOrder", ids))["IsSuccess"] is works, operation
        assert state() == after
    assert _status(client.form("Delete", "SAL_SaleOrder", ids))["IsSuccess"] is True
    assert client.query("SAL_SaleOrder", "FID", f"FID={saved}") == []


def test_a_draft_skips_the_checks_and_becomes_created_when_saved(client):
    saved = client.form("Draft", "SAL_SaleOrder", {"Model": _order()})["Result"]["Id"]
    assert client.query("SAL_SaleOrder", "FDocumentStatus", f"FID={saved}") == [["Z"]]
    assert _status(client.form("Submit", "SAL_SaleOrder", {"Ids": str(saved)}))["IsSuccess"] is False
    model = {"FID": saved, "FSaleOrderEntry": [_line(5)]}
    assert _status(client.form("Save", "SAL_SaleOrder", {"Model": model}))["IsSuccess"] is True
    assert client.query("SAL_SaleOrder", "FDocumentStatus", f"FID={saved}") == [["A"]]


def test_submit_takes_numbers_as_an_array_and_ids_as_a_comma_string_and_answers_one_by_one(client):
    made = [client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(1))})["Result"] for _ in range(2)]
    by_ids = _status(client.form("Submit", "SAL_SaleOrder", {"Ids": f"{made[0]['Id']},999999"}))
    assert [one["DIndex"] for one in by_ids["SuccessEntitys"]] == [0]
    assert [one["DIndex"] for one in by_ids["Errors"]] == [1]
    by_number = _status(client.form("Submit", "SAL_SaleOrder", {"Numbers": ["XSDD-none", made[1]["Number"]]}))
    assert [one["Number"] for one in by_number["SuccessEntitys"]] == [made[1]["Number"]]
    assert [one["DIndex"] for one in by_number["Errors"]] == [0]


def test_every_missing_field_is_named(client):
    model = _order({"FQty": 5})
    del model["FCustId"], model["FSaleOrderFinance"]
    answer = _status(client.form("Save", "SAL_SaleOrder", {"Model": model}))
    assert {one["FieldName"] for one in answer["Errors"]} == {"FCustId", "FSettleCurrId", "FMaterialId", "FUnitID"}


def test_an_unknown_base_number_is_named_when_verified_and_silently_empty_when_not(client):
    wrong = {"FMtoNo": "x", "FLot": {"FNumber": "no such lot"}}
    checked = client.form(
        "Save", "SAL_SaleOrder", {"IsVerifyBaseDataField": "true", "Model": _order(_line(1, **wrong))}
    )
    assert _status(checked)["Errors"][0]["FieldName"] == "FLot"
    unchecked = client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(1, **wrong))})
    assert client.query("SAL_SaleOrder", "FLot,FMtoNo", f"FID={unchecked['Result']['Id']}") == [[0, "x"]]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"FQty": "many"}, "FQty"), ({"FQty": "NaN"}, "FQty"), ({"FQty": -1}, "FQty"), ({"FDeliveryDate": "soon"}, "FDeliveryDate"),
     ({"F_HB_Hedge": "x" * 256}, "F_HB_Hedge")],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(client, change, field):
    answer = client.form("Save", "SAL_SaleOrder", {"Model": _order({**_line(1), **change})})
    assert _status(answer)["Errors"][0]["FieldName"] == field


def test_a_number_in_use_is_refused(client):
    answer = client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(1), FBillNo="XSDD000001")})
    assert _status(answer)["Errors"][0]["FieldName"] == "FBillNo"


def test_unknown_keys_are_ignored_and_remembered(client):
    client.form("Save", "SAL_SaleOrder", {"Model": _order(_line(1, fQty=9), FNothing=1)})
    ignored = client.control("requests")["ignored_keys"]
    assert ignored == {"SAL_SaleOrder.FNothing": 1, "SAL_SaleOrder.FSaleOrderEntry.fQty": 1}


def test_repeat_check_is_off_by_default_and_best_effort_when_on(open_site):
    request = {"ValidateRepeatJson": "true", "Model": _order(_line(1))}
    relaxed = open_site()
    assert [_status(relaxed.form("Save", "SAL_SaleOrder", request))["IsSuccess"] for _ in "12"] == [True, True]
    strict = open_site(SiteOptions(behaviour=Behaviour(refuse_repeats=True)))
    assert [_status(strict.form("Save", "SAL_SaleOrder", request))["IsSuccess"] for _ in "12"] == [True, False]


def test_an_operation_we_do_not_play_says_so(client):
    assert _status(client.form("Push", "SAL_SaleOrder", {"Numbers": ["XSDD000001"]}))["IsSuccess"] is False


def test_stock_on_hand_is_not_saved_by_hand(client):
    assert _status(client.form("Save", "STK_Inventory", {"Model": {"FQty": 1}}))["IsSuccess"] is False


def test_a_material_can_be_saved_like_any_other_record(client):
    model = {"FNumber": "1.03.ZN01", "FName": "锌锭", "FBaseUnitId": {"FNumber": "t"}}
    assert _status(client.form("Save", "BD_MATERIAL", {"Model": model}))["IsSuccess"] is True
    rows = client.query("BD_MATERIAL", "FName,FBaseUnitId.FNumber,FDocumentStatus", "FNumber='1.03.ZN01'")
    assert rows == [["锌锭", "t", "A"]]


def test_a_crash_of_the_site_is_a_500_and_is_shown(client):
    model = _order(_line(9e12, FTaxPrice=9e12))
    answer = client.post(
        "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Save", {"formid": "SAL_SaleOrder", "data": {"Model": model}}
    )
    assert answer.status_code == 500
    assert "OverflowError" in client.control("requests")["crashes"][0]
    assert client.query("SAL_SaleOrder", "FID", "FQty>1000000") == []
