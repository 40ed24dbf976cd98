"""`JsonClient`: one GET of one list page, with who calls, what the status means, and a no inside a 200.

401                          -> AuthFailed
any other status of 400-499  -> Rejected with the system's own words
a code that is not all right -> Rejected with the system's own words (see `Envelope`)
a web page instead of JSON   -> Unavailable, for a read that was repeated
no JSON                      -> ContractViolation
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.http import HttpAnswer, HttpTransport
from connectors.json_pages.rows import value_at
from connectors.json_pages.source import Auth, Envelope
from hedge_core.errors import AuthFailed, ContractViolation, PlatformError, Rejected, Unavailable

_WORDS: Final = 500
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Access:
    """Who calls. `header` is the name of the API key's header."""

    auth: Auth = Auth.NONE
    user: str = ""
    secret: str = field(default="", repr=False)
    header: str = "X-API-Key"

    def headers(self) -> dict[str, str]:
        """The headers that say so."""
        if self.auth is Auth.BASIC:
            pair = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode("ascii")
            return {"Authorization": f"Basic {pair}"}
        if self.auth is Auth.BEARER:
            return {"Authorization": f"Bearer {self.secret}"}
        if self.auth is Auth.API_KEY:
            return {self.header: self.secret}
        return {}


class JsonClient:
    """One system at one address. `wait` sleeps between the attempts of a read."""

    def __init__(
        self,
        transport: HttpTransport,
        access: Access,
        envelope: Envelope,
        *,
        wait: Callable[[float], None],
        read_attempts: int = 4,
    ) -> None:
        self._http = transport
        self._headers = {"Accept": "application/json", **access.headers()}
        self._envelope = envelope
        self._wait = wait
        self._read_attempts = read_attempts
        self.base_path = urlsplit(transport.origin.url).path

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._http.system

    def get(self, path: str, query: Query) -> HttpAnswer:
        """A page. Its body is JSON, and the system has not said no in it."""
        retrying = Retrying(
            stop=stop_after_attempt(self._read_attempts),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_exception_type(Unavailable),
            sleep=self._wait,
            reraise=True,
        )
        # OData's servers want `$` and spaces as %20 in parameters, never as `+`
        text = urlencode(list(query), quote_via=quote, safe="$:,()'")
        answer: HttpAnswer = retrying(self._once, f"{path}?{text}" if text else path, path)
        return answer

    def _once(self, target: str, path: str) -> HttpAnswer:
        answer = self._http.get(target, self._headers)
        if answer.status == 204:
            return HttpAnswer(200, answer.headers, b"[]")
        if answer.status == 401:
            raise AuthFailed(f"{path} answered 401", system=self.system)
        if answer.status >= 400:
            raise Rejected(str(answer.status), self._words(answer), system=self.system)
        if answer.body.lstrip()[:1] == b"<":
            raise Unavailable(f"{path} answered a web page", system=self.system)
        refusal = self._refusal(answer, path)
        if refusal is not None:
            raise refusal
        return answer

    def _refusal(self, answer: HttpAnswer, path: str) -> PlatformError | None:
        try:
            code = value_at(answer.body, self._envelope.code) if self._envelope.code else None
            msgspec.json.decode(answer.body, type=msgspec.Raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ContractViolation(path, "no JSON", system=self.system)
        if self._envelope.code and code is not None and _word(code) not in self._envelope.ok_codes:
            return Rejected(_word(code), self._words(answer), system=self.system)
        return None

    def _words(self, answer: HttpAnswer) -> str:
        """The system's own words: where they are said to be, else the start of the body, else the status."""
        try:
            words = value_at(answer.body, self._envelope.text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            words = None
        if isinstance(words, str) and words.strip():
            return words
        body = answer.body.decode("utf-8", "replace").strip()
        return body[:_WORDS] or f"HTTP {answer.status}"


def _word(code: object) -> str:
    return {True: "true", False: "false"}[code] if isinstance(code, bool) else str(code)
