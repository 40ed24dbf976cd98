"""Reading over a connection that is open: a refused login pauses it, as it does when something is posted, because an ERP locks
a user who is refused again and again; and a paused connection is not asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from hedge_core.errors import AuthFailed, RuleBroken
from hedge_core.model.identity import BookId
from hedge_core.ports.storage import Store
from messages import Message

P = ParamSpec("P")
R = TypeVar("R")


def over_an_open_connection(
    pull: Callable[Concatenate[Store, BookId, str, P], R],
) -> Callable[Concatenate[Store, BookId, str, P], R]:
    """The same pull. RuleBroken `connection_paused` before anything is asked of the ERP; AuthFailed leaves it paused."""

    @wraps(pull)
    def asked(store: Store, book: BookId, connection: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with store.read(book) as uow:
            reasons = [known.paused_reason for known in uow.connections() if known.name == connection and known.paused]
        for reason in reasons:
            details = {"connection": connection, "reason": reason}
            raise RuleBroken("connection_paused", connection, Message("pull.paused", details))
        try:
            return pull(store, book, connection, *args, **kwargs)
        except AuthFailed as refused:
            store.pause_connection(book, connection, str(refused.message))
            raise

    return asked
