"""Secrets: sealed at rest, opened with a master key, masked in every log, and the key that signs checkpoints."""

from adapters.secrets.box import SecretBox, SecretRefused, sealing_key
from adapters.secrets.keys import add_key, create_key_file, drop_key, open_box
from adapters.secrets.redaction import RedactingFilter, Redactor
from adapters.secrets.signer import Ed25519Signer, check_signature, new_sealed_signing_key, open_signer, signer_context
from adapters.secrets.vault import VaultPlace

__all__ = [
    "Ed25519Signer",
    "RedactingFilter",
    "Redactor",
    "SecretBox",
    "SecretRefused",
    "VaultPlace",
    "add_key",
    "check_signature",
    "create_key_file",
    "drop_key",
    "new_sealed_signing_key",
    "open_box",
    "open_signer",
    "sealing_key",
    "signer_context",
]
