"""Voucher summaries in Chinese within 60 characters, the reference last: `2026年3月期货平仓盈亏 铜18手 华岳*0001 HB…`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from hedge_core.accounting.events import AccountingEvent
from hedge_core.accounting.templates import VoucherKind
from messages import Message, say

MAX_SUMMARY: Final = 60
_LANGUAGE: Final = "zh"  # vouchers stand in Chinese ledgers, whoever runs the program


@dataclass(frozen=True, slots=True)
class Labels:
    """Short names for people: broker accounts (`华岳*0001`) and products or commodities (`铜`). Without one, an account
    shows its last four characters and a product its code."""

    accounts: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)

    def account(self, account: str) -> str:
        return self.accounts.get(account) or f"*{account[-4:]}"

    def product(self, product: str) -> str:
        return self.products.get(product) or product.rpartition(".")[2]


def summary_text(
    kind: VoucherKind,
    on: date,
    monthly: bool,
    subject: str,
    events: Sequence[AccountingEvent],
    labels: Labels,
    key: str,
) -> str:
    """The summary of a voucher or line: period, kind, products with lots closed, broker account or relationship, key.
    Where it would exceed 60 characters the products shrink to their number, then the text before the key is cut."""
    when = Message("accounting.month" if monthly else "accounting.day", {"y": on.year, "m": on.month, "d": on.day})
    head = say(when, _LANGUAGE) + say(Message(f"accounting.voucher_{kind.value}"), _LANGUAGE)
    who = subject if kind is VoucherKind.HEDGE else labels.account(subject)
    lots: dict[str, int] = {}
    for event in events:
        if event.product:
            name = labels.product(event.product)
            # The settlement, the change and the transfer of one close all count its lots: once is enough.
            lots[name] = max(lots.get(name, 0), event.lots)
    named = [
        say(Message("accounting.product_lots", {"product": name, "lots": count}), _LANGUAGE) if count else name
        for name, count in lots.items()
    ]
    several = [say(Message("accounting.product_count", {"count": len(named)}), _LANGUAGE)] if len(named) > 1 else named
    room = MAX_SUMMARY - len(key) - 1
    for what in (named, several):
        body = " ".join([head, *what, *([who] if subject else [])])
        if len(body) <= room:
            return f"{body} {key}"
    return f"{body[:room]} {key}"
