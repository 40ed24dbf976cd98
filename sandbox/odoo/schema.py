"""The models of the stand-in: their fields, types and relations, as the chosen release names them."""

from __future__ import annotations

from dataclasses import dataclass, field

STORED = {
    "char": "TEXT", "text": "TEXT", "html": "TEXT", "selection": "TEXT", "date": "TEXT", "datetime": "TEXT",
    "integer": "INTEGER", "boolean": "INTEGER", "float": "INTEGER", "monetary": "INTEGER", "many2one": "INTEGER",
    "many2many": "TEXT",
}  # fmt: skip
"""SQL type by field type. Fractional numbers are integers of a millionth, many2many a JSON list."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `related` is `many2one.field` of the same record; `inverse` the many2one on the lines of a one2many;
    `digits` names the decimal precision a float is rounded to."""

    name: str
    type: str
    relation: str = ""
    required: bool = False
    readonly: bool = False
    related: str = ""
    inverse: str = ""
    digits: str = ""
    label: str = ""

    @property
    def stored(self) -> bool:
        """True when the model's table has a column for it."""
        return self.type != "one2many" and not self.related


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `shown` is the field (or `[field] field`) that makes a record's display name."""

    name: str
    label: str
    fields: dict[str, Field]
    order: str = "id"
    shown: str = "name"
    company: str = ""

    @property
    def table(self) -> str:
        return '"' + self.name + '"'


@dataclass(slots=True)
class Release:
    """What differs between the series of Odoo."""

    series: int = 19
    custom_fields: bool = True
    addon: bool = False
    models: dict[str, Model] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.models = {model.name: model for model in _models(self)}

    @property
    def unit_precision(self) -> str:
        """The name of the quantities' decimal precision."""
        return "Product Unit" if self.series >= 19 else "Product Unit of Measure"


def _field(text: str) -> Field:
    """`name type[:relation] [flags]`; flags: `!` required, `r` readonly, `=a.b` related, `<inverse`, `#digits`."""
    name, kind, *flags = text.split(" ")
    kind, _, relation = kind.partition(":")
    given: dict[str, object] = {}
    for flag in flags:
        rest = flag[1:].replace("_", " ") if flag[0] == "#" else flag[1:]
        if flag in "!r":
            given["required" if flag == "!" else "readonly"] = True
        else:
            given[{"=": "related", "<": "inverse", "#": "digits"}[flag[0]]] = rest
    return Field(name, kind, relation, label=name.removesuffix("_id").replace("_", " ").title(), **given)  # type: ignore[arg-type]


def _model(name: str, label: str, *texts: str, order: str = "id", shown: str = "name", company: str = "") -> Model:
    made = [_field(text) for text in (*texts, "create_date datetime r", "write_date datetime r") if text]
    return Model(name, label, {one.name: one for one in made}, order, shown, company)


def _models(release: Release) -> list[Model]:
    new = release.series >= 19
    unit = "product_uom_id" if new else "product_uom"
    quantity = "#" + release.unit_precision.replace(" ", "_")
    sale_tax, purchase_tax = ("tax_ids", "tax_ids") if new else ("tax_id", "taxes_id")
    lot = "stock.lot" if release.series >= 16 else "stock.production.lot"
    custom = ("x_hb_pricing char", "x_hb_ref_month char", "x_hb_premium float") if release.custom_fields else ()
    ours = ("hedge_ref char",) if release.addon else ()
    of_company = "company_ids many2many:res.company" if release.series >= 18 else "company_id many2one:res.company"
    locks = ("hard_lock_date date",) if release.series >= 18 else ("period_lock_date date",)
    order_line = (
        "name text !", "sequence integer", "product_id many2one:product.product", f"{unit} many2one:uom.uom",
        "price_unit float #Product_Price", "price_subtotal monetary r", "display_type selection",
        "state selection =order_id.state r", "currency_id many2one:res.currency =order_id.currency_id r",
        "company_id many2one:res.company =order_id.company_id r",
    )  # fmt: skip
    order = (
        "name char !", "partner_id many2one:res.partner !", "date_order datetime !", "state selection",
        "currency_id many2one:res.currency", "company_id many2one:res.company", "amount_total monetary r",
        "invoice_status selection",
    )  # fmt: skip
    models = [
        _model("res.currency", "Currency", "name char !", "decimal_places integer", "rounding float"),
        _model("res.company", "Companies", "name char !", "currency_id many2one:res.currency",
               "fiscalyear_lock_date date", "tax_lock_date date", *locks),
        _model("res.users", "User", "name char", "login char !", "company_id many2one:res.company",
               "company_ids many2many:res.company"),
        _model("res.partner", "Contact", "name char !", "ref char", "vat char", "active boolean", "is_company boolean",
               "customer_rank integer", "supplier_rank integer", "parent_id many2one:res.partner",
               "company_id many2one:res.company"),
        _model("decimal.precision", "Decimal Precision", "name char !", "digits integer"),
        _model("uom.uom", "Unit", "name char !", "factor float", "active boolean",
               "relative_factor float" if new else "factor_inv float"),
        _model("product.category", "Product Category", "name char !"),
        _model("product.product", "Product Variant", "name char !", "default_code char", "active boolean",
               "type selection", "is_storable boolean" if release.series >= 18 else "",
               "uom_id many2one:uom.uom", "categ_id many2one:product.category",
               "company_id many2one:res.company", shown="[default_code] name"),
        _model("account.tax", "Tax", "name char !", "amount float", "amount_type selection", "price_include boolean",
               "company_id many2one:res.company", company="company_id"),
        _model("account.account", "Account", "code char", "name char !", "account_type selection",
               "active boolean" if new else "deprecated boolean", of_company, shown="code name"),
        _model("account.journal", "Journal", "name char !", "code char !", "type selection", "active boolean",
               "company_id many2one:res.company", company="company_id"),
        _model("account.move", "Journal Entry", "name char", "ref char", "date date !", "state selection r",
               "move_type selection", "journal_id many2one:account.journal !", "company_id many2one:res.company",
               "currency_id many2one:res.currency", "narration html", "amount_total monetary r",
               "reversed_entry_id many2one:account.move", "line_ids one2many:account.move.line <move_id", *ours,
               order="date desc, name desc, id desc", company="company_id"),
        _model("account.move.line", "Journal Item", "move_id many2one:account.move !",
               "account_id many2one:account.account !", "name char", "debit monetary", "credit monetary",
               "balance monetary r", "amount_currency monetary", "currency_id many2one:res.currency",
               "partner_id many2one:res.partner", "parent_state selection =move_id.state r",
               "date date =move_id.date r", "company_id many2one:res.company =move_id.company_id r",
               order="id desc", company="company_id"),
        _model("sale.order", "Sales Order", *order, "client_order_ref char", "commitment_date datetime", "note html",
               "order_line one2many:sale.order.line <order_id", order="date_order desc, id desc", company="company_id"),
        _model("sale.order.line", "Sales Order Line", "order_id many2one:sale.order !", *order_line,
               f"product_uom_qty float {quantity}", f"qty_delivered float {quantity}", f"qty_invoiced float {quantity}",
               f"{sale_tax} many2many:account.tax", "is_downpayment boolean", *custom,
               order="order_id, sequence, id", company="company_id"),
        _model("purchase.order", "Purchase Order", *order, "partner_ref char", "date_approve datetime",
               "date_planned datetime", "notes html", "order_line one2many:purchase.order.line <order_id",
               order="id desc", company="company_id"),
        _model("purchase.order.line", "Purchase Order Line", "order_id many2one:purchase.order !", *order_line,
               "date_planned datetime", f"product_qty float {quantity}", f"qty_received float {quantity}",
               f"qty_invoiced float {quantity}", f"{purchase_tax} many2many:account.tax", *custom,
               order="order_id, sequence, id", company="company_id"),
        _model("stock.warehouse", "Warehouse", "name char !", "code char !", "company_id many2one:res.company",
               company="company_id"),
        _model("stock.location", "Inventory Locations", "name char !", "complete_name char", "usage selection",
               "warehouse_id many2one:stock.warehouse", "company_id many2one:res.company",
               shown="complete_name", company="company_id"),
        _model(lot, "Lot/Serial", "name char !", "product_id many2one:product.product"),
        _model("stock.quant", "Quants", "product_id many2one:product.product !",
               "location_id many2one:stock.location !", f"lot_id many2one:{lot}", f"quantity float {quantity}",
               f"reserved_quantity float {quantity}", "owner_id many2one:res.partner",
               "product_uom_id many2one:uom.uom =product_id.uom_id r", "in_date datetime",
               "company_id many2one:res.company =location_id.company_id r", company="company_id"),
        _model("mail.message", "Message", "model char", "res_id integer", "body html", "message_type selection",
               "author_id many2one:res.partner", order="id desc", shown="model"),
        _model("ir.attachment", "Attachment", "name char !", "res_model char", "res_id integer", "type selection",
               "datas text", "file_size integer r"),
        _model("ir.model", "Models", "model char", "name char"),
        _model("ir.model.data", "Model Data", "module char !", "name char !", "model char", "res_id integer"),
    ]  # fmt: skip
    if release.addon:
        models.append(
            _model("hedge.match", "Hedge note", "leg_model char !", "leg_id integer !", "order_name char",
                   "note char", "company_id many2one:res.company", shown="order_name", company="company_id")
        )  # fmt: skip
    return models
