"""The server's half of RFC 6455, as far as text frames go: handshake, frames, ping, close."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Final

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LARGEST: Final = 4 * 1024 * 1024
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class Gone(Exception):
    """The other side has closed, or does not speak the protocol."""


class ServerLine:
    """One accepted connection after its handshake."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._buffer = b""
        self._writing = threading.Lock()

    def shake_hands(self) -> None:
        """Read the upgrade request and answer it; Gone when it is none."""
        while b"\r\n\r\n" not in self._buffer:
            self._more(16384)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        headers = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        key = headers.get(b"sec-websocket-key")
        if key is None or headers.get(b"upgrade", b"").lower() != b"websocket":
            self._raw.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            raise Gone
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - the protocol's own
        self._raw.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def read_text(self, before_pong: Callable[[], None]) -> str:
        """The next text message; Gone at the end. A ping is answered after `before_pong` has said what there is to say."""
        whole = b""
        while True:
            first, second = self._take(2)
            final, code, size = bool(first & 0x80), first & 0x0F, second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", self._take(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self._take(8))
            if size > _LARGEST or not second & 0x80:
                raise Gone
            mask = self._take(4)
            payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self._take(size)))
            if code == _CLOSE:
                self._frame(_CLOSE, payload[:2])
                raise Gone
            if code == _PING:
                before_pong()
                self._frame(_PONG, payload)
            elif code in (0, _TEXT, _BINARY):
                whole += payload
                if final:
                    return whole.decode("utf-8", "replace")

    def send_text(self, text: str, *, half: bool = False) -> None:
        """One text frame; `half` of its bytes only, for a line that breaks in the middle."""
        self._frame(_TEXT, text.encode("utf-8"), half=half)

    def abort(self) -> None:
        """Cut the line hard: the other side sees a reset, not a close."""
        try:
            self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._raw.close()

    def _frame(self, code: int, payload: bytes, *, half: bool = False) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | code, size)
        elif size < 65536:
            head = struct.pack(">BBH", 0x80 | code, 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | code, 127, size)
        frame = head + payload
        try:
            with self._writing:
                self._raw.sendall(frame[: len(frame) // 2] if half else frame)
        except OSError:
            raise Gone from None

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more(65536)
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _more(self, size: int) -> None:
        try:
            chunk = self._raw.recv(size)
        except OSError:
            raise Gone from None
        if not chunk or len(self._buffer) > 2 * _LARGEST:
            raise Gone
        self._buffer += chunk
