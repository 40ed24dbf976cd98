"""Accounting: a day's settled figures to events, events to balanced vouchers by account role, rule sets as data."""

from hedge_core.accounting.charts import AccountMap, AccountMapping, AccountTarget
from hedge_core.accounting.entries import Entry, entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent, EventKind
from hedge_core.accounting.inputs import CashFlow, CashKind, DayFacts, FeeCharge, LotDay
from hedge_core.accounting.measurement import DayMeasured, measure_day, measure_days
from hedge_core.accounting.posting import ExpectedEntry, Posted, PostingPlan, account_balances, dated, post_events
from hedge_core.accounting.relationships import (
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    HedgeType,
    InstrumentShare,
    ItemKind,
    ItemMovement,
)
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, RuleSet
from hedge_core.accounting.state import HedgeState, MeasureState
from hedge_core.accounting.summaries import Labels

__all__ = [
    "AccountMap",
    "AccountMapping",
    "AccountRole",
    "AccountTarget",
    "AccountingEvent",
    "BookSettings",
    "CashFlow",
    "CashKind",
    "DayFacts",
    "DayMeasured",
    "Entry",
    "EventKind",
    "ExpectedEntry",
    "FeeCharge",
    "HedgeRelationship",
    "HedgeState",
    "HedgeStop",
    "HedgeType",
    "HedgedItem",
    "InstrumentShare",
    "ItemKind",
    "ItemMovement",
    "Labels",
    "LotDay",
    "MeasureState",
    "Posted",
    "PostingPlan",
    "RuleSet",
    "account_balances",
    "dated",
    "entries_of",
    "measure_day",
    "measure_days",
    "post_events",
    "role_balances",
]
