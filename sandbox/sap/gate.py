"""Who may come in: basic authentication or a bearer token, a CSRF token together with its cookies, and who may post."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

CLIENT = "100"
SESSION_COOKIE = f"SAP_SESSIONID_HDG_{CLIENT}"
XSRF_COOKIE = f"sap-XSRF_HDG_{CLIENT}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Two communication users (one may only read) and an OAuth client that stands for the first."""

    user: str
    password: str
    reader_user: str
    reader_password: str
    client_id: str
    client_secret: str
    sap_client: str = CLIENT

    @classmethod
    def random(cls) -> Credentials:
        """Fresh ones, printed at the start."""
        return cls(
            "HEDGE_COMM",
            secrets.token_urlsafe(12),
            "HEDGE_READ",
            secrets.token_urlsafe(12),
            "hedgebridge",
            secrets.token_urlsafe(18),
        )


class Gate:
    """Checks callers. Tokens live `token_seconds`; a session is one CSRF token with one cookie."""

    def __init__(self, credentials: Credentials, *, token_seconds: float = 3600) -> None:
        self.credentials = credentials
        self.failures: Counter[str] = Counter()
        self._token_seconds = token_seconds
        self._tokens: dict[str, float] = {}
        self._sessions: dict[str, str] = {}
        self._lock = threading.Lock()

    def role(self, headers: Mapping[str, str]) -> str | None:
        """`poster` or `reader`; None when the caller is not let in."""
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            with self._lock:
                known = self._tokens.get(text, 0) > time.monotonic()
            if not known:
                self.failures["token"] += 1
            return "poster" if known else None
        if kind == "Basic":
            mine = self.credentials
            for user, password, role in (
                (mine.user, mine.password, "poster"),
                (mine.reader_user, mine.reader_password, "reader"),
            ):
                if _same_basic(text, user, password):
                    return role
        self.failures["password"] += 1
        return None

    def issue_token(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, object]]:
        """The OAuth2 token endpoint: client credentials by basic authentication."""
        kind, _, text = headers.get("authorization", "").partition(" ")
        form = parse_qs(body.decode("utf-8", "replace"))
        mine = self.credentials
        if kind != "Basic" or not _same_basic(text, mine.client_id, mine.client_secret):
            self.failures["client"] += 1
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = time.monotonic() + self._token_seconds
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": int(self._token_seconds)}

    def forget_tokens(self) -> None:
        """Every bearer token ends."""
        with self._lock:
            self._tokens.clear()

    def open_session(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """A CSRF token and the cookie headers that go with it."""
        token, session = secrets.token_urlsafe(16), secrets.token_hex(16)
        with self._lock:
            self._sessions[session] = token
        cookies = (
            ("Set-Cookie", f"{SESSION_COOKIE}={session}; path=/; HttpOnly; expires=Fri, 01-Jan-2038 00:00:00 GMT"),
            ("Set-Cookie", f"{XSRF_COOKIE}={secrets.token_hex(8)}; path=/"),
        )
        return token, cookies

    def forget_sessions(self) -> None:
        """Every CSRF token ends."""
        with self._lock:
            self._sessions.clear()

    def csrf_valid(self, headers: Mapping[str, str]) -> bool:
        """Whether the token belongs to the session whose cookie comes with it."""
        cookies = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
        with self._lock:
            token = self._sessions.get(cookies.get(SESSION_COOKIE, ""))
        return token is not None and hmac.compare_digest(token, headers.get("x-csrf-token", ""))


def _same_basic(text: str, user: str, password: str) -> bool:
    wanted = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return hmac.compare_digest(text, wanted)
