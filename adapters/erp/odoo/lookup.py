"""Finding our own journal entries again: by reference, and by external id where somebody has changed the reference.

With our module one search by `hedge_ref` answers for a whole batch. Without it, `ref` is searched for the whole batch and what
is missing is asked for by external id, one call each: `ref` can be edited in Odoo, the external id cannot be by its users.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from adapters.erp.odoo.rows import many2one_id
from adapters.erp.odoo.site import Site
from adapters.erp.odoo.vendor import CANCELLED, EXTERNAL_ID_MODULE, MOVE, MOVE_LINE, STAGE_OF_STATE, OdooOptions
from connectors.odoo import VALUE_ERROR, OdooClient
from hedge_core.errors import ContractViolation, IdempotencyConflict, Rejected
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher

_KEYS_PER_QUERY: Final = 200


def external_name(key: str) -> str:
    """Name part of a voucher's external id."""
    return f"voucher_{key}"


@dataclass(slots=True)
class FoundEntry:
    """A journal entry that is ours: its header and what its lines add up to."""

    key: str
    external_id: int
    number: str
    state: str
    posting_date: date
    lines: int = 0
    debit: Decimal = Decimal(0)
    accounts: dict[str, Decimal] = field(default_factory=dict)

    @property
    def cancelled(self) -> bool:
        return self.state == CANCELLED

    @property
    def stage(self) -> Stage:
        return STAGE_OF_STATE[self.state]

    def receipt(self, *, found_by_lookup: bool = True) -> PostingReceipt:
        return PostingReceipt(
            key=self.key,
            number=self.number,
            external_id=str(self.external_id),
            stage=self.stage,
            posting_date=self.posting_date,
            total=self.debit,
            found_by_lookup=found_by_lookup,
        )

    def says_the_same_as(self, voucher: Voucher) -> bool:
        """Odoo cannot carry our content hash: date, number of lines and the balance per account must agree."""
        ours: dict[str, Decimal] = {}
        for line in voucher.lines:
            ours[line.account] = ours.get(line.account, Decimal(0)) + line.debit - line.credit
        return self.posting_date == voucher.posting_date and self.lines == len(voucher.lines) and self.accounts == ours


class EntryLookup:
    """Looks journal entries up."""

    def __init__(self, client: OdooClient, site: Site, options: OdooOptions) -> None:
        self._client = client
        self._site = site
        self._company = ("company_id", "=", options.company_id)

    def find(self, keys: Iterable[str]) -> dict[str, list[FoundEntry]]:
        """Every entry by key, cancelled ones too; a key that no entry carries is absent from the answer."""
        wanted = sorted(set(keys))
        found: list[FoundEntry] = []
        for first in range(0, len(wanted), _KEYS_PER_QUERY):
            found += self._by_reference(wanted[first : first + _KEYS_PER_QUERY])
        by_key: dict[str, list[FoundEntry]] = {}
        for entry in found:
            by_key.setdefault(entry.key, []).append(entry)
        if not self._site.has_module:
            for key in wanted:
                renamed = self._by_external_id(key) if key not in by_key else None
                if renamed is not None:
                    by_key[key] = [renamed]
        return by_key

    def one(self, key: str) -> FoundEntry | None:
        """The one living entry under a key; two of them are an `IdempotencyConflict`."""
        entries = [entry for entry in self.find([key]).get(key, []) if not entry.cancelled]
        if len(entries) > 1:
            raise IdempotencyConflict(key, system=self._client.system)
        return entries[0] if entries else None

    def read(self, keys: dict[int, str]) -> dict[str, FoundEntry]:
        """Entries by their ids (id -> key), as Odoo holds them now."""
        found = self._entries([("id", "in", sorted(keys))], lambda row: keys[int(row["id"])])
        return {entry.key: entry for entry in found}

    def _by_reference(self, keys: Sequence[str]) -> list[FoundEntry]:
        domain: list[Any] = [self._company, ("ref", "in", list(keys))]
        if self._site.has_module:
            domain = [self._company, "|", ("hedge_ref", "in", list(keys)), ("ref", "in", list(keys))]
        known = set(keys)
        return self._entries(domain, lambda row: row["hedge_ref"] if row.get("hedge_ref") in known else row["ref"])

    def _by_external_id(self, key: str) -> FoundEntry | None:
        named = {"module": EXTERNAL_ID_MODULE, "xml_id": external_name(key)}
        try:
            answer = self._client.run("ir.model.data", "check_object_reference", named, write=False)
        except Rejected as refused:
            if refused.vendor_code == VALUE_ERROR:  # how Odoo says that there is no such id
                return None
            raise
        if not isinstance(answer, list) or len(answer) != 2 or answer[0] != MOVE:
            raise ContractViolation("check_object_reference", "not a journal entry", system=self._client.system)
        return self.read({int(answer[1]): key}).get(key) if answer[1] else None

    def _entries(self, domain: Sequence[Any], key_of: Any) -> list[FoundEntry]:
        fields = ["name", "ref", "state", "date", *(["hedge_ref"] if self._site.has_module else [])]
        rows = self._client.search_read(MOVE, domain, fields)
        if not rows:
            return []
        entries: dict[int, FoundEntry] = {}
        try:
            for row in rows:
                if row["state"] != CANCELLED and row["state"] not in STAGE_OF_STATE:
                    raise ValueError(f"state {row['state']}")
                entries[int(row["id"])] = FoundEntry(
                    key_of(row), int(row["id"]), str(row["name"] or ""), row["state"], date.fromisoformat(row["date"])
                )
            self._add_lines(entries)
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            reason = f"an entry that cannot be read: {type(error).__name__}"
            raise ContractViolation(MOVE, reason, system=self._client.system) from error
        return list(entries.values())

    def _add_lines(self, entries: dict[int, FoundEntry]) -> None:
        domain = [("move_id", "in", sorted(entries))]
        lines = self._client.search_read(MOVE_LINE, domain, ["move_id", "account_id", "debit", "credit"])
        codes = self._site.account_codes(one for line in lines if (one := many2one_id(line["account_id"])) is not None)
        for line in lines:
            account = many2one_id(line["account_id"])
            if account is None:
                continue  # a section or a note: no amount
            entry = entries[int(line["move_id"][0])]
            code = codes.get(account, f"#{account}")
            debit, credit = Decimal(line["debit"]), Decimal(line["credit"])
            entry.lines += 1
            entry.debit += debit
            entry.accounts[code] = entry.accounts.get(code, Decimal(0)) + debit - credit
