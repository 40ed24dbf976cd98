"""Sending, cancelling and finding orders, attempted once each. The order id is the caller's and known before.

A refusal comes as a notice that names no order, together with an order that is finished without a fill; so one order is on
its way at a time, and a notice heard after it was sent is its own. No word in time is an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.diff.session import DiffSession, Notice
from connectors.diff.tree import SYSTEM, whole
from hedge_core.errors import IdempotencyConflict, OutcomeUnknown, Rejected, Unavailable

REFUSED: Final = frozenset({404, 405, 408, 409, 410, 411, 412, 413, 414, 415, 416, 418})
"""Above the limit, below it, wrong user, bad symbol, not a multiple of the tick, margin, more than can be closed …"""
DUPLICATE: Final = 407
CANCELLED: Final = 419
NO_SUCH_ORDER: Final = 420
FINISHED: Final = "FINISHED"


class DiffOrders:
    """The writing half of a session; made only for a connection that may send orders."""

    def __init__(self, session: DiffSession) -> None:
        self._session = session

    def insert(self, fields: Mapping[str, object]) -> dict[str, Any]:
        """Send one order and answer it as it stands in the tree.

        Rejected, in the gateway's words; IdempotencyConflict for an id in use; OutcomeUnknown when nothing was heard in
        time or the line was cut; Unavailable when nothing was sent."""
        session = self._session
        with session.turn:
            session.view()
            key = str(fields["order_id"])
            if key in self._orders():
                raise IdempotencyConflict(key, system=SYSTEM)
            heard = len(session.notices)
            refusal = self._ask(
                {"aid": "insert_order", "user_id": session.login.user, **fields},
                key,
                lambda: key in self._orders() or self._refusal(heard, REFUSED | {DUPLICATE}) is not None,
                lambda: self._refusal(heard, REFUSED | {DUPLICATE}),
            )
            if refusal is not None and refusal.code == DUPLICATE:
                raise IdempotencyConflict(key, system=SYSTEM)
            order = self._orders().get(key)
            if refusal is not None and (order is None or untouched(order)):
                raise Rejected(str(refusal.code), refusal.content, system=SYSTEM)
            if order is None:
                raise OutcomeUnknown("no word about the order in time", system=SYSTEM, subject=key)
            return dict(order)

    def cancel(self, key: str) -> dict[str, Any]:
        """Ask for the rest of an order to be cancelled; answers it as it stands then. Rejected for an unknown order."""
        session = self._session
        with session.turn:
            session.view()
            order = self._orders().get(key)
            if order is None:
                raise Rejected(str(NO_SUCH_ORDER), f"no order {key} on this trading day", system=SYSTEM)
            if order.get("status") == FINISHED:
                return dict(order)
            heard = len(session.notices)
            refusal = self._ask(
                {"aid": "cancel_order", "user_id": session.login.user, "order_id": key},
                key,
                lambda: (
                    self._orders().get(key, {}).get("status") == FINISHED
                    or self._refusal(heard, frozenset({NO_SUCH_ORDER, 408})) is not None
                ),
                lambda: self._refusal(heard, frozenset({NO_SUCH_ORDER, 408})),
            )
            order = self._orders().get(key, {})
            if refusal is not None and order.get("status") != FINISHED:
                raise Rejected(str(refusal.code), refusal.content, system=SYSTEM)
            if order.get("status") != FINISHED:
                raise OutcomeUnknown("no word about the cancellation in time", system=SYSTEM, subject=key)
            return dict(order)

    def find(self, key: str) -> dict[str, Any] | None:
        """The order with that id on the current trading day."""
        self._session.view()
        found = self._orders().get(key)
        return None if found is None else dict(found)

    def _ask(self, message: dict[str, Any], key: str, ready: Any, refusal: Any) -> Notice | None:
        """Send and wait. From the first byte on, a cut line is an unknown outcome."""
        try:
            self._session.send(message)
            self._session.wait(ready)
            order = self._orders().get(key)
            if order is not None and untouched(order) and refusal() is None:
                # a finished order without a fill may have its reason in the next message
                self._session.pump(0.2)
        except Unavailable as error:
            raise OutcomeUnknown(error.reason, system=SYSTEM, subject=key) from None
        found: Notice | None = refusal()
        return found

    def _refusal(self, heard: int, codes: frozenset[int]) -> Notice | None:
        return next((notice for notice in self._session.notices[heard:] if notice.code in codes), None)

    def _orders(self) -> dict[str, Any]:
        orders = self._session.own().get("orders", {})
        return orders if isinstance(orders, dict) else {}


def untouched(order: Mapping[str, Any]) -> bool:
    """Finished without one lot filled."""
    return order.get("status") == FINISHED and whole(order.get("volume_left")) == whole(order.get("volume_orign"))
