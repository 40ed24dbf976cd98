"""The account map as CSV or Excel: which ERP account, dimensions and cash-flow item stand for each account role.

Columns, in Chinese or English: role, account, dimensions (`name=value; name=value`, where a value may contain
`{broker_account}` and `{product}`), cash_flow_item, unit (of the quantity column), rate_type, effective_from, broker_account,
product, rule_set.
"""

from __future__ import annotations

from typing import Final

from connectors.tabular import Grid, GridRow, read_table
from hedge_core.accounting.charts import AccountMap, AccountMapping
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import RuleSet
from hedge_core.errors import InvalidInput, RuleBroken
from messages import Message, say

_HEADINGS: Final = {
    "role": "role", "角色": "role",
    "account": "account", "科目": "account",
    "dimensions": "dimensions", "核算维度": "dimensions",
    "cash_flow_item": "cash_flow_item", "现金流量项目": "cash_flow_item",
    "effective_from": "effective_from", "生效日期": "effective_from",
    "broker_account": "broker_account", "期货账户": "broker_account",
    "product": "product", "品种": "product",
    "rule_set": "rule_set", "会计准则": "rule_set",
    "unit": "unit", "数量单位": "unit",
    "rate_type": "rate_type", "汇率类型": "rate_type",
}  # fmt: skip


def read_account_map(body: bytes, source: str = "accounts", rule_set: RuleSet = RuleSet.NONE) -> AccountMap:
    """The map of a file, on top of the usual codes of the rule set's chart. InvalidInput names row and column."""
    grid = read_table(source, body)
    names = [_HEADINGS.get(title.strip().lower()) for title in grid.header]
    for required in ("role", "account"):
        if required not in names:
            missing = Message("documents.column_missing", {"column": required})
            raise InvalidInput(source, grid.header_line, required, missing)
    return AccountMap.usual(rule_set, [_mapping(source, grid, names, row) for row in grid.rows])


def _mapping(source: str, grid: Grid, names: list[str | None], row: GridRow) -> AccountMapping:
    texts = {
        name: "" if cell is None else str(cell).strip()
        for name, cell in zip(names, row.cells, strict=False)
        if name is not None
    }
    texts["role"] = _role_value(texts["role"])
    try:
        return AccountMapping.read(texts)
    except RuleBroken as broken:
        column = str(broken.reason.params.get("column", "role"))
        raise InvalidInput(source, row.line, column, broken.reason) from None


def _role_value(text: str) -> str:
    """A role's own name, or its label in either language."""
    for role in AccountRole:
        if text in (say(role.label, "zh"), say(role.label, "en")):
            return role.value
    return text
