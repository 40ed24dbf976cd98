"""Account roles to account codes: the usual codes per rule set, overridden by each book, effective from a date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import TERMS, RuleSet
from hedge_core.errors import RuleBroken
from messages import Message

R = AccountRole

CHARTS: Final[Mapping[str, Mapping[AccountRole, str]]] = {
    # 企业会计准则. 套期损益 and 净敞口套期损益 have no official code: 6102 and 6103 are the usual choice, 6117 is 其他收益.
    # The hedge adjustment of material is a sub-account of its own, so that stock and general ledger still agree.
    "cas": {
        R.BANK: "1002",
        R.MARGIN_ACCOUNT: "1012",
        R.RAW_MATERIAL: "1403",
        R.INVENTORY: "1405",
        R.RAW_MATERIAL_ADJUSTMENT: "1403.99",
        R.RECEIVABLE: "1122",
        R.DEFERRED_TAX_ASSET: "1811",
        R.PAYABLE: "2202",
        R.VAT_OUTPUT: "2221",
        R.VAT_INPUT: "2221",
        R.DEFERRED_TAX_LIABILITY: "2901",
        R.DERIVATIVE: "3101",
        R.HEDGING_INSTRUMENT: "3201",
        R.HEDGED_ITEM: "3202",
        R.HEDGE_RESERVE: "4003",
        R.HEDGE_COST_RESERVE: "4003",
        R.RESERVE_TAX: "4003",
        R.REVENUE: "6001",
        R.FAIR_VALUE_RESULT: "6101",
        R.HEDGE_RESULT: "6102",
        R.NET_HEDGE_RESULT: "6103",
        R.INVESTMENT_INCOME: "6111",
        R.CLOSING_RESULT: "6111.01",
        R.FEE: "6111.02",
        R.COST_OF_SALES: "6401",
        R.INTEREST: "6603",
        R.EXCHANGE_RESULT: "6603",
        R.PENALTY: "6711",
        R.INCOME_TAX: "6801",
    },
    # 小企业会计准则: no fair value, no hedge accounting. A premium paid stands at cost until the option ends.
    "small_enterprise": {
        R.BANK: "1002",
        R.MARGIN_ACCOUNT: "1012",
        R.DERIVATIVE: "1101",
        R.RAW_MATERIAL: "1403",
        R.INVENTORY: "1405",
        R.RECEIVABLE: "1122",
        R.PAYABLE: "2202",
        R.VAT_OUTPUT: "2221",
        R.VAT_INPUT: "2221",
        R.REVENUE: "5001",
        R.INVESTMENT_INCOME: "5111",
        R.CLOSING_RESULT: "5111",
        R.COST_OF_SALES: "5401",
        R.FEE: "5603",
        R.INTEREST: "5603",
        R.EXCHANGE_RESULT: "5603",
        R.PENALTY: "5711",
    },
}
"""Usual account codes by chart. IFRS 9 and ASC 815 prescribe no codes: their books map every role themselves."""

BY_BROKER_ACCOUNT: Final = frozenset({R.MARGIN_ACCOUNT})
"""Roles whose usual account is kept by broker account: the line carries the dimension `broker_account`."""


@dataclass(frozen=True, slots=True)
class AccountTarget:
    """Where a line goes in the ERP: account code, dimensions (name, value), cash-flow item, the unit of its quantity column
    (empty: the account has none; ours count closed lots), and the exchange rate type if it is not the connection's own."""

    account: str
    dimensions: tuple[tuple[str, str], ...] = ()
    cash_flow_item: str | None = None
    unit: str = ""
    rate_type: str | None = None


@dataclass(frozen=True, slots=True)
class AccountMapping:
    """One row of a book's account map. An empty `broker_account`, `product` or `rule_set` means any. Dimension values may contain
    `{broker_account}` and `{product}`, filled from the line's event; a dimension left empty by that is not sent."""

    role: AccountRole
    target: AccountTarget
    effective_from: date = date.min
    broker_account: str = ""
    product: str = ""
    rule_set: RuleSet | None = None

    @classmethod
    def read(cls, row: Mapping[str, str]) -> AccountMapping:
        """A row from texts: `role`, `account`, and optionally `dimensions` (`name=value; name=value`), `cash_flow_item`,
        `unit`, `rate_type`, `effective_from` (ISO date), `broker_account`, `product`, `rule_set`. Raises
        `RuleBroken("account_map", role)` for an unknown role or rule set, a missing account, or a date or dimension that
        cannot be read."""
        role, account = row.get("role", "").strip(), row.get("account", "").strip()

        def broken(column: str) -> RuleBroken:
            shown = {"column": column, "value": row.get(column, "")}
            return RuleBroken("account_map", role or "-", Message("accounting.map_row", shown))

        if role not in {known.value for known in AccountRole}:  # `in` on an enum raises before Python 3.12
            raise broken("role")
        if not account:
            raise broken("account")
        effective, dated = date.min, row.get("effective_from", "").strip()
        if dated:
            try:
                effective = date.fromisoformat(dated)
            except ValueError:
                raise broken("effective_from") from None
        pairs = [part.partition("=") for part in row.get("dimensions", "").split(";") if part.strip()]
        if not all(name.strip() and value.strip() for name, _, value in pairs):
            raise broken("dimensions")
        dimensions = tuple((name.strip(), value.strip()) for name, _, value in pairs)
        rules: RuleSet | None = None
        if named := row.get("rule_set", "").strip():
            try:
                rules = RuleSet(named)
            except ValueError:
                raise broken("rule_set") from None
        flow, unit, rate = (row.get(name, "").strip() for name in ("cash_flow_item", "unit", "rate_type"))
        target = AccountTarget(account, dimensions, flow or None, unit, rate or None)
        broker_account, product = row.get("broker_account", "").strip(), row.get("product", "").strip()
        return cls(AccountRole(role), target, effective, broker_account, product, rules)


@dataclass(frozen=True, slots=True)
class AccountMap:
    """Every mapping row of a book. The row named most exactly wins (broker account before product), then the latest
    one in force on the posting date."""

    rows: tuple[AccountMapping, ...]

    @classmethod
    def usual(cls, rule_set: RuleSet, overrides: Iterable[AccountMapping] = ()) -> AccountMap:
        """The usual codes of the rule set's chart, followed by the book's own rows."""
        chart = CHARTS.get(TERMS[rule_set].chart, {})
        by_account = (("broker_account", "{broker_account}"),)
        usual = tuple(
            AccountMapping(role, AccountTarget(code, by_account if role in BY_BROKER_ACCOUNT else ()))
            for role, code in chart.items()
        )
        return cls(usual + tuple(overrides))

    def resolve(
        self,
        role: AccountRole,
        on: date,
        *,
        broker_account: str = "",
        product: str = "",
        rule_set: RuleSet | None = None,
    ) -> AccountTarget | RuleBroken:
        """The target of a role on a posting date, or the broken rule naming the role and what to configure."""
        best: AccountMapping | None = None
        for row in self.rows:
            if row.role is not role or row.effective_from > on:
                continue
            if row.broker_account not in ("", broker_account) or row.product not in ("", product):
                continue
            if row.rule_set not in (None, rule_set):
                continue
            if best is None or _rank(row) >= _rank(best):  # of equals the later row: overrides follow the usual codes
                best = row
        if best is None:
            return RuleBroken(
                "account_unmapped",
                role.value,
                Message("accounting.role_unmapped", {"role": role.label, "code": role.value, "on": on.isoformat()}),
            )
        filled = (
            (name, value.replace("{broker_account}", broker_account).replace("{product}", product))
            for name, value in best.target.dimensions
        )
        dimensions = tuple((name, value) for name, value in filled if value)
        return replace(best.target, dimensions=dimensions)


def _rank(row: AccountMapping) -> tuple[bool, bool, bool, date]:
    return (row.broker_account != "", row.product != "", row.rule_set is not None, row.effective_from)
