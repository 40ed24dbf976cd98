"""Who may call: signed headers, the three logins, sessions by cookie or header, and the rights of a role."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from sandbox.kingdee.signing import login_sign, seconds_of, signature_fault

COOKIE = "kdservice-sessionid"
IDLE_SECONDS = 20 * 60
MOST_SESSIONS = 5_000

ROLES: Mapping[str, frozenset[str]] = {
    "clerk": frozenset(
        {"read", "Save", "BatchSave", "Draft", "Submit", "Audit", "UnAudit", "Delete", "AttachmentUpload"}
    ),
    "maker": frozenset({"read", "Save", "BatchSave", "Draft", "Submit", "Delete", "AttachmentUpload"}),
    "reader": frozenset({"read"}),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client must know to get in. Random per start unless a test gives its own."""

    acct_id: str
    user: str
    password: str
    app_id: str
    app_secret: str
    read_only_user: str
    maker_user: str

    @classmethod
    def random(cls) -> Credentials:
        """Fresh credentials of the vendor's shapes."""
        client = str(200_000 + secrets.randbelow(700_000))
        hidden = base64.b64encode(secrets.token_bytes(24)).decode("ascii")
        return cls(
            acct_id=secrets.token_hex(7),
            user=f"hedge_{secrets.token_hex(3)}",
            password=secrets.token_urlsafe(12),
            app_id=f"{client}_{hidden}",
            app_secret=secrets.token_hex(16),
            read_only_user=f"reader_{secrets.token_hex(3)}",
            maker_user=f"maker_{secrets.token_hex(3)}",
        )


@dataclass(slots=True)
class _Session:
    user: str
    used_at: float


class NotAllowed(Exception):
    """The caller is not let in. `reason` is `session` (answer session lost), `expired` or `no_app_id`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Gate:
    """Checks credentials and keeps sessions. `window` is how old or early a signed timestamp may be, in seconds."""

    credentials: Credentials
    organisations: frozenset[str]
    role_of: Callable[[str], str | None]
    window: float = 300.0
    clock: Callable[[], float] = time.time
    failures: Counter[str] = field(default_factory=Counter)
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, headers: Mapping[str, str], path: str) -> tuple[str, str | None]:
        """(user, new session id or None) of a call. Raises NotAllowed.

        A session id that is sent must be alive, even beside good signatures: a stale one answers session lost.
        """
        sent = sent_session(headers)
        if sent:
            owner = self._touch(sent)
            if owner is None:
                raise self._failure("stale_session", "session")
            return owner, None
        if "x-kd-signature" in headers or "x-api-signature" in headers:
            user = self._signed_user(headers, path)
            return user, self.open_session(user)
        raise self._failure("no_session", "session")

    def forget(self, headers: Mapping[str, str]) -> None:
        """Drop the session of a request."""
        with self._lock:
            self._sessions.pop(sent_session(headers), None)

    def forget_all(self) -> int:
        """Drop every session, as a restart would; how many there were."""
        with self._lock:
            count = len(self._sessions)
            self._sessions.clear()
        return count

    def open_session(self, user: str) -> str:
        """A new session id."""
        session = secrets.token_hex(16)
        with self._lock:
            if len(self._sessions) >= MOST_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[session] = _Session(user, self.clock())
        return session

    def login_by_sign(self, parameters: Sequence[object]) -> str | None:
        """User of `[acctId, userName, appId, timestamp, sign, lcid]`, or None."""
        acct_id, user, app_id, timestamp, sign = (str(one) for one in _first(parameters, 5))
        mine = self.credentials
        at = seconds_of(timestamp)
        expected = login_sign((acct_id, user, app_id, mine.app_secret, timestamp))
        good = (
            self._known(acct_id, user)
            and app_id == mine.app_id
            and at is not None
            and abs(self.clock() - at) <= self.window
            and hmac.compare_digest(expected.encode(), sign.encode())
        )
        return self._login_result(user, good)

    def login_by_secret(self, parameters: Sequence[object]) -> str | None:
        """User of `[acctId, userName, appId, appSecret, lcid]`, or None."""
        acct_id, user, app_id, secret = (str(one) for one in _first(parameters, 4))
        mine = self.credentials
        good = self._known(acct_id, user) and app_id == mine.app_id
        return self._login_result(user, good and hmac.compare_digest(mine.app_secret.encode(), secret.encode()))

    def login_by_password(self, parameters: Sequence[object]) -> str | None:
        """User of `[acctId, userName, password, lcid]`, or None."""
        acct_id, user, password = (str(one) for one in _first(parameters, 3))
        good = self._known(acct_id, user)
        return self._login_result(
            user, good and hmac.compare_digest(self.credentials.password.encode(), password.encode())
        )

    def may(self, user: str, operation: str) -> bool:
        """Whether the user's role allows an operation (`read` for everything that changes nothing)."""
        return operation in ROLES.get(self.role_of(user) or "", frozenset())

    def _signed_user(self, headers: Mapping[str, str], path: str) -> str:
        mine = self.credentials
        app_id = headers.get("x-kd-appkey", "")
        if not app_id:
            raise self._failure("no_app_id", "no_app_id")
        at = seconds_of(headers.get("x-api-timestamp", ""))
        if at is None or abs(self.clock() - at) > self.window:
            raise self._failure("timestamp", "expired")
        if app_id != mine.app_id:
            raise self._failure("app_id", "session")
        fault = signature_fault(headers, path, app_id, mine.app_secret)
        if fault:
            raise self._failure(f"{fault}_signature", "session")
        parts = base64.b64decode(headers["x-kd-appdata"]).decode("utf-8").split(",")
        acct_id, user, _language, organisation = (parts + [""] * 4)[:4]
        if not self._known(acct_id, user):
            raise self._failure("acct_id_or_user", "session")
        if organisation not in ("", "0") and organisation not in self.organisations:
            raise self._failure("organisation", "session")
        return user

    def _known(self, acct_id: str, user: str) -> bool:
        return acct_id == self.credentials.acct_id and self.role_of(user) is not None

    def _login_result(self, user: str, good: bool) -> str | None:
        if not good:
            self.failures["login"] += 1
        return user if good else None

    def _touch(self, session: str) -> str | None:
        now = self.clock()
        with self._lock:
            found = self._sessions.get(session)
            if found is None or now - found.used_at > IDLE_SECONDS:
                self._sessions.pop(session, None)
                return None
            found.used_at = now
            return found.user

    def _failure(self, counted_as: str, reason: str) -> NotAllowed:
        self.failures[counted_as] += 1
        return NotAllowed(reason)


def sent_session(headers: Mapping[str, str]) -> str:
    """The session id of a request, from the header or else the cookie; empty without one."""
    if headers.get(COOKIE):
        return headers[COOKIE]
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _first(parameters: Sequence[object], count: int) -> list[object]:
    return [*parameters, *[""] * count][:count]
