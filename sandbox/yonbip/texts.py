"""What the stand-in says. Texts under `SEEN` were published by the vendor; those under `INVENTED` were not seen anywhere."""

from __future__ import annotations

from sandbox.line_changes import TEXTS

SEEN = {
    "ok": "操作成功",
    "bad_token": "非法token",
    "no_book": "凭证保存不成功,账簿code不能为空！",
    "logic_exception": "服务端逻辑异常",
}

INVENTED = {
    "no_such_book": "账簿{code}不存在",
    "no_period": "会计期间{period}不存在",
    "closed_period": "会计期间{period}已结账",
    "date_outside": "制单日期{day}不在会计期间{period}内",
    "no_type": "凭证类型编码不能为空",
    "no_maker": "制单人手机号和邮箱不能同时为空",
    "too_few_lines": "凭证分录不能少于两条",
    "no_account": "第{line}行科目{code}不存在",
    "not_leaf": "第{line}行科目{code}不是末级科目",
    "forbidden": "第{line}行科目{code}已停用",
    "stock_controlled": "第{line}行科目{code}受存货系统控制",
    "no_currency": "第{line}行币种不能为空",
    "both_sides": "第{line}行借方和贷方不能同时有值",
    "no_amount": "第{line}行原币和本币金额都必须录入",
    "too_precise": "第{line}行金额超过两位小数",
    "no_auxiliary": "第{line}行科目{code}的辅助核算{name}不能为空",
    "bad_auxiliary": "第{line}行辅助核算{name}的值{value}不存在",
    "unbalanced": "凭证借贷不平衡，借方{debit}，贷方{credit}",
    "duplicate": "业务主键{key}的凭证已存在，不能重复保存",
    "bad_signature": "签名校验失败",
    "no_application": "应用不存在",
    "no_tenant": "租户不存在",
    "no_token": "缺少access_token",
    "no_right": "应用未获得该API的授权",
    "no_path": "API路径未注册",
    "bad_method": "不支持的请求方法",
    "bad_json": "请求参数格式错误",
    "bad_field": "不支持的查询字段或比较符：{field} {op}",
    "page_size": "pageSize不能超过{most}",
    "quota": "API调用频率超过限制",
    "timeout": "API调用超时",
}


def say(which: str, /, **given: object) -> str:
    """The sentence, filled in."""
    return (SEEN | INVENTED | TEXTS)[which].format(**given)
