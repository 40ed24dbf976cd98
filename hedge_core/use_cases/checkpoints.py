"""Checkpoints of a book's audit log: made, kept elsewhere, compared, and used to prove what the log says of a voucher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hedge_core.audit.checkpoints import Checkpoint, log_origin, sign_checkpoint
from hedge_core.audit.evidence import ProvenEvent, evidence_for, write_consistency, write_evidence
from hedge_core.errors import InvalidInput, PlatformError
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.anchor import Anchor
from hedge_core.ports.signer import Signer
from hedge_core.ports.storage import Store
from messages import Message

CHECKPOINT: Final = "checkpoint"
"""Kind of the documents that hold signed notes; their name is the size, zero-padded so that names sort by it."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """One try to keep a checkpoint somewhere: where it is now, or why it is not."""

    place: str
    kept_as: str
    problem: Message | None = None


def make_checkpoint(store: Store, book: BookId, signer: Signer, actor: Actor) -> tuple[str, str]:
    """Sign size and root of the log as it is now; answers (name, note). A log that has not grown since the last checkpoint
    keeps that one, unless another key signs now."""
    with store.begin(book, actor) as uow:
        size, root = uow.audit.head()
        name = f"{size:012d}"
        known = uow.document(CHECKPOINT, name)
        note = sign_checkpoint(Checkpoint(log_origin(book), size, bytes.fromhex(root)), signer)
        if known is None or known.decode() != note:  # Ed25519 signs the same text with the same bytes
            uow.save_document(CHECKPOINT, name, note.encode())
        return name, note


def anchor_checkpoint(
    store: Store, book: BookId, name: str, note: str, anchors: Sequence[Anchor], actor: Actor
) -> list[Anchored]:
    """Hand the note to every anchor, each on its own: one that fails does not keep the others from it. What was kept is
    written to the log."""
    results = []
    for anchor in anchors:
        try:
            results.append(Anchored(anchor.place, anchor.keep(f"{book}-{name}.txt", note)))
        except PlatformError as error:
            results.append(Anchored(anchor.place, "", error.message))
    kept = [result.kept_as for result in results if result.problem is None]
    if kept:
        with store.begin(book, actor) as uow:
            uow.audit.append("checkpoint.anchored", name, {"places": kept})
    return results


def newest_checkpoint(store: Store, book: BookId) -> tuple[int, str]:
    """(size, note) of the newest checkpoint. InvalidInput when there is none."""
    with store.read(book) as uow:
        names = uow.documents(CHECKPOINT)
        note = uow.document(CHECKPOINT, names[-1]) if names else None
    if note is None:
        raise InvalidInput("audit", 0, "checkpoint", Message("audit.no_checkpoint", {"book": book}))
    return int(names[-1]), note.decode()


def prove_voucher(store: Store, book: BookId, voucher_id: str) -> tuple[str, list[ProvenEvent]]:
    """The file of evidence for a voucher under the newest checkpoint, and what is in it. InvalidInput when there is no
    such voucher, or no event of it is covered yet."""
    size, note = newest_checkpoint(store, book)
    with store.read(book) as uow:
        if uow.results.voucher(voucher_id) is None:
            raise InvalidInput("audit", 0, "voucher", Message("audit.no_voucher", {"voucher": voucher_id}))
        events = evidence_for(uow.audit.events(), voucher_id, size)
    if not events:
        raise InvalidInput("audit", 0, "voucher", Message("audit.not_covered", {"voucher": voucher_id, "size": size}))
    return write_evidence(voucher_id, note, events), events


def prove_consistency(store: Store, book: BookId, older: Checkpoint, older_note: str) -> str:
    """The file that shows the log of an older checkpoint to be the beginning of the newest checkpoint's. InvalidInput when
    the older one is larger or of another log."""
    size, note = newest_checkpoint(store, book)
    if older.size > size or older.origin != log_origin(book):
        found = {"size": older.size, "origin": older.origin, "found": size}
        raise InvalidInput("audit", 0, "checkpoint", Message("audit.not_older", found))
    with store.read(book) as uow:
        leaves = []
        for sequence, _, leaf in uow.audit.events():
            if sequence >= size:
                break
            leaves.append(leaf)
    return write_consistency(older_note, note, older.size, leaves)
