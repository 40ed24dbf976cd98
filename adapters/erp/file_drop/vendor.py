"""What files look like: which name means which list, which columns identify a row, and the headings of what we write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hedge_core.model.vouchers import Stage

LINE_KINDS: Final = ("sale_line", "purchase_line")
WHOLE, CHANGES = "whole", "changes"

FILE_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "sale_line": ("sales", "销售"),
    "purchase_line": ("purchases", "采购"),
    "stock": ("inventory", "库存"),
    "material": ("materials", "物料"),
    "partner": ("partners", "客商"),
    "account": ("accounts", "科目"),
}
"""What a file's name begins with, by the kind of record in it."""

KEY_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "sale_line": ("合同号", "行号"),
    "purchase_line": ("合同号", "行号"),
    "stock": ("仓库", "物料编码", "批号", "货主"),
    "material": ("编码",),
    "partner": ("编码",),
    "account": ("编码",),
}
"""The columns that make a row the same row tomorrow. In `stock` an empty lot number or owner is part of the key."""

MAY_BE_EMPTY: Final[Mapping[str, frozenset[str]]] = {"stock": frozenset({"批号", "货主"})}

VOUCHER_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "reference": ("参考号", "reference"),
    "posting_date": ("记账日期", "posting_date"),
    "line": ("行号", "line"),
    "summary": ("摘要", "summary"),
    "account": ("科目编码", "account"),
    "debit": ("借方金额", "debit"),
    "credit": ("贷方金额", "credit"),
    "currency": ("币种", "currency"),
    "quantity": ("数量", "quantity"),
    "unit": ("单位", "unit"),
    "cash_flow_item": ("现金流量项目", "cash_flow_item"),
    "attachments": ("附件数", "attachments"),
    "voucher": ("来源凭证", "source_voucher"),
}
"""Our field -> its heading (Chinese, English), in the order of the file. Columns for dimensions follow."""

FOREIGN_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "original_currency": ("原币币种", "original_currency"),
    "original_amount": ("原币金额", "original_amount"),
    "rate": ("汇率", "rate"),
}
"""Columns behind those, only in the file of a voucher that posts to an account kept in another currency."""

NOTE_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "kind": ("类型", "kind"),
    "key": ("单据", "record"),
    "note": ("套保备注", "hedge_note"),
}
KIND_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "sale_line": ("销售合同行", "sale line"),
    "purchase_line": ("采购合同行", "purchase line"),
    "stock": ("库存", "stock"),
}
LANGUAGES: Final = ("zh", "en")

ACK_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": ("参考号", "凭证标识", "reference"),
    "status": ("状态", "结果", "status", "result"),
    "number": ("凭证号", "凭证编号", "number", "voucher_no"),
    "text": ("说明", "错误信息", "原因", "message", "text"),
    "posting_date": ("记账日期", "posting_date", "date"),
    "total": ("借方合计", "合计", "total"),
}
"""Our field -> the headings under which an acknowledgement may give it. Reference and status are needed."""

STAGE_WORDS: Final[Mapping[str, Stage]] = {
    **dict.fromkeys(("saved", "accepted", "ok", "success", "已保存", "已导入", "成功"), Stage.SAVED),
    **dict.fromkeys(("submitted", "已提交"), Stage.SUBMITTED),
    **dict.fromkeys(("audited", "approved", "已审核"), Stage.AUDITED),
    **dict.fromkeys(("posted", "已过账", "已记账"), Stage.POSTED),
}
REFUSED_WORDS: Final = frozenset({"rejected", "refused", "failed", "error", "失败", "拒绝", "错误"})


@dataclass(frozen=True, slots=True)
class FileDropOptions:
    """What is configured per connection.

    `contracts`: `whole` when each file of contract lines lists all of them (the newest counts), `changes` when each adds to
    those before. `file_names`, `key_columns`: replace the usual ones by kind of record. `dimensions`: our dimension name ->
    the heading of its column. `acknowledged`: whether the ERP answers in `ack/`; only then is a voucher delivered when the
    ERP has said so, otherwise when its file lies in `out/`."""

    contracts: str = WHOLE
    file_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    key_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dimensions: Mapping[str, str] = field(default_factory=dict)
    headings: str = "zh"
    voucher_format: str = "csv"
    acknowledged: bool = True
    settle_seconds: int = 300

    def names_of(self, kind: str) -> tuple[str, ...]:
        """What the names of a kind's files begin with."""
        return tuple(self.file_names.get(kind) or FILE_NAMES[kind])

    def keys_of(self, kind: str) -> tuple[str, ...]:
        """The columns that identify a row of a kind."""
        return tuple(self.key_columns.get(kind) or KEY_COLUMNS[kind])

    def heading(self, names: tuple[str, str]) -> str:
        """A heading in the connection's language."""
        return names[LANGUAGES.index(self.headings)]
