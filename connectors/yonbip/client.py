"""The YonBIP client: finds its data centre, gets a token, and calls the gateway; dictionaries in, exact values out.

Reads are repeated a few times when the other side is unavailable; a write is attempted once and never repeated here. A token
that is refused is renewed once: a read is then sent again, a write is an unknown outcome, because an answer about the token
does not prove at which place it was checked. The token travels in the address, so it is taken out of what `urllib3` logs.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.http import HttpTransport
from connectors.yonbip.envelope import TokenRefused, decode, values
from connectors.yonbip.signing import token_query
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, Rejected, Unavailable

_LOOK_UP: Final = "open-auth/dataCenter/getGatewayAddress"
_TOKEN: Final = "open-auth/selfAppAuth/base/v1/getAccessToken"  # noqa: S105 - a path
_EARLY_SECONDS: Final = 60
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class YonBipLogin:
    """Who calls: tenant (租户), application key and secret of a self-built application."""

    tenant_id: str
    app_key: str
    app_secret: str

    def __repr__(self) -> str:
        return f"YonBipLogin(tenant_id={self.tenant_id!r})"


class Page(msgspec.Struct, frozen=True):
    """One page of a list: its rows as received, and how many rows there are in all."""

    record_count: int
    rows: list[bytes]


class _Addresses(msgspec.Struct, rename="camel"):
    gateway_url: str
    token_url: str


class _AccessToken(msgspec.Struct):
    access_token: str
    expire: int


class _List(msgspec.Struct, rename="camel"):
    record_count: int
    record_list: list[msgspec.Raw] | None = None


class YonBipClient:
    """One tenant. `connect` opens a transport to an address; `now` answers Unix seconds; `wait` sleeps.

    The look-up names two further addresses. They are accepted on the host of `url` and below `trusted_domains` only:
    an answer must not be able to send the secret's signature, or a voucher, somewhere else."""

    def __init__(
        self,
        url: str,
        connect: Callable[[str], HttpTransport],
        login: YonBipLogin,
        *,
        now: Callable[[], float],
        wait: Callable[[float], None],
        trusted_domains: tuple[str, ...] = ("yonyoucloud.com",),
        read_attempts: int = 4,
    ) -> None:
        self._url = url
        self._connect = connect
        self._front = connect(url)
        self._login = login
        self._now = now
        self._wait = wait
        self._trusted = trusted_domains
        self._read_attempts = read_attempts
        self._lock = threading.Lock()
        self._places: tuple[HttpTransport, HttpTransport] | None = None
        self._token = ""
        self._token_ends = 0.0

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._front.system

    def log_in(self) -> None:
        """Find the data centre and get a token, unless there is one: for a check. Raises AuthFailed or Unavailable."""
        self._repeated(self._current_token)

    def read(self, path: str, body: Mapping[str, Any]) -> Any:
        """The `data` of a call that changes nothing, decoded."""
        return values(self._read(path, body))

    def read_page(self, path: str, body: Mapping[str, Any]) -> Page:
        """A list call: `recordCount` and the rows of `recordList`, each exactly as received."""
        data = self._read(path, body)
        try:
            found = msgspec.json.decode(data, type=_List, strict=False)
        except msgspec.DecodeError as error:
            raise ContractViolation(path, "not a list of records", system=self.system) from error
        return Page(found.record_count, [bytes(row) for row in found.record_list or []])

    def read_array(self, path: str, body: Mapping[str, Any]) -> list[bytes]:
        """A call whose `data` is a plain array (stock): its rows, each exactly as received. No data means no rows."""
        data = self._read(path, body)
        try:
            return [bytes(row) for row in msgspec.json.decode(data, type=list[msgspec.Raw] | None) or []]
        except msgspec.DecodeError as error:
            raise ContractViolation(path, "not an array of records", system=self.system) from error

    def write(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The `data` of a call that changes something and answers with it: one attempt."""
        found = self.change(path, body)
        if not isinstance(found, dict):
            raise OutcomeUnknown(f"{path} answered without data", system=self.system)
        return found

    def change(self, path: str, body: Mapping[str, Any]) -> Any:
        """A call that changes something, one attempt: its `data`, where it has any."""
        token = self._repeated(self._current_token)
        try:
            return values(self._post(path, body, token, write=True))
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

    def _read(self, path: str, body: Mapping[str, Any]) -> bytes:
        return self._repeated(self._read_once, path, body)  # type: ignore[no-any-return]

    def _read_once(self, path: str, body: Mapping[str, Any]) -> bytes:
        token = self._current_token()
        try:
            return self._post(path, body, token, write=False)
        except TokenRefused:
            self._forget(token)
        try:
            return self._post(path, body, self._current_token(), write=False)
        except TokenRefused as again:
            raise AuthFailed(str(again), system=self.system) from again

    def _post(self, path: str, body: Mapping[str, Any], token: str, *, write: bool) -> bytes:
        gateway, _ = self._addresses()
        answer = gateway.post(
            f"{path}?access_token={quote(token, safe='')}",
            _encoder.encode(body),
            {"Content-Type": "application/json; charset=utf-8"},
            write=write,
        )
        return decode(answer, write=write, where=path, system=self.system)

    def _addresses(self) -> tuple[HttpTransport, HttpTransport]:
        """Gateway and token service of the tenant's data centre; asked for once."""
        if self._places is None:
            found = self._asked(self._front, f"{_LOOK_UP}?tenantId={quote(self._login.tenant_id, safe='')}", _Addresses)
            self._places = self._connected(found.gateway_url), self._connected(found.token_url)
        return self._places

    def _connected(self, url: str) -> HttpTransport:
        host, own = urlsplit(url).hostname or "", urlsplit(self._url).hostname
        if host != own and not any(host == one or host.endswith(f".{one}") for one in self._trusted):
            raise ContractViolation(_LOOK_UP, f"{host} is not below a trusted domain", system=self.system)
        try:
            return self._connect(url)
        except ValueError as error:
            raise ContractViolation(_LOOK_UP, str(error), system=self.system) from error

    def _current_token(self) -> str:
        """The token to call with, fetched when there is none or it is about to end."""
        with self._lock:
            if not self._token or self._now() >= self._token_ends:
                _, service = self._addresses()
                query = token_query(self._login.app_key, self._login.app_secret, int(self._now() * 1000))
                found = self._asked(service, f"{_TOKEN}?{query}", _AccessToken)
                self._token = found.access_token
                self._token_ends = self._now() + max(0, found.expire - _EARLY_SECONDS)
            return self._token

    def _forget(self, refused: str) -> None:
        """Forget a token. One that another thread has fetched since is kept."""
        with self._lock:
            if self._token == refused:
                self._token = ""

    def _asked(self, service: HttpTransport, path: str, shape: type[Any]) -> Any:
        """A GET before there is a token. What is refused here is a matter of tenant, key or secret."""
        where = path.partition("?")[0]
        try:
            data = decode(service.get(path, {}), write=False, where=where, system=self.system)
            return msgspec.json.decode(data, type=shape)
        except (TokenRefused, Rejected) as refused:
            text = f"{refused.vendor_code} {refused.vendor_text}" if isinstance(refused, Rejected) else str(refused)
            raise AuthFailed(text, system=self.system) from refused
        except msgspec.DecodeError as error:
            raise ContractViolation(where, "an answer without addresses or token", system=self.system) from error


class _WithoutSecrets(logging.Filter):
    """Takes tokens and signatures out of the addresses that `urllib3` logs."""

    _secret: Final = re.compile(r"(access_token|signature|appKey)=[^&\s\"]+")

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True: the line stays, without the secret."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                self._secret.sub(r"\1=***", one) if isinstance(one, str) else one for one in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutSecrets())
