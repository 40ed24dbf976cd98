"""A voucher as it is drawn on paper (记账凭证), followed by the calculation sheet: every line's sources and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.report.page import facts, heading, page, signatures, table
from hedge_core.accounting.roles import AccountRole
from hedge_core.ports.storage import StoredVoucher
from hedge_core.use_cases.trace import Origin
from messages import Message, say


def _named(name: str) -> Message:
    return Message(f"report.{name}")


def _role(name: str, lang: str) -> str:
    known = name in {role.value for role in AccountRole}
    return say(AccountRole(name).label, lang) if known else ""


def voucher_page(book: str, word: str, stored: StoredVoucher, origins: Sequence[Origin], lang: str) -> bytes:
    """HTML in UTF-8 for A4. `word` is the voucher word (记)."""
    voucher = stored.voucher
    number = stored.receipt.number if stored.receipt is not None else "–"
    rows = [
        (
            line.summary,
            f"{line.account} {_role(line.role, lang)}",
            "; ".join(f"{name}={value}" for name, value in line.dimensions),
            line.debit or "",
            line.credit or "",
        )
        for line in voucher.lines
    ]
    rows.append(("", say(_named("total"), lang), "", voucher.total, voucher.total))
    parts = [
        facts(
            [
                (_named("book"), book),
                (_named("word"), f"{word} {number}"),
                (_named("date"), voucher.posting_date),
                (_named("reference"), voucher.key),
                (_named("attachments"), voucher.attachments),
            ],
            lang,
        ),
        table(
            [_named("summary"), _named("account"), _named("dimensions"), _named("debit"), _named("credit")],
            rows,
            lang,
            numbers=(3, 4),
        ),
        heading(_named("sources"), lang),
        table(
            [_named("line"), _named("source"), _named("key"), _named("details")],
            [
                (one.line, one.kind, one.key, "; ".join(f"{name}: {value}" for name, value in one.details))
                for one in origins
            ],
            lang,
        ),
        facts([(_named("content_hash"), voucher.content_hash)], lang),
        signatures(
            [f"{say(_named('made_by'), lang)} {stored.made_by}", _named("checked_by"), _named("posted_by")], lang
        ),
    ]
    return page(_named("voucher_title"), parts, lang)
