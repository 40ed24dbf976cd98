"""Limits in versions and the alerts they raised: `hedge_core.ports.limits.LimitStore` of one book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from adapters.storage.codec import decode, decode_open, encode, encode_open
from adapters.storage.schema.limits import LIMIT_ALERTS, LIMIT_RULES, NOT_CLEARED
from adapters.storage.scope import Scope
from hedge_core.canonical import canonical_hash
from hedge_core.model.futures import Direction, Offset
from hedge_core.model.limits import Breach, LimitKind, LimitRule, Moment, Proposal
from hedge_core.ports.limits import Alert, StoredRule


class Limits:
    """See `hedge_core.ports.limits.LimitStore`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    # --- rules --------------------------------------------------------------------------------------------------------

    def add_rule(self, rule: LimitRule, effective_from: date) -> int:
        """The version the rule has now: a new one unless the last of that date says the same."""
        table, payload = LIMIT_RULES, encode(rule)
        query = self._scope.select(table, table.c.version, table.c.payload).where(
            table.c.rule_id == rule.rule_id, table.c.effective_from == effective_from
        )
        last = self._scope.first(query.order_by(table.c.version.desc()).limit(1))
        if last is not None and last.payload == payload:
            return int(last.version)
        version = int(last.version) + 1 if last is not None else 1
        row = {
            "rule_id": rule.rule_id, "effective_from": effective_from, "version": version, "payload": payload,
            "saved_at": self._scope.clock.now(), "saved_by": self._scope.actor.name,
        }  # fmt: skip
        self._scope.insert(table, [row])
        return version

    def rules(self, on: date) -> list[LimitRule]:
        latest = {one.rule.rule_id: one.rule for one in self.rule_history() if one.effective_from <= on}
        return [rule for _, rule in sorted(latest.items()) if not rule.ended]

    def rule_history(self) -> list[StoredRule]:
        table = LIMIT_RULES
        query = self._scope.select(table).order_by(table.c.rule_id, table.c.effective_from, table.c.version)
        return [
            StoredRule(decode(row.payload, LimitRule), row.effective_from, row.version, row.saved_at, row.saved_by)
            for row in self._scope.rows(query)
        ]

    # --- alerts -------------------------------------------------------------------------------------------------------

    def raise_alert(self, breach: Breach, moment: Moment, at: datetime) -> bool:
        table = LIMIT_ALERTS
        changing = {"payload": _payload(breach), "last_seen": at, "moment": moment.value}
        row = {
            "book_id": self._scope.book,
            "alert_id": canonical_hash([breach.rule_id, breach.subject, at])[:12],
            "rule_id": breach.rule_id, "subject": breach.subject, "kind": breach.kind.value, "first_seen": at,
            "owner": breach.owner, "acknowledged_by": "", "note": "", **changing,
        }  # fmt: skip
        new = self._scope.insert_into(table).values(row).on_conflict_do_nothing()
        if self._scope.first(new.returning(table.c.alert_id)) is not None:
            return True
        self._scope.run(
            self._scope.update(table)
            .where(table.c.rule_id == breach.rule_id, table.c.subject == breach.subject, NOT_CLEARED)
            .values(changing)
        )
        return False

    def clear_alerts(self, alert_ids: Sequence[str], at: datetime) -> None:
        table = LIMIT_ALERTS
        if alert_ids:
            cleared = self._scope.update(table).where(self._scope.among(table.c.alert_id, alert_ids), NOT_CLEARED)
            self._scope.run(cleared.values(cleared_at=at))

    def acknowledge_alert(self, alert_id: str, at: datetime, by: str, note: str, owner: str) -> None:
        table = LIMIT_ALERTS
        values: dict[str, Any] = {"acknowledged_at": at, "acknowledged_by": by, "note": note}
        if owner:
            values["owner"] = owner
        if not self._scope.run(
            self._scope.update(table).where(table.c.alert_id == alert_id, NOT_CLEARED).values(values)
        ):
            raise KeyError(alert_id)

    def open_alerts(self) -> list[Alert]:
        query = self._scope.select(LIMIT_ALERTS).where(NOT_CLEARED)
        ordered = query.order_by(LIMIT_ALERTS.c.first_seen, LIMIT_ALERTS.c.rule_id, LIMIT_ALERTS.c.subject)
        return [_alert(row) for row in self._scope.rows(ordered)]

    def alerts(self, limit: int = 200) -> list[Alert]:
        ordered = self._scope.select(LIMIT_ALERTS).order_by(LIMIT_ALERTS.c.first_seen.desc(), LIMIT_ALERTS.c.alert_id)
        return [_alert(row) for row in self._scope.rows(ordered.limit(limit))]

    def alert(self, alert_id: str) -> Alert | None:
        found = self._scope.first(self._scope.select(LIMIT_ALERTS).where(LIMIT_ALERTS.c.alert_id == alert_id))
        return None if found is None else _alert(found)


def _payload(breach: Breach) -> bytes:
    """What was found, without what stands in columns; the message keeps the types of its parameters."""
    proposal = breach.proposal
    return encode_open(
        {
            "figure": breach.figure, "low": breach.low, "high": breach.high, "message": breach.message,
            "blocks": breach.blocks,
            "proposal": None if proposal is None else {
                "instrument": proposal.instrument, "account": proposal.account, "direction": proposal.direction.value,
                "offset": proposal.offset.value, "lots": proposal.lots, "lots_left": proposal.lots_left,
                "exposure_after": proposal.exposure_after,
            },
        }
    )  # fmt: skip


def _alert(row: Any) -> Alert:
    found = decode_open(row.payload)
    given = found["proposal"]
    proposal = None
    if given is not None:
        after: Decimal | None = given["exposure_after"]
        proposal = Proposal(
            given["instrument"], given["account"], Direction(given["direction"]), Offset(given["offset"]),
            given["lots"], given["lots_left"], after,
        )  # fmt: skip
    breach = Breach(
        row.rule_id, LimitKind(row.kind), row.subject, found["figure"], found["low"], found["high"], row.first_seen,
        found["message"], found["blocks"], row.owner, proposal,
    )  # fmt: skip
    alert = Alert(row.alert_id, breach, Moment(row.moment), row.first_seen, row.last_seen, row.owner)
    return replace(
        alert, acknowledged_at=row.acknowledged_at, acknowledged_by=row.acknowledged_by, note=row.note,
        cleared_at=row.cleared_at,
    )  # fmt: skip
