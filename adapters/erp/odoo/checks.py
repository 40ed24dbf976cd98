"""The health check of an Odoo connection: the questions in the order in which a failure is worth looking at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.erp.odoo.lookup import EntryLookup
from adapters.erp.odoo.read import Assembler
from adapters.erp.odoo.site import Company, Site
from adapters.erp.odoo.vendor import MOVE, ORDER_SOURCES, STOCK_SOURCE, OdooOptions, Source
from adapters.erp.records import Mapper
from connectors.odoo import OdooClient
from hedge_core.errors import PlatformError, Rejected, Unavailable
from hedge_core.ports.erp import Discovered, Health, HealthStep, PostingNeeds, Question
from messages import Message

_CUSTOM = "x_"
"""Prefix of fields that a customer adds. Absent ones are ordinary; any other absent field is a mistake in the mapping."""


class HealthCheck:
    """Runs the steps; after a failed login nothing more is asked."""

    def __init__(
        self, client: OdooClient, site: Site, options: OdooOptions, mappers: Mapping[str, Mapper[Any]]
    ) -> None:
        self._client = client
        self._site = site
        self._options = options
        self._mappers = mappers

    def run(self) -> Health:
        """The steps in order."""
        self._site.forget()
        try:
            company = self._site.company()
        except PlatformError as error:
            name = "reach" if isinstance(error, Unavailable) else "company" if isinstance(error, Rejected) else "login"
            return Health((HealthStep(name, False, error.message),))
        found = Message("odoo.check_login", {"company": company.name, "currency": company.currency})
        steps = [HealthStep("login", True, found)]
        steps += [self._step(name, ask) for name, ask in self._questions(company)]
        return Health(tuple(steps))

    def _questions(self, company: Company) -> Iterator[tuple[str, Callable[[], tuple[bool, Message]]]]:
        for source in (*ORDER_SOURCES, STOCK_SOURCE):
            yield f"fields:{source.kind}", lambda source=source: self._fields(source)  # type: ignore[misc]
        yield "precision", self._precision
        yield "journal", self._journal
        yield "rights", self._rights
        yield "period", lambda: self._period(company)
        yield "module", self._module

    def _step(self, name: str, ask: Callable[[], tuple[bool, Message]]) -> HealthStep:
        try:
            ok, finding = ask()
        except PlatformError as error:
            return HealthStep(name, False, error.message)
        return HealthStep(name, ok, finding)

    def _fields(self, source: Source) -> tuple[bool, Message]:
        assembler = Assembler(self._site, source, self._mappers[source.kind].spec.fields)
        domain = [("company_id", "=", self._options.company_id), *source.domain]
        rows = self._client.search_read(source.model, domain, assembler.row_fields, limit=1)
        assembler.bodies(rows)
        missing = assembler.missing()
        params = {"model": source.model, "missing": ", ".join(missing)}
        if any(not path.rpartition(".")[2].startswith(_CUSTOM) for path in missing):
            return False, Message("odoo.check_fields_missing", params)
        if missing:
            return True, Message("odoo.check_fields", params)
        return True, Message("odoo.check_fields_all", {"model": source.model})

    def _precision(self) -> tuple[bool, Message]:
        digits, needed = self._site.quantity_digits(), self._options.quantity_digits
        if digits is None or digits < needed:
            return False, Message("odoo.check_precision_low", {"digits": digits or "?", "needed": needed})
        return True, Message("odoo.check_precision", {"digits": digits})

    def _journal(self) -> tuple[bool, Message]:
        self._site.journal()
        return True, Message("odoo.check_journal", {"journal": self._options.journal})

    def _rights(self) -> tuple[bool, Message]:
        """`has_access` since 18, `check_access_rights` before: which one exists is found by asking."""
        try:
            allowed = self._client.run(MOVE, "has_access", {"operation": "create"}, ids=[], write=False)
        except (Rejected, Unavailable):
            named = {"operation": "create", "raise_exception": False}
            allowed = self._client.run(MOVE, "check_access_rights", named, write=False)
        return bool(allowed), Message("odoo.check_rights" if allowed else "odoo.check_no_rights")

    def _period(self, company: Company) -> tuple[bool, Message]:
        if company.locked_until is None:
            return True, Message("odoo.check_open")
        return True, Message("odoo.check_locked", {"until": company.locked_until})

    def examine(self, needs: PostingNeeds, lookup: EntryLookup) -> Iterator[HealthStep]:
        """PERIOD, RATE_TYPES (the company's currency: entries are made in no other), READ_BACK and AFTER_AUDIT."""
        yield self._step(Question.PERIOD.value, lambda: self._open_today(needs))
        yield self._step(Question.RATE_TYPES.value, lambda: self._currency(needs))
        yield self._step(Question.READ_BACK.value, lambda: self._read_back(lookup))
        yield HealthStep(Question.AFTER_AUDIT.value, True, Message("doctor.notes_free"))

    def _open_today(self, needs: PostingNeeds) -> tuple[bool, Message]:
        until = self._site.company().locked_until
        if until is not None and needs.today <= until:
            return False, Message("doctor.period_locked", {"until": until, "today": needs.today})
        return True, Message("doctor.period_open", {"today": needs.today})

    def _currency(self, needs: PostingNeeds) -> tuple[bool, Message]:
        theirs = self._site.company().currency
        if theirs != needs.currency:
            return False, Message("doctor.currency_other", {"theirs": theirs, "currency": needs.currency})
        return True, Message("doctor.currency_ok", {"currency": theirs})

    def _read_back(self, lookup: EntryLookup) -> tuple[bool, Message]:
        lookup.find(["HB00000000000000"])
        return True, Message("doctor.read_back_ok", {"field": "hedge_ref" if self._site.has_module else "ref"})

    def discover(self) -> Iterator[Discovered]:
        """Companies, journals for general entries, and the fields that a customer added to orders."""
        for row in self._client.search_read("res.company", [], ["name"]):
            yield Discovered("company", "res.company", str(row["id"]), str(row["name"]))
        for row in self._client.search_read("account.journal", [("type", "=", "general")], ["code", "name"]):
            yield Discovered("journal", "account.journal", str(row["code"]), str(row["name"]))
        for model in (*(source.model for source in ORDER_SOURCES), *(f"{one}.order" for one in ("sale", "purchase"))):
            for name, told in sorted(self._site.fields(model).items()):
                if name.startswith(_CUSTOM):
                    yield Discovered("field", model, name, str(told.get("string") or ""), "custom")

    def _module(self) -> tuple[bool, Message]:
        return True, Message("odoo.check_module" if self._site.has_module else "odoo.check_no_module")
