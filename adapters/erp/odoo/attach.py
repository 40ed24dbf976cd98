"""Files on a journal entry in Odoo: records of `ir.attachment`, looked up by name before one is made."""

from __future__ import annotations

import base64
from typing import Final

from adapters.erp.odoo.vendor import MOVE
from connectors.odoo import OdooClient
from hedge_core.errors import IdempotencyConflict
from hedge_core.model.vouchers import PostingReceipt

_MODEL: Final = "ir.attachment"


class Attachments:
    """Who may write an entry may attach to it."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client

    def names(self, receipt: PostingReceipt) -> dict[str, int]:
        """Name and size of every file on the entry."""
        domain = [("res_model", "=", MOVE), ("res_id", "=", int(receipt.external_id))]
        found: dict[str, int] = {}
        for row in self._client.search_read(_MODEL, domain, ["name", "file_size"]):
            if row["name"] in found:
                raise IdempotencyConflict(str(row["name"]), system=self._client.system)
            found[str(row["name"])] = int(row["file_size"] or 0)
        return found

    def attach(self, receipt: PostingReceipt, name: str, body: bytes) -> None:
        """Make the file unless one of that name is there."""
        present = self.names(receipt)
        if name in present:
            if present[name] != len(body):
                raise IdempotencyConflict(name, system=self._client.system)
            return
        values = {
            "name": name, "res_model": MOVE, "res_id": int(receipt.external_id), "type": "binary",
            "datas": base64.b64encode(body).decode(),
        }  # fmt: skip
        self._client.run(_MODEL, "create", {"vals_list": [values]}, write=True)
