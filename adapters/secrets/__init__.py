"""Secrets: sealed at rest, opened with a master key, masked in every log, and the key that signs checkpoints."""

from adapters.secrets.box import SecretBox, SecretRefused
from adapters.secrets.keys import create_key_file, open_box
from adapters.secrets.redaction import RedactingFilter, Redactor
from adapters.secrets.signer import Ed25519Signer, check_signature, new_sealed_signing_key, open_signer

__all__ = [
    "Ed25519Signer",
    "RedactingFilter",
    "Redactor",
    "SecretBox",
    "SecretRefused",
    "check_signature",
    "create_key_file",
    "new_sealed_signing_key",
    "open_box",
    "open_signer",
]
