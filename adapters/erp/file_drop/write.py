"""Putting files down: a voucher once, whole and under a name of ours; a hedge note as the whole current text.

A voucher takes three steps, and a crash between any two of them leaves a state that the next attempt understands:

    1. its file is staged where nobody looks              no note: nothing was sent, start again
    2. a note of it (key, content's hash) is kept in sent/  note and staged file: not published yet, publish now
    3. the staged file is renamed into out/               note alone: published, never again, whoever took the file away

`float` appears nowhere here: figures go into files as digits (see `voucher_file`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from adapters.erp.file_drop.acknowledgements import conflicting, unclear_error
from adapters.erp.file_drop.lookup import Found, Sent, VoucherLookup, note_name
from adapters.erp.file_drop.vendor import FileDropOptions
from adapters.erp.file_drop.voucher_file import note_table, rendered, voucher_table
from connectors.drop_folder import DropFolder
from hedge_core.errors import (
    ContractViolation,
    IdempotencyConflict,
    OutcomeUnknown,
    PlatformError,
    Rejected,
)
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher
from hedge_core.notes import hedge_note


class VoucherWriter:
    """Puts vouchers down and says what became of them."""

    def __init__(self, folder: DropFolder, options: FileDropOptions, lookup: VoucherLookup) -> None:
        self._folder = folder
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[PostingReceipt | PlatformError]:
        """One result per voucher, in order."""
        return [self._outcome(voucher) for voucher in batch]

    def _outcome(self, voucher: Voucher) -> PostingReceipt | PlatformError:
        try:
            return self._push_one(voucher)
        except PlatformError as error:
            return error

    def _push_one(self, voucher: Voucher) -> PostingReceipt:
        found = self._find(voucher)
        known = self._said(found)
        if known is not None:
            return known
        published = found.published
        sent = found.sent or self._prepare(voucher)
        if not published:
            self._folder.publish(sent.staged, sent.file)
        if not self._options.acknowledged:
            return Found.on_its_way(sent, found=published)
        known = self._said(found if published else self._find(voucher))
        if known is not None:
            return known
        error = OutcomeUnknown(
            f"{sent.file} was put down and the ERP has not acknowledged it yet", system=self._folder.system
        )
        error.reached = Found.on_its_way(sent)
        raise error

    def _find(self, voucher: Voucher) -> Found:
        found = self._lookup.find([voucher.key])[voucher.key]
        if conflicting(found.answers) or not found.says_the_same_as(voucher):
            raise IdempotencyConflict(voucher.key, system=self._folder.system)
        return found

    def _said(self, found: Found) -> PostingReceipt | None:
        """The receipt of a document that the ERP has taken; its refusal raised; None when it has not said anything."""
        if found.answers.taken:
            return found.receipts()[0]
        if found.answers.refused is not None:
            raise Rejected("refused", found.answers.refused, system=self._folder.system)
        unclear = unclear_error(found.answers)
        if unclear is not None:
            raise ContractViolation("ack/", str(unclear), system=self._folder.system) from unclear
        return None

    def _prepare(self, voucher: Voucher) -> Sent:
        """Steps 1 and 2. Refuses what does not balance: no ERP stands behind a folder to do it."""
        if sum((line.debit - line.credit for line in voucher.lines), Decimal(0)):
            raise Rejected("balance", f"voucher {voucher.voucher_id} does not balance", system="HedgeBridge")
        body = rendered(voucher_table(voucher, self._options), self._options.voucher_format)
        day = voucher.posting_date.strftime("%Y%m%d")
        file = f"voucher_{day}_{voucher.key}.{self._options.voucher_format}"
        staged = f"{voucher.key}.{hashlib.sha256(body).hexdigest()[:16]}"
        sent = Sent(
            v=1,
            key=voucher.key,
            content_hash=voucher.content_hash,
            file=file,
            staged=staged,
            posting_date=voucher.posting_date,
            total=voucher.total,
            lines=len(voucher.lines),
        )
        self._folder.stage(staged, body)
        if not self._folder.keep_new(note_name(voucher.key), msgspec.json.encode(sent)):
            raise OutcomeUnknown("somebody else is putting the same voucher down", system=self._folder.system)
        return sent


class HedgeWriter:
    """Keeps one file per hedged record, with the whole current note."""

    def __init__(self, folder: DropFolder, options: FileDropOptions) -> None:
        self._folder = folder
        self._options = options

    def find(self, leg: ExternalRef) -> str | None:
        """The note that was put down last; None when there never was one."""
        kept = self._folder.kept(_hedge_name(leg) + ".json")
        if kept is None:
            return None
        try:
            note: str = msgspec.json.decode(kept, type=dict[str, str])["note"]
        except (msgspec.DecodeError, KeyError) as error:
            raise ContractViolation("sent/", "our own hedge note cannot be read", system=self._folder.system) from error
        return note

    def push(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        """Put the whole current note down; the same text again is a success without a file."""
        wanted, name = hedge_note(matches), _hedge_name(leg)
        file = f"{name}.{self._options.voucher_format}"
        if self.find(leg) != wanted:
            self._folder.stage(name, rendered(note_table(leg, wanted, self._options), self._options.voucher_format))
            self._folder.publish(name, file)
            self._folder.keep(f"{name}.json", msgspec.json.encode({"kind": leg.kind, "key": leg.key, "note": wanted}))
        return PostingReceipt(key=leg.key, number=file, external_id=file, stage=Stage.SAVED)


def _hedge_name(leg: ExternalRef) -> str:
    """A name made of a digest: whatever stands in a record's key, it cannot lead anywhere."""
    return f"hedge_{hashlib.sha256(f'{leg.kind}:{leg.key}'.encode()).hexdigest()[:20]}"
