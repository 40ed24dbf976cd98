"""Files that go with a voucher: the broker's statement, the calculation sheet, the designation of the hedge.

Switched on by the book's setting `attachments = on`. Each file is an outbox row of its own that waits for the voucher's; its
bytes are made again when it is sent and must be those that were queued. The other side is asked for the name first, so that a
file stands there once.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hedge_core.errors import Rejected
from hedge_core.model.vouchers import PostingReceipt, Voucher
from hedge_core.ports.erp import Attaches, ErpAdapter
from hedge_core.ports.storage import UnitOfWork

ATTACHMENT: Final = "attachment"
SETTING: Final = "attachments"
_SHEET: Final = ("role", "account", "debit", "credit", "summary", "dimensions", "quantity", "unit", "sources")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file's name, which people read in the ERP, and its bytes."""

    name: str
    body: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes."""
        return hashlib.sha256(self.body).hexdigest()


def attachments_of(uow: UnitOfWork, voucher: Voucher) -> list[Attachment]:
    """The files of a voucher in a fixed order; none where the book's setting is not `on`."""
    if uow.book.settings.get(SETTING, "off") != "on":
        return []
    return [*_statements(uow, voucher), _sheet(voucher), *_designation(uow, voucher)]


def queue_attachments(uow: UnitOfWork, connection: str, voucher: Voucher, after: int, now: datetime) -> int:
    """A row per file, to be sent when the voucher's row `after` is done; answers how many."""
    files = attachments_of(uow, voucher)
    for number, one in enumerate(files):
        subject = f"{voucher.voucher_id}/{one.name}"
        uow.outbox.enqueue(connection, ATTACHMENT, subject, f"{voucher.key}-{number}", one.digest, now, after)
    return len(files)


def send(adapter: ErpAdapter, receipt: PostingReceipt, file: Attachment) -> PostingReceipt:
    """Put the file on the document; the adapter looks for its name first."""
    if not isinstance(adapter, Attaches):
        system = adapter.capabilities.system
        raise Rejected("no-attachments", f"{system} takes no attachments by its interface", system="HedgeBridge")
    adapter.attach(receipt, file.name, file.body)
    return receipt


def _statements(uow: UnitOfWork, voucher: Voucher) -> Iterator[Attachment]:
    """The statement of the posting date, or of the last day before it (a month may end on a Sunday), per broker account. The
    version stands in the name: a corrected statement is another file."""
    accounts = {value for line in voucher.lines for name, value in line.dimensions if name == "broker_account"}
    for account in sorted(accounts):
        stored = uow.statements.current(account, voucher.posting_date)
        stored = stored or uow.statements.previous(account, voucher.posting_date + timedelta(days=1))
        if stored is None:
            continue
        day = stored.statement.trading_day
        body = uow.statements.body(account, day, stored.version)
        if body:
            ending = stored.source_name.rpartition(".")[2].lower() or "txt"
            yield Attachment(f"statement_{account}_{day:%Y%m%d}_v{stored.version}.{ending}", body)


def _sheet(voucher: Voucher) -> Attachment:
    """Every line with the records it was calculated from, as a table that a spreadsheet opens."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(_SHEET)
    for line in voucher.lines:
        dimensions = "; ".join(f"{name}={value}" for name, value in line.dimensions)
        sources = "; ".join(f"{source.kind}:{source.key}" for source in line.sources)
        table.writerow(
            (line.role, line.account, line.debit, line.credit, line.summary, dimensions,
             "" if line.quantity is None else line.quantity, line.unit or "", sources)
        )  # fmt: skip
    return Attachment(f"calculation_{voucher.key}.csv", text.getvalue().encode("utf-8-sig"))


def _designation(uow: UnitOfWork, voucher: Voucher) -> Iterator[Attachment]:
    if voucher.relationship is None:
        return
    body = uow.document("designation", voucher.relationship)
    if body:
        yield Attachment(f"designation_{voucher.relationship}.json", body)
