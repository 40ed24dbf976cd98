"""Verification of a stored log: from its rows, its head and signed checkpoints to a list of what is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from hedge_core.audit.checkpoints import Checkpoint, log_origin
from hedge_core.audit.events import AuditEvent, read_event
from hedge_core.audit.tree import Frontier, leaf_hash
from hedge_core.model.identity import BookId
from messages import Message

FINDINGS_SHOWN: Final = 100


def verify_log(
    book: BookId,
    rows: Iterable[tuple[int, bytes, bytes]],
    head: tuple[int, str],
    checkpoints: Sequence[Checkpoint] = (),
) -> list[Message]:
    """What is wrong with the log of `book`; an empty list when nothing is.

    `rows` are (sequence, canonical bytes, leaf hash) in stored order, read once; `head` is (size, root in hex);
    `checkpoints` have had their signatures checked (`read_checkpoint`). Without a checkpoint from outside the database, a
    log that was rewritten as a whole, head included, cannot be told from a true one. After a hundred findings about
    single events the rest is counted."""
    findings = _Findings()
    signed: defaultdict[int, list[Checkpoint]] = defaultdict(list)
    for checkpoint in checkpoints:
        if checkpoint.origin == log_origin(book):
            signed[checkpoint.size].append(checkpoint)
        else:
            findings.add("audit.other_log", origin=checkpoint.origin, book=book)
    frontier = Frontier()
    expected = agreed = 0  # the next sequence; the size up to which checkpoints agree
    agreed = _compare(findings, frontier, signed, agreed)
    for sequence, content, stored_hash in rows:
        expected = _check_place(findings, sequence, expected)
        _check_content(findings, book, sequence, content, stored_hash)
        # The stored hash, not the recomputed one: a changed content is already reported, and the tree then tells whether
        # the hashes themselves are the ones that were written.
        frontier = frontier.append(stored_hash)
        agreed = _compare(findings, frontier, signed, agreed)
    for size in sorted(signed):
        if size > frontier.size:
            findings.always("audit.truncated", size=size, found=frontier.size)
    _check_head(findings, frontier, head)
    return findings.listed()


class _Findings:
    """Findings in order; those about single events are cut off after a hundred."""

    def __init__(self) -> None:
        self._found: list[Message] = []
        self._whole: list[Message] = []
        self._more = 0

    def add(self, name: str, **params: object) -> None:
        if len(self._found) < FINDINGS_SHOWN:
            self._found.append(Message(name, params))
        else:
            self._more += 1

    def always(self, name: str, **params: object) -> None:
        self._whole.append(Message(name, params))

    def listed(self) -> list[Message]:
        more = [Message("audit.more", {"count": self._more})] if self._more else []
        return [*self._found, *more, *self._whole]


def _check_place(findings: _Findings, sequence: int, expected: int) -> int:
    """Reports a gap or a step back; answers the sequence expected next."""
    if sequence < expected:
        findings.add("audit.out_of_order", sequence=sequence, expected=expected)
        return expected
    if sequence == expected + 1:
        findings.add("audit.missing", sequence=expected)
    elif sequence > expected:
        findings.add("audit.missing_range", first=expected, last=sequence - 1, count=sequence - expected)
    return sequence + 1


def _check_content(findings: _Findings, book: BookId, sequence: int, content: bytes, stored_hash: bytes) -> None:
    if leaf_hash(content) != stored_hash:
        findings.add("audit.altered", sequence=sequence)
        return
    event = _event(content)
    if event is None:
        findings.add("audit.unreadable", sequence=sequence)
    elif event.sequence != sequence:
        findings.add("audit.reordered", sequence=sequence, found=event.sequence)
    elif event.book != book:
        findings.add("audit.other_book", sequence=sequence, found=event.book)


def _event(content: bytes) -> AuditEvent | None:
    try:
        return read_event(content)
    except ValueError:
        return None


def _compare(findings: _Findings, frontier: Frontier, signed: defaultdict[int, list[Checkpoint]], agreed: int) -> int:
    """Compares the tree so far with the checkpoints of its size; answers the size up to which they agree."""
    if frontier.size not in signed:
        return agreed
    root = frontier.root()
    if all(checkpoint.root == root for checkpoint in signed[frontier.size]):
        return frontier.size
    findings.always("audit.rewritten", size=frontier.size, first=agreed, last=max(frontier.size - 1, 0))
    return agreed


def _check_head(findings: _Findings, frontier: Frontier, head: tuple[int, str]) -> None:
    size, root = head
    if frontier.size < size:
        findings.always("audit.fewer_than_head", size=size, found=frontier.size)
    elif frontier.size > size:
        findings.always("audit.more_than_head", size=size, found=frontier.size)
    elif frontier.root().hex() != root:
        findings.always("audit.root_differs", size=size, root=root, found=frontier.root().hex())
