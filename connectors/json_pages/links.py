"""Next links: whatever host a system writes into them, the next call goes to the configured origin or nowhere."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from hedge_core.errors import ContractViolation

LONGEST: Final = 8192


def rebased(link: str, *, base_path: str, source_path: str, system: str) -> tuple[str, list[tuple[str, str]]]:
    """(path below the configured address, parameters) of a next link.

    Scheme, user and host of the link are dropped: behind a gateway they often name an inner machine, and a foreign one would
    get our credentials. A link without a path, or one that ends in the list's own path (a gateway that cuts a prefix), means
    the list; any other must lie below the configured address. ContractViolation for everything else."""
    parts = urlsplit(link)
    path = parts.path
    if len(link) > LONGEST or any(piece in (".", "..") for piece in unquote(path).replace("\\", "/").split("/")):
        raise ContractViolation("next link", "a link that leads elsewhere", system=system)
    query = parse_qsl(parts.query, keep_blank_values=True)
    own = source_path.strip("/")
    base = "/" + base_path.strip("/")
    if not path or path.strip("/") == own or path.endswith("/" + own):
        return own, query
    if not path.startswith("/") and not parts.netloc:  # relative to the list, as in OData
        folder = own.rpartition("/")[0]
        return f"{folder}/{path}".strip("/"), query
    if base == "/" or path.startswith(base + "/"):
        return path.removeprefix(base).strip("/"), query
    raise ContractViolation("next link", "a link that leads outside of the configured address", system=system)


def from_header(header: str) -> str:
    """The target of `rel="next"` in a Link header, or nothing."""
    for part in header.split(","):
        target, _, parameters = part.strip().partition(";")
        relations = [one.strip().casefold().replace('"', "") for one in parameters.split(";")]
        if "rel=next" in relations and target.startswith("<") and target.endswith(">"):
            return target[1:-1]
    return ""
