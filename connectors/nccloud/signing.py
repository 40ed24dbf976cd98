"""NC Cloud's signatures: SHA-256 over a text and a salt, where the salt comes from Java's seeded SHA1PRNG.

The vendor's library asks `SecureRandom.getInstance("SHA1PRNG")` for 16 bytes after seeding it with the public key. A generator
that is seeded before its first use is deterministic there: the salt is a function of the key, and this module is that function.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

SALT_BYTES: Final = 16
_FRAME: Final = re.compile(r"-----(BEGIN|END)[^-]*-----")


def sha1prng(seed: bytes, length: int) -> bytes:
    """The first `length` bytes of a SHA1PRNG (provider SUN) that was seeded once, before anything was taken from it.

    The state is the SHA-1 of the seed; a block is the SHA-1 of the state; then the block and a carry of 1 are added to the
    state byte by byte, as signed bytes."""
    state = hashlib.sha1(seed, usedforsecurity=False).digest()
    given = b""
    while len(given) < length:
        block = hashlib.sha1(state, usedforsecurity=False).digest()
        state = _stepped(state, block)
        given += block
    return given[:length]


def _stepped(state: bytes, block: bytes) -> bytes:
    carry, stepped = 1, bytearray()
    for old, new in zip(state, block, strict=True):
        total = _signed(old) + _signed(new) + carry
        stepped.append(total & 0xFF)
        carry = total >> 8
    if bytes(stepped) == state:  # the generator must never stand still
        stepped[0] = (stepped[0] + 1) & 0xFF
    return bytes(stepped)


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def bare_key(text: str) -> str:
    """A public key as the rules mean it: base64 in one line, without a PEM frame, whatever it was copied from."""
    return "".join(_FRAME.sub("", text.replace("\\n", "").replace("\\r", "")).split())


def salt(public_key: str) -> str:
    """The salt that belongs to a public key (bare, see `bare_key`)."""
    return base64.b64encode(sha1prng(public_key.encode(), SALT_BYTES)).decode("ascii")


def signature(text: str, public_key: str) -> str:
    """The signature of a text: lower-case hex. The text of a login is client id + secret + key, that of a call client id +
    body before it is protected + key."""
    return hashlib.sha256((text + salt(public_key)).encode()).hexdigest()
