"""The suite against real systems named in the environment (see tests/support/real_system.py), and the proof that this way works:
the same against stand-ins, known by nothing but their address and credentials."""

from __future__ import annotations

import json
import os
from typing import Any

from conformance import ErpConformance
from sandbox.odoo.command import running_site as odoo_site
from tests.support.kingdee import COMMODITIES
from tests.support.kingdee import serving as kingdee_serving
from tests.support.odoo import ROUTES, STEWARDS_CODES
from tests.support.real_system import WRITES, RealSystem
from tests.support.sap import CREDIT, DEBIT
from tests.support.sap import MAPS as SAP_MAPS
from tests.support.sap import serving as sap_serving

for _name in WRITES:
    if f"HEDGEBRIDGE_TEST_{_name.upper()}_URL" in os.environ:
        _under_test = staticmethod(lambda name=_name: RealSystem(name, os.environ))
        _class = f"TestConformanceReal{_name.capitalize()}"
        globals()[_class] = type(_class, (ErpConformance,), {"under_test": _under_test})

MAY_WRITE = {"HEDGEBRIDGE_TEST_WRITE": "1"}
"""Asked before the system is entered, when nothing else of the environment is known yet."""


class KingdeeAsIfReal(RealSystem):
    """The Kingdee stand-in, given as a real site would be."""

    def __init__(self) -> None:
        super().__init__("kingdee", MAY_WRITE)

    def __enter__(self) -> RealSystem:
        kingdee = self._open.enter_context(kingdee_serving())
        kingdee.books.run("UPDATE periods SET is_open = 0 WHERE year = 2026 AND period = 1")
        site = kingdee.site
        who = site.credentials
        options: dict[str, Any] = {
            "acct_id": who.acct_id, "user": who.user, "app_id": who.app_id, "org": "100", "account_book": "001",
            "dimensions": {"broker_account": "FDETAILID__FF100002"},
        }  # fmt: skip
        self._environment = {
            "HEDGEBRIDGE_TEST_KINGDEE_URL": site.url,
            "HEDGEBRIDGE_TEST_KINGDEE_OPTIONS": json.dumps(options),
            "HEDGEBRIDGE_TEST_KINGDEE_SECRET_APP_SECRET": who.app_secret,
            "HEDGEBRIDGE_TEST_KINGDEE_ACCOUNTS": "3101,6101",
            "HEDGEBRIDGE_TEST_KINGDEE_DIMENSIONS": '{"broker_account": "80010001"}',
            "HEDGEBRIDGE_TEST_KINGDEE_DATE": "2026-03-31",
            "HEDGEBRIDGE_TEST_KINGDEE_CLOSED": "2026-01-30|会计期间2026-01已结账",
            "HEDGEBRIDGE_TEST_KINGDEE_MAPS": json.dumps({"commodities": COMMODITIES}),
            **MAY_WRITE,
        }
        return super().__enter__()


class OdooAsIfReal(RealSystem):
    """The Odoo stand-in, given as a real database would be."""

    def __init__(self) -> None:
        super().__init__("odoo", MAY_WRITE)

    def __enter__(self) -> RealSystem:
        site = self._open.enter_context(odoo_site(ROUTES["json2"]))
        who = site.credentials
        options: dict[str, Any] = {
            "database": who.database, "user": who.user, "company_id": 1, "journal": "HEDG", "series": 19,
            "dimensions": {"broker_account": "partner"}, "days_ahead": 3650,
        }  # fmt: skip
        self._environment = {
            "HEDGEBRIDGE_TEST_ODOO_URL": site.url,
            "HEDGEBRIDGE_TEST_ODOO_OPTIONS": json.dumps(options),
            "HEDGEBRIDGE_TEST_ODOO_SECRET_API_KEY": who.api_key,
            "HEDGEBRIDGE_TEST_ODOO_ACCOUNTS": "3101,6101",
            "HEDGEBRIDGE_TEST_ODOO_DIMENSIONS": '{"broker_account": "80010001"}',
            "HEDGEBRIDGE_TEST_ODOO_DATE": "2026-03-31",
            "HEDGEBRIDGE_TEST_ODOO_MAPS": json.dumps({name: dict(rows) for name, rows in STEWARDS_CODES.items()}),
            **MAY_WRITE,
        }
        return super().__enter__()


class SapAsIfReal(RealSystem):
    """The SAP stand-in, given as a real system would be."""

    def __init__(self) -> None:
        super().__init__("sap", MAY_WRITE)

    def __enter__(self) -> RealSystem:
        sap = self._open.enter_context(sap_serving())
        with sap.books.transaction():
            sap.books.set_period(2026, 1, False)
        who = sap.site.credentials
        options: dict[str, Any] = {
            "user": who.user, "sap_client": "100", "company_code": "1010", "sales_organisation": "1010",
            "chart_of_accounts": "YCOA", "created_by": "HEDGE", "dimensions": {"broker_account": "AssignmentReference"},
            "sources": ["sales_orders"],
        }  # fmt: skip
        self._environment = {
            "HEDGEBRIDGE_TEST_SAP_URL": sap.site.url,
            "HEDGEBRIDGE_TEST_SAP_OPTIONS": json.dumps(options),
            "HEDGEBRIDGE_TEST_SAP_SECRET_PASSWORD": who.password,
            "HEDGEBRIDGE_TEST_SAP_ACCOUNTS": f"{DEBIT},{CREDIT}",
            "HEDGEBRIDGE_TEST_SAP_DIMENSIONS": '{"broker_account": "80010001"}',
            "HEDGEBRIDGE_TEST_SAP_DATE": "2026-03-31",
            "HEDGEBRIDGE_TEST_SAP_CLOSED": "2026-01-30|Posting period 001 2026 is not open",
            "HEDGEBRIDGE_TEST_SAP_MAPS": json.dumps(SAP_MAPS),
            **MAY_WRITE,
        }
        return super().__enter__()


class TestConformanceKingdeeAsIfReal(ErpConformance):
    under_test = KingdeeAsIfReal


class TestConformanceOdooAsIfReal(ErpConformance):
    under_test = OdooAsIfReal


class TestConformanceSapAsIfReal(ErpConformance):
    under_test = SapAsIfReal
