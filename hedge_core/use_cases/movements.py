"""Money movements of broker accounts: what each is, which ones wait for a person, and what the bank shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hedge_core.cash_kinds import SETTING, MovementKind, movement_kind
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.reconciliation import BankTransfer
from messages import Message


@dataclass(frozen=True, slots=True)
class Movement:
    """A row of 出入金明细 in the book's current statements. `movement_id` names it; `amount` is money in less out; `kind` is
    None while nobody has said what its words mean."""

    movement_id: str
    account: str
    currency: str
    trading_day: date
    moved_on: date
    amount: Decimal
    word: str
    note: str
    kind: MovementKind | None


def movements(uow: UnitOfWork) -> list[Movement]:
    """Every movement, by trading day and account."""
    settings = uow.book.settings
    found = []
    for day in uow.statements.days():
        for stored in uow.statements.on_day(day):
            statement = stored.statement
            for number, row in enumerate(statement.cash, 1):
                name = f"{statement.account}:{day.isoformat()}:cash:{number}"
                amount = row.amount_in - row.amount_out
                kind = movement_kind(row, settings)
                currency = statement.funds.currency
                found.append(
                    Movement(
                        name,
                        statement.account,
                        currency,
                        day,
                        row.moved_on,
                        amount,
                        row.kind.strip(),
                        row.note.strip(),
                        kind,
                    )
                )
    return found


def classify(
    store: Store, book: BookId, movement_id: str, kind: MovementKind, actor: Actor, *, by_note: bool = False
) -> tuple[str, int]:
    """Say what the movement's word (or, `by_note`, its note) means in this book, today and from now on. Answers the word and
    how many movements have it. `RuleBroken` for an unknown movement or one without that word."""
    with store.begin(book, actor) as uow:
        known = movements(uow)
        found = next((one for one in known if one.movement_id == movement_id), None)
        if found is None:
            raise RuleBroken("movement", movement_id, Message("movement.none", {"movement": movement_id}))
        word = found.note if by_note else found.word
        if not word:
            shown = {"movement": movement_id, "by": "note" if by_note else "word"}
            raise RuleBroken("movement_word", movement_id, Message("movement.no_word", shown))
        uow.save_settings({**uow.book.settings, f"{SETTING}{word}": kind.value})
        uow.audit.append("movement.classified", movement_id, {"word": word, "kind": kind.value, "by_note": by_note})
        return word, sum(word in (one.word, one.note) for one in known)


def import_bank_transfers(
    store: Store, book: BookId, transfers: Sequence[BankTransfer], source: str, actor: Actor
) -> int:
    """Keep what the bank shows; a number that is known already changes nothing. Answers how many are new."""
    with store.begin(book, actor) as uow:
        new = uow.reconciliation.save_transfers(transfers)
        if new:
            uow.audit.append("bank.imported", source, {"transfers": new})
        return new
