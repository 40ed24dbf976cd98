"""The Cosmic client: gets a token (rarely: 30 calls a minute are allowed) and calls business interfaces with it.

Reads are repeated a few times when the other side is unavailable; a write is attempted once and never repeated here. A token
that is refused is renewed once: a read is then sent again, a write is an unknown outcome. A refused login is never repeated:
five wrong secrets lock the application.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.cosmic.envelope import RefusalTexts, TokenRefused, decode, values
from connectors.http import HttpTransport
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, Rejected, Unavailable

TOKEN_PATH: Final = "kapi/oauth2/getToken"  # noqa: S105 - a path
TOKEN_HEADERS: Final = ("accesstoken", "access_token")
"""What the token's header is called: the vendor's pages and public clients disagree. Case does not matter, the line does."""

_EARLY_SECONDS: Final = 120
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class CosmicLogin:
    """A third-party application (client id and secret), the user it acts for, the data centre, and the gateway's identity."""

    client_id: str
    client_secret: str
    user: str
    account_id: str
    gateway_identity: str = ""
    language: str = "zh_CN"

    def __repr__(self) -> str:
        return f"CosmicLogin(client_id={self.client_id!r}, user={self.user!r}, account_id={self.account_id!r})"


@dataclass(frozen=True, slots=True)
class Headers:
    """Names of headers, and how the time of a token request is written: `local` (the site's wall clock) or `utc`."""

    token: str = TOKEN_HEADERS[0]
    gateway: str = "x-acgw-identity"
    idempotency: str = "Idempotency-Key"
    timestamp: str = "local"
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if self.timestamp not in ("local", "utc"):
            raise ValueError("timestamp_style must be local or utc")
        ZoneInfo(self.zone)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a query: its rows as received, and how many there are in all where the answer says so."""

    rows: list[bytes]
    total: int | None


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int | None = None


class _Rows(msgspec.Struct, rename="camel"):
    rows: list[msgspec.Raw] | None = None
    total_count: int | None = None
    count: int | None = None
    last_page: bool | None = None


class CosmicClient:
    """One data centre. `now` answers Unix seconds; `wait` sleeps."""

    def __init__(
        self,
        transport: HttpTransport,
        login: CosmicLogin,
        *,
        now: Callable[[], float],
        wait: Callable[[float], None],
        headers: Headers | None = None,
        texts: RefusalTexts | None = None,
        read_attempts: int = 4,
    ) -> None:
        self._http = transport
        self._login = login
        self._now = now
        self._wait = wait
        self._names = headers or Headers()
        self._texts = texts or RefusalTexts()
        self._read_attempts = read_attempts
        self._lock = threading.Lock()
        self._token = ""
        self._token_ends = 0.0

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._http.system

    @property
    def token_header(self) -> str:
        """The name of the header that carries the token, as configured."""
        return self._names.token

    def log_in(self) -> None:
        """Get a token, unless there is one: for a check. Raises AuthFailed or Unavailable."""
        self._repeated(self._current_token)

    def header_that_works(self, path: str, body: Mapping[str, Any]) -> str | None:
        """The name of the token's header that a call accepts, out of those that are known; None when none of them does."""
        token = self._current_token()
        for name in dict.fromkeys((self._names.token, *TOKEN_HEADERS)):
            try:
                self._post(path, body, {name: token}, write=False)
            except TokenRefused:
                continue
            return name
        return None

    def read_page(self, path: str, body: Mapping[str, Any]) -> Page:
        """A query: the rows of `data.rows`, each exactly as received. A last page that says so counts itself when it is the
        first one too."""
        data = self._repeated(self._read_once, path, body)
        try:
            found = msgspec.json.decode(data, type=_Rows | None, strict=False) or _Rows()
        except msgspec.DecodeError as error:
            raise ContractViolation(path, "not a page of rows", system=self.system) from error
        rows = [bytes(row) for row in found.rows or []]
        total = found.total_count if found.total_count is not None else found.count
        if total is None and found.last_page and body.get("pageNo") == 1:
            total = len(rows)
        return Page(rows, total)

    def write(self, path: str, body: Mapping[str, Any], idempotency_key: str = "") -> Any:
        """The decoded `data` of a call that changes something: one attempt, under our reference. A change that may be made again
        goes without."""
        token = self._repeated(self._current_token)
        headers = {self._names.token: token}
        if idempotency_key:
            headers[self._names.idempotency] = idempotency_key
        try:
            data = self._post(path, body, headers, write=True)
            return values(data)
        except TokenRefused as refused:
            self._forget(token)
            raise OutcomeUnknown(f"the token was refused: {refused}", system=self.system) from refused
        except (msgspec.DecodeError, ArithmeticError) as error:
            raise OutcomeUnknown(f"{path} answered data that cannot be read", system=self.system) from error

    # --- how a call goes out ---

    def _repeated(self, act: Callable[..., Any], *given: Any) -> Any:
        retrying = Retrying(
            stop=stop_after_attempt(self._read_attempts),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_exception_type(Unavailable),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(act, *given)

    def _read_once(self, path: str, body: Mapping[str, Any]) -> bytes:
        token = self._current_token()
        try:
            return self._post(path, body, {self._names.token: token}, write=False)
        except TokenRefused:
            self._forget(token)
        try:
            return self._post(path, body, {self._names.token: self._current_token()}, write=False)
        except TokenRefused as again:
            raise AuthFailed(str(again), system=self.system) from again

    def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str], *, write: bool) -> bytes:
        given = {"Content-Type": "application/json; charset=utf-8", **headers}
        if self._login.gateway_identity:
            given[self._names.gateway] = self._login.gateway_identity
        answer = self._http.post(path, _encoder.encode(body), given, write=write)
        return decode(answer, write=write, where=path, system=self.system, texts=self._texts)

    def _current_token(self) -> str:
        """The token to call with, fetched when there is none or it is about to end."""
        with self._lock:
            if not self._token or self._now() >= self._token_ends:
                found = self._log_in()
                self._token = found.access_token
                seconds = max(60, (found.expires_in or 0) // 1000)  # milliseconds, written as text
                self._token_ends = self._now() + max(0, seconds - _EARLY_SECONDS)
            return self._token

    def _forget(self, refused: str) -> None:
        """Forget a token. One that another thread has fetched since is kept."""
        with self._lock:
            if self._token == refused:
                self._token = ""

    def _log_in(self) -> _Token:
        """One token request. What is refused here is a matter of application, secret, user, data centre or clock."""
        who = self._login
        asked = {
            "client_id": who.client_id,
            "client_secret": who.client_secret,
            "username": who.user,
            "accountId": who.account_id,
            "language": who.language,
            "nonce": secrets.token_hex(16),
            "timestamp": self._timestamp(),
        }
        try:
            data = self._post(TOKEN_PATH, asked, {}, write=False)
            return msgspec.json.decode(data, type=_Token, strict=False)
        except (TokenRefused, Rejected) as refused:
            text = f"{refused.vendor_code} {refused.vendor_text}" if isinstance(refused, Rejected) else str(refused)
            raise AuthFailed(text, system=self.system) from refused
        except msgspec.DecodeError as error:
            raise ContractViolation(TOKEN_PATH, "an answer without a token", system=self.system) from error

    def _timestamp(self) -> str:
        """Accepted within five minutes: `2026-03-31 16:00:00` in the site's zone, or from V7.0.13 on with zone zero."""
        if self._names.timestamp == "utc":
            return datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return datetime.fromtimestamp(self._now(), ZoneInfo(self._names.zone)).strftime("%Y-%m-%d %H:%M:%S")
