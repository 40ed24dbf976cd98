"""Futures positions as HedgeBridge last settled them: shown in Odoo, kept by HedgeBridge."""

from odoo import fields, models


class HedgePosition(models.Model):
    _name = "hedge.position"
    _description = "Hedge position"
    _order = "as_of desc, instrument, direction"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, index=True)
    broker_account = fields.Char(required=True)
    instrument = fields.Char(required=True, help="Canonical code of the exchange contract, such as SHFE.cu2605")
    direction = fields.Selection([("long", "Long"), ("short", "Short")], required=True)
    lots = fields.Integer(required=True)
    open_price = fields.Float(digits=(16, 4))
    settlement_price = fields.Float(digits=(16, 4))
    floating_result = fields.Float(string="Floating result", digits=(16, 2))
    as_of = fields.Date(string="Trading day", required=True)

    _position_unique = models.Constraint(
        "UNIQUE(company_id, broker_account, instrument, direction, as_of)",
        "This position is already there for that trading day.",
    )
