"""Checkpoints put together: the book's signing key, the anchors its settings name, and both in one call for the schedule.

Settings of a book: `anchor.folder` (a path), `anchor.mail` (recipient), `anchor.mail_from`, `anchor.mail_server`
(`host` or `host:port`), `anchor.mail_user` (password in HEDGEBRIDGE_MAIL_PASSWORD), `anchor.mail_ca_file`, `anchor.erp` (a
connection whose newest delivered voucher gets the checkpoint as an attachment).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.anchors import FolderAnchor, MailAnchor, MailServer
from adapters.secrets import Ed25519Signer, new_sealed_signing_key, open_signer
from hedge_core.audit import VerifierKey
from hedge_core.errors import InvalidInput, Rejected
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, VoucherStatus
from hedge_core.ports.anchor import Anchor
from hedge_core.ports.erp import Attaches
from hedge_core.use_cases.checkpoints import Anchored, anchor_checkpoint, make_checkpoint
from messages import Message
from worker.bootstrap import App
from worker.rotation import SIGNING_KEY

PASSWORD_VARIABLE: Final = "HEDGEBRIDGE_MAIL_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class ErpAnchor:
    """Fits the port `Anchor`: the note becomes an attachment of a document in the ERP, by the adapter's `attach`."""

    connection: str
    adapter: Any
    receipt: PostingReceipt

    @property
    def place(self) -> str:
        return f"{self.connection}:{self.receipt.number}"

    def keep(self, name: str, note: str) -> str:
        if not isinstance(self.adapter, Attaches):
            raise Rejected("no-attachments", "this ERP adapter does not offer attachments", system=self.connection)
        self.adapter.attach(self.receipt, name, note.encode())
        return f"{self.place} {name}"


def signer(app: App, book: BookId, actor: Actor) -> Ed25519Signer:
    """The book's signing key, made and sealed when it has none yet. Its name is `hedgebridge/<book>`."""
    with app.store.read(book) as uow:
        names = uow.documents(SIGNING_KEY)
    if not names:
        name = f"hedgebridge/{book}"
        sealed = new_sealed_signing_key(app.secrets, name)
        made = open_signer(app.secrets, name, sealed)
        with app.store.begin(book, actor) as uow:
            if not uow.documents(SIGNING_KEY):
                uow.save_document(SIGNING_KEY, name, sealed.encode())
                uow.audit.append("signing_key.made", name, {"key": str(VerifierKey(name, made.public_key))})
            names = uow.documents(SIGNING_KEY)
    with app.store.read(book) as uow:
        sealed = (uow.document(SIGNING_KEY, names[0]) or b"").decode()
    return open_signer(app.secrets, names[0], sealed)


def public_key(app: App, book: BookId, actor: Actor) -> VerifierKey:
    """The key to publish: with it anybody checks the book's checkpoints."""
    made = signer(app, book, actor)
    return VerifierKey(made.name, made.public_key)


def anchors(app: App, book: BookId) -> list[Anchor]:
    """The anchors that the book's settings name. InvalidInput for settings that are no anchor."""
    with app.store.read(book) as uow:
        settings = uow.book.settings
    found: list[Anchor] = []
    if folder := settings.get("anchor.folder"):
        found.append(FolderAnchor(Path(folder)))
    if recipient := settings.get("anchor.mail"):
        found.append(_mail(settings, recipient))
    if name := settings.get("anchor.erp"):
        found += _erp(app, book, name)
    return found


def checkpoint_and_anchor(app: App, book: BookId, actor: Actor) -> tuple[str, str, list[Anchored]]:
    """(name, note, what became of each anchor) of a checkpoint of the log as it is now."""
    name, note = make_checkpoint(app.store, book, signer(app, book, actor), actor)
    return name, note, anchor_checkpoint(app.store, book, name, note, anchors(app, book), actor)


def _mail(settings: Mapping[str, str], recipient: str) -> MailAnchor:
    address = settings.get("anchor.mail_server", "")
    host, _, port = address.partition(":")
    if not host or (port and not port.isdigit()):
        raise InvalidInput("anchor.mail_server", 0, "", Message("audit.mail_server", {"value": address}))
    user = settings.get("anchor.mail_user", "")
    server = MailServer(
        host, int(port or 465), user, os.environ.get(PASSWORD_VARIABLE, ""), settings.get("anchor.mail_ca_file")
    )
    return MailAnchor(server, settings.get("anchor.mail_from") or user or recipient, recipient)


def _erp(app: App, book: BookId, name: str) -> list[Anchor]:
    """The anchor at the newest delivered voucher of a connection; none while nothing was delivered."""
    with app.store.read(book) as uow:
        delivered = [v for v in uow.results.vouchers(VoucherStatus.DELIVERED) if v.receipt is not None]
    if not delivered:
        return []
    newest = max(delivered, key=lambda stored: (stored.voucher.posting_date, stored.voucher.voucher_id))
    assert newest.receipt is not None  # noqa: S101 - chosen so above
    return [ErpAnchor(name, app.erp(book, name), newest.receipt)]
