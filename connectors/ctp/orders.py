"""Sending, cancelling and finding orders, attempted once each. The order reference is the caller's and known before.

A refusal needs evidence: OnRspOrderInsert or OnErrRtnOrderInsert from the counter, or an order with status “cancelled” and
submit status “refused” from the exchange, whose reason stands in StatusMsg only. No word in time is an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connectors.ctp.answers import SYSTEM, error_of
from connectors.ctp.callbacks import Event
from connectors.ctp.session import CtpSession
from connectors.ctp.values import Row
from hedge_core.errors import IdempotencyConflict, OutcomeUnknown, Rejected

CANCELLED: Final = "5"
UNDECIDED: Final = "a"
"""OrderStatus: the counter has the order and the exchange has not answered."""
INSERT_REFUSED: Final = "4"
"""OrderSubmitStatus: the exchange refused the order."""
CANCEL_REFUSED: Final = "5"
_FINAL: Final = frozenset({"0", CANCELLED})
DUPLICATE_REFERENCE: Final = 22
_CANCEL: Final = "0"
"""ActionFlag"""


class CtpOrders:
    """The writing half of a session; made only for a connection that may send orders."""

    def __init__(self, session: CtpSession) -> None:
        self._session = session

    def insert(self, fields: Mapping[str, object]) -> Row:
        """Send one order and answer its latest state (an Order row). `fields` are an InputOrder's, OrderRef included.

        Rejected, with the counter's words; OutcomeUnknown when nothing was heard in time or the connection was lost;
        Unavailable or RateLimited when nothing was sent."""
        session = self._session
        session.ensure()
        reference = str(fields["OrderRef"]).strip()
        given = session.structure("InputOrder", self._names() | dict(fields))
        mark = session.heard
        number = session.collector.sessions
        if error := session.send("ReqOrderInsert", given):
            raise error
        seen = self._heard(
            mark,
            number,
            lambda event: _of(event, reference) and event.row.get("OrderStatus", "") != UNDECIDED,
            ("OnRspOrderInsert", "OnErrRtnOrderInsert", "OnRtnOrder"),
        )
        if seen is None:
            seen = self._last(mark, reference)
            if seen is None:
                raise OutcomeUnknown("no word about the order in time", system=SYSTEM, subject=reference)
        if seen.error_id == DUPLICATE_REFERENCE:
            raise IdempotencyConflict(reference, system=SYSTEM)
        if seen.name != "OnRtnOrder":
            raise error_of(seen.error_id, seen.error_text)
        return seen.row

    def cancel(self, reference: str) -> Row:
        """Ask for the rest of an order to be cancelled; answers its latest state, unchanged where it is final already.
        Rejected for an unknown order, or in the words of who refuses."""
        order = self.find(reference)
        if order is None:
            raise Rejected("", f"no order {reference} on this trading day", system=SYSTEM)
        if order["OrderStatus"] in _FINAL:
            return order
        session = self._session
        fields = {name: order[name] for name in ("InstrumentID", "ExchangeID", "FrontID", "SessionID", "OrderRef")}
        given = session.structure("InputOrderAction", self._names() | fields | {"ActionFlag": _CANCEL})
        mark = session.heard
        number = session.collector.sessions
        if error := session.send("ReqOrderAction", given):
            raise error
        seen = self._heard(
            mark,
            number,
            lambda event: _of(event, reference)
            and (event.name != "OnRtnOrder" or _decides_cancel(event.row)),
            ("OnRspOrderAction", "OnErrRtnOrderAction", "OnRtnOrder"),
        )  # fmt: skip
        if seen is None:
            raise OutcomeUnknown("no word about the cancellation in time", system=SYSTEM, subject=reference)
        if seen.name != "OnRtnOrder":
            raise error_of(seen.error_id, seen.error_text)
        if seen.row["OrderSubmitStatus"] == CANCEL_REFUSED and seen.row["OrderStatus"] not in _FINAL:
            raise Rejected("", seen.row["StatusMsg"], system=SYSTEM)
        return seen.row

    def find(self, reference: str) -> Row | None:
        """The order with that reference on the current trading day; IdempotencyConflict when there are two."""
        found = [row for row in self._session.query("Order") if row["OrderRef"] == reference]
        if len({(row["FrontID"], row["SessionID"], row["OrderSysID"]) for row in found}) > 1:
            raise IdempotencyConflict(reference, system=SYSTEM)
        return found[-1] if found else None

    def _names(self) -> dict[str, object]:
        login = self._session.login
        return {"BrokerID": login.broker, "InvestorID": login.account, "UserID": login.user}

    def _since(self, mark: int) -> list[Event]:
        return [event for event in self._session.events if event.number > mark]

    def _heard(self, mark: int, number: int, decides: Callable[[Event], bool], names: tuple[str, ...]) -> Event | None:
        """The first event after the mark that decides; None when the time is over or the session is another one."""
        collector = self._session.collector
        found: list[Event] = []

        def ready() -> bool:
            found[:] = [event for event in self._since(mark) if event.name in names and decides(event)][:1]
            return bool(found) or not collector.connected or collector.sessions != number

        collector.wait(ready, self._session.call_seconds)
        return found[0] if found else None

    def _last(self, mark: int, reference: str) -> Event | None:
        """The counter's own word that it has the order, where the exchange has not answered yet."""
        with self._session.collector.changed:
            heard = [e for e in self._since(mark) if e.name == "OnRtnOrder" and _of(e, reference)]
        return heard[-1] if heard else None


def _of(event: Event, reference: str) -> bool:
    return str(event.row.get("OrderRef", "")).strip() == reference


def _decides_cancel(row: Row) -> bool:
    return row["OrderStatus"] in _FINAL or row["OrderSubmitStatus"] == CANCEL_REFUSED
