"""Who may call: sealed secrets and signatures checked with this package's own arithmetic, tokens that end, rights."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.nccloud.answers import NO_RIGHT, REFUSED, Refused
from sandbox.nccloud.crypto import signature, unsealed
from sandbox.nccloud.demo import CENTRE
from sandbox.nccloud.key import PUBLIC_KEY
from sandbox.nccloud.texts import say


@dataclass(frozen=True, slots=True)
class Credentials:
    """The business centre, an application with every right, and one that may only read."""

    biz_center: str
    public_key: str
    client_id: str
    app_secret: str
    reader_id: str
    reader_secret: str

    @classmethod
    def random(cls) -> Credentials:
        """Fresh secrets, printed at the start; the key pair is always the same."""
        return cls(CENTRE, PUBLIC_KEY, "hedge_app", secrets.token_hex(16), "hedge_reader", secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Pass:
    """What a token stands for: whose it is, its key, until when."""

    client: str
    security_key: str
    ends: float


class Gate:
    """Issues and checks tokens."""

    def __init__(self, credentials: Credentials, *, token_seconds: int = 3600, level: str = "L0") -> None:
        self.credentials = credentials
        self.level = level
        self.failures: Counter[str] = Counter()
        self.issued: list[str] = []
        """Every token and key ever handed out: what a test looks for in logs."""
        self._token_seconds = token_seconds
        self._tokens: dict[str, Pass] = {}
        self._lock = threading.Lock()

    def issue(self, given: Mapping[str, str], content_type: str) -> dict[str, object]:
        """A token, checked in the order of the real platform: centre, application, secret, signature."""
        mine = self.credentials
        if not content_type.startswith("application/x-www-form-urlencoded"):
            raise self._refused("content_type")
        if given.get("biz_center") != mine.biz_center:
            raise self._refused("no_centre")
        known = {mine.client_id: mine.app_secret, mine.reader_id: mine.reader_secret}
        client = given.get("client_id", "")
        if client not in known or given.get("grant_type") != "client_credentials":
            raise self._refused("not_registered")
        try:
            secret = unsealed(given.get("client_secret", ""))
        except ValueError:
            raise self._refused("not_sealed") from None
        if not hmac.compare_digest(secret.encode(), known[client].encode()):
            raise self._refused("not_authorized")
        if not hmac.compare_digest(signature(client + secret), given.get("signature", "")):
            raise self._refused("bad_login_signature")
        token, key = secrets.token_urlsafe(24), base64.b64encode(secrets.token_bytes(32)).decode()
        with self._lock:
            self._tokens[token] = Pass(client, key, time.monotonic() + self._token_seconds)
            self.issued += [token, key]
        return {
            "access_token": token, "security_key": key, "security_level": self.level,
            "expires_in": str(self._token_seconds),
        }  # fmt: skip

    def admit(self, headers: Mapping[str, str]) -> Pass:
        """The pass behind a call's token."""
        with self._lock:
            found = self._tokens.get(headers.get("access_token", ""))
        if found is None or found.ends <= time.monotonic() or found.client != headers.get("client_id"):
            raise self._refused("token_ended")
        return found

    def check(self, found: Pass, headers: Mapping[str, str], plain: bytes, path: str, *, write: bool) -> None:
        """The signature over the plain body, and the right to the call."""
        wanted = signature(found.client + plain.decode("utf-8", "replace"))
        if not hmac.compare_digest(wanted, headers.get("signature", "")):
            raise self._refused("bad_call_signature")
        if write and found.client == self.credentials.reader_id:
            raise Refused(NO_RIGHT, say("no_right", client=found.client, path=path))

    def forget_tokens(self) -> None:
        """Every token ends."""
        with self._lock:
            self._tokens.clear()

    def _refused(self, which: str) -> Refused:
        self.failures[which] += 1
        return Refused(REFUSED, say(which))
