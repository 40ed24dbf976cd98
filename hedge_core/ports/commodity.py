"""The port to commodity business: effective-dated terms in versions, and events that can be ended but never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Protocol, TypeVar

from hedge_core.model.events import BusinessEvent
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.terms import Terms

T = TypeVar("T", bound=Terms)
E = TypeVar("E", bound=BusinessEvent)


@dataclass(frozen=True, slots=True)
class StoredTerms(Generic[T]):
    """A version of terms: of several with one subject and date the highest version counts."""

    kind: str
    subject: str
    effective_from: date
    version: int
    terms: T
    reason: str
    saved_at: datetime
    saved_by: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with who recorded it when, and who ended it and why."""

    kind: str
    event_id: str
    subject: str
    on_day: date
    event: BusinessEvent
    recorded_at: datetime
    recorded_by: str
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_reason: str = ""


class CommodityStore(Protocol):
    """Terms, events and the history of matches of one book."""

    def add_terms(self, terms: Terms, effective_from: date, reason: str = "") -> int:
        """A new version; answers its number. The same content as the version there makes none."""
        ...

    def in_force(self, kind: type[T], on: date) -> list[T]:
        """Of each subject the terms that hold on a day, by subject."""
        ...

    def history(self, kind: type[T], subject: str | None = None) -> list[StoredTerms[T]]:
        """Every version by subject, date and version."""
        ...

    def add_event(self, event: BusinessEvent) -> None:
        """The database refuses an id that was used before, ended events included."""
        ...

    def end_event(self, kind: type[BusinessEvent], event_id: str, reason: str) -> None:
        """KeyError if there is no such event, or it has ended."""
        ...

    def events(self, kind: type[E]) -> list[E]:
        """Those that have not ended, by day and id."""
        ...

    def event_history(self, kind: type[BusinessEvent]) -> Sequence[StoredEvent]:
        """All of them, ended ones too, by day and id."""
        ...

    def match_history(self) -> list[tuple[HedgeMatch, datetime | None, str]]:
        """Every match ever made, with when and why it ended, by id."""
        ...
