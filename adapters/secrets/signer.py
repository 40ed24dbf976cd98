"""An Ed25519 signer over a key that was kept sealed in the database, and the check of such signatures."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.secrets.box import SecretBox

SEED_BYTES: Final = 32


class Ed25519Signer:
    """Signs with a key made from its 32-byte seed (RFC 8032, 5.1.5); fits the port `Signer`."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def __repr__(self) -> str:
        return f"Ed25519Signer({self._name!r})"

    @property
    def name(self) -> str:
        return self._name

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)


def check_signature(public_key: bytes, content: bytes, signature: bytes) -> bool:
    """Whether `signature` over `content` was made with the key of `public_key`; fits the port `SignatureCheck`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def new_sealed_signing_key(box: SecretBox, name: str) -> str:
    """A fresh signing key, sealed: what the database stores. Open it with `open_signer`."""
    seed = Ed25519PrivateKey.generate().private_bytes_raw()
    return box.seal(b64encode(seed).decode(), signer_context(name))


def open_signer(box: SecretBox, name: str, sealed: str) -> Ed25519Signer:
    """The signer of a sealed signing key. Errors: those of `SecretBox.open`."""
    return Ed25519Signer(name, b64decode(box.open(sealed, signer_context(name))))


def signer_context(name: str) -> str:
    """The row and field a sealed signing key belongs to."""
    return f"signer:{name}:seed"
