"""The way to an origin, step by step: the name, the port, the certificate, the clock. Nothing secret is sent."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from connectors.http.origin import Origin, addresses_of

PROBE_SECONDS: Final = 10.0


class Way(StrEnum):
    """What is looked at, in this order; after a failure nothing further is asked."""

    NAME = "name"
    ADDRESS = "address"
    PORT = "port"
    TLS = "tls"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Seen:
    """One finding. `detail` is what was seen (addresses, the certificate's end, the reason of a refusal); `clock_seconds` how
    far the other side's clock is ahead of ours, None where it does not say."""

    way: Way
    ok: bool
    detail: str = ""
    clock_seconds: float | None = None


def look(origin: Origin, ca_file: str | None, now: datetime, seconds: float = PROBE_SECONDS) -> Iterator[Seen]:
    """Go to the origin as a call would. `now` is aware; a HEAD without any credentials asks for the clock."""
    found = addresses_of(origin.host)
    if not found:
        yield Seen(Way.NAME, False, origin.host)
        return
    yield Seen(Way.NAME, True, ", ".join(found))
    refused = [address for address in found if not origin.allows(address)]
    if refused:
        yield Seen(Way.ADDRESS, False, ", ".join(refused))
        return
    try:
        connected = socket.create_connection((origin.host, origin.port), timeout=seconds)
    except OSError as error:
        yield Seen(Way.PORT, False, _reason(error))
        return
    with closing(connected):
        yield Seen(Way.PORT, True, str(origin.port))
        if origin.url.startswith("https"):
            try:
                connected, until = _agreed(connected, origin.host, ca_file)
            except (OSError, ValueError) as error:
                yield Seen(Way.TLS, False, _reason(error))
                return
            yield Seen(Way.TLS, True, until)
        with closing(connected):
            yield _clock(connected, origin, now, seconds)


def _agreed(connected: socket.socket, host: str, ca_file: str | None) -> tuple[ssl.SSLSocket, str]:
    """The connection under TLS, and the date on which the certificate ends."""
    context = ssl.create_default_context(cafile=ca_file)
    secured = context.wrap_socket(connected, server_hostname=host)
    return secured, str((secured.getpeercert() or {}).get("notAfter", ""))


def _clock(connected: socket.socket, origin: Origin, now: datetime, seconds: float) -> Seen:
    talk = http.client.HTTPConnection(origin.host, origin.port, timeout=seconds)
    talk.sock = connected
    try:
        talk.request("HEAD", "/", headers={"User-Agent": "hedgebridge"})
        stated = talk.getresponse().getheader("Date")
        theirs = parsedate_to_datetime(stated) if stated else None
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Seen(Way.CLOCK, True, _reason(error))  # many gateways answer nothing to a stranger
    if theirs is None or theirs.tzinfo is None:
        return Seen(Way.CLOCK, True)
    return Seen(Way.CLOCK, True, str(stated), (theirs - now).total_seconds())


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, FileNotFoundError):
        return "the CA file does not exist"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
