"""What the ledger of the stand-in refuses, how it numbers vouchers, and that only good ones are in the books."""

from __future__ import annotations

from copy import deepcopy

import pytest

from sandbox.kingdee.texts import INVENTED_TEXTS, KNOWN_TEXTS


def _status(answer) -> dict:
    return answer["Result"]["ResponseStatus"]


def _save(client, model, **options) -> dict:
    return client.form("Save", "GL_VOUCHER", {"IsVerifyBaseDataField": "true", **options, "Model": model})


def _amount(line: int, **values):
    return lambda model: model["FEntity"][line].update(values)


def _account(line: int, number: str, **dimensions: str):
    def change(model):
        model["FEntity"][line]["FACCOUNTID"] = {"FNumber": number}
        model["FEntity"][line]["FDetailID"] = {
            f"FDETAILID__{slot}": {"FNumber": one} for slot, one in dimensions.items()
        }

    return change


def _without(*path):
    def change(model):
        place = model
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def _both_lines(**values):
    def change(model):
        for line in model["FEntity"]:
            line.update(values)

    return change


REFUSED = {
    "does not balance": (_amount(1, FCREDIT=1199.99, FAMOUNTFOR=1199.99), "借贷不平衡"),
    "one line": (_without("FEntity", 1), "至少需要两条"),
    "no lines": (lambda model: model.update(FEntity=[]), "至少需要"),
    "debit and credit on one line": (_amount(0, FCREDIT=1), "不能同时"),
    "a line without an amount": (_amount(0, FDEBIT=0, FAMOUNTFOR=0), "没有金额"),
    "three decimals": (_both_lines(FAMOUNTFOR=0.001, FDEBIT=0.001, FCREDIT=0), "两位小数"),
    "original amount differs": (_amount(0, FAMOUNTFOR=1200.01), "原币"),
    "rate of the local currency": (_amount(0, FEXCHANGERATE=1.1), "汇率"),
    "negative rate": (_amount(0, FEXCHANGERATE=-1), "汇率"),
    "unknown account": (_account(1, "9999"), "9999"),
    "no account": (_without("FEntity", 1, "FACCOUNTID"), "FACCOUNTID"),
    "forbidden account": (_account(1, "1503"), "已禁用"),
    "account that is a sum": (_account(1, "6111"), "不是明细科目"),
    "account of the stock module": (_account(1, "1405.01"), "受业务系统控制"),
    "missing dimension": (_account(0, "1012"), "FF100002"),
    "unknown dimension value": (_account(0, "1012", FF100002="00000000"), "00000000"),
    "dimension the account has not": (_account(1, "6001", FFLEX6="C001"), "未启用"),
    "unknown currency": (_amount(0, FCURRENCYID={"FNumber": "XXX"}), "XXX"),
    "no currency": (_without("FEntity", 0, "FCURRENCYID"), "FCURRENCYID"),
    "no rate type": (_without("FEntity", 0, "FEXCHANGERATETYPE"), "FEXCHANGERATETYPE"),
    "no voucher group": (_without("FVOUCHERGROUPID"), "FVOUCHERGROUPID"),
    "unknown voucher group": (lambda model: model.update(FVOUCHERGROUPID={"FNumber": "PRE099"}), "PRE099"),
    "no account book": (_without("FAccountBookID"), "FAccountBookID"),
    "unknown account book": (lambda model: model.update(FAccountBookID={"FNumber": "777"}), "777"),
    "no date": (_without("FDate"), "FDate"),
    "not a date": (lambda model: model.update(FDate="2026-02-30"), "不是日期"),
    "date outside the period": (lambda model: model.update(FYEAR=2026, FPERIOD=4), "不在会计期间"),
    "a year without periods": (lambda model: model.update(FDate="2027-01-05"), "不存在"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_ledger_refuses(client, voucher, name):
    change, words = REFUSED[name]
    model = deepcopy(voucher())
    change(model)
    status = _status(_save(client, model))
    assert status["IsSuccess"] is False
    assert any(words in one["Message"] for one in status["Errors"]), status["Errors"]
    assert client.control("vouchers") == []


def test_a_closed_period_refuses_until_it_is_opened_again(client, voucher):
    client.control("periods", {"period": "2026-03", "open": False})
    assert "已结账" in _status(_save(client, voucher()))["Errors"][0]["Message"]
    client.control("periods", {"period": "2026-03", "open": True})
    assert _status(_save(client, voucher()))["IsSuccess"] is True


def test_red_letter_amounts_are_taken(client, voucher):
    model = voucher(-1200.0)
    model["FEntity"][1].update(FDEBIT=0, FCREDIT=-1200.0)
    assert _status(_save(client, model))["IsSuccess"] is True


def test_numbers_run_by_group_and_period(client, voucher):
    numbers = [
        _save(client, voucher(**head))["Result"]["Number"]
        for head in (
            {},
            {},
            {"FDate": "2026-04-01"},
            {"FVOUCHERGROUPID": {"FNumber": "PRE004"}},
            {"FDate": "2026-03-31"},
        )
    ]
    assert numbers == ["记-0001", "记-0002", "记-0001", "转-0001", "记-0003"]


def test_a_number_that_two_periods_share_is_ambiguous_to_submit(client, voucher):
    for day in ("2026-03-20", "2026-04-20"):
        _save(client, voucher(FDate=day))
    assert _status(client.form("Submit", "GL_VOUCHER", {"Numbers": ["记-0001"]}))["IsSuccess"] is False


def test_a_number_asked_for_must_be_free(client, voucher):
    assert _save(client, voucher(FVOUCHERGROUPNO="7"))["Result"]["Number"] == "记-0007"
    assert "7" in _status(_save(client, voucher(FVOUCHERGROUPNO="7")))["Errors"][0]["Message"]
    assert _save(client, voucher())["Result"]["Number"] == "记-0008"


def test_a_voucher_with_an_internal_id_replaces_the_existing_one(client, voucher):
    saved = _save(client, voucher())["Result"]["Id"]
    again = _save(client, voucher(77.0, FVOUCHERID=saved))["Result"]
    assert (again["Id"], again["Number"]) == (saved, "记-0001")
    books = client.control("vouchers")
    assert [one["DEBITTOTAL"] for one in books] == [77.0]
    assert len(books[0]["GL_VOUCHERENTRY"]) == 2


def test_a_submitted_voucher_is_not_replaced(client, voucher):
    saved = _save(client, voucher())["Result"]["Id"]
    client.form("Submit", "GL_VOUCHER", {"Ids": str(saved)})
    assert _status(_save(client, voucher(77.0, FVOUCHERID=saved)))["IsSuccess"] is False
    assert [one["DEBITTOTAL"] for one in client.control("vouchers")] == [1200.0]


def test_validate_flag_false_lets_an_unbalanced_voucher_in(client, voucher):
    model = voucher()
    model["FEntity"][0]["FDEBIT"] = 5.0
    assert _status(_save(client, model, ValidateFlag="false"))["IsSuccess"] is True


def test_batch_save_takes_the_good_ones_and_names_the_others_by_index(client, voucher):
    bad = voucher()
    bad["FEntity"][0]["FDEBIT"] = 5.0
    status = _status(client.form("BatchSave", "GL_VOUCHER", {"Model": [voucher(), bad, voucher(3.33)]}))
    assert status["IsSuccess"] is False
    assert [one["DIndex"] for one in status["SuccessEntitys"]] == [0, 2]
    assert {one["DIndex"] for one in status["Errors"]} == {1}
    assert len(client.control("vouchers")) == 2


def test_auto_submit_and_audit_is_all_or_nothing(client, voucher):
    saved = _save(client, voucher(), IsAutoSubmitAndAudit="true")["Result"]["Id"]
    assert client.query("GL_VOUCHER", "FDocumentStatus", f"FVOUCHERID={saved}") == [["C"]]


def test_unaudit_in_a_closed_period_is_refused(client, voucher):
    saved = _save(client, voucher(), IsAutoSubmitAndAudit="true")["Result"]["Id"]
    client.control("periods", {"period": "2026-03", "open": False})
    assert _status(client.form("UnAudit", "GL_VOUCHER", {"Ids": str(saved)}))["IsSuccess"] is False


def test_a_voucher_is_found_by_the_reference_its_writer_gave(client, voucher):
    _save(client, voucher(F_HB_Key="HB1111111111111A"))
    _save(client, voucher(F_HB_Key="HB2222222222222B"))
    keys = "FVOUCHERID,FBillNo,FVOUCHERGROUPNO,FDate,FYEAR,FPERIOD,FDEBITTOTAL"
    rows = client.query("GL_VOUCHER", keys, "F_HB_Key in ('HB2222222222222B')")
    assert [row[1:] for row in rows] == [["记-0002", "2", "2026-03-20T00:00:00", 2026, 3, 1200.0]]


def test_known_and_invented_texts_do_not_mix():
    assert not set(KNOWN_TEXTS) & set(INVENTED_TEXTS)
