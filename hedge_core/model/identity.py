"""Who and where: books, actors, references to records of other systems."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

BookId = NewType("BookId", str)
"""`[a-z0-9]{2,12}`: one legal entity, one ledger currency, one general ledger. Stands on every stored row."""

_BOOK = re.compile(r"[a-z0-9]{2,12}")


def book_id(text: str) -> BookId:
    """A checked book id; ValueError otherwise."""
    if not _BOOK.fullmatch(text):
        raise ValueError(f"a book id has 2 to 12 lower-case letters or digits, not {text!r}")
    return BookId(text)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `authenticated` is False for a name taken from `--as` or the operating system's login."""

    name: str
    authenticated: bool = False


@dataclass(frozen=True, slots=True, order=True)
class ExternalRef:
    """A record of another system: which connection, which kind of record, and its stable key there."""

    connection: str
    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.connection}:{self.kind}:{self.key}"
