"""The master key from HashiCorp Vault: one read of a KV version 2 secret.

`GET {address}/v1/{path}` with the header `X-Vault-Token`; the answer is `{"data": {"data": {field: text}}}`, an error
`{"errors": [...]}` (Vault's HTTP API, KV secrets engine version 2). The text has the form of a key file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from adapters.secrets.box import SecretRefused
from messages import Message

TOKEN_VARIABLE: Final = "HEDGEBRIDGE_VAULT_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE_VARIABLE: Final = "HEDGEBRIDGE_VAULT_TOKEN_FILE"  # noqa: S105 - the name of a variable
_CALL_SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class VaultPlace:
    """Where the key lies: `address` as `https://vault.example.com:8200`, `path` as `secret/data/hedgebridge`."""

    address: str
    path: str
    field: str = "master_key"
    ca_file: str | None = None

    def read(self, environment: Mapping[str, str]) -> str:
        """The text of the field. SecretRefused with the remedy when Vault or the token says no; Unavailable when Vault
        cannot be reached."""
        token = _token(environment)
        from connectors.http import HttpTransport, Origin  # most installations ask no Vault

        transport = HttpTransport(
            Origin(self.address, allow_private=True), "Vault", call_seconds=_CALL_SECONDS, ca_file=self.ca_file
        )
        try:
            answer = transport.get(f"v1/{self.path.strip('/')}", {"X-Vault-Token": token, "Accept": "application/json"})
        finally:
            transport.close()
        named = {"address": self.address, "path": self.path, "field": self.field, "status": answer.status}
        if answer.status != 200:
            raise SecretRefused("vault", Message("secret.vault_refused", named))
        text = _field(answer.body, self.field)
        if not text:
            raise SecretRefused("vault", Message("secret.vault_field", named))
        return text


def _token(environment: Mapping[str, str]) -> str:
    if token := environment.get(TOKEN_VARIABLE, "").strip():
        return token
    if path := environment.get(TOKEN_FILE_VARIABLE, ""):
        try:
            return Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise SecretRefused("vault", Message("secret.vault_token_file", {"path": path})) from None
    named = {"variable": TOKEN_VARIABLE, "file_variable": TOKEN_FILE_VARIABLE}
    raise SecretRefused("vault", Message("secret.vault_token", named))


def _field(body: bytes, name: str) -> str:
    try:
        found: Any = msgspec.json.decode(body)
        for member in ("data", "data", name):
            found = found[member]
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) else ""
