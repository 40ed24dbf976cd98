"""Finding our own documents again: our note of what was published, and what the ERP answered about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

from adapters.erp.file_drop.acknowledgements import KEY, Acknowledgements, Answers
from connectors.drop_folder import DropFolder
from hedge_core.errors import ContractViolation, IdempotencyConflict
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher


class Sent(msgspec.Struct, frozen=True):
    """Our note of a voucher, kept in `sent/` before its file is published. `staged` is the file's name until then."""

    v: int
    key: str
    content_hash: str
    file: str
    staged: str
    posting_date: date
    total: Decimal
    lines: int


def note_name(key: str) -> str:
    """The name of a voucher's note. ValueError for what is no key of ours: no path is ever made of it."""
    if not KEY.fullmatch(key):
        raise ValueError(f"not an idempotency key: {key!r}")
    return f"{key}.json"


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about one reference. `published` is False while the file is staged only."""

    key: str
    sent: Sent | None
    published: bool
    answers: Answers

    def receipts(self) -> list[PostingReceipt]:
        """One receipt per document: those the ERP has, else the file on its way; none after a refusal."""
        if self.answers.taken:
            return [
                PostingReceipt(
                    key=self.key,
                    number=taken.number or (self.sent.file if self.sent else self.key),
                    external_id=self.sent.file if self.sent else taken.number,
                    stage=taken.stage,
                    posting_date=taken.posting_date or (self.sent.posting_date if self.sent else None),
                    total=self.sent.total if taken.total is None and self.sent else taken.total,
                    found_by_lookup=True,
                )
                for taken in self.answers.taken.values()
            ]
        if self.answers.refused is not None or self.sent is None or not self.published:
            return []
        return [self.on_its_way(self.sent)]

    @staticmethod
    def on_its_way(sent: Sent, *, found: bool = True) -> PostingReceipt:
        """The receipt of a file that lies in `out/` or was taken from there: the file's name is its number for now."""
        return PostingReceipt(
            key=sent.key,
            number=sent.file,
            external_id=sent.file,
            stage=Stage.SAVED,
            posting_date=sent.posting_date,
            total=sent.total,
            found_by_lookup=found,
        )

    def says_the_same_as(self, voucher: Voucher) -> bool:
        """Our note carries the content's hash; of a document without our note, date and sum must agree where told."""
        if self.sent is not None:
            return self.sent.content_hash == voucher.content_hash
        return all(
            taken.posting_date in (None, voucher.posting_date) and taken.total in (None, voucher.total)
            for taken in self.answers.taken.values()
        )


class VoucherLookup:
    """Looks vouchers up by reference."""

    def __init__(self, folder: DropFolder, acknowledgements: Acknowledgements) -> None:
        self._folder = folder
        self._acknowledgements = acknowledgements

    def find(self, keys: Iterable[str]) -> Mapping[str, Found]:
        """What is known about each of the keys."""
        answers = self._acknowledgements.answers()
        return {key: self._one(key, answers.get(key) or Answers()) for key in keys}

    def one(self, key: str) -> PostingReceipt | None:
        """The one document under a reference; two of them are an `IdempotencyConflict`."""
        receipts = self.find([key])[key].receipts()
        if len(receipts) > 1:
            raise IdempotencyConflict(key, system=self._folder.system)
        return receipts[0] if receipts else None

    def _one(self, key: str, answers: Answers) -> Found:
        sent = self._sent(key)
        return Found(key, sent, sent is not None and not self._folder.is_staged(sent.staged), answers)

    def _sent(self, key: str) -> Sent | None:
        body = self._folder.kept(note_name(key))
        if body is None:
            return None
        try:
            sent = msgspec.json.decode(body, type=Sent)
        except msgspec.DecodeError as error:
            raise ContractViolation(
                f"sent/{note_name(key)}", "our own note cannot be read", system=self._folder.system
            ) from error
        if sent.key != key:
            raise ContractViolation(f"sent/{note_name(key)}", "the note of another voucher", system=self._folder.system)
        return sent
