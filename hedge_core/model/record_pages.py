"""A page of records as columns: what a list of thousands arrives as, so that nothing is made per record before it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar

from hedge_core.model.identity import ExternalRef
from hedge_core.model.records import Cursor, Mapped, Pulled, PulledLater, Quarantined, RawRecord

T = TypeVar("T")

ReadRows = Callable[[Sequence[int]], list[Mapped[T] | Quarantined]]
"""Places of records in their page -> what becomes of each of them, in the same order."""


@dataclass(slots=True)
class RecordPage(Generic[T]):
    """Records of one connection and kind in the order received. `bodies` as received, `digests` SHA-256 over them in hex,
    `spec` the identity of the mapping that reads them, `inside` the cursor that leads back to the page's beginning, `after`
    the one behind it.

    `token` names the page's own bytes together with everything that decides how they are read (empty: a page that cannot be
    recognised); `told` is what the adapter needs to know of the page to go on without reading it."""

    connection: str
    kind: str
    spec: str
    keys: Sequence[str]
    bodies: Sequence[bytes]
    digests: Sequence[str]
    received_at: datetime
    inside: Cursor
    after: Cursor
    read: ReadRows[T]
    token: str = ""
    told: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    def map_ahead(self) -> None:
        """Map every record now, for whoever has time while another page is stored."""
        outcomes = self.read(range(len(self.keys)))
        self.read = lambda places: [outcomes[place] for place in places]

    def items(self) -> Iterator[Pulled[T]]:
        """The same records one by one."""
        for place, (key, body, digest) in enumerate(zip(self.keys, self.bodies, self.digests, strict=True)):
            ends = place == len(self.keys) - 1
            ref = ExternalRef(self.connection, self.kind, key)
            raw = RawRecord(ref, body, self.received_at, digest)
            read = partial(_one, self, place)
            yield PulledLater(ref, self.spec, read, raw, self.after if ends else self.inside, ends)

    def only(self, places: Sequence[int]) -> RecordPage[T]:
        """The records at these places as a page that is not recognised again."""
        read, keys, bodies, digests = self.read, self.keys, self.bodies, self.digests
        return RecordPage(
            self.connection,
            self.kind,
            self.spec,
            [keys[place] for place in places],
            [bodies[place] for place in places],
            [digests[place] for place in places],
            self.received_at,
            self.inside,
            self.after,
            lambda asked: read([places[one] for one in asked]),
        )


def _one(page: RecordPage[T], place: int, ref: ExternalRef, body: bytes) -> Mapped[T] | Quarantined:
    return page.read([place])[0]


@dataclass(frozen=True, slots=True)
class KnownPage(Generic[T]):
    """A page that came exactly as it did before: it was not read. `again` reads it after all, for the case that its records
    changed meanwhile."""

    token: str
    after: Cursor
    again: Callable[[], RecordPage[T]]


NOTHING_HELD: Final[Sequence[tuple[int, Quarantined]]] = ()


@dataclass(frozen=True, slots=True)
class PageToKeep:
    """What the store keeps of a page: the records at `places` are new or changed, `held` those of them that are quarantined
    (place, reason)."""

    page: RecordPage[Any]
    places: Sequence[int]
    held: Sequence[tuple[int, Quarantined]] = field(default=NOTHING_HELD)
