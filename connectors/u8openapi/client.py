"""The client of the U8+ OpenAPI relay: a token, paged lists, single documents and writes; rows out exactly as received.

Secret and token travel in the address of a call. They are taken out of what `urllib3` logs, and an error of the transport is
passed on without its cause, because the libraries quote the whole address in theirs. A refused token is renewed once: a read is
then sent again, a write is an unknown outcome, because an answer about the token does not prove at which place it was checked.
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

from connectors.http import HttpTransport
from connectors.u8openapi.envelope import Signals, TokenRefused, decode, values
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, Rejected, Unavailable

_TOKEN: Final = "system/token"  # noqa: S105 - a path
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class U8Login:
    """Who calls whom: the caller's account (调用方), the U8 that provides (提供方), the application and its secret.
    `data_source` is the number of the account set (数据源序号); empty takes the application's first."""

    from_account: str
    to_account: str
    app_key: str
    app_secret: str
    data_source: str = ""

    def __repr__(self) -> str:
        return f"U8Login(from_account={self.from_account!r}, to_account={self.to_account!r})"


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list: its rows as received, and how many rows and pages there are (None where the list does not say)."""

    rows: list[bytes]
    row_count: int | None
    page_count: int | None


class U8Client:
    """One application on one U8. `now` answers Unix seconds; `wait` sleeps; `token_seconds` is how long a token is used."""

    def __init__(
        self,
        transport: HttpTransport,
        login: U8Login,
        *,
        now: Callable[[], float],
        wait: Callable[[float], None],
        signals: Signals | None = None,
        token_seconds: float = 6900,
        read_attempts: int = 4,
    ) -> None:
        self._transport = transport
        self._login = login
        self._now = now
        self._wait = wait
        self._signals = signals or Signals()
        self._token_seconds = token_seconds
        self._read_attempts = read_attempts
        self._lock = threading.Lock()
        self._token = ""
        self._token_ends = 0.0

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._transport.system

    def log_in(self) -> None:
        """Get a token, unless there is one: for a check. Raises AuthFailed or Unavailable."""
        self._repeated(self._current_token)

    def page(self, resource: str, given: Mapping[str, str], index: int, rows: int) -> Listed:
        """Page `index` (from 1) of `/api/{resource}/batch_get`; the answer names its rows like the resource."""
        path = f"api/{resource}/batch_get"
        members = self._read(path, {**given, "page_index": str(index), "rows_per_page": str(rows)})
        try:
            listed = msgspec.json.decode(members.get(resource, b"[]"), type=list[msgspec.Raw] | None) or []
            counts = [_count(members, name) for name in ("row_count", "page_count")]
        except (msgspec.DecodeError, ValueError) as error:
            raise ContractViolation(path, f"no list named {resource}, or no counts", system=self.system) from error
        return Listed([bytes(row) for row in listed], *counts)

    def document(self, resource: str, key: str) -> Mapping[str, bytes]:
        """The members of the one document that `/api/{resource}/get` answers for an id, each as received."""
        path = f"api/{resource}/get"
        members = self._read(path, {"id": key})
        try:
            found = msgspec.json.decode(members[resource], type=dict[str, msgspec.Raw])
        except (KeyError, msgspec.DecodeError) as error:
            raise ContractViolation(path, f"no document named {resource}", system=self.system) from error
        return {name: bytes(value) for name, value in found.items()}

    def write(self, path: str, given: Mapping[str, str], body: Any) -> Mapping[str, Any]:
        """The members of the answer to a call that changes something: one attempt."""
        token = self._repeated(self._current_token)
        address = self._address(path, given, token)
        content = {"Content-Type": "application/json; charset=utf-8"}
        try:
            answer = self._transport.post(address, _encoder.encode(body), content, write=True)
            members = decode(answer, self._signals, write=True, where=path, system=self.system)
        except TokenRefused as refused:
            self._forget(token)
            raise OutcomeUnknown("the token was refused", system=self.system) from refused
        return {name: values(bytes(value)) for name, value in members.items()}

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

    def _read(self, path: str, given: Mapping[str, str]) -> Mapping[str, msgspec.Raw]:
        return self._repeated(self._read_once, path, given)  # type: ignore[no-any-return]

    def _read_once(self, path: str, given: Mapping[str, str]) -> Mapping[str, msgspec.Raw]:
        token = self._current_token()
        try:
            return self._got(path, given, token)
        except TokenRefused:
            self._forget(token)
        try:
            return self._got(path, given, self._current_token())
        except TokenRefused as again:
            raise AuthFailed(str(again), system=self.system) from again

    def _got(self, path: str, given: Mapping[str, str], token: str) -> Mapping[str, msgspec.Raw]:
        answer = self._transport.get(self._address(path, given, token), {})
        return decode(answer, self._signals, write=False, where=path, system=self.system)

    def _address(self, path: str, given: Mapping[str, str], token: str) -> str:
        login = self._login
        source = {"ds_sequence": login.data_source} if login.data_source else {}
        who = {"from_account": login.from_account, "to_account": login.to_account, "app_key": login.app_key}
        return _with_query(path, {**who, "token": token, **source, **given})

    def _current_token(self) -> str:
        """The token to call with, fetched when there is none or it is about to end."""
        with self._lock:
            if not self._token or self._now() >= self._token_ends:
                self._token = self._new_token()
                self._token_ends = self._now() + self._token_seconds
            return self._token

    def _new_token(self) -> str:
        """A GET before there is a token. What is refused here is a matter of account, key or secret."""
        login = self._login
        given = {"from_account": login.from_account, "app_key": login.app_key, "app_secret": login.app_secret}
        answer = self._transport.get(_with_query(_TOKEN, given), {})
        try:
            members = decode(answer, self._signals, write=False, where=_TOKEN, system=self.system)
            return str(values(bytes(members["token"]))["id"])
        except (TokenRefused, Rejected) as refused:
            text = f"{refused.vendor_code} {refused.vendor_text}" if isinstance(refused, Rejected) else str(refused)
            raise AuthFailed(text, system=self.system) from refused
        except (KeyError, TypeError, msgspec.DecodeError) as error:
            raise ContractViolation(_TOKEN, "an answer without a token", system=self.system) from error

    def _forget(self, refused: str) -> None:
        """Forget a token. One that another thread has fetched since is kept."""
        with self._lock:
            if self._token == refused:
                self._token = ""


def _with_query(path: str, given: Mapping[str, str]) -> str:
    return f"{path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())


def _count(members: Mapping[str, msgspec.Raw], name: str) -> int | None:
    """A count as text or number; None where there is none."""
    found = values(bytes(members[name])) if name in members else None
    return None if found in (None, "") else int(str(found))


class _WithoutSecrets(logging.Filter):
    """Takes secrets and tokens out of the addresses that `urllib3` logs."""

    _secret: Final = re.compile(r"\b(app_secret|app_key|token)=[^&\s\"]+")

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True: the line stays, without the secret."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                self._secret.sub(r"\1=***", one) if isinstance(one, str) else one for one in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutSecrets())
