"""The vendor's signatures, computed here from the published steps alone and compared with what a client sent."""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

_MASK = codecs.decode("0054s397p6234378o09pn7q3r5qropr7", "rot13").encode("ascii")
MILLISECONDS_FROM = 100_000_000_000
"""Numbers above are milliseconds: some vendor clients sign with them, others with seconds."""


def client_secret(app_id: str) -> str:
    """The gateway key hidden in the second half of an AppID; empty when the AppID has not that shape."""
    parts = app_id.split("_")
    if len(parts) != 2 or len(parts[1]) != 32:
        return ""
    try:
        hidden = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(bytes(a ^ b for a, b in zip(hidden, _MASK, strict=False))).decode("ascii")


def hex_hmac(key: str, text: str) -> str:
    """Base64 of the hexadecimal text of HMAC-SHA256."""
    digest = hmac.new(key.encode("utf-8"), text.encode("utf-8"), hashlib.sha256).hexdigest()
    return base64.b64encode(digest.encode("ascii")).decode("ascii")


def gateway_signature(path: str, nonce: str, timestamp: str, app_id: str) -> str:
    """X-Api-Signature of a POST to `path`."""
    signed_path = quote(unquote(path), encoding="utf-8").replace("/", "%2F")
    text = f"POST\n{signed_path}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{timestamp}\n"
    return hex_hmac(client_secret(app_id), text)


def site_signature(app_id: str, app_data: str, app_secret: str) -> str:
    """X-Kd-Signature over AppID and the decoded X-Kd-Appdata."""
    return hex_hmac(app_secret, app_id + app_data)


def login_sign(parts: Iterable[str]) -> str:
    """The sign of LoginBySign: SHA-256 over the ordinal-sorted parts, joined."""
    return hashlib.sha256("".join(sorted(parts)).encode("utf-8")).hexdigest()


def seconds_of(timestamp: str) -> float | None:
    """A timestamp in seconds, whether it was given in seconds or milliseconds; None when it is no number."""
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 15:
        return None
    value = int(timestamp)
    return value / 1000 if value >= MILLISECONDS_FROM else float(value)


def signature_fault(headers: Mapping[str, str], path: str, app_id: str, app_secret: str) -> str:
    """Which signature of a request is wrong: `gateway`, `site`, `appdata`, or empty when both hold."""
    timestamp = headers.get("x-api-timestamp", "")
    expected = gateway_signature(path, headers.get("x-api-nonce", ""), timestamp, app_id)
    if not hmac.compare_digest(expected.encode(), headers.get("x-api-signature", "").encode()):
        return "gateway"
    try:
        app_data = base64.b64decode(headers.get("x-kd-appdata", ""), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return "appdata"
    expected = site_signature(app_id, app_data, app_secret)
    if not hmac.compare_digest(expected.encode(), headers.get("x-kd-signature", "").encode()):
        return "site"
    return ""
