"""One POST or GET to one configured origin, with every way to fail sorted by what to do next.

    not sent (DNS, refused, connect timeout, TLS)      -> Unavailable
    sent, no usable answer (timeout, reset, cut body)   -> OutcomeUnknown on a write, Unavailable on a read
    429                                                 -> RateLimited
    5xx                                                 -> OutcomeUnknown on a write, Unavailable on a read
    an address that is not allowed (a name that leads elsewhere) -> Unavailable, nothing sent
    a redirect                                          -> the same: it is never followed, no secret leaves the origin
Other statuses are answered as they are; what a 401 or a 403 means is the protocol's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Final

import requests
from urllib3.exceptions import HTTPError

from connectors.http.origin import Origin
from connectors.http.sockets import Call, WatchedAdapter
from hedge_core.errors import OutcomeUnknown, PlatformError, RateLimited, Unavailable

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of an answer after which reading stops: a page of 2,000 rows is around two megabytes."""

DEFAULT_RETRY_AFTER: Final = 30
LONGEST_RETRY_AFTER: Final = 3600
"""Seconds. Whoever asks for more has made a mistake, and a connection should not stand still for it."""


class AnswerTooLarge(requests.RequestException):
    """An answer has more bytes than `MAX_BODY`."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer: status, headers with lower-case names, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport:
    """A pooled HTTP session bound to one origin. Thread-safe as far as `requests.Session` is: cookies are not kept."""

    def __init__(
        self,
        origin: Origin,
        system: str,
        *,
        connect_seconds: float = 10,
        call_seconds: float = 60,
        pool_size: int = 8,
        ca_file: str | None = None,
        answered_statuses: frozenset[int] = frozenset({519}),
        client_certificate: tuple[str, str] | None = None,
    ) -> None:
        """`answered_statuses`: server errors (5xx) whose body the protocol reads itself, because it says there what went
        wrong (519 is Kingdee's gateway, 500 with a named exception is Odoo's, 500 with a fault is SOAP's).
        `client_certificate`: files of an X.509 certificate and its key (PEM, the key without a passphrase)."""
        origin.check()
        self.origin = origin
        self.system = system
        self.call_seconds = call_seconds
        self._connect_seconds = connect_seconds
        self._answered_statuses = answered_statuses
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # sessions are up to the protocol
        self._session.trust_env = False  # no proxy or .netrc from the environment: a connection is what is configured
        self._session.verify = ca_file or True
        self._session.cert = client_certificate
        adapter = WatchedAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self) -> None:
        self._session.close()

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], *, write: bool, call_seconds: float | None = None
    ) -> HttpAnswer:
        """POST below the origin. `write` says whether the call changes anything over there."""
        return self._call("POST", path, body, headers, write, call_seconds or self.call_seconds)

    def get(self, path: str, headers: Mapping[str, str], *, call_seconds: float | None = None) -> HttpAnswer:
        """GET below the origin."""
        return self._call("GET", path, None, headers, False, call_seconds or self.call_seconds)

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, write: bool,
        call_seconds: float | None = None,
    ) -> HttpAnswer:  # fmt: skip
        """A call by any method, for protocols that use more than GET and POST."""
        return self._call(method, path, body, headers, write, call_seconds or self.call_seconds)

    def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], write: bool, seconds: float
    ) -> HttpAnswer:
        failed: PlatformError | None = None
        with Call(seconds, self.origin.allows) as call:
            try:
                response = self._session.request(
                    method,
                    self.origin.join(path),
                    data=body,
                    headers=dict(headers),
                    timeout=(min(self._connect_seconds, seconds), seconds),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    answer = HttpAnswer(
                        response.status_code,
                        {name.lower(): value for name, value in response.headers.items()},
                        self._read(response),
                    )
            except (requests.RequestException, HTTPError, OSError) as error:
                failed = self._no_answer(call, error, write)
            if failed is None and call.timed_out:
                failed = self._unsure(f"no complete answer within {seconds:g} s", write)
        if failed is not None:
            raise failed  # outside the handler: the libraries quote the whole address, and some protocols put secrets there
        self._refuse_unusable(answer, write)
        return answer

    def _read(self, response: requests.Response) -> bytes:
        parts, size = [], 0
        for chunk in response.iter_content(256 * 1024):
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise AnswerTooLarge(f"more than {MAX_BODY} bytes")
        return b"".join(parts)

    def _no_answer(self, call: Call, error: Exception, write: bool) -> PlatformError:
        reason = "deadline over" if call.timed_out else type(error).__name__
        if call.refused_address:
            refused = f"{self.origin.host} leads to {call.refused_address}, which this connection does not allow"
            return Unavailable(refused, system=self.system)
        if not call.sent:
            return Unavailable(f"{reason} before anything was sent ({_cause(error)})", system=self.system)
        return self._unsure(f"{reason} after the request was sent ({_cause(error)})", write)

    def _unsure(self, reason: str, write: bool) -> PlatformError:
        if write:
            return OutcomeUnknown(reason, system=self.system)
        return Unavailable(reason, system=self.system)

    def _refuse_unusable(self, answer: HttpAnswer, write: bool) -> None:
        if answer.status == 429:
            raise RateLimited(_retry_after(answer.headers), system=self.system)
        if 300 <= answer.status < 400:
            raise self._unsure(f"answered with a redirect ({answer.status}), which is not followed", write)
        if answer.status >= 500 and answer.status not in self._answered_statuses:
            raise self._unsure(f"HTTP {answer.status}", write)


def _retry_after(headers: Mapping[str, str]) -> int:
    """Seconds, or a moment; a moment is compared with the answer's own `Date`, because clocks differ."""
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        wait = int(text[:9])
    else:
        try:
            wait = int((parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
        except (TypeError, ValueError):
            return DEFAULT_RETRY_AFTER
    return min(max(1, wait), LONGEST_RETRY_AFTER)


def _cause(error: BaseException) -> str:
    """The innermost cause, without addresses or headers: the libraries wrap it several times."""
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        if not isinstance(inner, BaseException):
            return f"{type(seen).__name__}"
        seen = inner
