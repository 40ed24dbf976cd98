"""Who may call: signatures of token requests checked with this package's own code, tokens that end, rights by application."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.yonbip.answers import Refused
from sandbox.yonbip.texts import say


@dataclass(frozen=True, slots=True)
class Credentials:
    """The tenant, an application with every right, and one that may only read."""

    tenant_id: str
    app_key: str
    app_secret: str
    reader_key: str
    reader_secret: str

    @classmethod
    def random(cls) -> Credentials:
        """Fresh ones, printed at the start."""
        return cls(
            "hedgedemo",
            secrets.token_hex(16),
            secrets.token_urlsafe(30),
            secrets.token_hex(16),
            secrets.token_urlsafe(30),
        )


class Gate:
    """Issues and checks tokens."""

    def __init__(self, credentials: Credentials, *, token_seconds: int = 7200) -> None:
        self.credentials = credentials
        self.failures: Counter[str] = Counter()
        self.issued: list[str] = []
        """Every token ever handed out: what a test looks for in logs."""
        self._token_seconds = token_seconds
        self._tokens: dict[str, tuple[float, bool]] = {}
        self._lock = threading.Lock()

    def issue(self, query: str) -> dict[str, object]:
        """A token for a signed request. The signature is compared after one decoding: one that was encoded twice differs."""
        given = dict(part.partition("=")[::2] for part in query.split("&"))
        mine = self.credentials
        key, stamp = unquote(given.get("appKey", "")), unquote(given.get("timestamp", ""))
        known = {mine.app_key: (mine.app_secret, True), mine.reader_key: (mine.reader_secret, False)}
        if key not in known:
            self.failures["application"] += 1
            raise Refused("10018", say("no_application"))
        secret, may_write = known[key]
        digest = hmac.new(secret.encode(), b"appKey" + key.encode() + b"timestamp" + stamp.encode(), "sha256").digest()
        wanted = base64.b64encode(digest).decode("ascii")
        if not hmac.compare_digest(wanted, unquote(given.get("signature", ""))):
            self.failures["signature"] += 1
            raise Refused("50000", say("bad_signature"))
        token = secrets.token_hex(8) + "/+=" + secrets.token_hex(8)
        with self._lock:
            self._tokens[token] = (time.monotonic() + self._token_seconds, may_write)
            self.issued.append(token)
        return {"access_token": token, "expire": self._token_seconds}

    def may_write(self, query: str) -> bool:
        """Whether the caller's token allows writes; refused when there is none or it has ended."""
        given = dict(part.partition("=")[::2] for part in query.split("&"))
        if "access_token" not in given:
            raise Refused("310001", say("no_token"))
        with self._lock:
            ends, may_write = self._tokens.get(unquote(given["access_token"]), (0.0, False))
        if ends <= time.monotonic():
            self.failures["token"] += 1
            raise Refused("310036", say("bad_token"))
        return may_write

    def forget_tokens(self) -> None:
        """Every token ends."""
        with self._lock:
            self._tokens.clear()
