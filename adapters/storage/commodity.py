"""Terms in versions, events, and the history of matches: `hedge_core.ports.commodity.CommodityStore` of one book."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeVar

from adapters.storage.codec import decode, encode
from adapters.storage.schema.commodity import COMMODITY_EVENTS, COMMODITY_TERMS
from adapters.storage.schema.tables import MATCHES
from adapters.storage.scope import Scope
from hedge_core.model.events import EVENT_KINDS, BusinessEvent, event_kind, event_subject
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.terms import Terms, kind_of, kind_of_class, subject_of
from hedge_core.ports.commodity import StoredEvent, StoredTerms

T = TypeVar("T", bound=Terms)
E = TypeVar("E", bound=BusinessEvent)


class Commodity:
    """See `hedge_core.ports.commodity.CommodityStore`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add_terms(self, terms: Terms, effective_from: date, reason: str = "") -> int:
        """The version the terms have now: a new one unless the last version of that subject and date says the same."""
        kind, subject, payload = kind_of(terms), subject_of(terms), encode(terms)
        table = COMMODITY_TERMS
        query = self._scope.select(table, table.c.version, table.c.payload).where(
            table.c.kind == kind, table.c.subject == subject, table.c.effective_from == effective_from
        )
        last = self._scope.first(query.order_by(table.c.version.desc()).limit(1))
        if last is not None and last.payload == payload:
            return int(last.version)
        version = int(last.version) + 1 if last is not None else 1
        row = {
            "kind": kind, "subject": subject, "effective_from": effective_from, "version": version, "payload": payload,
            "reason": reason, "saved_at": self._scope.clock.now(), "saved_by": self._scope.actor.name,
        }  # fmt: skip
        self._scope.insert(table, [row])
        return version

    def in_force(self, kind: type[T], on: date) -> list[T]:
        table = COMMODITY_TERMS
        query = self._scope.select(table, table.c.subject, table.c.payload).where(
            table.c.kind == kind_of_class(kind), table.c.effective_from <= on
        )
        found = self._scope.rows(query.order_by(table.c.subject, table.c.effective_from, table.c.version))
        latest = {row.subject: row.payload for row in found}
        return [decode(payload, kind) for payload in latest.values()]

    def history(self, kind: type[T], subject: str | None = None) -> list[StoredTerms[T]]:
        table = COMMODITY_TERMS
        query = self._scope.select(table).where(table.c.kind == kind_of_class(kind))
        if subject is not None:
            query = query.where(table.c.subject == subject)
        found = self._scope.rows(query.order_by(table.c.subject, table.c.effective_from, table.c.version))
        return [
            StoredTerms(
                row.kind,
                row.subject,
                row.effective_from,
                row.version,
                decode(row.payload, kind),
                row.reason,
                row.saved_at,
                row.saved_by,
            )
            for row in found
        ]

    def add_event(self, event: BusinessEvent) -> None:
        row = {
            "kind": event_kind(event), "event_id": event.event_id, "subject": event_subject(event),
            "on_day": event.on, "payload": encode(event), "recorded_at": self._scope.clock.now(),
            "recorded_by": self._scope.actor.name, "ended_at": None, "ended_by": "", "ended_reason": "",
        }  # fmt: skip
        self._scope.insert(COMMODITY_EVENTS, [row])

    def end_event(self, kind: type[BusinessEvent], event_id: str, reason: str) -> None:
        table = COMMODITY_EVENTS
        ended = self._scope.run(
            self._scope.update(table)
            .where(table.c.kind == event_kind(kind), table.c.event_id == event_id, table.c.ended_at.is_(None))
            .values(ended_at=self._scope.clock.now(), ended_by=self._scope.actor.name, ended_reason=reason)
        )
        if not ended:
            raise KeyError(event_id)

    def events(self, kind: type[E]) -> list[E]:
        table = COMMODITY_EVENTS
        query = self._scope.select(table, table.c.payload).where(
            table.c.kind == event_kind(kind), table.c.ended_at.is_(None)
        )
        found = self._scope.rows(query.order_by(table.c.on_day, table.c.event_id))
        return [decode(row.payload, kind) for row in found]

    def event_history(self, kind: type[BusinessEvent]) -> Sequence[StoredEvent]:
        table = COMMODITY_EVENTS
        query = self._scope.select(table).where(table.c.kind == event_kind(kind))
        made = EVENT_KINDS[event_kind(kind)]
        return [
            StoredEvent(
                row.kind, row.event_id, row.subject, row.on_day, decode(row.payload, made), row.recorded_at,
                row.recorded_by, row.ended_at, row.ended_by, row.ended_reason,
            )
            for row in self._scope.rows(query.order_by(table.c.on_day, table.c.event_id))
        ]  # fmt: skip

    def match_history(self) -> list[tuple[HedgeMatch, datetime | None, str]]:
        query = self._scope.select(MATCHES).order_by(MATCHES.c.match_id)
        return [
            (decode(row.payload, HedgeMatch), row.ended_at, row.ended_reason or "") for row in self._scope.rows(query)
        ]
