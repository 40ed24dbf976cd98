"""What NC Cloud hides: the secret under the application's public key, and bodies at the level that came with the token.

    L0  as it is            L3  compressed, then encrypted
    L1  encrypted           L4  encrypted, then compressed
    L2  compressed
Encrypted is AES in counter mode, compressed is gzip; either answers base64, and the second step works on the first one's base64.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

LEVELS: Final = ("L0", "L1", "L2", "L3", "L4")
LARGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes of a body after unpacking; more is a bomb or a mistake."""

_BLOCK: Final = 117
_OAEP_BYTES: Final = 66
_IV: Final = 16


class NotReadable(ValueError):
    """A body that is not what its level says."""


def sealed(text: str, public_key: str) -> str:
    """A text under an RSA public key (bare base64): OAEP with SHA-256 for both hashes, in blocks of at most 117 bytes, base64.
    Raises ValueError for what is no RSA key of 1024 bits or more."""
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
    except (ValueError, binascii.Error) as error:
        raise ValueError("public_key must be the application's RSA key: base64, as the platform shows it") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < 1024:
        raise ValueError("public_key must be an RSA key of at least 1024 bits")
    padding = OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)
    size = min(_BLOCK, key.key_size // 8 - _OAEP_BYTES)
    raw = text.encode()
    parts = [key.encrypt(raw[start : start + size], padding) for start in range(0, len(raw), size)]
    return base64.b64encode(b"".join(parts)).decode("ascii")


def protected(body: bytes, level: str, security_key: str) -> bytes:
    """A body as it is sent at a level."""
    for step in _SENDING[level]:
        body = step(body, security_key)
    return body


def opened(body: bytes, level: str, security_key: str) -> bytes:
    """A body as it was before it was protected. Raises `NotReadable`."""
    try:
        for step in _READING[level]:
            body = step(body, security_key)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise NotReadable(f"not a body of level {level}") from error
    return body


def usable(security_key: str, level: str) -> bool:
    """Whether a key can do what a level asks of it."""
    if _encrypted not in _SENDING[level]:
        return True
    try:
        return len(base64.b64decode(security_key)) in (16, 24, 32) and len(security_key) >= _IV
    except ValueError:
        return False


def _cipher(security_key: str) -> Cipher[CTR]:
    """The key is what the text decodes to; the counter begins at the text's first 16 characters."""
    return Cipher(AES(base64.b64decode(security_key)), CTR(security_key[:_IV].encode("ascii")))


def _encrypted(body: bytes, security_key: str) -> bytes:
    worker = _cipher(security_key).encryptor()
    return base64.b64encode(worker.update(body) + worker.finalize())


def _decrypted(body: bytes, security_key: str) -> bytes:
    worker = _cipher(security_key).decryptor()
    return worker.update(_strict(body)) + worker.finalize()


def _strict(body: bytes) -> bytes:
    """What base64 stands for. Line breaks are ignored; anything else that is no base64 means that this is no such body."""
    return base64.b64decode(b"".join(body.split()), validate=True)


def _compressed(body: bytes, _key: str) -> bytes:
    return base64.b64encode(gzip.compress(body, mtime=0))


def _unpacked(body: bytes, _key: str) -> bytes:
    worker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    found = worker.decompress(_strict(body), LARGEST_BODY)
    if not worker.eof:
        raise ValueError("cut, or too large")
    return found


_Step = Callable[[bytes, str], bytes]
_SENDING: Final[Mapping[str, tuple[_Step, ...]]] = {
    "L0": (),
    "L1": (_encrypted,),
    "L2": (_compressed,),
    "L3": (_compressed, _encrypted),
    "L4": (_encrypted, _compressed),
}
_READING: Final[Mapping[str, tuple[_Step, ...]]] = {
    "L0": (),
    "L1": (_decrypted,),
    "L2": (_unpacked,),
    "L3": (_decrypted, _unpacked),
    "L4": (_unpacked, _decrypted),
}
