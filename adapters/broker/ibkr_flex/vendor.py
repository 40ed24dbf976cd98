"""The words of Flex reports: which sections and attributes say what, and what a report never says."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from hedge_core.model.futures import Direction, Offset

FUTURES: Final = frozenset({"FUT", "FOP"})
"""Asset categories we read: futures and options on futures. Other trades are named as not read."""

DIRECTIONS: Final = MappingProxyType({"BUY": Direction.BUY, "SELL": Direction.SELL})
OFFSETS: Final = MappingProxyType({"O": Offset.OPEN, "C": Offset.CLOSE})
CANCELS: Final = "(Ca.)"
BASE_SUMMARY: Final = "BASE_SUMMARY"

MOVEMENTS: Final = (
    "accountTransfers", "internalTransfers", "dividends", "brokerFees", "brokerInterest", "bondInterest", "cfdCharges",
    "feesReceivables", "paymentInLieu", "transactionTax", "withholdingTax", "withholding871m", "salesTax",
    "billableSalesTax", "clientFees", "advisorFees", "otherFees", "otherIncome", "other", "debitCardActivity", "billPay",
    "referralFee", "linkingAdjustments", "insuredDepositInterest", "taxReceivables", "excessFundSweep",
    "commissionCreditsRedemption", "ipoSubscription", "donations",
)  # fmt: skip
"""Lines of the cash report that are neither trading results nor commissions; deposits and withdrawals stand apart because a
report may give them as one figure or as two."""
RESULTS: Final = ("cashSettlingMtm", "realizedVm", "realizedForexVm")
COMMISSIONS: Final = ("commissions", "billableCommissions")

HARMLESS: Final = frozenset(
    {
        "Trades", "OpenPositions", "CashReport", "CashTransactions", "AccountInformation", "ChangeInNAV", "SecuritiesInfo",
        "EquitySummaryInBase", "MTMPerformanceSummaryInBase", "FIFOPerformanceSummaryInBase", "MTDYTDPerformanceSummary",
        "StmtFunds", "ConversionRates", "InterestAccruals", "TierInterestDetails", "FxPositions", "RoutingCommissions",
        "UnbundledCommissionDetails", "PriorPeriodPositions", "ChangeInPositionValues", "NetStockPositionSummary",
    }
)  # fmt: skip
"""Sections that we read or that repeat what those say. A row in any other one is named as not read."""

UNKNOWN: Final = (
    "funds.realised_mtm", "funds.initial_margin", "funds.delivery_margin", "funds.margin", "funds.available",
    "funds.risk_degree", "funds.margin_call", "funds.equity", "funds.market_equity", "funds.option_value",
    "funds.exercise_result", "funds.delivery_result", "funds.pledge", "funds.fx_pledge", "funds.pledge_change",
    "fills.realised_mtm", "fills.hedge_flag", "fills.premium", "closed", "cash",
    "positions.holding_mtm", "positions.margin", "positions.previous_settlement", "positions.hedge_flag",
    "positions.option_value", "positions.trading_day_of_opening", "summary.holding_mtm", "summary.margin",
    "summary.previous_settlement", "exercises", "deliveries",
)  # fmt: skip
"""What a Flex report does not say in our terms. Variation is paid in cash daily, so the cash balance is a mark-to-market one;
its fifoPnlRealized counts from the opening price and after commissions, which is neither of our two results."""
