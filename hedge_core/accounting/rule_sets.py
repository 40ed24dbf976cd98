"""Accounting rule sets as data, and the settings of a book that choose among the practices a rule set allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from hedge_core.accounting.roles import AccountRole
from hedge_core.errors import RuleBroken
from hedge_core.model.vouchers import BookedBy
from messages import Message


class RuleSet(StrEnum):
    """The rules a book or a hedge relationship follows. `none`: fair value through profit or loss, no hedge accounting."""

    CAS24 = "cas24"
    IFRS9 = "ifrs9"
    ASC815 = "asc815"
    CAIKUAI_2015_18 = "caikuai_2015_18"
    NONE = "none"
    SMALL_ENTERPRISE = "small_enterprise"


class ReserveRule(StrEnum):
    """How the reserve of a cash flow hedge is found: lower of the cumulative amounts, or the whole change."""

    LOWER_OF = "lower_of"
    WHOLE_CHANGE = "whole_change"


@dataclass(frozen=True, slots=True)
class RuleSetTerms:
    """What differs between rule sets. `ineffectiveness` is where the ineffective part of a cash flow hedge goes;
    `basis_adjustment`: the reserve of a forecast purchase enters the cost of the goods on receipt; `effectiveness_gate`:
    hedge accounting needs a highly effective hedge (80–125 %, or regression); `rebalancing`, `voluntary_stop`,
    `net_positions`: whether the rules know them; `grace_months`: how long after its stated period a forecast transaction
    may still occur before its reserve goes to profit or loss."""

    fair_value: bool
    hedge_accounting: bool
    reserve: ReserveRule = ReserveRule.LOWER_OF
    basis_adjustment: bool = True
    ineffectiveness: AccountRole = AccountRole.HEDGE_RESULT
    open_to_groups: bool = True
    chart: str = ""
    effectiveness_gate: bool = False
    rebalancing: bool = True
    voluntary_stop: bool = False
    net_positions: bool = True
    grace_months: int = 0


TERMS: Final[Mapping[RuleSet, RuleSetTerms]] = {
    RuleSet.CAS24: RuleSetTerms(fair_value=True, hedge_accounting=True, chart="cas"),
    RuleSet.IFRS9: RuleSetTerms(fair_value=True, hedge_accounting=True),
    RuleSet.ASC815: RuleSetTerms(
        fair_value=True,
        hedge_accounting=True,
        reserve=ReserveRule.WHOLE_CHANGE,
        basis_adjustment=False,
        effectiveness_gate=True,
        rebalancing=False,
        voluntary_stop=True,
        net_positions=False,
        grace_months=2,
    ),
    RuleSet.CAIKUAI_2015_18: RuleSetTerms(
        fair_value=True, hedge_accounting=True, ineffectiveness=AccountRole.FAIR_VALUE_RESULT, chart="cas"
    ),
    RuleSet.NONE: RuleSetTerms(fair_value=True, hedge_accounting=False, chart="cas"),
    RuleSet.SMALL_ENTERPRISE: RuleSetTerms(
        fair_value=False, hedge_accounting=False, open_to_groups=False, chart="small_enterprise"
    ),
}


class Variation(StrEnum):
    """`sweep`: the measured result moves into the margin account at once; `keep`: it stays on the instrument's account
    until the lot is closed."""

    SWEEP = "sweep"
    KEEP = "keep"


class FuturesCash(StrEnum):
    """Through which cash account closing results and fees go."""

    BANK = "bank"
    MARGIN = "margin"


class CloseResult(StrEnum):
    """What happens to 公允价值变动损益 on closing: all of it moves to the closing result, only the last change is booked
    there, or nothing."""

    TRANSFER = "transfer"
    LAST_LEG = "last_leg"
    NONE = "none"


class Measure(StrEnum):
    """How often fair values are booked. `month`: on the last trading day, and when a lot closes or a hedge event needs it."""

    DAY = "day"
    MONTH = "month"


class Post(StrEnum):
    """How vouchers are dated: on the day itself, or one per month on its last calendar day."""

    DAY = "day"
    MONTH = "month"


class ItemCarrying(StrEnum):
    """`transfer`: hedged inventory moves to 被套期项目 with its cost; `adjustment`: only the hedge adjustment is booked there
    and the ERP keeps the cost on its own stock account, so that stock and general ledger still agree."""

    TRANSFER = "transfer"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class BookSettings:
    """The accounting choices of one book. The defaults suit a small company: measured daily, booked monthly, no hedge
    accounting. A hedge relationship carries a rule set of its own. `tax_rate` above zero books deferred tax at month ends;
    `booked_by` moves kinds of events (by their names) from the template's booker to another one."""

    rule_set: RuleSet = RuleSet.NONE
    variation: Variation = Variation.SWEEP
    futures_cash: FuturesCash = FuturesCash.MARGIN
    close_result: CloseResult = CloseResult.TRANSFER
    measure: Measure = Measure.DAY
    post: Post = Post.MONTH
    item_carrying: ItemCarrying = ItemCarrying.TRANSFER
    in_group: bool = False
    tax_rate: Decimal = Decimal(0)
    booked_by: tuple[tuple[str, BookedBy], ...] = ()

    @property
    def terms(self) -> RuleSetTerms:
        return TERMS[self.rule_set]

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> BookSettings:
        """Settings from a book's texts by name; names that are not accounting settings are left alone. A value outside
        its list raises `RuleBroken("book_setting", name)` with the values allowed."""
        return cls(
            rule_set=_choice(texts, "rule_set", RuleSet, RuleSet.NONE),
            variation=_choice(texts, "variation", Variation, Variation.SWEEP),
            futures_cash=_choice(texts, "futures_cash", FuturesCash, FuturesCash.MARGIN),
            close_result=_choice(texts, "close_result", CloseResult, CloseResult.TRANSFER),
            measure=_choice(texts, "measure", Measure, Measure.DAY),
            post=_choice(texts, "post", Post, Post.MONTH),
            item_carrying=_choice(texts, "item_carrying", ItemCarrying, ItemCarrying.TRANSFER),
            in_group=_choice(texts, "in_group", _YesNo, _YesNo.NO) is _YesNo.YES,
            tax_rate=_rate(texts, "deferred_tax"),
            booked_by=tuple(
                (name.removeprefix(_BOOKED_BY), _choice(texts, name, BookedBy, BookedBy.HEDGEBRIDGE))
                for name in sorted(texts)
                if name.startswith(_BOOKED_BY)
            ),
        )

    def problems(self, book: str) -> list[RuleBroken]:
        """Rules that the combination breaks: the small-enterprise standard is closed to parents and subsidiaries."""
        if self.in_group and not self.terms.open_to_groups:
            return [RuleBroken("rule_set_group", book, Message("accounting.rule_set_group"))]
        return []


_BOOKED_BY: Final = "booked_by."
"""Settings `booked_by.<event kind> = hedgebridge | erp`: who posts every line of that kind, whatever the template says."""


def _rate(texts: Mapping[str, str], name: str) -> Decimal:
    """A tax rate between 0 and 1; `off` (the default) is 0."""
    text = texts.get(name, "off")
    try:
        rate = Decimal(0) if text == "off" else Decimal(text)
    except ArithmeticError:
        rate = Decimal(-1)
    if not 0 <= rate < 1:
        shown = {"value": text, "allowed": "off, 0.25"}
        raise RuleBroken("book_setting", name, Message("accounting.setting_unknown", shown))
    return rate


class _YesNo(StrEnum):
    YES = "yes"
    NO = "no"


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(texts: Mapping[str, str], name: str, kind: type[_Choice], default: _Choice) -> _Choice:
    text = texts.get(name)
    if text is None:
        return default
    try:
        return kind(text)
    except ValueError:
        allowed = ", ".join(member.value for member in kind)
        raise RuleBroken(
            "book_setting", name, Message("accounting.setting_unknown", {"value": text, "allowed": allowed})
        ) from None
