"""Which contract lines a book knows already, so that a line entered twice is held back and never counted twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, LineStatus
from messages import Message

REPEATED_LINES: Final = "repeated_lines"
"""The setting of a book whose contracts do repeat lines on purpose; its value is then `accept`."""
ACCEPT: Final = "accept"

Reason = tuple[str, Message]
"""The field concerned and the sentence."""


class KnownLines:
    """The lines seen so far. A line is refused when another record has its number, or when another open line of the
    same contract says the same: material, quantity, price, delivery. Only open lines are compared: a line that was
    closed or cancelled and entered again is not counted twice."""

    def __init__(self, lines: Iterable[ContractLine], accept_repeats: bool = False) -> None:
        self._accept_repeats = accept_repeats
        self._numbers: dict[tuple[object, ...], ExternalRef] = {}
        self._contents: dict[tuple[object, ...], ContractLine] = {}
        self._content_of: dict[ExternalRef, tuple[object, ...]] = {}
        for line in lines:
            self._numbers.setdefault(_number(line), line.ref)
            self._keep(line)

    def refusal(self, line: ContractLine) -> Reason | None:
        """Why a line that has just been read must not be counted; None where it may. It is known from then on."""
        owner = self._numbers.setdefault(_number(line), line.ref)
        if owner != line.ref:
            params = {"contract_no": line.contract_no, "line_no": line.line_no, "other": owner.key}
            return "line_no", Message("record.duplicate_line", params)
        self._contents.pop(self._content_of.pop(line.ref, ()), None)
        twin = self._contents.get(_content(line))
        if twin is not None and line.status is LineStatus.OPEN and not self._accept_repeats:
            params = {"contract_no": line.contract_no, "line_no": line.line_no, "other": twin.line_no}
            return "line_no", Message("record.repeated_line", params)
        self._keep(line)
        return None

    def _keep(self, line: ContractLine) -> None:
        if line.status is LineStatus.OPEN and _content(line) not in self._contents:
            self._contents[_content(line)] = line
            self._content_of[line.ref] = _content(line)


def _number(line: ContractLine) -> tuple[object, ...]:
    return line.ref.connection, line.side, line.contract_no, line.line_no


def _content(line: ContractLine) -> tuple[object, ...]:
    return (
        line.ref.connection,
        line.side,
        line.contract_no,
        line.partner,
        line.material,
        line.ordered,
        line.unit,
        line.pricing,
        line.price,
        line.premium,
        line.currency,
        line.delivery_date,
        line.delivery_month,
    )
