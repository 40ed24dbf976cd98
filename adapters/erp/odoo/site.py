"""What this database has: fields, the company with its currency and lock date, journal, accounts, partners, precision."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from adapters.erp.odoo.refusals import refused_here
from adapters.erp.odoo.vendor import ALIASES, LOCK_FIELDS, MOVE, PRECISION_NAMES, OdooOptions
from connectors.odoo import OdooClient
from hedge_core.errors import ContractViolation

ARCHIVED_TOO: Final = {"active_test": False}


@dataclass(frozen=True, slots=True)
class Company:
    """The company we post for: its currency, and the date up to which its books are locked (None: not locked)."""

    name: str
    currency: str
    locked_until: date | None


class Site:
    """Answers questions about one database. What hardly changes is asked once; the lock date is asked every time."""

    def __init__(self, client: OdooClient, options: OdooOptions) -> None:
        self._client = client
        self._options = options
        self._lock = threading.Lock()
        self._fields: dict[str, Mapping[str, Mapping[str, Any]]] = {}
        self._accounts: dict[str, int] = {}
        self._partners: dict[str, int] = {}
        self._journal: int | None = None

    def forget(self) -> None:
        """Ask everything again: a module may have been installed, an account added."""
        with self._lock:
            self._fields.clear()
            self._accounts.clear()
            self._partners.clear()
            self._journal = None

    def fields(self, model: str) -> Mapping[str, Mapping[str, Any]]:
        """The model's fields here."""
        if model not in self._fields:
            found = self._client.fields_get(model)
            with self._lock:
                self._fields[model] = found
        return self._fields[model]

    def field(self, model: str, name: str) -> str | None:
        """What this release calls a field of the newest one; None when it has no such field."""
        here = self.fields(model)
        return next((each for each in ALIASES.get(name, (name,)) if each in here), None)

    @property
    def has_module(self) -> bool:
        """Whether our module is installed: journal entries have `hedge_ref`."""
        return "hedge_ref" in self.fields(MOVE)

    def company(self) -> Company:
        """The company as it is now."""
        here = self.fields("res.company")
        locks = [name for name in LOCK_FIELDS if name in here]
        domain = [("id", "=", self._options.company_id)]
        rows = self._client.search_read("res.company", domain, ["name", "currency_id", *locks])
        if not rows:
            raise refused_here("company", "odoo.no_company", company=self._options.company_id)
        row = rows[0]
        dates = [date.fromisoformat(row[name]) for name in locks if row.get(name)]
        if not isinstance(row.get("currency_id"), list):
            raise ContractViolation("res.company", "no currency", system=self._client.system)
        return Company(str(row["name"]), str(row["currency_id"][1]), max(dates, default=None))

    def journal(self) -> int:
        """The id of the configured journal."""
        if self._journal is None:
            domain = [("code", "=", self._options.journal), ("company_id", "=", self._options.company_id)]
            rows = self._client.search_read("account.journal", domain, ["type"])
            if len(rows) != 1 or rows[0]["type"] != "general":
                raise refused_here("journal", "odoo.no_journal", journal=self._options.journal)
            self._journal = int(rows[0]["id"])
        return self._journal

    def accounts(self, codes: Iterable[str]) -> Mapping[str, int]:
        """Account ids by code, as far as they exist in the company. The code belongs to the company, so a row that shows
        none is another company's account."""
        missing = sorted(set(codes) - self._accounts.keys())
        if missing:
            rows = self._client.search_read("account.account", [("code", "in", missing)], ["code"])
            self._accounts.update({row["code"]: int(row["id"]) for row in rows if row["code"]})
        return self._accounts

    def account_codes(self, ids: Iterable[int]) -> Mapping[int, str]:
        """Account codes by id, archived accounts included; an id whose code we may not see is shown as `#id`."""
        known = {record: code for code, record in self._accounts.items()}
        missing = sorted(set(ids) - known.keys())
        if missing:
            rows = self._client.search_read("account.account", [("id", "in", missing)], ["code"], context=ARCHIVED_TOO)
            self._accounts.update({row["code"]: int(row["id"]) for row in rows if row["code"]})
            known.update({int(row["id"]): str(row["code"]) for row in rows if row["code"]})
        return known

    def partners(self, references: Iterable[str]) -> Mapping[str, int]:
        """Partner ids by internal reference; a reference that two partners share is left out."""
        missing = sorted(set(references) - self._partners.keys())
        if missing:
            rows = self._client.search_read("res.partner", [("ref", "in", missing)], ["ref"])
            found = [row["ref"] for row in rows]
            self._partners.update({row["ref"]: int(row["id"]) for row in rows if found.count(row["ref"]) == 1})
        return self._partners

    def quantity_digits(self) -> int | None:
        """Decimals that this database keeps of a quantity; None when it does not say."""
        rows = self._client.search_read("decimal.precision", [("name", "in", list(PRECISION_NAMES))], ["digits"])
        return min((int(row["digits"]) for row in rows), default=None)

    def taxes(self, ids: Iterable[int]) -> Mapping[int, Mapping[str, Any]]:
        """Rate, kind and inclusion of taxes by id."""
        rows = self._client.search_read(
            "account.tax", [("id", "in", sorted(set(ids)))], ["amount", "amount_type", "price_include"],
            context=ARCHIVED_TOO,
        )  # fmt: skip
        return {int(row["id"]): row for row in rows}

    def related(self, model: str, ids: Sequence[int], fields: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Records by id, archived ones included; one that was deleted meanwhile is absent."""
        domain = [("id", "in", sorted(set(ids)))]
        rows = self._client.search_read(model, domain, fields, context=ARCHIVED_TOO)
        return {int(row["id"]): row for row in rows}
