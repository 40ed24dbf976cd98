"""Files on a voucher in Kingdee: looked up by name, then uploaded in pieces; only before the voucher is audited."""

from __future__ import annotations

from typing import Final

import msgspec

from adapters.erp.kingdee.vendor import VOUCHER_FORM, KingdeeOptions
from connectors.kingdee import KingdeeClient
from hedge_core.errors import IdempotencyConflict, Rejected
from hedge_core.model.vouchers import PostingReceipt, Stage

PIECE_BYTES: Final = 1024 * 1024
"""Of one upload; pieces are chained by the file's id."""


class Attachments:
    """The list of files is a form whose names are not confirmed by the vendor's pages: option `attachment_list`."""

    def __init__(self, client: KingdeeClient, options: KingdeeOptions) -> None:
        self._client = client
        self._list = options.attachment_list

    def names(self, receipt: PostingReceipt) -> dict[str, int]:
        """Name and size of every file on the voucher."""
        told = self._list
        where = f"{told['kind']}='{VOUCHER_FORM}' and {told['document']}='{int(receipt.external_id)}'"
        fields = [told["name"], told["size"]]
        found: dict[str, int] = {}
        for raw in self._client.query_rows(told["form"], fields, where, f"{told['name']} ASC", 0, 500):
            name, size = msgspec.json.decode(raw)
            if str(name) in found:
                raise IdempotencyConflict(str(name), system=self._client.system)
            found[str(name)] = int(size or 0)
        return found

    def attach(self, receipt: PostingReceipt, name: str, body: bytes) -> None:
        """Upload a file unless one of that name is there. An audited voucher takes none."""
        present = self.names(receipt)
        if name in present:
            if present[name] not in (0, len(body)):
                raise IdempotencyConflict(name, system=self._client.system)
            return
        if receipt.stage is Stage.AUDITED:
            raise Rejected("audited", "files are attached before a voucher is audited", system="HedgeBridge")
        file_id = ""
        pieces = [body[start : start + PIECE_BYTES] for start in range(0, max(len(body), 1), PIECE_BYTES)]
        for number, piece in enumerate(pieces, start=1):
            file_id = self._client.upload(
                VOUCHER_FORM, receipt.external_id, receipt.number, name, piece, file_id, last=number == len(pieces)
            )
