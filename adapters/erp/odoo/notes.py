"""Hedge notes on orders: in our module's model where it is installed, else as an internal note in the order's chatter.

A chatter only grows, so the newest note about a line is the one that counts; each is marked with its line and carries the
whole current text. Neither place touches the order itself, and neither is shown to the customer.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.erp.odoo.refusals import refused_here
from adapters.erp.odoo.rows import many2one_id
from adapters.erp.odoo.site import Site
from adapters.erp.odoo.vendor import OdooOptions, Source
from connectors.odoo import OdooClient
from hedge_core.errors import ContractViolation, Rejected
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.vouchers import PostingReceipt, Stage
from hedge_core.notes import hedge_note

_TAG: Final = re.compile(r"<[^>]*>")
NOTE_MODEL: Final = "hedge.match"


class HedgeWriter:
    """Writes the hedge note of an order line."""

    def __init__(self, client: OdooClient, site: Site, options: OdooOptions, sources: Mapping[str, Source]) -> None:
        self._client = client
        self._site = site
        self._company = options.company_id
        self._sources = sources

    def find(self, leg: ExternalRef) -> str | None:
        """The note now on the line; None when there is no such line."""
        order = self._order(leg)
        return None if order is None else self._present(leg, order)

    def push(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        """Write the whole current note, then read it back. The same text there already is a success."""
        wanted = hedge_note(matches)
        order = self._order(leg)
        if order is None:
            raise Rejected("not-found", f"order line {leg.key} does not exist any more", system=self._client.system)
        if self._present(leg, order) != wanted:
            self._write(leg, order, wanted)
            if self._present(leg, order) != wanted:
                raise ContractViolation("read-back", "the hedge note differs from what was written")
        return PostingReceipt(key=leg.key, number=order[1], external_id=str(order[0]), stage=Stage.SAVED)

    def _order(self, leg: ExternalRef) -> tuple[int, str] | None:
        """(id, name) of the line's order. A read of a missing record is an empty answer, not an error."""
        source = self._sources.get(leg.kind)
        if source is None:
            raise refused_here("no-place", "odoo.no_note_place", kind=leg.kind)
        rows = self._client.search_read(source.model, [("id", "=", int(leg.key))], ["order_id"])
        record = many2one_id(rows[0].get("order_id")) if rows else None
        return None if record is None else (record, str(rows[0]["order_id"][1]))

    def _present(self, leg: ExternalRef, order: tuple[int, str]) -> str:
        if self._site.has_module:
            return str((self._module_note(leg) or {}).get("note") or "")
        mark = _mark(leg)
        domain = [("model", "=", self._order_model(leg)), ("res_id", "=", order[0]), ("body", "like", mark)]
        rows = self._client.search_read("mail.message", domain, ["body"], order="id desc", limit=1)
        if not rows:
            return ""
        text = html.unescape(_TAG.sub("", str(rows[0]["body"] or ""))).strip()
        return text.partition(mark)[2].strip()

    def _write(self, leg: ExternalRef, order: tuple[int, str], wanted: str) -> None:
        if not self._site.has_module:
            named = {
                "body": f"{_mark(leg)} {wanted}".rstrip(), "message_type": "comment", "subtype_xmlid": "mail.mt_note",
            }  # fmt: skip
            self._client.run(self._order_model(leg), "message_post", named, ids=[order[0]], write=True)
            return
        present = self._module_note(leg)
        if present is not None:
            self._client.run(NOTE_MODEL, "write", {"vals": {"note": wanted}}, ids=[present["id"]], write=True)
            return
        values = {
            "leg_model": self._sources[leg.kind].model, "leg_id": int(leg.key), "order_name": order[1], "note": wanted,
            "company_id": self._company,
        }  # fmt: skip
        self._client.run(NOTE_MODEL, "create", {"vals_list": [values]}, write=True)

    def _module_note(self, leg: ExternalRef) -> dict[str, Any] | None:
        domain = [("leg_model", "=", self._sources[leg.kind].model), ("leg_id", "=", int(leg.key))]
        rows = self._client.search_read(NOTE_MODEL, domain, ["note"])
        return rows[0] if rows else None

    def _order_model(self, leg: ExternalRef) -> str:
        return self._sources[leg.kind].parts[0].model


def _mark(leg: ExternalRef) -> str:
    return f"[HedgeBridge {leg.key}]"
