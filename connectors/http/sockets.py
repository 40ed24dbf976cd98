"""Watched connections: know whether a request left the machine, and end it when its total deadline is over.

`requests` and `urllib3` bound single reads, not a whole call, and they hide whether anything was sent. Both answers are
on the socket: a `Call` is told by its connection before the first byte leaves, and its timer shuts the socket down. Only the
name service cannot be interrupted; its own time limit comes on top, as does the connect limit per address of the host.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from connectors.http.origin import addresses_of

_current = threading.local()


class Call:
    """One request under a total deadline: `sent` is False only while it is proven that no byte of it has left."""

    def __init__(self, deadline_seconds: float, allows: Callable[[str], bool] | None = None) -> None:
        """`allows` is asked about every address before and after a connection is made to it."""
        self.refused_address = ""
        self._allows = allows
        self.sent = False
        self.timed_out = False
        self._watched: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(deadline_seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Call:
        _current.call = self
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        _current.call = None
        with self._lock:
            if self._watched is not None:
                self._watched.close()
                self._watched = None

    def look_up(self, host: str) -> None:
        """Refuse a host any of whose addresses is not allowed, before a connection is made."""
        for address in addresses_of(host):
            self._require(address)

    def look_at(self, connected: socket.socket) -> None:
        """Refuse the address that was really connected to: the name may lead somewhere else than a moment ago."""
        self._require(str(connected.getpeername()[0]))

    def _require(self, address: str) -> None:
        if self._allows is not None and not self._allows(address):
            self.refused_address = address
            raise ConnectionRefusedError("an address that this connection does not allow")

    def watch(self, connected: socket.socket) -> None:
        """From now on the deadline can end this connection: also while TLS is still being agreed on. What is watched is a
        duplicate of the descriptor, since TLS takes the socket over and does not like to be shut down by another thread."""
        with self._lock:
            if self._watched is None:
                self._watched = socket.socket(fileno=os.dup(connected.fileno()))
            if self.timed_out:
                raise TimeoutError("the call's deadline is over")

    def sending_on(self, connected: socket.socket) -> None:
        """The next thing that happens is a byte of the request leaving."""
        self.watch(connected)
        self.sent = True

    def _expire(self) -> None:
        with self._lock:
            self.timed_out = True
            if self._watched is not None:
                with suppress(OSError):  # already closed by the other side: nothing left to end
                    self._watched.shutdown(socket.SHUT_RDWR)


class _Watched:
    """What both kinds of connection do: report to the current call when they are connected, and before they send."""

    def _new_conn(self) -> socket.socket:
        call: Call | None = getattr(_current, "call", None)
        if call is not None:
            call.look_up(self.host)  # type: ignore[attr-defined]
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]
        if call is not None:
            try:
                call.look_at(connected)
                call.watch(connected)
            except OSError:
                connected.close()
                raise
        return connected

    def send(self, data: Any) -> None:
        call: Call | None = getattr(_current, "call", None)
        if call is not None:
            if self.sock is None:  # type: ignore[attr-defined]
                self.connect()  # type: ignore[attr-defined]
            call.sending_on(self.sock)  # type: ignore[attr-defined]
        super().send(data)  # type: ignore[misc]


class _WatchedHttp(_Watched, HTTPConnection):
    pass


class _WatchedHttps(_Watched, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHttps


class WatchedAdapter(HTTPAdapter):
    """A transport adapter for `requests` whose connections report to the current `Call`. Never retries by itself."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
