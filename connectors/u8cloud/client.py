"""The U8 Cloud client: one POST per call with user, MD5 of the password and system code in its headers; there is no session.

Reads are repeated a few times when the other side is unavailable; a write is attempted once and never repeated here. It carries
our reference as `uniquekey`, which the vendor calls the idempotency key of the call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.http import HttpTransport
from connectors.u8cloud.envelope import RefusalTexts, decode, listed, values
from hedge_core.errors import ContractViolation, OutcomeUnknown, Unavailable

_BASE: Final = "u8cloud/api/"
_encoder = msgspec.json.Encoder(decimal_format="string")


@dataclass(frozen=True, slots=True)
class U8CloudLogin:
    """Who calls: user code and password of an integration user, and the code of the external system (系统信息设置)."""

    user: str
    password: str
    system_code: str

    def __repr__(self) -> str:
        return f"U8CloudLogin(user={self.user!r}, system_code={self.system_code!r})"

    @property
    def digest(self) -> str:
        """What travels instead of the password: its MD5 in lower-case hex. Whoever has it can call, so it is a secret too."""
        return hashlib.md5(self.password.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list: its rows as received, and how many there are in all where the answer says so."""

    rows: list[bytes]
    total: int | None


class U8CloudClient:
    """One site. `translate` is the header `trantype`: whether base data is named by `code`, `name` or `pk`."""

    def __init__(
        self,
        transport: HttpTransport,
        login: U8CloudLogin,
        *,
        wait: Callable[[float], None],
        texts: RefusalTexts | None = None,
        total_field: str = "allcount",
        translate: str = "code",
        read_attempts: int = 4,
    ) -> None:
        self._http = transport
        self._texts = texts or RefusalTexts()
        self._total_field = total_field
        self._wait = wait
        self._read_attempts = read_attempts
        self._headers = {
            "Content-Type": "application/json; charset=utf-8",
            "usercode": login.user,
            "password": login.digest,
            "system": login.system_code,
            "trantype": translate,
        }

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._http.system

    def read_list(self, path: str, body: Mapping[str, Any]) -> Listed:
        """A query: the rows of `datas` (or of a bare array), each exactly as received."""
        retrying = Retrying(
            stop=stop_after_attempt(self._read_attempts),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_exception_type(Unavailable),
            sleep=self._wait,
            reraise=True,
        )
        data = retrying(self._post, path, body, self._headers, write=False)
        try:
            return Listed(*listed(data, self._total_field))
        except msgspec.DecodeError as error:
            raise ContractViolation(path, "not a list of records", system=self.system) from error

    def write(self, path: str, body: Mapping[str, Any], unique_key: str = "") -> Any:
        """The decoded `data` of a call that changes something: one attempt, under our reference. A change that may be made again
        goes without: under a key that succeeded before, the site may answer and do nothing."""
        headers = {**self._headers, **({"uniquekey": unique_key} if unique_key else {})}
        data = self._post(path, body, headers, write=True)
        try:
            return values(data)
        except (msgspec.DecodeError, ArithmeticError) as error:
            raise OutcomeUnknown(f"{path} answered data that is not JSON", system=self.system) from error

    def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str], *, write: bool) -> bytes:
        answer = self._http.post(_BASE + path, _encoder.encode(body), headers, write=write)
        return decode(answer, write=write, where=path, system=self.system, texts=self._texts)
