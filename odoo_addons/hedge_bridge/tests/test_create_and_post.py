"""Runs inside Odoo (`--test-tags /hedge_bridge`): one voucher is one entry, and Odoo changes nothing about it unseen."""

from datetime import timedelta

from odoo import fields
from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.exceptions import ValidationError
from odoo.tests import tagged


@tagged("post_install", "-at_install")
class TestCreateAndPost(AccountTestInvoicingCommon):
    def voucher(self, reference="HB00000000000001", **changes):
        accounts = self.company_data["default_account_assets"], self.company_data["default_account_expense"]
        lines = [
            {"account_id": accounts[0].id, "name": "a", "debit": "100.10", "credit": "0"},
            {"account_id": accounts[1].id, "name": "b", "debit": "0", "credit": "100.10"},
        ]
        return {
            "hedge_ref": reference,
            "ref": reference,
            "date": fields.Date.to_string(fields.Date.today()),
            "journal_id": self.company_data["default_journal_misc"].id,
            "lines": lines,
            **changes,
        }

    def test_a_voucher_is_created_and_posted_once(self):
        moves = self.env["account.move"]
        (first,) = moves.hedge_create_and_post([self.voucher()])
        (second,) = moves.hedge_create_and_post([self.voucher()])
        self.assertEqual((first["created"], second["created"]), (True, False))
        self.assertEqual(first["id"], second["id"])
        self.assertEqual(first["state"], "posted")
        self.assertEqual(moves.search_count([("hedge_ref", "=", "HB00000000000001")]), 1)

    def test_other_content_under_the_same_key_is_refused(self):
        moves = self.env["account.move"]
        moves.hedge_create_and_post([self.voucher()])
        other = self.voucher()
        other["lines"][0]["debit"] = other["lines"][1]["credit"] = "100.11"
        with self.assertRaises(ValidationError):
            moves.hedge_create_and_post([other])

    def test_an_amount_that_would_be_rounded_is_refused(self):
        other = self.voucher()
        other["lines"][0]["debit"] = other["lines"][1]["credit"] = "100.016"
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.env["account.move"].hedge_create_and_post([other])

    def test_a_lock_date_moves_nothing(self):
        today = fields.Date.today()
        self.company_data["company"].fiscalyear_lock_date = today - timedelta(days=1)
        late = self.voucher(date=fields.Date.to_string(today - timedelta(days=40)))
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.env["account.move"].hedge_create_and_post([late])
        self.assertFalse(self.env["account.move"].search([("hedge_ref", "=", late["hedge_ref"])]))

    def test_a_name_or_a_state_cannot_come_in(self):
        for unwanted in ({"name": "HEDGE/0001"}, {"state": "posted"}):
            with self.assertRaises(ValidationError):
                self.env["account.move"].hedge_create_and_post([self.voucher(**unwanted)])

    def test_a_batch_is_all_or_none(self):
        bad = self.voucher("HB00000000000003")
        bad["lines"][0]["debit"] = "1.00"
        with self.assertRaises(Exception), self.cr.savepoint():
            self.env["account.move"].hedge_create_and_post([self.voucher("HB00000000000002"), bad])
        self.assertFalse(self.env["account.move"].search([("hedge_ref", "like", "HB0000000000000")]))
