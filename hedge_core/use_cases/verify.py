"""Does what is stored still say what was recorded? Snapshots, statement files and fills against their own digests."""

from __future__ import annotations

import hashlib

from hedge_core.model.identity import BookId
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.snapshot import snapshot_hash
from messages import Message


def verify_stored(store: Store, book: BookId) -> list[Message]:
    """What does not agree, one sentence each: a snapshot's bytes with its hash and place in the chain, a statement's file
    with its digest, the fills that settlements read with the statements they came from."""
    with store.read(book) as uow:
        return [*_snapshots(uow), *_statements(uow)]


def _snapshots(uow: UnitOfWork) -> list[Message]:
    found = []
    digests = {""}
    for listed in uow.results.snapshots():
        digests.add(listed.digest)
    for listed in uow.results.snapshots():
        stored = uow.results.snapshot(listed.trading_day, listed.version)
        named = {"day": listed.trading_day, "version": listed.version}
        if stored is None or snapshot_hash(stored.body) != listed.digest:
            found.append(Message("verify.snapshot", named))
        if listed.previous_digest not in digests:
            found.append(Message("verify.chain", named))
    return found


def _statements(uow: UnitOfWork) -> list[Message]:
    found = []
    fills: dict[str, object] = {}
    for day in uow.statements.days():
        for current in uow.statements.on_day(day):
            fills |= {fill.key: fill for fill in current.statement.fills}
        for current in uow.statements.on_day(day, every_form=True):
            account, currency, form = (
                current.statement.account, current.statement.funds.currency, current.statement.form,
            )  # fmt: skip
            for version in uow.statements.versions(account, day, currency, form):
                body = uow.statements.body(account, day, version.version, currency, form)
                if body is None or hashlib.sha256(body).hexdigest() != version.digest:
                    named = {"account": account, "day": day, "version": version.version}
                    found.append(Message("verify.statement", named))
    stored = {fill.key: fill for fill in uow.statements.fills()}
    found += [
        Message("verify.fill", {"fill": key})
        for key in sorted(fills.keys() | stored.keys())
        if fills.get(key) != stored.get(key)
    ]
    return found
