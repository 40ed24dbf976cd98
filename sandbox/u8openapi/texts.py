"""What the stand-in says. Texts under `SEEN` were published by the vendor; those under `INVENTED` were not seen anywhere."""

from __future__ import annotations

from sandbox.line_changes import TEXTS

SEEN = {
    "saved": "凭证已成功保存",
    "not_online": "此应用未上线",
}

INVENTED = {
    "no_application": "应用不存在或密钥错误",
    "bad_token": "无效的token",
    "no_account": "提供方账号不存在",
    "no_right": "应用没有调用该接口的权限",
    "no_path": "接口不存在",
    "bad_json": "请求数据格式错误",
    "one_of_two": "tradeid与biz_id必须且只能传入一个",
    "busy": "接口调用过于频繁",
    "unsure": "调用超时",
    "no_document": "单据{code}不存在",
    "too_many_rows": "每页行数不能超过{most}",
    "no_sender": "外部系统{sender}未注册",
    "bad_xml": "XML格式错误",
    "no_type": "凭证类别{code}不存在",
    "no_maker": "制单人{name}不存在",
    "no_period": "会计期间{period}不存在",
    "closed_period": "会计期间{period}已结账",
    "date_outside": "制单日期{day}不在会计期间{period}内",
    "needs_cdm": "传入外部凭证业务号时外部系统类型必须为CDM",
    "duplicate": "外部凭证业务号{key}已存在，不可重复",
    "too_few_lines": "凭证分录不能少于两条",
    "no_ledger_account": "第{line}行科目{code}不存在",
    "not_leaf": "第{line}行科目{code}不是末级科目",
    "forbidden": "第{line}行科目{code}已封存",
    "stock_controlled": "第{line}行科目{code}受存货系统控制",
    "no_amount": "第{line}行金额不能为空",
    "not_text": "第{line}行金额必须是文本",
    "too_precise": "第{line}行金额超过两位小数",
    "no_auxiliary": "第{line}行科目{code}必须录入辅助核算{name}",
    "bad_auxiliary": "第{line}行辅助核算{name}的值{value}不存在",
    "unbalanced": "凭证借贷不平衡，借方{debit}，贷方{credit}",
    "bad_currency": "第{line}行币种{name}不存在",
}


def say(which: str, /, **given: object) -> str:
    """The sentence, filled in."""
    return (SEEN | INVENTED | TEXTS)[which].format(**given)
