"""The signature of a token request: HMAC-SHA256 over the sorted parameters, base64 of the raw digest, URL-encoded once."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote


def token_query(app_key: str, app_secret: str, milliseconds: int) -> str:
    """The query of a token request for a self-built application, at a time in Unix milliseconds."""
    given = {"appKey": app_key, "timestamp": str(milliseconds)}
    pairs = [*given.items(), ("signature", signature(given, app_secret))]
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def signature(parameters: Mapping[str, str], app_secret: str) -> str:
    """Base64 of the digest over names and values, sorted by name and joined without separators; not yet URL-encoded."""
    text = "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return base64.b64encode(hmac.digest(app_secret.encode(), text.encode(), hashlib.sha256)).decode("ascii")
