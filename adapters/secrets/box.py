"""Secrets at rest: a text is sealed with AES-256-GCM, or SM4-GCM where a rule asks for it, for one row and field, and opens
nowhere else."""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hedge_core.errors import InvalidInput, PlatformError
from messages import Message

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_SEALED: Final = re.compile(r"(hb[12]):([0-9A-Za-z_-]{1,64}):([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]+=*)")


class SecretRefused(InvalidInput):
    """A key or a sealed text cannot be used. The message says what to do and never shows any of the secret."""

    def __init__(self, source: str, reason: Message) -> None:
        self.source, self.row, self.field, self.reason = source, 0, "", reason
        PlatformError.__init__(self, reason)  # the sentence stands for itself: there is no row or field to point at


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...


class Sm4Gcm:
    """SM4 (GB/T 32907) in Galois/counter mode with a 16-byte tag behind the ciphertext, as RFC 8998 uses it."""

    def __init__(self, key: bytes) -> None:
        self._cipher = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        encryptor = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """InvalidTag when anything was altered."""
        sealed, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
        if len(tag) != _TAG_BYTES:
            raise InvalidTag
        decryptor = Cipher(self._cipher, modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(associated_data)
        return decryptor.update(sealed) + decryptor.finalize()


KEY_BYTES: Final = 32
SM4_KEY_BYTES: Final = 16
_PROFILES: Final[Mapping[int, tuple[str, Callable[[bytes], _Aead]]]] = {
    KEY_BYTES: ("hb1", AESGCM),
    SM4_KEY_BYTES: ("hb2", Sm4Gcm),
}
"""How a key of this many bytes seals: the mark in front of its sealed texts, and the cipher."""


def sealing_key(text: str) -> str:
    """The id of the key a sealed text was made with; empty when the text is not sealed."""
    found = _SEALED.fullmatch(text)
    return found[2] if found else ""


def key_id(key: bytes) -> str:
    """The name of a master key inside sealed texts: eight hex digits that follow from the key and do not reveal it."""
    return hashlib.sha256(b"hedgebridge master key" + key).hexdigest()[:8]


class SecretBox:
    """Seals with the active key, opens with any of `keys` (by key id; 32 bytes for AES-256, 16 for SM4).

    Sealed form: `hb1:<key id>:<nonce>:<ciphertext and tag>`, both in base64; `hb2` for SM4. The context, such as
    `connection:k3:app_secret`, is authenticated with it: a sealed text moved to another row or field does not open.
    `opened` is told every plain text that passes, so that logs can mask it (`Redactor.register`)."""

    def __init__(
        self, keys: Mapping[str, bytes], active: str, opened: Callable[[str], None] = lambda plain: None
    ) -> None:
        if active not in keys:
            raise ValueError(f"the active key {active} is not among the keys")
        if any(len(key) not in _PROFILES for key in keys.values()):
            raise ValueError(f"a master key has {KEY_BYTES} bytes (AES-256) or {SM4_KEY_BYTES} (SM4)")
        self._ciphers: dict[str, tuple[str, _Aead]] = {}
        for name, key in keys.items():
            mark, cipher = _PROFILES[len(key)]
            self._ciphers[name] = mark, cipher(key)
        self._active = active
        self._opened = opened

    def __repr__(self) -> str:
        return f"SecretBox(active={self._active!r})"

    @property
    def active(self) -> str:
        """The id of the key that seals."""
        return self._active

    @property
    def key_ids(self) -> list[str]:
        """The ids of all loaded keys, the sealing one first."""
        return [self._active, *(name for name in self._ciphers if name != self._active)]

    def seal(self, plain: str, context: str) -> str:
        """`plain` as a sealed text for `context`; the same text sealed twice looks different."""
        self._opened(plain)
        mark, cipher = self._ciphers[self._active]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = cipher.encrypt(nonce, plain.encode(), _bound(mark, self._active, context))
        return f"{mark}:{self._active}:{b64encode(nonce).decode()}:{b64encode(sealed).decode()}"

    def open(self, text: str, context: str) -> str:
        """The plain text. SecretRefused when `text` is not sealed, its key is not loaded, or it does not belong here."""
        found = _SEALED.fullmatch(text)
        if not found:
            raise SecretRefused(context, Message("secret.not_sealed", {"context": context}))
        name = found[2]
        if name not in self._ciphers:
            loaded = ", ".join(sorted(self._ciphers))
            raise SecretRefused(
                context, Message("secret.unknown_key", {"context": context, "key": name, "loaded": loaded})
            )
        cipher = self._ciphers[name][1]
        try:
            nonce, sealed = _decoded(found[3]), _decoded(found[4])
            plain = cipher.decrypt(nonce, sealed, _bound(found[1], name, context)).decode()
        except (InvalidTag, ValueError):
            raise SecretRefused(context, Message("secret.does_not_open", {"context": context, "key": name})) from None
        self._opened(plain)
        return plain

    def reseal(self, text: str, context: str) -> str:
        """The same secret under the active key; unchanged when it already is (rotation may be run again)."""
        plain = self.open(text, context)
        return text if sealing_key(text) == self._active else self.seal(plain, context)


def _bound(mark: str, key_name: str, context: str) -> bytes:
    return f"{mark}:{key_name}:{context}".encode()


def _decoded(text: str) -> bytes:
    decoded = b64decode(text, validate=True)
    if b64encode(decoded).decode() != text:  # spare bits of the last character: one value has one text
        raise ValueError("base64 with other spare bits")
    return decoded
