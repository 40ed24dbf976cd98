"""Who may call: token requests with their clock, nonce, lock and limit; tokens that end; rights by user."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.cosmic.answers import Refused
from sandbox.cosmic.texts import say

_MINUTES = timedelta(minutes=5)
_SITE_TIME = timezone(timedelta(hours=8))
_NEEDED = ("client_id", "client_secret", "username", "accountId", "nonce", "timestamp")
WRONG_SECRETS, LOCK_SECONDS = 5, 180


@dataclass(frozen=True, slots=True)
class Credentials:
    """A third-party application of one data centre, the user it acts for, one who may only read, and the gateway's identity."""

    client_id: str
    client_secret: str
    user: str
    reader: str
    account_id: str
    gateway_identity: str

    @classmethod
    def random(cls, *, gateway: bool = False) -> Credentials:
        """Fresh ones, printed at the start. Without a gateway in front there is no identity."""
        identity = secrets.token_urlsafe(40) if gateway else ""
        return cls("hedgebridge", secrets.token_urlsafe(30), "hb_user", "hb_reader", "1698490236112999999", identity)


class Gate:
    """Issues and checks tokens. `now` answers Unix seconds by the site's clock; limits run by real time."""

    def __init__(
        self, credentials: Credentials, *, token_header: str, token_seconds: int, tokens_per_minute: int,
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self.credentials = credentials
        self.token_header = token_header
        self.failures: Counter[str] = Counter()
        self.issued: list[str] = []
        """Every token ever handed out: what a test looks for in logs."""
        self._seconds = token_seconds
        self._now = now
        self._tokens: dict[str, tuple[float, str]] = {}
        self._nonces: set[str] = set()
        self._wrong = 0
        self._locked_until = 0.0
        self._recent: deque[float] = deque(maxlen=tokens_per_minute or 1)
        self._limited = bool(tokens_per_minute)
        self._lock = threading.Lock()

    def issue(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        """A token, or the vendor's reason."""
        self._check_identity(headers)
        missing = [name for name in _NEEDED if not body.get(name)]
        if missing:
            raise Refused("603", say("missing", name=missing[0]))
        with self._lock:
            self._count()
            self._check_request(body)
            self._check_secret(body)
            if body["username"] not in (self.credentials.user, self.credentials.reader):
                raise Refused("603", say("no_agent"))
            token = f"OPENAPIAUTH_{secrets.token_urlsafe(40)}"
            self._tokens[token] = (time.monotonic() + self._seconds, str(body["username"]))
            self.issued.append(token)
        return {"access_token": token, "token_type": "Bearer", "scope": "API", "expires_in": str(self._seconds * 1000)}

    def may_write(self, headers: Mapping[str, str]) -> bool:
        """Whether the caller's token allows writes; refused when there is none or it has ended."""
        self._check_identity(headers)
        with self._lock:
            ends, user = self._tokens.get(headers.get(self.token_header, ""), (0.0, ""))
        if ends <= time.monotonic():
            self.failures["token"] += 1
            raise Refused("401", say("no_access"))
        return user == self.credentials.user

    def forget_tokens(self) -> None:
        """Every token ends."""
        with self._lock:
            self._tokens.clear()

    def _check_identity(self, headers: Mapping[str, str]) -> None:
        wanted = self.credentials.gateway_identity
        if wanted and not hmac.compare_digest(wanted, headers.get("x-acgw-identity", "")):
            self.failures["gateway"] += 1
            raise Refused("401", say("no_identity"))

    def _count(self) -> None:
        now = time.monotonic()
        if self._limited and len(self._recent) == self._recent.maxlen and now - self._recent[0] < 60:
            self.failures["often"] += 1
            raise Refused("603", say("token_often"))
        self._recent.append(now)

    def _check_request(self, body: Mapping[str, Any]) -> None:
        if body["nonce"] in self._nonces:
            raise Refused("603", say("nonce_again", nonce=body["nonce"]))
        self._nonces.add(str(body["nonce"]))
        if abs(_time(str(body["timestamp"])) - datetime.fromtimestamp(self._now(), UTC)) > _MINUTES:
            self.failures["timestamp"] += 1
            raise Refused("603", say("bad_timestamp"))

    def _check_secret(self, body: Mapping[str, Any]) -> None:
        who = self.credentials
        if body["accountId"] != who.account_id:
            raise Refused("603", say("no_account", account=body["accountId"]))
        if body["client_id"] != who.client_id:
            self.failures["application"] += 1
            raise Refused("401", say("no_client", client=body["client_id"]))
        if time.monotonic() < self._locked_until:
            raise Refused("401", say("locked"))
        if not hmac.compare_digest(who.client_secret, str(body["client_secret"])):
            self.failures["secret"] += 1
            self._wrong += 1
            if self._wrong >= WRONG_SECRETS:
                self._locked_until, self._wrong = time.monotonic() + LOCK_SECONDS, 0
                raise Refused("401", say("locked"))
            raise Refused("401", say("bad_secret", count=self._wrong))
        self._wrong = 0


def _time(text: str) -> datetime:
    """`2026-03-31 16:00:00` by the site's clock, or ISO with zone zero."""
    try:
        if text.endswith("Z"):
            return datetime.fromisoformat(text)
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_SITE_TIME)
    except ValueError as error:
        raise Refused("603", say("bad_timestamp")) from error
