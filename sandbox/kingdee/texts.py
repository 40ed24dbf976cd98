"""What the stand-in says, in the vendor's language: sentences known from public sources, and those we had to invent."""

from __future__ import annotations

KNOWN_TEXTS = {
    "session_lost": "会话信息已丢失，请重新登录",
    "unknown_field": "元数据中标识为{key}的字段不存在",
    "unknown_form": "业务对象不存在",
    "waf": "请求参数存在可疑数据,当前请求已经被拦截规则[caller_in_less_Point_Bracket]阻止!",
    "timestamp_expired": "X-Api-TimeStamp过期",
}

INVENTED_TEXTS = {
    # No public source gives the real wording of these. Never match on them: they are for a person to read.
    "missing_app_id": "缺少应用ID",
    "wrong_password": "用户名或密码错误",
    "login_failed": "登录失败，请检查第三方系统登录授权",
    "no_right": "没有“{form}”的“{operation}”权限",
    "not_supported": "模拟服务不支持此操作：{operation}",
    "unknown_service": "服务不存在：{service}",
    "bad_request": "请求数据格式不正确：{reason}",
    "bad_filter": "过滤条件不正确：{reason}",
    "not_found": "单据不存在：{which}",
    "ambiguous_number": "编码“{which}”对应多张单据，请使用内码",
    "nothing_named": "未指定单据编码或内码",
    "wrong_status": "单据“{which}”当前状态为“{status}”，不能执行“{operation}”",
    "locked_after_submit": "单据已提交或已审核，字段“{key}”不允许修改",
    "entries_locked": "单据已提交或已审核，不允许增加或删除分录",
    "entry_not_found": "分录内码“{which}”不存在",
    "required": "字段“{key}”是必填项",
    "no_entries": "单据体“{key}”至少需要一行",
    "base_not_found": "字段“{key}”的基础资料“{value}”不存在",
    "base_forbidden": "字段“{key}”的基础资料“{value}”已禁用",
    "bad_number": "字段“{key}”的值“{value}”不是数字",
    "bad_date": "字段“{key}”的值“{value}”不是日期",
    "too_long": "字段“{key}”超过{size}个字符",
    "number_taken": "编码“{value}”已存在",
    "quantity_positive": "第{line}行数量必须大于零",
    "attach_after_audit": "单据已审核，不能上传附件",
    "repeat_package": "数据包重复提交",
    "voucher_lines": "凭证至少需要两条分录",
    "voucher_unbalanced": "借贷不平衡，借方合计{debit}，贷方合计{credit}",
    "line_both_sides": "第{line}行借方金额和贷方金额不能同时录入",
    "line_no_amount": "第{line}行没有金额",
    "line_precision": "第{line}行金额最多两位小数",
    "line_amount_for": "第{line}行原币金额与本位币金额不一致",
    "line_rate": "第{line}行汇率不正确",
    "account_not_leaf": "第{line}行科目“{account}”不是明细科目",
    "account_controlled": "第{line}行科目“{account}”受业务系统控制，总账不能录入",
    "dimension_required": "第{line}行科目“{account}”的核算维度“{slot}”必须录入",
    "dimension_foreign": "第{line}行科目“{account}”未启用核算维度“{slot}”",
    "period_missing": "会计期间{period}不存在",
    "period_closed": "会计期间{period}已结账",
    "period_mismatch": "凭证日期不在会计期间{period}内",
    "voucher_number_taken": "凭证号{value}在本期间已存在",
}


def say(text_id: str, **parameters: object) -> str:
    """The sentence with its parameters filled in."""
    return (KNOWN_TEXTS.get(text_id) or INVENTED_TEXTS[text_id]).format(**parameters)
