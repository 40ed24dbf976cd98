"""Who may call: an application's key and secret for a token, tokens that end, rights by application."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.u8openapi.answers import Refused
from sandbox.u8openapi.texts import say

NO_APPLICATION, BAD_TOKEN, NO_RIGHT, NO_ACCOUNT = "20001", "20002", "20003", "20004"
"""Invented: no table of the relay's codes is published."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The caller, the U8 that provides, an application with every right, and one that may only read."""

    from_account: str
    to_account: str
    app_key: str
    app_secret: str
    reader_key: str
    reader_secret: str

    @classmethod
    def random(cls) -> Credentials:
        """Fresh ones, printed at the start."""
        keys = [f"opa{secrets.token_hex(8)}" for _ in range(2)]
        mine, readers = secrets.token_hex(16), secrets.token_hex(16)
        return cls("hedge_dev", "hedge_ent", keys[0], mine, keys[1], readers)


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

    def issue(self, given: Mapping[str, str]) -> dict[str, object]:
        """A token for a caller with key and secret."""
        mine = self.credentials
        known = {mine.app_key: (mine.app_secret, True), mine.reader_key: (mine.reader_secret, False)}
        secret, may_write = known.get(given.get("app_key", ""), ("", False))
        right = secret and hmac.compare_digest(secret.encode(), given.get("app_secret", "").encode())
        if not right or given.get("from_account") != mine.from_account:
            self.failures["application"] += 1
            raise Refused(NO_APPLICATION, say("no_application"))
        token = secrets.token_hex(16)
        with self._lock:
            self._tokens[token] = (time.monotonic() + self._token_seconds, may_write)
            self.issued.append(token)
        return {"token": {"id": token, "expires_in": str(self._token_seconds)}}

    def check(self, given: Mapping[str, str], *, write: bool) -> None:
        """Refuse a call without a valid token, to another U8, or beyond the application's rights."""
        with self._lock:
            ends, may_write = self._tokens.get(given.get("token", ""), (0.0, False))
        if ends <= time.monotonic():
            self.failures["token"] += 1
            raise Refused(BAD_TOKEN, say("bad_token"))
        if given.get("to_account") != self.credentials.to_account:
            raise Refused(NO_ACCOUNT, say("no_account"))
        if write and not may_write:
            raise Refused(NO_RIGHT, say("no_right"))

    def forget_tokens(self) -> None:
        """Every token ends."""
        with self._lock:
            self._tokens.clear()
