"""Voucher templates as a table: each kind of event, the lines it makes, who books them, and when they are dated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hedge_core.accounting.events import EventKind
from hedge_core.accounting.roles import AccountRole
from hedge_core.model.vouchers import BookedBy


class Slot(StrEnum):
    """A place in a template that a setting fills: the cash account of futures, the home of ineffectiveness."""

    FUTURES_CASH = "futures_cash"
    INEFFECTIVENESS = "ineffectiveness"


class Sign(StrEnum):
    """The side a positive amount goes to; a negative one goes to the other."""

    DEBIT = "debit"
    CREDIT = "credit"


class VoucherKind(StrEnum):
    """What one voucher collects, per book and broker account (`hedge`: per relationship)."""

    CASH = "cash"
    FEE = "fee"
    INTEREST = "interest"
    FAIR_VALUE = "fair_value"
    CLOSE = "close"
    PREMIUM = "premium"
    EXCHANGE = "exchange"
    HEDGE = "hedge"
    TAX = "tax"


class Attachment(StrEnum):
    """A paper that goes with a voucher (附件): the broker's statement of the period, our calculation sheet, the designation."""

    STATEMENT = "statement"
    CALCULATION = "calculation"
    DESIGNATION = "designation"


_SHEETS: Final = (Attachment.STATEMENT, Attachment.CALCULATION)

ATTACHMENTS: Final[Mapping[VoucherKind, tuple[Attachment, ...]]] = {
    VoucherKind.CASH: (Attachment.STATEMENT,),
    VoucherKind.FEE: (Attachment.STATEMENT,),
    VoucherKind.INTEREST: (Attachment.STATEMENT,),
    VoucherKind.FAIR_VALUE: _SHEETS,
    VoucherKind.CLOSE: _SHEETS,
    VoucherKind.PREMIUM: _SHEETS,
    VoucherKind.HEDGE: (*_SHEETS, Attachment.DESIGNATION),
    VoucherKind.EXCHANGE: (Attachment.CALCULATION,),
    VoucherKind.TAX: (Attachment.CALCULATION,),
}
"""What is attached, and so counted, to a voucher of each kind: a day's or a month's statement is one paper."""


class Timing(StrEnum):
    """How a monthly poster dates an event: on its own day; on the month's last day; or with the next hedge event of its
    relationship in the month, else on the month's last day."""

    OWN_DAY = "own_day"
    MONTH_END = "month_end"
    WITH_HEDGE_EVENT = "with_hedge_event"


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """One line: the side of a positive amount, the role or slot, the amount's name, and who books it."""

    sign: Sign
    role: AccountRole | Slot
    amount: str = "amount"
    booked_by: BookedBy = BookedBy.HEDGEBRIDGE


@dataclass(frozen=True, slots=True)
class Template:
    """All lines of one kind of event. The lines of each booker balance on their own."""

    voucher: VoucherKind
    timing: Timing
    lines: tuple[TemplateLine, ...]


R = AccountRole
K = EventKind
V = VoucherKind
ERP: Final = BookedBy.ERP


def _pair(
    debit: AccountRole | Slot, credit: AccountRole | Slot, by: BookedBy = BookedBy.HEDGEBRIDGE
) -> tuple[TemplateLine, ...]:
    return (TemplateLine(Sign.DEBIT, debit, booked_by=by), TemplateLine(Sign.CREDIT, credit, booked_by=by))


CASH: Final = Slot.FUTURES_CASH
OWN: Final = Timing.OWN_DAY
END: Final = Timing.MONTH_END
NEXT: Final = Timing.WITH_HEDGE_EVENT

TEMPLATES: Final[Mapping[EventKind, Template]] = {
    K.DEPOSIT: Template(V.CASH, OWN, _pair(R.MARGIN_ACCOUNT, R.BANK)),
    K.WITHDRAWAL: Template(V.CASH, OWN, _pair(R.BANK, R.MARGIN_ACCOUNT)),
    # Goods delivered on the exchange are paid through the broker; the invoice is the ERP's own document.
    K.DELIVERY_RECEIVED: Template(V.CASH, OWN, _pair(R.MARGIN_ACCOUNT, R.RECEIVABLE)),
    K.DELIVERY_PAID: Template(V.CASH, OWN, _pair(R.PAYABLE, R.MARGIN_ACCOUNT)),
    K.FEE: Template(V.FEE, END, _pair(R.FEE, CASH)),
    K.INTEREST: Template(V.INTEREST, END, _pair(R.MARGIN_ACCOUNT, R.INTEREST)),
    K.PENALTY: Template(V.INTEREST, END, _pair(R.PENALTY, R.MARGIN_ACCOUNT)),
    K.FAIR_VALUE_CHANGE: Template(V.FAIR_VALUE, END, _pair(R.DERIVATIVE, R.FAIR_VALUE_RESULT)),
    K.FINAL_CHANGE: Template(V.CLOSE, END, _pair(R.DERIVATIVE, R.CLOSING_RESULT)),
    K.VARIATION_SETTLEMENT: Template(V.FAIR_VALUE, END, _pair(R.MARGIN_ACCOUNT, R.DERIVATIVE)),
    K.CLOSE_SETTLEMENT: Template(V.CLOSE, END, _pair(CASH, R.DERIVATIVE)),
    K.CLOSE_RESULT_TRANSFER: Template(V.CLOSE, END, _pair(R.FAIR_VALUE_RESULT, R.CLOSING_RESULT)),
    K.REALISED_RESULT: Template(V.CLOSE, END, _pair(CASH, R.CLOSING_RESULT)),
    # An option is carried from its premium on: received is positive, paid negative.
    K.PREMIUM: Template(V.PREMIUM, END, _pair(CASH, R.DERIVATIVE)),
    K.INSTRUMENT_CHANGE: Template(V.HEDGE, NEXT, _pair(R.HEDGING_INSTRUMENT, R.HEDGE_RESULT)),
    K.RESERVE_MEASUREMENT: Template(
        V.HEDGE,
        NEXT,
        (
            TemplateLine(Sign.DEBIT, R.HEDGING_INSTRUMENT, "instrument"),
            TemplateLine(Sign.CREDIT, R.HEDGE_RESERVE, "reserve"),
            TemplateLine(Sign.CREDIT, Slot.INEFFECTIVENESS, "ineffective"),
        ),
    ),
    K.INSTRUMENT_VARIATION: Template(V.HEDGE, NEXT, _pair(R.MARGIN_ACCOUNT, R.HEDGING_INSTRUMENT)),
    K.INSTRUMENT_SETTLEMENT: Template(V.HEDGE, NEXT, _pair(CASH, R.HEDGING_INSTRUMENT)),
    K.INSTRUMENT_DESIGNATED: Template(V.HEDGE, OWN, _pair(R.HEDGING_INSTRUMENT, R.DERIVATIVE)),
    K.INSTRUMENT_RELEASED: Template(V.HEDGE, OWN, _pair(R.DERIVATIVE, R.HEDGING_INSTRUMENT)),
    K.OPTION_PREMIUM: Template(V.HEDGE, OWN, _pair(R.HEDGING_INSTRUMENT, CASH)),
    K.TIME_VALUE_CHANGE: Template(
        V.HEDGE,
        NEXT,
        (
            TemplateLine(Sign.DEBIT, R.HEDGING_INSTRUMENT, "instrument"),
            TemplateLine(Sign.CREDIT, R.HEDGE_COST_RESERVE, "reserve"),
            TemplateLine(Sign.CREDIT, R.HEDGE_RESULT, "excess"),
        ),
    ),
    K.TIME_VALUE_AMORTISATION: Template(V.HEDGE, NEXT, _pair(R.HEDGE_RESULT, R.HEDGE_COST_RESERVE)),
    K.TIME_VALUE_TO_COST: Template(V.HEDGE, OWN, _pair(R.HEDGE_COST_RESERVE, R.RAW_MATERIAL)),
    K.TIME_VALUE_TO_REVENUE: Template(V.HEDGE, OWN, _pair(R.HEDGE_COST_RESERVE, R.REVENUE)),
    K.TIME_VALUE_TO_PROFIT: Template(V.HEDGE, OWN, _pair(R.HEDGE_COST_RESERVE, R.HEDGE_RESULT)),
    K.ITEM_DESIGNATION: Template(V.HEDGE, OWN, _pair(R.HEDGED_ITEM, R.INVENTORY)),
    K.ITEM_CHANGE: Template(V.HEDGE, NEXT, _pair(R.HEDGED_ITEM, R.HEDGE_RESULT)),
    K.ITEM_RETURN: Template(V.HEDGE, OWN, _pair(R.INVENTORY, R.HEDGED_ITEM)),
    K.SALE: Template(
        V.HEDGE,
        OWN,
        (
            TemplateLine(Sign.DEBIT, R.BANK, "gross", ERP),
            TemplateLine(Sign.CREDIT, R.REVENUE, "net", ERP),
            TemplateLine(Sign.CREDIT, R.VAT_OUTPUT, "vat", ERP),
        ),
    ),
    K.PURCHASE: Template(
        V.HEDGE,
        OWN,
        (
            TemplateLine(Sign.DEBIT, R.RAW_MATERIAL, "net", ERP),
            TemplateLine(Sign.DEBIT, R.VAT_INPUT, "vat", ERP),
            TemplateLine(Sign.CREDIT, R.BANK, "gross", ERP),
        ),
    ),
    K.DELIVERY_SALE: Template(
        V.HEDGE,
        OWN,
        (
            TemplateLine(Sign.DEBIT, R.RECEIVABLE, "gross", ERP),
            TemplateLine(Sign.CREDIT, R.REVENUE, "net", ERP),
            TemplateLine(Sign.CREDIT, R.VAT_OUTPUT, "vat", ERP),
        ),
    ),
    K.DELIVERY_PURCHASE: Template(
        V.HEDGE,
        OWN,
        (
            TemplateLine(Sign.DEBIT, R.RAW_MATERIAL, "net", ERP),
            TemplateLine(Sign.DEBIT, R.VAT_INPUT, "vat", ERP),
            TemplateLine(Sign.CREDIT, R.PAYABLE, "gross", ERP),
        ),
    ),
    K.COST_OF_SALES: Template(V.HEDGE, OWN, _pair(R.COST_OF_SALES, R.HEDGED_ITEM, ERP)),
    K.COST_BOOKED: Template(V.HEDGE, OWN, _pair(R.COST_OF_SALES, R.INVENTORY, ERP)),
    K.COST_DIFFERENCE: Template(V.HEDGE, OWN, _pair(R.COST_OF_SALES, R.HEDGED_ITEM)),
    K.COST_ADJUSTMENT: Template(
        V.HEDGE,
        OWN,
        (
            TemplateLine(Sign.DEBIT, R.COST_OF_SALES, "carrying", ERP),
            TemplateLine(Sign.CREDIT, R.INVENTORY, "carrying", ERP),
            TemplateLine(Sign.DEBIT, R.COST_OF_SALES, "adjustment"),
            TemplateLine(Sign.CREDIT, R.HEDGED_ITEM, "adjustment"),
        ),
    ),
    K.COMMITMENT_TO_COST: Template(V.HEDGE, OWN, _pair(R.RAW_MATERIAL, R.HEDGED_ITEM)),
    K.COMMITMENT_TO_REVENUE: Template(V.HEDGE, OWN, _pair(R.REVENUE, R.HEDGED_ITEM)),
    K.BASIS_ADJUSTMENT: Template(V.HEDGE, OWN, _pair(R.HEDGE_RESERVE, R.RAW_MATERIAL)),
    K.RESERVE_TO_REVENUE: Template(V.HEDGE, OWN, _pair(R.HEDGE_RESERVE, R.REVENUE)),
    K.RESERVE_TO_PROFIT: Template(V.HEDGE, OWN, _pair(R.HEDGE_RESERVE, R.HEDGE_RESULT)),
    K.RESERVE_TO_NET_RESULT: Template(V.HEDGE, OWN, _pair(R.HEDGE_RESERVE, R.NET_HEDGE_RESULT)),
    K.ITEM_TO_NET_RESULT: Template(V.HEDGE, OWN, _pair(R.NET_HEDGE_RESULT, R.HEDGED_ITEM)),
    # What the rate did to foreign money at the broker, and to the value of what is held in its currency.
    K.EXCHANGE_ON_MARGIN: Template(V.EXCHANGE, END, _pair(R.MARGIN_ACCOUNT, R.EXCHANGE_RESULT)),
    K.EXCHANGE_ON_INSTRUMENT: Template(V.EXCHANGE, END, _pair(R.DERIVATIVE, R.FAIR_VALUE_RESULT)),
    K.TAX_ON_PROFIT: Template(V.TAX, END, _pair(R.INCOME_TAX, R.DEFERRED_TAX_LIABILITY)),
    K.TAX_ON_RESERVE: Template(V.TAX, END, _pair(R.RESERVE_TAX, R.DEFERRED_TAX_LIABILITY)),
    K.TAX_PRESENTATION: Template(V.TAX, END, _pair(R.DEFERRED_TAX_ASSET, R.DEFERRED_TAX_LIABILITY)),
}
"""In two templates amounts add up by construction of the event: reserve + ineffective (or excess) = instrument, and
net + vat = gross. Deferred tax is booked on the
liability; `tax_presentation` moves a debit balance of it to the asset."""
