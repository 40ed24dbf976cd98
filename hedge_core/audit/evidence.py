"""Evidence for one voucher: its events, each with the proof that it is in the log a signed checkpoint speaks of.

A file of evidence is JSON: `checkpoint` (the signed note), `subject`, and `events`, a list of `index`, `event` (the stored
bytes as text) and `proof` (hashes in hex, nearest sibling first). It is checked without the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hedge_core.audit.checkpoints import Checkpoint, VerifierKey, read_checkpoint
from hedge_core.audit.proofs import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from hedge_core.audit.tree import leaf_hash
from hedge_core.errors import InvalidInput
from hedge_core.ports.signer import SignatureCheck
from messages import Message

EVIDENCE_FORM: Final = "hedgebridge-evidence-1"
CONSISTENCY_FORM: Final = "hedgebridge-consistency-1"


@dataclass(frozen=True, slots=True)
class ProvenEvent:
    """An event at its place in the log, and the way from its leaf to the root."""

    index: int
    content: bytes
    proof: tuple[bytes, ...]


def concerns(event: Mapping[str, Any], subject: str) -> bool:
    """Whether a stored event speaks of `subject`: as its own subject (`voucher:ID` too), or by name in its details."""
    if event["subject"].rpartition(":")[2] == subject:
        return True
    return _mentions(event["details"], subject)


def _mentions(value: object, subject: str) -> bool:
    if isinstance(value, str):
        return value == subject
    if isinstance(value, Mapping):
        return any(_mentions(item, subject) for item in value.values())
    return isinstance(value, list) and any(_mentions(item, subject) for item in value)


def evidence_for(rows: Iterable[tuple[int, bytes, bytes]], subject: str, size: int) -> list[ProvenEvent]:
    """The events of the first `size` rows that concern `subject`, with their inclusion proofs in the tree of that size.

    `rows` are (sequence, canonical bytes, leaf hash) from the first event on."""
    leaves: list[bytes] = []
    found: list[tuple[int, bytes]] = []
    wanted = json.dumps(subject, ensure_ascii=False)[1:-1].encode()
    for sequence, content, leaf in rows:
        if sequence >= size:
            break
        leaves.append(leaf)
        if wanted in content and concerns(json.loads(content), subject):
            found.append((sequence, content))
    return [ProvenEvent(index, content, tuple(inclusion_proof(leaves, index))) for index, content in found]


def write_evidence(subject: str, note: str, events: Sequence[ProvenEvent]) -> str:
    """The file of evidence."""
    listed = [
        {"index": event.index, "event": event.content.decode(), "proof": [step.hex() for step in event.proof]}
        for event in events
    ]
    return _json({"form": EVIDENCE_FORM, "subject": subject, "checkpoint": note, "events": listed})


def check_evidence(text: str, key: VerifierKey, check: SignatureCheck, source: str) -> list[Message]:
    """What does not hold in a file of evidence; an empty list when all of it does. InvalidInput when it is not one, or its
    checkpoint was not signed with `key`."""
    try:
        file = json.loads(text)
        events = [
            ProvenEvent(item["index"], item["event"].encode(), tuple(map(bytes.fromhex, item["proof"])))
            for item in file["events"]
        ]
        subject, note, form = file["subject"], file["checkpoint"], file["form"]
        if form != EVIDENCE_FORM or not all(type(event.index) is int for event in events):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInput(source, 0, "", Message("audit.evidence_form")) from None
    checkpoint = read_checkpoint(note, key, check, source)
    return [
        Message("audit.not_in_log", {"index": event.index, "subject": subject, "size": checkpoint.size})
        for event in events
        if not verify_inclusion(leaf_hash(event.content), event.index, checkpoint.size, event.proof, checkpoint.root)
    ]


def write_consistency(older: str, newer: str, old_size: int, leaves: Sequence[bytes]) -> str:
    """The file that shows the log of the note `older` (of `old_size` events) to be the beginning of that of `newer`, whose
    leaves are given."""
    steps = [step.hex() for step in consistency_proof(leaves, old_size)]
    return _json({"form": CONSISTENCY_FORM, "older": older, "newer": newer, "proof": steps})


def is_beginning(older: Checkpoint, newer: Checkpoint, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows one checkpoint's log to be the beginning of the other's."""
    return older.origin == newer.origin and verify_consistency(older.size, newer.size, older.root, newer.root, proof)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
