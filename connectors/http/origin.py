"""Where a connection may go: one scheme, host and port, and the addresses that the host's name may lead to."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection may go, and nowhere else: scheme, host and port of the configured URL.

    `allow_private` must be set for hosts in private ranges, so that an address typed by a user cannot make the server
    call its own neighbours by accident. Plain http is accepted for loopback only. `allowed_hosts` narrows it further: names
    (`erp.example.com`), addresses and networks (`10.20.0.0/16`). Where it is given, the host must be named in it or lead into
    one of its networks; a network in it may be private. What a name leads to is looked at when a connection is made."""

    url: str
    allow_private: bool = False
    allowed_hosts: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise ValueError when the URL is not usable: an unknown scheme, user info, a query, http beyond loopback, a host
        that is not on the list."""
        parts = urlsplit(self.url)
        if parts.username or parts.password:
            raise ValueError("credentials do not belong into the address")
        if parts.query or parts.fragment:
            raise ValueError("an address below which calls are made has no query")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{self.url!r} is not an http(s) address")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError(f"{self.url} would send secrets unencrypted: use https")
        if self.allowed_hosts and not self._named and not self._networks:
            raise ValueError(f"{parts.hostname} is not among the allowed hosts of this connection")
        found = addresses_of(parts.hostname)
        refused = next((one for one in found if not self.allows(one)), None)
        if refused is not None:
            raise ValueError(
                f"{parts.hostname} leads to {refused}, a private address or one that is not on the list: "
                "allow it for this connection if it is meant"
            )

    def allows(self, address: str) -> bool:
        """Whether a connection may be made to this address: asked again whenever one is made, since a name can lead
        somewhere else a moment later."""
        found = _address(address)
        if any(found in network for network in self._networks if network.version == found.version):
            return True
        if self.allowed_hosts and not self._named:
            return False
        if found.is_loopback:
            return is_loopback(self.host)
        if found.is_link_local or found.is_multicast or found.is_unspecified:
            return False  # among them the address where clouds hand out credentials; a listed network may contain it
        return self.allow_private or found.is_global

    @property
    def host(self) -> str:
        """The URL's host in lower case, without the brackets of an IPv6 address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The URL's port, or the usual one of its scheme."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    def join(self, path: str) -> str:
        """`path` below the configured URL."""
        return self.url.rstrip("/") + "/" + path.lstrip("/")

    @property
    def _named(self) -> bool:
        return self.host in {one.strip().lower().strip("[]") for one in self.allowed_hosts}

    @property
    def _networks(self) -> list[Network]:
        return [network for one in self.allowed_hosts if (network := _network(one)) is not None]


def is_loopback(host: str) -> bool:
    """Whether this host, as written, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def addresses_of(host: str) -> list[str]:
    """What a host's name leads to now; empty where it cannot be resolved: the call itself will say so."""
    try:
        return sorted(
            {str(info[4][0]).split("%")[0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        )
    except OSError:
        return []


def _address(text: str) -> Address:
    found = ipaddress.ip_address(text.split("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.strip().strip("[]"), strict=False)
    except ValueError:
        return None
