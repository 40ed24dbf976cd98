"""Logging on to SAP: basic authentication, OAuth2 client credentials, or an X.509 client certificate.

A refused password is never sent twice: communication users lock. A token is renewed before it ends, and once more when a 401
says that it ended early; the next 401 is final.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

import msgspec

from connectors.http import HttpTransport
from hedge_core.errors import AuthFailed, ContractViolation, Rejected

DEFAULT_TOKEN_PATH: Final = "/sap/bc/sec/oauth2/token"  # noqa: S105 - a path
_MARGIN_SECONDS: Final = 60


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int = 3600


@dataclass(frozen=True, slots=True)
class SapLogon:
    """Who calls. `user` and `secret` are user and password, or client id and client secret; with `x509` the certificate
    stands on the transport and both may be empty. `client` is the SAP client (three digits; empty: the system's default),
    `language` fixes the language of texts."""

    mode: Literal["basic", "oauth2", "x509"]
    user: str = ""
    secret: str = ""
    client: str = ""
    language: str = "EN"
    token_path: str = DEFAULT_TOKEN_PATH

    def __repr__(self) -> str:
        return f"SapLogon(mode={self.mode!r}, user={self.user!r}, client={self.client!r})"


class Authorisation:
    """Makes the Authorization header. `now` answers Unix seconds; `tokens` is where the token is fetched (by default the
    system itself; in the cloud it may be another origin)."""

    def __init__(
        self,
        logon: SapLogon,
        http: HttpTransport,
        now: Callable[[], float],
        tokens: HttpTransport | None = None,
    ) -> None:
        self._logon = logon
        self._http = http
        self._tokens = tokens or http
        self._now = now
        self._token = ""
        self._ends = 0.0
        self._lock = threading.Lock()
        self._refused: AuthFailed | None = None

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by a new token."""
        return self._logon.mode == "oauth2"

    def headers(self) -> dict[str, str]:
        """The headers that say who calls. Raises AuthFailed without a call once the logon has been refused."""
        if self._refused is not None:
            raise AuthFailed(self._refused.reason, system=self._http.system)
        if self._logon.mode == "x509":
            return {}
        if self._logon.mode == "basic":
            return {"Authorization": _basic(self._logon)}
        return {"Authorization": f"Bearer {self._current()}"}

    def forget(self) -> None:
        """Drop the token: the next call fetches another."""
        with self._lock:
            self._token = ""

    def refuse(self, reason: str) -> AuthFailed:
        """The system said no for good: remembered, so that nothing is sent any more."""
        self._refused = AuthFailed(reason, system=self._http.system)
        return self._refused

    def _current(self) -> str:
        with self._lock:
            if not self._token or self._now() >= self._ends:
                token = self._fetch()
                self._token = token.access_token
                self._ends = self._now() + max(0, token.expires_in - _MARGIN_SECONDS)
            return self._token

    def _fetch(self) -> _Token:
        headers = {
            "Authorization": _basic(self._logon),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        form = {"grant_type": "client_credentials"}
        answer = self._tokens.post(self._logon.token_path, urlencode(form).encode(), headers, write=False)
        if answer.status in (400, 401, 403):
            raise self.refuse(f"the token endpoint answered HTTP {answer.status}")
        if answer.status != 200:
            raise Rejected(f"HTTP {answer.status}", "the token endpoint gave no token", system=self._http.system)
        try:
            return msgspec.json.decode(answer.body, type=_Token)
        except msgspec.DecodeError as error:
            raise ContractViolation("token", "no access token in the answer", system=self._http.system) from error


def _basic(logon: SapLogon) -> str:
    return "Basic " + base64.b64encode(f"{logon.user}:{logon.secret}".encode()).decode("ascii")
