"""Net positions (净敞口): a group of purchases and sales hedged by their difference.

Each side's change is counted; the relationship's is their sum. What leaves takes the reserve in proportion to its own change
against the net one, so that the part of one side which the other side hedges naturally waits in the reserve for that other
side: the sale's part goes to 净敞口套期损益, the purchase's part into the cost of the goods.

A nil net position has no instrument: its sides offset each other wholly. What leaves a cash flow hedge then hands its whole
change to the reserve, for the other side; once a side has left, the rest is exposed and is measured no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from hedge_core.accounting.relationships import HedgedItem, NetMember
from hedge_core.accounting.state import ZERO, HedgeState, MemberState
from hedge_core.rounding import round_money


def measure_net(item: HedgedItem, members: Mapping[str, MemberState], price: Decimal, currency: str) -> HedgeMembers:
    """Every side's cumulative change at a price, and their sum."""
    changed = {
        member.name: replace(
            members[member.name],
            change=round_money(
                item.sign_of(member.kind) * members[member.name].open_quantity * (price - member.price), currency
            ),
        )
        for member in item.members
    }
    return HedgeMembers(changed, sum((one.change for one in changed.values()), ZERO))


@dataclass(frozen=True, slots=True)
class HedgeMembers:
    """The sides of a net position after a measurement, and the sum of their changes."""

    members: Mapping[str, MemberState]
    change: Decimal


@dataclass(frozen=True, slots=True)
class Left:
    """What a part of one side took with it, and the state without it."""

    state: HedgeState
    carrying: Decimal
    change: Decimal
    reserve: Decimal


def is_balanced(item: HedgedItem, members: Mapping[str, MemberState]) -> bool:
    """Whether the sides still open add up to nothing."""
    return sum((item.sign_of(one.kind) * members[one.name].open_quantity for one in item.members), ZERO) == 0


def leave_net(
    state: HedgeState, item: HedgedItem, member: NetMember, quantity: Decimal, currency: str, *, natural: bool = False
) -> Left:
    """Take `quantity` of one side out (at most what is open of it). `natural`: the other side alone hedges it for cash flow,
    so that its change is what the reserve takes over."""
    side = state.members[member.name]
    left = side.open_quantity - quantity

    def cut(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
        return ZERO if whole == 0 else amount if part == whole else round_money(amount * part / whole, currency)

    change = cut(side.change, quantity, side.open_quantity)
    carrying = cut(side.carrying, quantity, side.open_quantity)
    others = any(one.open_quantity for name, one in state.members.items() if name != member.name)
    last = left == 0 and not others
    shared = -change if natural else cut(state.reserve, change, state.item_change)
    reserve = state.reserve if last else shared
    instrument = state.instrument_change if last else cut(state.instrument_change, change, state.item_change)
    members = {**state.members, member.name: MemberState(left, side.carrying - carrying, side.change - change)}
    net = sum((item.sign_of(one.kind) * members[one.name].open_quantity for one in item.members), ZERO)
    after = replace(
        state,
        members=members,
        open_quantity=abs(net),
        carrying=state.carrying - carrying,
        item_change=state.item_change - change,
        instrument_change=state.instrument_change - instrument,
        reserve=state.reserve - reserve,
    )
    return Left(after, carrying, change, reserve)
