"""What the stand-in says. The envelope of a refusal was published; the sentences were not: all of them are invented."""

from __future__ import annotations

from sandbox.line_changes import TEXTS

REFUSED_STATUS = "falied"
"""As the vendor's published examples spell it."""

REFUSED_CODE = "-32000"
PREFIX = "U8C返回信息:"
"""How the published example begins; what follows there was cut."""

INVENTED = {
    "no_user": "用户不存在或密码错误",
    "no_system": "系统编码不存在",
    "no_right": "用户没有该接口的权限",
    "no_path": "服务不存在",
    "bad_method": "不支持的请求方法",
    "bad_json": "请求参数格式错误",
    "no_corp": "公司{code}不存在",
    "busy": "访问过于频繁，请稍后再试",
    "timeout": "处理超时",
    "no_book": "账簿{code}不存在",
    "several_books": "不同账簿不同公司的凭证不能一起传",
    "no_type": "凭证类别{code}不存在",
    "no_maker": "制单人{code}不存在",
    "bad_date": "日期{day}格式错误",
    "no_period": "会计期间{period}不存在",
    "closed_period": "会计期间{period}已结账",
    "too_few_lines": "凭证分录不能少于两条",
    "no_account": "第{line}条分录科目{code}不存在",
    "not_leaf": "第{line}条分录科目{code}不是末级科目",
    "forbidden": "第{line}条分录科目{code}已封存",
    "stock_controlled": "第{line}条分录科目{code}为存货受控科目",
    "no_currency": "第{line}条分录币种不能为空",
    "no_amount": "第{line}条分录借方、贷方金额必须录入",
    "both_sides": "第{line}条分录借方和贷方不能同时有值",
    "too_precise": "第{line}条分录金额超过两位小数",
    "local_differs": "第{line}条分录本币金额与原币金额不一致",
    "no_auxiliary": "第{line}条分录科目{code}的辅助核算{name}不能为空",
    "bad_auxiliary": "第{line}条分录辅助核算{name}的值{value}不存在",
    "unbalanced": "凭证借贷不平衡，借方{debit}，贷方{credit}",
    "duplicate": "uniquekey {key} 已经调用成功，不能重复调用",
}


def say(which: str, /, **given: object) -> str:
    """The sentence, filled in."""
    return (INVENTED | TEXTS)[which].format(**given)
