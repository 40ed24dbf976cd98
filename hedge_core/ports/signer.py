"""The port to whatever holds a signing key: a file sealed at rest today, a hardware module or a vault tomorrow."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Signs with Ed25519 (RFC 8032). `name` is how a signed note calls the key: no white space and no plus sign."""

    @property
    def name(self) -> str: ...
    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        ...

    def sign(self, content: bytes) -> bytes:
        """The signature over `content`, 64 bytes."""
        ...


class SignatureCheck(Protocol):
    """Whether an Ed25519 signature (64 bytes) over `content` was made with the key of `public_key` (32 bytes)."""

    def __call__(self, public_key: bytes, content: bytes, signature: bytes) -> bool: ...
