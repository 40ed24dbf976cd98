"""Signatures of the Kingdee K/3 Cloud web API: per-request headers, and the LoginBySign session login.

The application id has the form `<client id>_<32 characters>`; the secret that signs the path is derived from the second
part. The body is not signed, so TLS is what protects it.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import hmac
from typing import Final
from urllib.parse import quote

_MASK: Final = codecs.decode("0054s397p6234378o09pn7q3r5qropr7", "rot13").encode("ascii")


def path_secret(app_id: str) -> tuple[str, str]:
    """(client id, derived signing secret) of an application id; ValueError when it has another form."""
    client_id, separator, part = app_id.partition("_")
    if not separator or "_" in part or len(part) != len(_MASK):
        raise ValueError("the application id must look like <client id>_<32 characters>")
    masked = bytes(a ^ b for a, b in zip(base64.b64decode(part), _MASK, strict=False))
    return client_id, base64.b64encode(masked).decode("ascii")


def signed_headers(
    path: str, app_id: str, app_secret: str, acct_id: str, user: str, lcid: int, org: int | str, timestamp: int
) -> dict[str, str]:
    """The headers of one POST to `path` (the URL's path, from the slash on) at `timestamp` in Unix seconds."""
    client_id, secret = path_secret(app_id)
    stamp = str(timestamp)
    to_sign = f"POST\n{quote(path, safe='')}\n\nx-api-nonce:{stamp}\nx-api-timestamp:{stamp}\n"
    identity = f"{acct_id},{user},{lcid},{org}"
    return {
        "X-Api-ClientID": client_id,
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": stamp,
        "x-api-nonce": stamp,
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": _hex_mac(secret, to_sign),
        "X-Kd-Appkey": app_id,
        "X-Kd-Appdata": base64.b64encode(identity.encode("utf-8")).decode("ascii"),
        "X-Kd-Signature": _hex_mac(app_secret, app_id + identity),
    }


def _hex_mac(secret: str, text: str) -> str:
    mac = hmac.new(secret.encode("utf-8"), text.encode("utf-8"), hashlib.sha256).hexdigest()
    return base64.b64encode(mac.encode("ascii")).decode("ascii")


def login_sign(acct_id: str, user: str, app_id: str, app_secret: str, timestamp: int) -> str:
    """The LoginBySign signature: SHA-256 over the sorted parts, in lower-case hex."""
    parts = sorted([acct_id, user, app_id, app_secret, str(timestamp)])
    return hashlib.sha256("".join(parts).encode("utf-8")).hexdigest()
