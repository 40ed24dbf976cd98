"""One websocket to one address, with our errors: what was not reachable, and what was cut."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import websocket

from connectors.diff.tree import SYSTEM
from connectors.http import Origin
from hedge_core.errors import ContractViolation, Unavailable

PONG: Final = ""
"""What `receive` answers for a pong: no message is empty."""
LARGEST_FRAME: Final = 64 * 1024 * 1024


class Line(Protocol):
    """A connected websocket."""

    def send(self, text: str) -> None:
        """Unavailable when the line is cut; some of it may have left."""
        ...

    def receive(self, seconds: float) -> str | None:
        """The next text frame, or `PONG`; None when none comes in time; Unavailable when the line is cut."""
        ...

    def ping(self) -> None:
        """Ask for a pong: what the other side had to say before it comes before it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DiffAddress:
    """`wss://…`, or `ws://` on loopback. A counter in one's own network that speaks plain ws wants `allow_plain`: password
    and orders then travel unencrypted. `allow_private` as for every connection."""

    url: str
    allow_private: bool = False
    allow_plain: bool = False
    ca_file: str | None = None

    def check(self) -> None:
        """ValueError for an address that no connection is opened to."""
        scheme, _, rest = self.url.partition("://")
        if scheme not in ("ws", "wss"):
            raise ValueError(f"{self.url!r} is not a ws(s) address")
        plain = scheme == "ws" and not self.allow_plain
        Origin(f"{'http' if plain else 'https'}://{rest}", self.allow_private).check()


def connect(address: DiffAddress, seconds: float) -> Line:
    """A new line. Unavailable when it is not reached within `seconds`; nothing was sent then."""
    address.check()
    secure = urlsplit(address.url).scheme == "wss"
    options = {"ca_certs": address.ca_file, "cert_reqs": ssl.CERT_REQUIRED} if secure else None
    try:
        raw = websocket.create_connection(address.url, timeout=seconds, sslopt=options, redirect_limit=0)
    except (OSError, websocket.WebSocketException) as error:
        raise Unavailable(f"{address.url}: {error}", system=SYSTEM) from None
    return _Websocket(raw)


class _Websocket:
    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def send(self, text: str) -> None:
        try:
            self._raw.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise Unavailable(f"the line is cut: {error}", system=SYSTEM) from None

    def ping(self) -> None:
        try:
            self._raw.ping()
        except (OSError, websocket.WebSocketException) as error:
            raise Unavailable(f"the line is cut: {error}", system=SYSTEM) from None

    def receive(self, seconds: float) -> str | None:
        try:
            self._raw.settimeout(max(seconds, 0.001))
            opcode, frame = self._raw.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return None
        except (OSError, websocket.WebSocketException) as error:
            raise Unavailable(f"the line is cut: {error}", system=SYSTEM) from None
        if opcode == websocket.ABNF.OPCODE_PONG or opcode == websocket.ABNF.OPCODE_PING:
            return PONG if opcode == websocket.ABNF.OPCODE_PONG else self.receive(seconds)
        if opcode == websocket.ABNF.OPCODE_CLOSE or not frame:
            raise Unavailable("the line is closed by the other side", system=SYSTEM)
        if len(frame) > LARGEST_FRAME:
            raise ContractViolation("websocket frame", f"larger than {LARGEST_FRAME} bytes", system=SYSTEM)
        return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")

    def close(self) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._raw.close(timeout=1)
