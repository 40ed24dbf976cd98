"""What the stand-in says, in English and Chinese. Texts marked `invented` were not seen on a server; the others were.

The language is the caller's (`context.lang`): whoever classifies by text is found out.
"""

from __future__ import annotations

_TEXTS = {
    # seen
    "unbalanced": ("The entry is not balanced.", "该分录不平衡。"),
    "no_model_right": (
        "You are not allowed to access '{label}' ({model}) records.",
        "您无权访问 '{label}' ({model}) 记录。",
    ),
    "wrong_companies": ("Access to unauthorized or invalid companies.", "访问未授权或无效的公司。"),
    "required": (
        "Missing required value for the field '{label}' ({field}).",
        "字段 '{label}' ({field}) 缺少必填值。",
    ),
    "missing_record": ("Record does not exist or has been deleted.", "记录不存在或已被删除。"),
    "not_draft": ("The entry {name} (id {id}) must be in draft.", "分录 {name} (id {id}) 必须为草稿。"),
    "readonly": (
        "You cannot modify the following readonly fields on a posted move: {fields}",
        "您不能修改已过账分录的以下只读字段：{fields}",
    ),
    "delete_posted": (
        "You can't delete a posted journal item. Don't play games with your accounting records",
        "不能删除已过账的日记账项目。",
    ),
    "company_mismatch": ("Uh-oh! You've got some company inconsistencies here", "公司数据不一致"),
    "empty_move": ("Even magicians can't post nothing!", "没有明细的分录无法过账！"),
    "same_name": ("Another entry with the same name already exists.", "已存在同名的另一分录。"),
    "same_login": ("You can not have two users with the same login!", "两个用户不能使用相同的登录名！"),
    "bad_key": ("Invalid apikey", "Invalid apikey"),
    "denied": ("Access Denied", "拒绝访问"),
    "already_ours": ("This hedge voucher is already in Odoo.", "该套期凭证已在 Odoo 中。"),
    "serialize": ("could not serialize access due to concurrent update\n",) * 2,
    # invented
    "misleading_account": (
        "The operation cannot be completed: another model requires the record being deleted.",
        "操作无法完成：另一个模型需要正在删除的记录。",
    ),
    "off_balance": (
        "If you want to use off-balance sheet accounts, all the accounts of the entry must be of this type",
        "若使用表外科目，分录中的所有科目都必须为该类型",
    ),
    "state_in_create": ("You cannot create a move already in the posted state.", "不能直接创建已过账的分录。"),
    "inactive_account": ("The account {code} is deprecated.", "科目 {code} 已停用。"),
    "private": ("Private methods (such as '{method}') cannot be called remotely.",) * 2,
    "no_model": ("the model {model!r} does not exist",) * 2,
    "no_method": ("the method '{model}.{method}' does not exist",) * 2,
    "no_record_needed": ("cannot call {model}.{method} with ids",) * 2,
    "argument": ("unexpected argument {argument!r}",) * 2,
    "bad_json": ("could not parse the body as json",) * 2,
    "unknown_field": ("Invalid field {field!r} on model {model!r}",) * 2,
    "bad_date": ("time data {value!r} does not match format {format!r}",) * 2,
    "no_external_id": ("External ID not found in the system: {name}",) * 2,
    "bad_operator": ("Invalid operator {operator!r} in domain term",) * 2,
    "bad_number": ("could not convert string to float: {value!r}",) * 2,
    "no_marshal": ("cannot marshal None unless allow_none is enabled",) * 2,
    "int_keys": ("dictionary key must be string",) * 2,
    "other_content": (
        "Hedge voucher {ref} is already in Odoo with other content.",
        "套期凭证 {ref} 已在 Odoo 中且内容不同。",
    ),
    "date_moved": (
        "Odoo would post {ref} on {date} instead: a lock date is in the way.",
        "Odoo 会将 {ref} 过账到 {date}：存在锁定日期。",
    ),
}


def say(which: str, lang: str = "en_US", /, **given: object) -> str:
    """The sentence in Chinese for `zh_*`, otherwise in English."""
    english, chinese = _TEXTS[which]
    return (chinese if str(lang).startswith("zh") else english).format(**given)
