"""The forms (business objects) the stand-in knows and their fields, as one table; the database and the checks follow it.

A field is written `KEY:kind[=form][!][+]`: kinds are text, integer, decimal, date, time, flag, base (refers to a
record of `form`), owner (a base whose form another field names), flex (a dimension slot); `!` required on save, `+`
may be changed after submit and audit. A trailing `~` marks keys no public source confirms.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

TEXT_SIZE = 255


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `group` is the sub-head it travels in on save, empty for the document itself."""

    key: str
    kind: str
    form: str = ""
    required: bool = False
    after_audit: bool = False
    unconfirmed: bool = False
    group: str = ""
    custom: bool = False
    size: int = TEXT_SIZE


@dataclass(frozen=True, slots=True)
class Entry:
    """The lines of a form."""

    key: str
    fields: tuple[Field, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """One business object. `number` is the field that people call it by; `prefix` starts automatic numbers."""

    id: str
    name: str
    pk: str
    number: str
    fields: tuple[Field, ...]
    entry: Entry | None = None
    prefix: str = ""
    document: bool = False
    _by_key: dict[str, Field] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_key.update({one.key.lower(): one for one in self.fields})

    @property
    def lines(self) -> Entry:
        """The lines' description. Raises ValueError for a form without lines."""
        if self.entry is None:
            raise ValueError(f"{self.id} has no lines")
        return self.entry

    def header_field(self, key: str) -> Field | None:
        """The header's field of that key, in any case."""
        return self._by_key.get(key.lower())

    def entry_field(self, key: str) -> Field | None:
        """The line's field of that key, in any case."""
        if self.entry is None:
            return None
        return next((one for one in self.entry.fields if one.key.lower() == key.lower()), None)


def fields(table: str, group: str = "", custom: bool = False) -> tuple[Field, ...]:
    """Read fields from the notation of this module's first lines."""
    found = []
    for word in table.split():
        key, _, kind = word.partition(":")
        marks = ""
        while kind[-1] in "!+~":
            marks += kind[-1]
            kind = kind[:-1]
        kind, _, form = kind.partition("=")
        found.append(Field(key, kind, form, "!" in marks, "+" in marks, "~" in marks, group, custom))
    return tuple(found)


_STAMPS = "FDocumentStatus:text FCreateDate:time FModifyDate:time"
_CLOSING = "FCloseStatus:text FCancelStatus:text FApproveDate:time"

_SALE_LINE = fields(
    "FSeq:integer FMaterialId:base=BD_MATERIAL! FUnitID:base=BD_UNIT! FQty:decimal! FPriceUnitId:base=BD_UNIT "
    "FPrice:decimal FTaxPrice:decimal FEntryTaxRate:decimal FAmount:decimal FAllAmount:decimal FDeliveryDate:date "
    "FStockOrgId:base=ORG_Organizations FSettleOrgIds:base=ORG_Organizations FReserveType:text "
    "FOUTLMTUNIT:text FLot:base=BD_BatchMainFile FMtoNo:text "
    "FStockOutQty:decimal FRemainOutQty:decimal FReturnQty:decimal~ FMrpCloseStatus:text~"
)
_PURCHASE_LINE = fields(
    "FSeq:integer FMaterialId:base=BD_MATERIAL! FModel:text FUnitId:base=BD_UNIT! FQty:decimal! "
    "FPriceUnitId:base=BD_UNIT FPriceUnitQty:decimal FPrice:decimal FTaxPrice:decimal FEntryTaxRate:decimal "
    "FEntryTaxAmount:decimal FEntryAmount:decimal FAllAmount:decimal FDeliveryDate:date "
    "FRequireOrgId:base=ORG_Organizations FReceiveOrgId:base=ORG_Organizations "
    "FEntrySettleOrgId:base=ORG_Organizations FStockUnitID:base=BD_UNIT FContractNo:text FReceiveQty:decimal "
    "FStockInQty:decimal FRemainReceiveQty:decimal FRemainStockInQty:decimal FGiveAway:flag "
    "FMrbQty:decimal~ FMrpCloseStatus:text~"
)
LINE_CUSTOM_FIELDS = fields("F_HB_Pricing:text F_HB_RefMonth:text F_HB_Premium:decimal F_HB_Hedge:text+", custom=True)
"""How an order line says priced (P) or floating (F), reference month `YYYY-MM`, premium per tonne, and the hedge note."""

VOUCHER_CUSTOM_FIELDS = fields("F_HB_Key:text", custom=True)
"""A header text field in which a client may keep its own reference."""

DIMENSION_SLOTS = {
    "FFLEX4": "BD_Supplier",
    "FFLEX5": "BD_Department",
    "FFLEX6": "BD_Customer",
    "FFLEX7": "BD_Empinfo",
    "FFLEX8": "BD_MATERIAL",
    "FF100002": "BAS_BrokerAccount",
}
"""Dimension slot -> the form of its values. Slots from FF100001 on are each site's own; this site has broker accounts."""

_VOUCHER_LINE = fields(
    "FSeq:integer FEXPLANATION:text FACCOUNTID:base=BD_Account! FCURRENCYID:base=BD_Currency! "
    "FEXCHANGERATETYPE:base=BD_RateType! FEXCHANGERATE:decimal FAMOUNTFOR:decimal FDEBIT:decimal FCREDIT:decimal "
    "FDetailID:integer FUnitId:base=BD_UNIT FPrice:decimal FQty:decimal FSettleTypeID:base=BD_SETTLETYPE "
    "FSETTLENO:text FBUSNO:text FEXPORTENTRYID:integer"
) + tuple(Field(f"FDetailID__{slot}", "flex", form) for slot, form in DIMENSION_SLOTS.items())

_MASTER = f"FNumber:text! FName:text! FForbidStatus:text {_STAMPS}"


def _master(form_id: str, name: str, pk: str, extra: str = "", entry: Entry | None = None) -> Form:
    return Form(form_id, name, pk, "FNumber", fields(f"{_MASTER} {extra}"), entry)


_ALL = (
    Form(
        "SAL_SaleOrder",
        "销售订单",
        "FID",
        "FBillNo",
        fields(
            f"FBillNo:text FBillTypeID:base=BOS_BillType FDate:date! FSaleOrgId:base=ORG_Organizations! "
            f"FCustId:base=BD_Customer! FSalerId:base=BD_Empinfo FSaleDeptId:base=BD_Department {_STAMPS} {_CLOSING} "
            f"FContractId:text FContractType:text FNote:text"
        )
        + fields(
            "FSettleCurrId:base=BD_Currency! FLocalCurrId:base=BD_Currency FExchangeRate:decimal~ "
            "FBillAllAmount:decimal~",
            group="FSaleOrderFinance",
        ),
        Entry("FSaleOrderEntry", _SALE_LINE),
        "XSDD",
        True,
    ),
    Form(
        "PUR_PurchaseOrder",
        "采购订单",
        "FID",
        "FBillNo",
        fields(
            f"FBillNo:text FBillTypeID:base=BOS_BillType FDate:date! FPurchaseOrgId:base=ORG_Organizations! "
            f"FSupplierId:base=BD_Supplier! FPurchaserId:base=BD_Empinfo FPurchaseDeptId:base=BD_Department {_STAMPS} "
            f"{_CLOSING} FCloseDate:time FChangeReason:text"
        )
        + fields(
            "FSettleCurrId:base=BD_Currency! FPayConditionId:text FBillAllAmount:decimal", group="FPOOrderFinance"
        ),
        Entry("FPOOrderEntry", _PURCHASE_LINE),
        "CGDD",
        True,
    ),
    Form(
        "GL_VOUCHER",
        "凭证",
        "FVOUCHERID",
        "FBillNo",
        fields(
            f"FBillNo:text FAccountBookID:base=BD_AccountBook! FACCBOOKORGID:base=ORG_Organizations FDate:date! "
            f"FBUSDATE:date FYEAR:integer FPERIOD:integer FVOUCHERGROUPID:base=BD_VOUCHERGROUP! FVOUCHERGROUPNO:text "
            f"FATTACHMENTS:integer FISADJUSTVOUCHER:flag FSourceBillKey:text FIMPORTVERSION:text {_STAMPS} "
            f"FDEBITTOTAL:decimal~ FCREDITTOTAL:decimal~"
        ),
        Entry("FEntity", _VOUCHER_LINE),
        "",
        True,
    ),
    Form(
        "STK_Inventory",
        "即时库存",
        "FID",
        "FID",
        fields(
            "FStockOrgId:base=ORG_Organizations FStockId:base=BD_STOCK FStockLocId:integer "
            "FMaterialId:base=BD_MATERIAL FLot:base=BD_BatchMainFile FStockStatusId:base=BD_StockStatus "
            "FBaseUnitId:base=BD_UNIT FStockUnitId:base=BD_UNIT FBaseQty:decimal FQty:decimal FAVBQty:decimal "
            "FBaseAVBQty:decimal FOwnerTypeId:text FOwnerId:owner FKeeperTypeId:text~ FKeeperId:owner "
            "FAuxPropId:integer FProduceDate:date FExpiryDate:date FMtoNo:text FUpdateTime:time"
        ),
    ),
    _master(
        "BD_MATERIAL",
        "物料",
        "FMATERIALID",
        "FSpecification:text FMaterialGroup:base=BD_MaterialGroup FBaseUnitId:base=BD_UNIT FCategoryID:text "
        "FErpClsID:text FCreateOrgId:base=ORG_Organizations FUseOrgId:base=ORG_Organizations",
    ),
    _master(
        "BD_Customer",
        "客户",
        "FCUSTID",
        "FShortName:text FCreateOrgId:base=ORG_Organizations FUseOrgId:base=ORG_Organizations "
        "FTRADINGCURRID:base=BD_Currency FSOCIALCRECODE:text FGroup:text",
    ),
    _master(
        "BD_Supplier",
        "供应商",
        "FSupplierId",
        "FShortName:text FCreateOrgId:base=ORG_Organizations FUseOrgId:base=ORG_Organizations FGroup:text "
        "FAuditDate:time",
    ),
    _master(
        "BD_Account",
        "科目",
        "FACCTID",
        "FACCTTBLID:base=BD_AccountTable~ FGROUPID:text FDC:text FAMOUNTDC:text FISDETAIL:flag~ FISSTOCKCONTROL:flag~",
        Entry("FEntity", fields("FSeq:integer FITEMSLOT:text~ FITEMFORM:text~ FInputType:text"), required=False),
    ),
    _master("BD_AccountBook", "账簿", "FBOOKID", "FCurrencyID:base=BD_Currency FACCTTABLEID:base=BD_AccountTable"),
    _master("BD_UNIT", "计量单位", "FUNITID", "FBaseFactor:decimal~"),
    _master("BD_Currency", "币别", "FCURRENCYID", "FCODE:text FPRICEDIGITS:integer FAMOUNTDIGITS:integer"),
    Form(
        "BOS_Attachment",
        "附件",
        "FID",
        "FBillNo",
        fields(
            "FBillNo:text~ FBillType:text~ FInterID:text~ FAttachmentName:text~ FAttachmentSize:integer~ FContent:text~"
        ),
    ),
    *(
        _master(form_id, name, "FID")
        for form_id, name in (
            ("BD_VOUCHERGROUP", "凭证字"),
            ("BD_RateType", "汇率类型"),
            ("BD_AccountTable", "科目表"),
            ("BD_SETTLETYPE", "结算方式"),
            ("BD_Department", "部门"),
            ("BD_Empinfo", "员工"),
            ("BD_STOCK", "仓库"),
            ("BD_StockStatus", "库存状态"),
            ("BD_BatchMainFile", "批号主档"),
            ("BD_MaterialGroup", "物料分组"),
            ("BOS_BillType", "单据类型"),
            ("ORG_Organizations", "组织机构"),
            ("BAS_BrokerAccount", "期货账户"),
        )
    ),
)

OWNER_FORMS = ("ORG_Organizations", "BD_Supplier", "BD_Customer")


def site_forms(*, custom_fields: bool = True, hedge_note_after_audit: bool = True) -> dict[str, Form]:
    """The forms of one site by lower-case id, with or without this site's custom fields."""
    found = {form.id.lower(): form for form in _ALL}
    if custom_fields:
        line_fields = tuple(
            replace(one, after_audit=hedge_note_after_audit) if one.key == "F_HB_Hedge" else one
            for one in LINE_CUSTOM_FIELDS
        )
        for form_id in ("SAL_SaleOrder", "PUR_PurchaseOrder"):
            form = found[form_id.lower()]
            entry = replace(form.lines, fields=form.lines.fields + line_fields)
            found[form_id.lower()] = replace(form, entry=entry, _by_key={})
        voucher = found["gl_voucher"]
        found["gl_voucher"] = replace(voucher, fields=voucher.fields + VOUCHER_CUSTOM_FIELDS, _by_key={})
    return found
