"""What changed between two versions of one day's statement, row by row and section by section."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from hedge_core.model.futures import AccountStatement
from messages import Message

_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "fills": ("exchange", "fill_id", "direction", "trading_day"),
    "closed": ("instrument", "direction", "open_date", "open_price", "close_price"),
    "positions": ("instrument", "direction", "hedge_flag", "open_date", "open_price"),
    "summary": ("instrument", "hedge_flag"),
    "cash": ("moved_on", "kind", "note"),
    "exercises": ("traded_on", "instrument", "direction", "outcome"),
    "deliveries": ("delivered_on", "instrument", "direction", "open_price"),
}
"""What makes two rows of a section the same row; equal keys are told apart by their order."""

_HEADER: Final = ("broker", "client_name", "first_day", "created_on", "view", "notice", "unread_sections")


class Change(StrEnum):
    """What happened to a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `record` names the row, `field` is empty unless the row stayed and one field of it changed;
    `before` and `after` are the row or the field's value, None on the side where there is none."""

    change: Change
    section: str
    record: str
    field: str = ""
    before: object = None
    after: object = None

    @property
    def message(self) -> Message:
        shown = {"section": self.section, "record": self.record, "field": self.field}
        return Message(
            f"statement.diff_{self.change.value}", {**shown, "before": _shown(self.before), "after": _shown(self.after)}
        )


def diff_statements(old: AccountStatement, new: AccountStatement) -> list[Difference]:
    """Everything that differs, header and funds first, then section by section in the order of the rows.

    Printed totals are not compared: they are sums of the rows. ValueError for statements of another account or day."""
    same = (old.account, old.trading_day, old.funds.currency) == (new.account, new.trading_day, new.funds.currency)
    if not same:
        raise ValueError("versions of one statement have one account, day and currency")
    found = _changed_fields("header", old.account, old, new, _HEADER)
    found += _changed_fields("funds", old.funds.currency, old.funds, new.funds)
    for section, key in _KEYS.items():
        before, after = (_by_key(getattr(version, section), key) for version in (old, new))
        for name, row in before.items():
            if name not in after:
                found.append(Difference(Change.REMOVED, section, name, before=row))
            else:
                found += _changed_fields(section, name, row, after[name])
        found += [
            Difference(Change.ADDED, section, name, after=row) for name, row in after.items() if name not in before
        ]
    return found


def _by_key(rows: tuple[Any, ...], key: tuple[str, ...]) -> dict[str, Any]:
    seen: Counter[str] = Counter()
    keyed: dict[str, Any] = {}
    for row in rows:
        name = " ".join(_shown(getattr(row, part)) for part in key)
        seen[name] += 1
        keyed[f"{name} #{seen[name]}" if seen[name] > 1 else name] = row
    return keyed


def _changed_fields(section: str, record: str, old: Any, new: Any, only: tuple[str, ...] = ()) -> list[Difference]:
    names = only or tuple(spec.name for spec in fields(old))
    return [
        Difference(Change.CHANGED, section, record, name, getattr(old, name), getattr(new, name))
        for name in names
        if getattr(old, name) != getattr(new, name)
    ]


def _shown(value: object) -> str:
    return "-" if value is None or value == "" else str(value)
