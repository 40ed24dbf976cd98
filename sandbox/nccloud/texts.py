"""What the stand-in says. Texts under `SEEN` were seen on a live system; those under `INVENTED` were not seen anywhere."""

from __future__ import annotations

from sandbox.line_changes import TEXTS

SEEN = {
    "no_centre": "无效的账套编码，请检查",
    "not_registered": "Third-party applications are not registered",
    "not_authorized": "Third-party applications are not authorized",
    "bad_login_signature": "Failed to verify signature for get token",
    "bad_call_signature": "Failed to verify signature for call api",
    "not_sealed": "解密失败Decryption error",
    "token_ended": "The access_token has expired",
    "no_right": "第三方应用【{client}】没有【{path}】的权限",
    "content_type": "invalid_request, Bad request content type. Expecting: application/x-www-form-urlencoded",
}

INVENTED = {
    "bad_body": "请求报文格式错误",
    "page_size": "每页条数不能超过{most}",
    "quota": "接口调用过于频繁，请稍后再试",
    "unsure": "请求超时",
    "repeated": "重复的请求，已忽略",
    "no_such_book": "核算账簿{code}不存在",
    "no_type": "凭证类别{code}不存在",
    "no_maker": "制单人{code}不存在",
    "no_number": "凭证号不能为空",
    "number_taken": "凭证号{number}已存在",
    "no_period": "会计期间{period}不存在",
    "closed_period": "会计期间{period}已结账",
    "date_outside": "制单日期{day}不在会计期间{period}内",
    "too_few_lines": "凭证分录不能少于两条",
    "no_account": "第{line}行科目{code}不存在",
    "not_leaf": "第{line}行科目{code}不是末级科目",
    "forbidden": "第{line}行科目{code}已停用",
    "stock_controlled": "第{line}行科目{code}受存货核算控制",
    "no_currency": "第{line}行币种不能为空",
    "missing": "第{line}行{name}不能为空",
    "both_sides": "第{line}行借方和贷方不能同时有值",
    "no_amount": "第{line}行金额不能为零",
    "too_precise": "第{line}行金额超过两位小数",
    "no_auxiliary": "第{line}行科目{code}的辅助核算{name}不能为空",
    "bad_auxiliary": "第{line}行辅助核算{name}的值{value}不存在",
    "unbalanced": "凭证借贷不平衡，借方{debit}，贷方{credit}",
}


def say(which: str, /, **given: object) -> str:
    """The sentence, filled in."""
    return (SEEN | INVENTED | TEXTS)[which].format(**given)
