"""Does a book's account map fit the ERP's chart? Codes that are missing, an old chart, accounts that stock controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from hedge_core.accounting.charts import AccountMap, AccountTarget
from hedge_core.accounting.events import EventKind
from hedge_core.accounting.posting import OWN_SUB_ACCOUNT
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, FuturesCash, ItemCarrying
from hedge_core.accounting.templates import TEMPLATES, Slot
from hedge_core.errors import RuleBroken
from hedge_core.model.vouchers import BookedBy
from messages import Message

INVENTORY_ACCOUNTS: Final = "inventory_accounts"
"""Setting: codes that the ERP's stock module keeps, with commas; their sub-accounts are not meant. Default: the usual ones."""
USUAL_INVENTORY: Final = frozenset({"1401", "1402", "1403", "1404", "1405", "1406", "1408", "1411"})

_OLD_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "3101": ("盈余公积", "实收资本", "股本"),
    "3201": ("利润分配", "盈余公积"),
}
"""In the chart of 2001 (企业会计制度) these codes are equity; in that of 2006 衍生工具 and 套期工具. Names that begin so give the
old chart away; which of them stands under which code varies by installation."""
_EQUITY: Final = ("盈余公积", "利润分配", "本年利润", "实收资本", "资本公积", "股本")


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """An account of the ERP's chart; `stock_controlled` where the ERP says that only its stock module may post there."""

    code: str
    name: str
    stock_controlled: bool = False


def old_chart(accounts: Iterable[LedgerAccount]) -> list[LedgerAccount]:
    """Accounts that show a chart of before 2006: 3101 or 3201 as equity. Empty: none found."""
    return [
        account
        for account in accounts
        for code in _OLD_NAMES
        if account.code.split(".")[0] == code and account.name.strip().startswith((*_OLD_NAMES[code], *_EQUITY))
    ]


def our_roles(settings: BookSettings, *, hedges: bool) -> list[AccountRole]:
    """Roles that our vouchers of this book may post to, as their accounts are looked up; without hedge accounting only
    those of unhedged futures."""
    asked = dict(settings.booked_by)
    found: dict[AccountRole, None] = {}
    for kind in EventKind:
        template = TEMPLATES[kind]
        if template.voucher.value == "hedge" and not hedges:
            continue
        if (
            template.voucher.value == "exchange"
        ):  # few books have foreign accounts; a missing role is named when it is needed
            continue
        moves_stock = kind in (EventKind.ITEM_DESIGNATION, EventKind.ITEM_RETURN)
        if moves_stock and settings.item_carrying is ItemCarrying.ADJUSTMENT:
            continue
        for line in template.lines:
            if asked.get(kind.value, line.booked_by) is BookedBy.ERP:
                continue
            if line.role is Slot.FUTURES_CASH:
                bank = settings.futures_cash is FuturesCash.BANK
                found[AccountRole.BANK if bank else AccountRole.MARGIN_ACCOUNT] = None
            elif isinstance(line.role, AccountRole):
                found[OWN_SUB_ACCOUNT.get(line.role, line.role)] = None
    return list(found)


def account_findings(
    accounts: AccountMap,
    settings: BookSettings,
    on: date,
    ledger: Iterable[LedgerAccount],
    texts: Mapping[str, str] | None = None,
    *,
    hedges: bool = False,
) -> list[RuleBroken]:
    """What is wrong before the first voucher: a role we post to without an account or with one the ERP does not have, 3101
    and 3201 of an old chart, an account that the stock module controls. `texts` are the book's settings; with an empty
    `ledger` only the map itself is looked at."""
    chart = {account.code: account for account in ledger}
    stated = (texts or {}).get(INVENTORY_ACCOUNTS)
    stock = frozenset(code.strip() for code in stated.split(",")) if stated is not None else USUAL_INVENTORY
    old = {account.code for account in old_chart(chart.values())}
    found: list[RuleBroken] = []
    for role in our_roles(settings, hedges=hedges):
        if role in _FAIR_VALUE_ONLY and not settings.terms.fair_value:
            continue
        target = accounts.resolve(role, on)
        if not isinstance(target, AccountTarget):
            found.append(target)
            continue
        shown: dict[str, object] = {"role": role.label, "account": target.account}
        known = chart.get(target.account)
        if target.account.split(".")[0] in {code.split(".")[0] for code in old}:
            name = next(account.name for account in chart.values() if account.code in old)
            found.append(RuleBroken("old_chart", role.value, Message("accounting.old_chart", {**shown, "name": name})))
        elif target.account in stock or (known is not None and known.stock_controlled):
            found.append(RuleBroken("stock_account", role.value, Message("accounting.stock_account", shown)))
        elif chart and known is None:
            found.append(RuleBroken("account_missing", role.value, Message("accounting.account_missing", shown)))
    return found


_FAIR_VALUE_ONLY: Final = frozenset(
    {
        AccountRole.DERIVATIVE,
        AccountRole.FAIR_VALUE_RESULT,
        AccountRole.INCOME_TAX,
        AccountRole.RESERVE_TAX,
        AccountRole.DEFERRED_TAX_ASSET,
        AccountRole.DEFERRED_TAX_LIABILITY,
    }
)
"""Roles that a realised-only book does without; only the premium of an option needs the first."""
