"""Capability cards as a page of the documentation: what each system can do, from the adapters' own data."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Final

import typer

from cli.commands.books import connection_app
from cli.session import help_text
from hedge_core.ports.erp import ErpCapabilities, Question

SYSTEMS: Final = (
    "kingdee", "cosmic", "yonbip", "u8cloud", "u8openapi", "nccloud", "odoo", "sap", "file_drop", "generic_json",
)  # fmt: skip
HEAD: Final = """# Capability cards

中文摘要：各系统适配器能做什么，由代码生成（`hedgebridge connection cards`），请勿手工修改；测试会核对本页与代码一致。

Made by `hedgebridge connection cards > docs/connections/cards.md`; a test compares this page with the adapters.
`doctor` answers time zone, accounts, cash flow and separate user for every system from what the book knows; what stands in the
row "doctor cannot ask" has to be looked at by hand.
"""
_SHARED: Final = (
    Question.LOGIN, Question.TIME_ZONE, Question.ACCOUNTS, Question.CASH_FLOW, Question.SEPARATE_USER,
)  # fmt: skip


def cards() -> dict[str, ErpCapabilities]:
    """The card of every packaged adapter, by system."""
    return {name: import_module(f"adapters.erp.{name}.capabilities").CAPABILITIES for name in SYSTEMS}


def page() -> str:
    """The page as Markdown."""
    return HEAD + "".join(f"\n## {name}\n\n" + "\n".join(_table(card)) + "\n" for name, card in cards().items())


def _table(card: ErpCapabilities) -> Iterator[str]:
    told = {question for question in Question if question in card.tells or question in _SHARED}
    rows = (
        ("pulls", ", ".join(sorted(card.pulls))),
        ("inventory", "whole snapshot" if card.inventory_is_snapshot else "changes"),
        ("deleted contract lines are found", _yes(card.contracts_key_sweep)),
        (
            "vouchers carry our key in",
            f"{card.reference_field} ({card.reference_length})" if card.reference_field else "-",
        ),
        ("an unknown outcome is settled by", card.lookup.value),
        ("stages", ", ".join(f"**{s}**" if s is card.default_stage else s.value for s in card.stages)),
        ("vouchers in one call", str(card.max_batch)),
        ("hedge notes", _hedge_notes(card)),
        ("files on vouchers", _yes(card.attaches)),
        ("amounts in two currencies", _yes(card.foreign_amounts)),
        ("organisations and fields are listed", _yes(card.discovers)),
        ("a look-up may still miss a document for", f"{card.settle_seconds} s"),
        ("doctor cannot ask", ", ".join(question.value for question in Question if question not in told) or "-"),
    )
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in rows)


def _hedge_notes(card: ErpCapabilities) -> str:
    """A place that has to be configured is named as what it is: without it there is none."""
    if card.writes_hedges:
        return card.hedge_place
    return f"no place for notes, unless configured: {card.hedge_place}" if card.hedge_place else "-"


def _yes(value: bool) -> str:
    return "yes" if value else "-"


@connection_app.command("cards", help=help_text("connection_cards"))
def connection_cards() -> None:
    typer.echo(page(), nl=False)
