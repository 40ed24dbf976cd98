"""Account roles: what a posting line is about, before any ledger's account code. Templates and cases speak in roles."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from messages import Message


class AccountRole(StrEnum):
    """The part an account plays. Each book maps the roles it needs to its own codes (`AccountMap`)."""

    BANK = "bank"
    MARGIN_ACCOUNT = "margin_account"
    DERIVATIVE = "derivative"
    HEDGING_INSTRUMENT = "hedging_instrument"
    HEDGED_ITEM = "hedged_item"
    FAIR_VALUE_RESULT = "fair_value_result"
    INVESTMENT_INCOME = "investment_income"
    CLOSING_RESULT = "closing_result"
    FEE = "fee"
    HEDGE_RESULT = "hedge_result"
    NET_HEDGE_RESULT = "net_hedge_result"
    HEDGE_RESERVE = "hedge_reserve"
    HEDGE_COST_RESERVE = "hedge_cost_reserve"
    INTEREST = "interest"
    EXCHANGE_RESULT = "exchange_result"
    PENALTY = "penalty"
    INVENTORY = "inventory"
    RAW_MATERIAL = "raw_material"
    RAW_MATERIAL_ADJUSTMENT = "raw_material_adjustment"
    REVENUE = "revenue"
    COST_OF_SALES = "cost_of_sales"
    VAT_OUTPUT = "vat_output"
    VAT_INPUT = "vat_input"
    RECEIVABLE = "receivable"
    PAYABLE = "payable"
    DEFERRED_TAX_ASSET = "deferred_tax_asset"
    DEFERRED_TAX_LIABILITY = "deferred_tax_liability"
    INCOME_TAX = "income_tax"
    RESERVE_TAX = "reserve_tax"

    @property
    def label(self) -> Message:
        """The role's name in both languages."""
        return Message(f"accounting.role_{self.value}")

    @property
    def general(self) -> AccountRole:
        """The role of the general account: closing result and fee are kept under investment income in many
        ledgers, the hedge adjustment of material bought under the material itself."""
        return _GENERAL.get(self, self)


_GENERAL: Final = {
    AccountRole.CLOSING_RESULT: AccountRole.INVESTMENT_INCOME,
    AccountRole.FEE: AccountRole.INVESTMENT_INCOME,
    AccountRole.RAW_MATERIAL_ADJUSTMENT: AccountRole.RAW_MATERIAL,
}
