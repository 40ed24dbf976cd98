"""Secrets at rest: a text is sealed with AES-256-GCM for one row and field, and opens nowhere else."""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hedge_core.errors import InvalidInput, PlatformError
from messages import Message

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SEALED: Final = re.compile(r"hb1:([0-9A-Za-z_-]{1,64}):([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]+=*)")


class SecretRefused(InvalidInput):
    """A key or a sealed text cannot be used. The message says what to do and never shows any of the secret."""

    def __init__(self, source: str, reason: Message) -> None:
        self.source, self.row, self.field, self.reason = source, 0, "", reason
        PlatformError.__init__(self, reason)  # the sentence stands for itself: there is no row or field to point at


def key_id(key: bytes) -> str:
    """The name of a master key inside sealed texts: eight hex digits that follow from the key and do not reveal it."""
    return hashlib.sha256(b"hedgebridge master key" + key).hexdigest()[:8]


class SecretBox:
    """Seals with the active key, opens with any of `keys` (32 bytes each, by key id).

    Sealed form: `hb1:<key id>:<nonce>:<ciphertext and tag>`, both in base64. The context, such as
    `connection:k3:app_secret`, is authenticated with it: a sealed text moved to another row or field does not open.
    `opened` is told every plain text that passes, so that logs can mask it (`Redactor.register`)."""

    def __init__(
        self, keys: Mapping[str, bytes], active: str, opened: Callable[[str], None] = lambda plain: None
    ) -> None:
        if active not in keys:
            raise ValueError(f"the active key {active} is not among the keys")
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._active = active
        self._opened = opened

    def __repr__(self) -> str:
        return f"SecretBox(active={self._active!r})"

    @property
    def active(self) -> str:
        """The id of the key that seals."""
        return self._active

    def seal(self, plain: str, context: str) -> str:
        """`plain` as a sealed text for `context`; the same text sealed twice looks different."""
        self._opened(plain)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, plain.encode(), _bound(self._active, context))
        return f"hb1:{self._active}:{b64encode(nonce).decode()}:{b64encode(sealed).decode()}"

    def open(self, text: str, context: str) -> str:
        """The plain text. SecretRefused when `text` is not sealed, its key is not loaded, or it does not belong here."""
        found = _SEALED.fullmatch(text)
        if not found:
            raise SecretRefused(context, Message("secret.not_sealed", {"context": context}))
        name = found[1]
        if name not in self._ciphers:
            loaded = ", ".join(sorted(self._ciphers))
            raise SecretRefused(
                context, Message("secret.unknown_key", {"context": context, "key": name, "loaded": loaded})
            )
        try:
            nonce, sealed = _decoded(found[2]), _decoded(found[3])
            plain = self._ciphers[name].decrypt(nonce, sealed, _bound(name, context)).decode()
        except (InvalidTag, ValueError):
            raise SecretRefused(context, Message("secret.does_not_open", {"context": context, "key": name})) from None
        self._opened(plain)
        return plain

    def reseal(self, text: str, context: str) -> str:
        """The same secret under the active key; unchanged when it already is (rotation may be run again)."""
        plain = self.open(text, context)
        return text if text.startswith(f"hb1:{self._active}:") else self.seal(plain, context)


def _bound(key_name: str, context: str) -> bytes:
    return f"hb1:{key_name}:{context}".encode()


def _decoded(text: str) -> bytes:
    decoded = b64decode(text, validate=True)
    if b64encode(decoded).decode() != text:  # spare bits of the last character: one value has one text
        raise ValueError("base64 with other spare bits")
    return decoded
