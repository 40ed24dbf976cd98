"""Kingdee's own habits: form ids, key fields, document states, and what differs from one account set to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hedge_core.model.vouchers import Stage

VOUCHER_FORM: Final = "GL_VOUCHER"

STAGE_OF_STATUS: Final = {
    "Z": Stage.SAVED,  # 暂存
    "A": Stage.SAVED,  # 创建
    "B": Stage.SUBMITTED,  # 审核中
    "C": Stage.AUDITED,  # 已审核
    "D": Stage.SAVED,  # 重新审核: sent back, has to be submitted again
}

SAVE_VOUCHER_OPTIONS: Final = {
    # An internal id in the model would replace an existing voucher, and ValidateFlag=false would skip the checks of a
    # save: neither is ever sent. ValidateRepeatJson is a second safety net of unknown reach, never the first.
    "IsVerifyBaseDataField": "true",
    "ValidateFlag": "true",
    "NumberSearch": "true",
    "IsAutoAdjustField": "false",
    "IsAutoSubmitAndAudit": "false",
    "ValidateRepeatJson": "true",
}


@dataclass(frozen=True, slots=True)
class OrderForm:
    """One kind of order: its form, the entry's key, and how open lines are filtered."""

    kind: str
    form: str
    entry: str
    open_filter: str

    @property
    def entry_id(self) -> str:
        """The query name of the line's internal id."""
        return f"{self.entry}_FEntryID"


ORDER_FORMS: Final = (
    OrderForm("sale_line", "SAL_SaleOrder", "FSaleOrderEntry", "FCloseStatus='A' and FCancelStatus='A'"),
    OrderForm("purchase_line", "PUR_PurchaseOrder", "FPOOrderEntry", "FCloseStatus='A' and FCancelStatus='A'"),
)

INVENTORY_FORM: Final = "STK_Inventory"
INVENTORY_KEY: Final = (
    "FStockOrgId.FNumber",
    "FStockId.FNumber",
    "FMaterialId.FNumber",
    "FLot.FNumber",
    "FStockStatusId.FNumber",
    "FOwnerTypeId",
    "FOwnerId.FNumber",
    "FStockLocId",
    "FAuxPropId",
    "FMtoNo",
)
"""What makes a stock row the same row tomorrow: it has no document number of its own. Place, auxiliary properties and
plan number come last: most sites use none of them, but where one is used, rows differ in nothing else."""


@dataclass(frozen=True, slots=True)
class MasterForm:
    """One kind of master data: form, internal id, and the spec that reads it."""

    form: str
    id_field: str
    spec: str


ATTACHMENT_LIST: Final = {
    "form": "BOS_Attachment", "kind": "FBillType", "document": "FInterID", "name": "FAttachmentName",
    "size": "FAttachmentSize",
}  # fmt: skip
"""Where the files of a document are listed. From memory, on no page of the vendor's that we know: an option."""


@dataclass(frozen=True, slots=True)
class KingdeeOptions:
    """What varies by account set and is configured per connection; nothing here is a constant of the product.

    `dimensions` maps our dimension names to flex slots, e.g. `broker_account -> FDETAILID__FF100002`; `currencies` our ISO
    codes to the site's numbers; `reference_field` is the voucher entry's field that carries our key, `number_field` the
    number that people call a voucher by (sources disagree on it); `hedge_fields` the
    custom order line field for the hedge note by ref kind (empty: hedges are not written back); `stock_key` the fields
    that tell stock rows apart. `red_letter`: reversals go out as negative amounts on the original side, not as mirrored
    lines. `cash_flow_field`: the entry's field for a cash-flow item (empty: a line that has one is refused).
    `amount_digits_field` of BD_Currency and `after_audit_member` of QueryBusinessInfo are not confirmed by the vendor's pages:
    where a site calls them otherwise, `doctor` says that it cannot tell. `contract_forms` are described by `discover`.
    `attachment_list` names the form that lists a document's files, and its fields."""

    account_book: str
    org: str
    voucher_group: str = "PRE001"
    rate_type: str = "HLTX01_SYS"
    currencies: dict[str, str] = field(default_factory=lambda: {"CNY": "PRE001"})
    dimensions: dict[str, str] = field(default_factory=dict)
    reference_field: str = "FBUSNO"
    number_field: str = "FBillNo"
    hedge_fields: dict[str, str] = field(default_factory=dict)
    target_stage: Stage = Stage.SUBMITTED
    stock_key: tuple[str, ...] = INVENTORY_KEY
    page_rows: int = 2000
    overlap_minutes: int = 10
    red_letter: bool = False
    cash_flow_field: str = ""
    amount_digits_field: str = "FAMOUNTDIGITS"
    after_audit_member: str = "EditableAfterAudit"
    contract_forms: tuple[str, ...] = ()
    attachment_list: dict[str, str] = field(default_factory=lambda: dict(ATTACHMENT_LIST))

    def __post_init__(self) -> None:
        """A page of one row cannot overlap with the next."""
        if self.page_rows < 2:
            raise ValueError("page_rows must be at least 2")
