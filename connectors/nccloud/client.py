"""The NC Cloud client: a token for a sealed secret, then signed calls whose bodies are protected as the token's level says.

A signature covers the body before it is protected, byte for byte as it was encoded here. A refused token is renewed once: a read
is then sent again, a write is an unknown outcome, because an answer about the token does not prove at which place it was checked.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.http import HttpAnswer, HttpTransport
from connectors.nccloud.envelope import Signals, TokenRefused, decode, unsure, values
from connectors.nccloud.sealing import LEVELS, NotReadable, opened, protected, sealed, usable
from connectors.nccloud.signing import bare_key, signature
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, Rejected, Unavailable

_TOKEN: Final = "nccloud/opm/accesstoken"  # noqa: S105 - a path
_EARLY_SECONDS: Final = 60
_JSON: Final = "application/json;charset=utf-8"
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class NcCloudLogin:
    """Who calls: the application with its secret and public key (as the platform shows it), and the business centre (账套)."""

    client_id: str
    app_secret: str
    public_key: str
    biz_center: str

    def __repr__(self) -> str:
        return f"NcCloudLogin(client_id={self.client_id!r}, biz_center={self.biz_center!r})"


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    security_key: str
    level: str
    ends: float


class NcCloudClient:
    """One application at one business centre. `now` answers Unix seconds; `wait` sleeps; `token_seconds` counts where the
    server does not say how long a token lives; `level` overrides the level that came with it."""

    def __init__(
        self,
        transport: HttpTransport,
        login: NcCloudLogin,
        *,
        now: Callable[[], float],
        wait: Callable[[float], None],
        signals: Signals | None = None,
        level: str = "",
        token_seconds: float = 3600,
        read_attempts: int = 4,
    ) -> None:
        if level and level not in LEVELS:
            raise ValueError(f"secret_level must be one of {', '.join(LEVELS)}")
        self._transport = transport
        self._login = login
        self._key = bare_key(login.public_key)
        sealed("", self._key)  # a key that is none is told now, not with the first voucher
        self._now = now
        self._wait = wait
        self._signals = signals or Signals()
        self._level = level
        self._token_seconds = token_seconds
        self._read_attempts = read_attempts
        self._lock = threading.Lock()
        self._token: _Token | None = None

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._transport.system

    def log_in(self) -> None:
        """Get a token, unless there is one: for a check. Raises AuthFailed or Unavailable."""
        self._repeated(self._current_token)

    def read(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The `data` of a call that changes nothing, as received."""
        return self._repeated(self._read_once, path, body)  # type: ignore[no-any-return]

    def write(self, path: str, body: Mapping[str, Any], *, once: bool = True) -> Any:
        """The decoded `data` of a call that changes something: one attempt. `once` switches the server's own guard against
        repetition on; a change that may be made again goes without."""
        token = self._repeated(self._current_token)
        try:
            return values(self._called(path, body, token, write=True, once=once))
        except TokenRefused as refused:
            self._forget(token)
            raise OutcomeUnknown("the token was refused", system=self.system) from refused

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
            return self._called(path, body, token, write=False)
        except TokenRefused:
            self._forget(token)
        try:
            return self._called(path, body, self._current_token(), write=False)
        except TokenRefused as again:
            raise AuthFailed(str(again), system=self.system) from again

    def _called(
        self, path: str, body: Mapping[str, Any], token: _Token, *, write: bool, once: bool = False
    ) -> bytes:  # fmt: skip
        plain = _encoder.encode(body)
        headers = {
            "Content-Type": _JSON,
            "access_token": token.text,
            "client_id": self._login.client_id,
            "signature": signature(self._login.client_id + plain.decode() + self._key, self._key),
            "ucg_flag": "y",
            **({"repeat_check": "Y"} if once else {}),
        }
        sent = protected(plain, token.level, token.security_key)
        answer = self._transport.post(path, sent, headers, write=write)
        try:
            found = self._opened(answer, token)
        except NotReadable as error:
            raise unsure(f"{path} answered with {error} (HTTP {answer.status})", write, self.system) from error
        return decode(found, answer.status, self._signals, write=write, where=path, system=self.system)

    @staticmethod
    def _opened(answer: HttpAnswer, token: _Token) -> bytes:
        """The body of an answer. Refusals of the gateway, and error pages, come unprotected at every level."""
        if answer.body.lstrip()[:1] in (b"{", b"<", b""):
            return answer.body
        return opened(answer.body, token.level, token.security_key)

    def _current_token(self) -> _Token:
        """The token to call with, fetched when there is none or it is about to end."""
        with self._lock:
            if self._token is None or self._now() >= self._token.ends:
                self._token = self._new_token()
            return self._token

    def _new_token(self) -> _Token:
        """Secret and signature travel in the address, as the vendor wants it. What is refused here is a matter of them."""
        login = self._login
        given = {
            "grant_type": "client_credentials",
            "client_id": login.client_id,
            "client_secret": sealed(login.app_secret, self._key),
            "biz_center": login.biz_center,
            "signature": signature(login.client_id + login.app_secret + self._key, self._key),
        }
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())
        content = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._transport.post(f"{_TOKEN}?{query}", b"", content, write=False)
        try:
            data = decode(answer.body, answer.status, self._signals, write=False, where=_TOKEN, system=self.system)
            found = values(data)
            text, level = str(found["access_token"]), str(found.get("security_level") or "L0")
        except (TokenRefused, Rejected) as refused:
            said = f"{refused.vendor_code} {refused.vendor_text}" if isinstance(refused, Rejected) else str(refused)
            raise AuthFailed(said, system=self.system) from refused
        except (KeyError, TypeError, AttributeError, msgspec.DecodeError) as error:
            raise ContractViolation(_TOKEN, "an answer without a token", system=self.system) from error
        if level not in LEVELS:
            raise ContractViolation(_TOKEN, f"an unknown security_level {level!r}", system=self.system)
        level = self._level or level
        security_key = str(found.get("security_key") or "")
        if not usable(security_key, level):
            raise ContractViolation(_TOKEN, f"no security_key for level {level}", system=self.system)
        lives = _seconds(found.get("expires_in")) or self._token_seconds
        ends = self._now() + max(0.0, lives - _EARLY_SECONDS)
        return _Token(text, security_key, level, ends)

    def _forget(self, refused: _Token) -> None:
        """Forget a token. One that another thread has fetched since is kept."""
        with self._lock:
            if self._token is refused:
                self._token = None


def _seconds(found: Any) -> float:
    text = str(found or "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


class _WithoutSecrets(logging.Filter):
    """Takes secrets and signatures out of the addresses that `urllib3` logs."""

    _secret: Final = re.compile(r"\b(client_secret|signature|access_token)=[^&\s\"]+")

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True: the line stays, without the secret."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                self._secret.sub(r"\1=***", one) if isinstance(one, str) else one for one in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutSecrets())
