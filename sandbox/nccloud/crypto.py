"""What the platform does with secrets and bodies, in this package's own arithmetic: RSA-OAEP opened, SHA1PRNG, AES counting.

Slow and plain on purpose: nothing here is shared with the client, so agreement between the two means something.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache

from sandbox.nccloud.key import EXPONENT, MODULUS, PUBLIC_KEY

_BLOCK = 256


def unsealed(text: str) -> str:
    """A text that was put under the application's public key. ValueError when it was not."""
    raw = base64.b64decode(text, validate=True)
    if not raw or len(raw) % _BLOCK:
        raise ValueError("no whole blocks")
    parts = [raw[start : start + _BLOCK] for start in range(0, len(raw), _BLOCK)]
    return b"".join(_opened(part) for part in parts).decode("utf-8")


def _opened(part: bytes) -> bytes:
    message = pow(int.from_bytes(part, "big"), EXPONENT, MODULUS).to_bytes(_BLOCK, "big")
    first, masked_seed, masked = message[0], message[1:33], message[33:]
    seed = _xor(masked_seed, _mask(masked, 32))
    data = _xor(masked, _mask(seed, len(masked)))
    head, rest = data[:32], data[32:].lstrip(b"\0")
    if first or head != hashlib.sha256(b"").digest() or rest[:1] != b"\x01":
        raise ValueError("padding")
    return rest[1:]


def _mask(seed: bytes, length: int) -> bytes:
    blocks = (hashlib.sha256(seed + number.to_bytes(4, "big")).digest() for number in range(-(-length // 32)))
    return b"".join(blocks)[:length]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


@cache
def salt() -> str:
    """16 bytes of Java's SHA1PRNG seeded with the public key: less than one of its blocks, so the first block will do."""
    state = hashlib.sha1(PUBLIC_KEY.encode()).digest()  # noqa: S324 - what the generator does
    return base64.b64encode(hashlib.sha1(state).digest()[:16]).decode()  # noqa: S324


def signature(text: str) -> str:
    """The signature over a text that ends with the public key."""
    return hashlib.sha256((text + PUBLIC_KEY + salt()).encode()).hexdigest()


# --- bodies ---


def protect(body: bytes, level: str, key: str) -> bytes:
    """A body as a level sends it."""
    for letter in {"L0": "", "L1": "a", "L2": "z", "L3": "za", "L4": "az"}[level]:
        body = base64.b64encode(gzip.compress(body) if letter == "z" else counted(body, key))
    return body


def open_body(body: bytes, level: str, key: str) -> bytes:
    """A body as it was before. ValueError or OSError for what is none."""
    for letter in {"L0": "", "L1": "a", "L2": "z", "L3": "az", "L4": "za"}[level]:
        raw = base64.b64decode(body, validate=True)
        body = gzip.decompress(raw) if letter == "z" else counted(raw, key)
    return body


def counted(body: bytes, key: str) -> bytes:
    """AES in counter mode: the key is what the text decodes to, the counter begins at its first 16 characters."""
    schedule = _schedule(base64.b64decode(key))
    counter = int.from_bytes(key[:16].encode("ascii"), "big")
    stream = bytearray()
    for number in range(-(-len(body) // 16)):
        stream += _encrypted(((counter + number) % (1 << 128)).to_bytes(16, "big"), schedule)
    return bytes(a ^ b for a, b in zip(body, stream, strict=False))


def _double(byte: int) -> int:
    return ((byte << 1) ^ 0x1B) & 0xFF if byte & 0x80 else byte << 1


@cache
def _box() -> bytes:
    """AES's substitution: the inverse in GF(2^8), then the affine map."""
    powers, logs, value = [0] * 255, [0] * 256, 1
    for exponent in range(255):
        powers[exponent], logs[value] = value, exponent
        value ^= _double(value)
    box = bytearray()
    for byte in range(256):
        inverse = powers[(255 - logs[byte]) % 255] if byte else 0
        mixed = inverse
        for shift in range(1, 5):
            mixed ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
        box.append(mixed ^ 0x63)
    return bytes(box)


@cache
def _schedule(key: bytes) -> tuple[bytes, ...]:
    """The round keys of a key of 16, 24 or 32 bytes."""
    box, words, size = _box(), [key[start : start + 4] for start in range(0, len(key), 4)], len(key) // 4
    constant = 1
    for number in range(size, 4 * (size + 7)):
        word = words[-1]
        if number % size == 0:
            word = bytes(box[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _double(constant)
        elif size > 6 and number % size == 4:
            word = bytes(box[byte] for byte in word)
        words.append(_xor(words[number - size], word))
    return tuple(b"".join(words[start : start + 4]) for start in range(0, len(words), 4))


def _encrypted(block: bytes, schedule: tuple[bytes, ...]) -> bytes:
    box = _box()
    state = _xor(block, schedule[0])
    for number, key in enumerate(schedule[1:], 1):
        shifted = bytes(box[state[(place + 4 * (place % 4)) % 16]] for place in range(16))
        state = _xor(shifted if number == len(schedule) - 1 else _mixed(shifted), key)
    return state


def _mixed(state: bytes) -> bytes:
    found = bytearray()
    for start in range(0, 16, 4):
        a, b, c, d = state[start : start + 4]
        every = a ^ b ^ c ^ d
        found += bytes(one ^ every ^ _double(one ^ other) for one, other in ((a, b), (b, c), (c, d), (d, a)))
    return bytes(found)
