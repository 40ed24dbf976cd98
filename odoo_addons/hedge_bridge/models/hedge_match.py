"""The hedge note of an order line: which futures hedge it, as one text, one record per line."""

from odoo import fields, models


class HedgeMatch(models.Model):
    _name = "hedge.match"
    _description = "Hedge note"
    _rec_name = "order_name"
    _order = "order_name, id"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, index=True)
    leg_model = fields.Selection(
        [("sale.order.line", "Sales order line"), ("purchase.order.line", "Purchase order line")], required=True
    )
    leg_id = fields.Integer(string="Line", required=True, index=True)
    order_name = fields.Char(string="Order")
    note = fields.Char(string="Hedged by")

    _leg_unique = models.Constraint("UNIQUE(leg_model, leg_id)", "This line has its hedge note already.")
