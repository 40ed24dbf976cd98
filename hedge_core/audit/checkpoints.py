"""Checkpoints: the size and root of a log as a signed note, the piece of text to be kept out of the administrator's reach.

Text form: C2SP signed-note and tlog-checkpoint. Three lines (origin, size, root in base64), an empty line, and one line per
signature: an em dash, the key's name, and base64 of the key's four-byte id and the Ed25519 signature over the three lines.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final, NoReturn

from hedge_core.audit.tree import HASH_BYTES
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import BookId
from hedge_core.ports.signer import SignatureCheck, Signer
from messages import Message

_ED25519: Final = b"\x01"
"""C2SP's number of the signature type."""

_KEY_NAME: Final = re.compile(r"[^\s+]+")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+=*)")
_MAX_NOTE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A statement about a log: the first `size` events of `origin` have this `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public Ed25519 key (32 bytes) with the name it signs under. `str()` is the one-line form to publish."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name):
            raise ValueError(f"a key's name has no white space and no plus sign, unlike {self.name!r}")
        if len(self.public_key) != 32:
            raise ValueError(f"an Ed25519 public key has 32 bytes, not {len(self.public_key)}")

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, type, public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public_key).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key of a published line `name+id+base64`; InvalidInput when it is not one."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = b64decode(encoded, validate=True)
            found = cls(name, key[1:])
        except ValueError:
            raise InvalidInput("key", 1, "key", Message("audit.key_form")) from None
        if key[:1] != _ED25519 or found.id.hex() != key_id:
            raise InvalidInput("key", 1, "key", Message("audit.key_form"))
        return found


def log_origin(book: BookId) -> str:
    """The name of a book's log in its checkpoints."""
    return f"hedgebridge/{book}"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """The checkpoint as a signed note."""
    key = VerifierKey(signer.name, signer.public_key)
    text = checkpoint.text()
    signature = b64encode(key.id + signer.sign(text.encode())).decode()
    return f"{text}\n— {signer.name} {signature}\n"


def read_checkpoint(note: str, key: VerifierKey, check: SignatureCheck, source: str = "checkpoint") -> Checkpoint:
    """The checkpoint in a signed note, if `key` signed it. Signatures of other keys are passed over (a note may carry
    witnesses). InvalidInput with the line when the note is malformed, not signed by the key, or was altered."""
    text, separator, signatures = note.rpartition("\n\n")
    if len(note) > _MAX_NOTE or not separator or not signatures.endswith("\n"):
        _refuse(source, 0, "note", "audit.note_form")
    lines = text.split("\n")
    checkpoint = _three_lines(lines, source)
    for number, line in enumerate(signatures.removesuffix("\n").split("\n"), start=len(lines) + 2):
        found = _SIGNATURE_LINE.fullmatch(line)
        if not found:
            _refuse(source, number, "signature", "audit.note_form")
        if found[1] != key.name:
            continue
        signature = _decoded(found[2], source, number)
        if signature[:4] != key.id:
            continue
        if not check(key.public_key, f"{text}\n".encode(), signature[4:]):
            _refuse(source, number, "signature", "audit.signature_wrong", name=key.name)
        return checkpoint
    _refuse(source, 0, "signature", "audit.not_signed_by", name=key.name)


def _three_lines(lines: list[str], source: str) -> Checkpoint:
    if len(lines) < 3 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        _refuse(source, min(len(lines), 2), "size", "audit.note_form")
    root = _decoded(lines[2], source, 3)
    if len(root) != HASH_BYTES:
        _refuse(source, 3, "root", "audit.note_form")
    return Checkpoint(lines[0], int(lines[1]), root)


def _decoded(text: str, source: str, row: int) -> bytes:
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        _refuse(source, row, "base64", "audit.note_form")
    if b64encode(decoded).decode() != text:  # spare bits of the last character: one value has one text
        _refuse(source, row, "base64", "audit.note_form")
    return decoded


def _refuse(source: str, row: int, field: str, reason: str, **params: object) -> NoReturn:
    raise InvalidInput(source, row, field, Message(reason, params))
