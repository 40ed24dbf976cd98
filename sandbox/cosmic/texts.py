"""What the stand-in says. Texts under `SEEN` were published by the vendor or by users; those under `INVENTED` were not seen."""

from __future__ import annotations

from sandbox.line_changes import TEXTS

SEEN = {
    "no_data": "请求参数没有 data 数据。",
    "no_page_size": "页大小pageSize不能为空。",
    "no_access": "未经授权的访问",
    "no_path": "Cannot found OpenAPI(or disabled)",
    "nonce_again": "本次参数nonce:{nonce}已经调用过了，不需要重复调用。",
    "no_client": "第三方应用client_id：{client}在系统中不存在或未启用",
    "bad_secret": "第三方应用（client_id）或AccessToken密钥（client_secret）不正确, 第 {count} 次密钥验证失败",
    "locked": "不正确的第三方应用编码client_id或client_secret的访问错误已连续5次，该账号登录已锁定，请在180秒后再试。",
    "no_agent": "第三方应用（client_id）的代理用户为空或userName不在代理用户中。",
    "missing": "{name}为空",
}

INVENTED = {
    "no_identity": "网关身份标识无效",
    "no_account": "数据中心{account}不存在",
    "bad_timestamp": "时间戳超出允许范围",
    "token_often": "getToken调用频率超过限制",
    "busy": "接口调用频率超过限制",
    "timeout": "接口执行超时",
    "no_right": "用户没有该操作的权限",
    "bad_json": "请求参数格式错误",
    "bad_filter": "不支持的过滤条件：{text}",
    "no_org": "组织{code}不存在",
    "no_book": "账簿{code}不存在",
    "no_type": "凭证类型{code}不存在",
    "bad_date": "记账日期{day}格式错误",
    "no_period": "会计期间{period}不存在",
    "closed_period": "会计期间{period}已结账",
    "too_few_lines": "凭证分录不能少于两条",
    "no_gl_account": "第{line}行分录科目{code}不存在",
    "not_leaf": "第{line}行分录科目{code}不是明细科目",
    "forbidden": "第{line}行分录科目{code}已禁用",
    "stock_controlled": "第{line}行分录科目{code}受存货模块控制",
    "no_currency": "第{line}行分录币别不能为空",
    "both_sides": "第{line}行分录借方和贷方不能同时有值",
    "no_amount": "第{line}行分录金额不能为零",
    "too_precise": "第{line}行分录金额超过币别精度",
    "local_differs": "第{line}行分录本位币金额与原币金额不一致",
    "no_dimension": "第{line}行分录科目{code}的核算维度{name}必录",
    "bad_dimension": "第{line}行分录核算维度{name}的值{value}不存在",
    "unbalanced": "凭证借贷不平衡，借方{debit}，贷方{credit}",
    "with_id": "单据{id}不存在",
    "no_document": "单据{id}不存在",
    "bad_state": "单据{number}的状态不允许该操作",
}


def say(which: str, /, **given: object) -> str:
    """The sentence, filled in."""
    return (SEEN | INVENTED | TEXTS)[which].format(**given)
