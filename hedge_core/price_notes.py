"""Documents that re-price delivered goods when a price becomes final: an adjustment note, or a red invoice and a blue one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.model.events import PriceNote
from hedge_core.rounding import EXACT, round_money
from messages import Message

PROVISIONAL: Final = "provisional"
FINAL: Final = "final"


class Document(StrEnum):
    """How goods already invoiced get their final price: a note over the difference, or the invoice taken back in red
    (红字发票) and written anew in blue."""

    NOTE = "note"
    RED_INVOICE = "red_invoice"


@dataclass(frozen=True, slots=True)
class Priced:
    """A price with VAT per base unit, and the VAT rate it was invoiced with."""

    price: Decimal
    vat_rate: Decimal


def amounts(quantity: Decimal, priced: Priced, currency: str = "CNY") -> tuple[Decimal, Decimal]:
    """(net, VAT) of an invoice: the amount with VAT is rounded once, the net amount once, and VAT is their difference, so
    that the invoice adds up."""
    with localcontext(EXACT):
        gross = round_money(quantity * priced.price, currency)
        net = round_money(gross / (1 + priced.vat_rate), currency)
        return net, gross - net


def reprice(
    line: str, on: date, invoiced: Decimal, before: Priced, after: Priced, document: Document, currency: str = "CNY"
) -> tuple[PriceNote, ...]:
    """The documents that take `invoiced` goods from one price to another. Both ways change the invoice total by the same
    money. RuleBroken `note_vat_rate`: a note cannot change the VAT rate (the red invoice carries the old one, the blue
    invoice the new one); `note_nothing`: nothing was invoiced, so that the first invoice simply carries the new price."""
    if invoiced <= 0:
        raise RuleBroken("note_nothing", line, Message("contract.note_nothing", {"line": line}))
    if document is Document.NOTE and before.vat_rate != after.vat_rate:
        params = {"line": line, "before": before.vat_rate, "after": after.vat_rate}
        raise RuleBroken("note_vat_rate", line, Message("contract.note_vat_rate", params))
    old, new = amounts(invoiced, before, currency), amounts(invoiced, after, currency)
    if document is Document.NOTE:
        rows = [("note", invoiced, after, new[0] - old[0], new[1] - old[1])]
    else:
        rows = [("red", -invoiced, before, -old[0], -old[1]), ("blue", invoiced, after, *new)]
    return tuple(
        PriceNote(f"{line}/{on}/{kind}", line, on, kind, quantity, at.price, at.vat_rate, net, vat)
        for kind, quantity, at, net, vat in rows
    )
