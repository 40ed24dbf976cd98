"""Journal entries with the key of the hedge voucher they are, unique by an index; and the call that creates and posts."""

from decimal import Decimal

from psycopg2 import IntegrityError

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import mute_logger

VOUCHER_KEYS = frozenset({"hedge_ref", "ref", "date", "journal_id", "lines"})
LINE_KEYS = frozenset({"account_id", "name", "partner_id", "debit", "credit"})


class AccountMove(models.Model):
    _inherit = "account.move"

    hedge_ref = fields.Char(
        string="Hedge voucher", copy=False, readonly=True, help="Key under which HedgeBridge sent this entry, once."
    )

    def init(self):
        """Partial, because ordinary entries have no key. An index and not a search before writing: only the database can
        decide between two calls that arrive together."""
        super().init()
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS account_move_hedge_ref_unique"
            " ON account_move (hedge_ref) WHERE hedge_ref IS NOT NULL"
        )

    @api.model
    def hedge_create_and_post(self, vouchers, post=True):
        """Create and post vouchers in this one transaction: all of them or none.

        `vouchers`: dicts of `hedge_ref`, `ref`, `date` (YYYY-MM-DD), `journal_id` and `lines`, which are dicts of
        `account_id`, `name`, `debit`, `credit` (amounts as text) and perhaps `partner_id`. A voucher that is there already
        with the same content is answered with `created` false; with other content it is refused. So is one that Odoo would
        post on another date than its own, because of a lock date. Answers a dict per voucher: `hedge_ref`, `id`, `name`,
        `date`, `state`, `created`. Rights are the caller's own.
        """
        return [self._hedge_one(voucher, post) for voucher in vouchers]

    @api.model
    def _hedge_one(self, voucher, post):
        self._hedge_check_keys(voucher)
        move = self.search([("hedge_ref", "=", voucher["hedge_ref"])], limit=1)
        created = not move
        if created:
            move = self._hedge_create(voucher)
        if not move._hedge_has(voucher):
            raise ValidationError(
                _(
                    "Hedge voucher %s is already in Odoo with other content, or Odoo would change it.",
                    voucher["hedge_ref"],
                )
            )
        if post and move.state == "draft":
            move.action_post()
            if fields.Date.to_string(move.date) != voucher["date"]:
                raise ValidationError(
                    _(
                        "Odoo would post %(ref)s on %(date)s instead: a lock date is in the way.",
                        ref=voucher["hedge_ref"],
                        date=move.date,
                    )
                )
        return {
            "hedge_ref": move.hedge_ref,
            "id": move.id,
            "name": move.name,
            "date": fields.Date.to_string(move.date),
            "state": move.state,
            "created": created,
        }

    @api.model
    def _hedge_check_keys(self, voucher):
        """Nothing else may come in this way: no name (it would take over the journal's numbering), no state."""
        unknown = set(voucher) - VOUCHER_KEYS
        for line in voucher["lines"]:
            unknown |= set(line) - LINE_KEYS
        if unknown or not voucher.get("hedge_ref"):
            raise ValidationError(_("Not a hedge voucher: %s", ", ".join(sorted(unknown)) or "hedge_ref"))

    @api.model
    def _hedge_create(self, voucher):
        lines = [
            (0, 0, {**line, "debit": float(line["debit"]), "credit": float(line["credit"])})
            for line in voucher["lines"]
        ]
        values = {name: voucher[name] for name in ("hedge_ref", "ref", "date", "journal_id")}
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                move = self.create({"move_type": "entry", **values, "line_ids": lines})
                move.flush_recordset(["hedge_ref"])  # so that the index speaks here and not at some later write
                return move
        except IntegrityError as error:
            raise ValidationError(_("This hedge voucher is already in Odoo.")) from error

    def _hedge_has(self, voucher):
        """Whether date, number of lines and the balance of every account are exactly those of the voucher: an amount that
        Odoo has rounded is another one."""
        self.ensure_one()
        ours, theirs = {}, {}
        for line in voucher["lines"]:
            amount = Decimal(line["debit"]) - Decimal(line["credit"])
            ours[line["account_id"]] = ours.get(line["account_id"], Decimal(0)) + amount
        for line in self.line_ids:
            amount = Decimal(str(line.debit)) - Decimal(str(line.credit))
            theirs[line.account_id.id] = theirs.get(line.account_id.id, Decimal(0)) + amount
        same_date = fields.Date.to_string(self.date) == voucher["date"]
        return same_date and len(self.line_ids) == len(voucher["lines"]) and ours == theirs
