"""The port to limits as data, and to the alerts they raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from hedge_core.model.limits import Breach, LimitRule, Moment


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A version of a rule; of several with one date the highest version counts."""

    rule: LimitRule
    effective_from: date
    version: int
    saved_at: datetime
    saved_by: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A broken rule as long as it is broken. `breach` is what was found last; `cleared_at` says when it was found in order
    again. Acknowledging it says that somebody looks after it; it clears nothing."""

    alert_id: str
    breach: Breach
    moment: Moment
    first_seen: datetime
    last_seen: datetime
    owner: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    note: str = ""
    cleared_at: datetime | None = None


class LimitStore(Protocol):
    """Rules and alerts of one book. A rule and a subject have at most one alert that is not cleared."""

    def add_rule(self, rule: LimitRule, effective_from: date) -> int:
        """A new version; answers its number. The same content as the version there makes none."""
        ...

    def rules(self, on: date) -> list[LimitRule]:
        """Those in force on a day, by id; ended ones are left out."""
        ...

    def rule_history(self) -> list[StoredRule]: ...
    def raise_alert(self, breach: Breach, moment: Moment, at: datetime) -> bool:
        """Note that a rule is broken; answers whether that is new. One known before keeps when it was first seen."""
        ...

    def clear_alerts(self, alert_ids: Sequence[str], at: datetime) -> None: ...
    def acknowledge_alert(self, alert_id: str, at: datetime, by: str, note: str, owner: str) -> None:
        """KeyError for an alert that is not there or has cleared."""
        ...

    def open_alerts(self) -> list[Alert]:
        """Not cleared, the oldest first."""
        ...

    def alerts(self, limit: int = 200) -> list[Alert]:
        """All of them, the newest first."""
        ...

    def alert(self, alert_id: str) -> Alert | None: ...
