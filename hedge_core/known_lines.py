"""Which contract lines a book knows already, so that a line entered twice is held back and never counted twice."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from hashlib import blake2b
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
        self._numbers: dict[str, str] = {}
        self._contents: dict[bytes, str] = {}
        self._content_of: dict[str, bytes] = {}
        for line in lines:
            name, number = _name(line.ref), _number(line)
            self._numbers.setdefault(number, name)
            if line.status is LineStatus.OPEN:
                self._keep(name, number, _content(line))

    def refusal(self, line: ContractLine) -> Reason | None:
        """Why a line that has just been read must not be counted; None where it may. It is known from then on."""
        name, number = _name(line.ref), _number(line)
        owner = self._numbers.setdefault(number, name)
        if owner is not name and owner != name:
            params = {
                "contract_no": line.contract_no,
                "line_no": line.line_no,
                "other": owner.partition(_APART)[2],
            }
            return "line_no", Message("record.duplicate_line", params)
        before = self._content_of.pop(name, None)
        if before is not None:
            self._contents.pop(before, None)
        if line.status is not LineStatus.OPEN:
            return None
        content = _content(line)
        twin = self._contents.get(content)
        if twin is not None and not self._accept_repeats:
            other = int(twin.partition(_APART)[0])
            params = {"contract_no": line.contract_no, "line_no": line.line_no, "other": other}
            return "line_no", Message("record.repeated_line", params)
        self._keep(name, number, content)
        return None

    def _keep(self, name: str, number: str, content: bytes) -> None:
        if content not in self._contents:
            self._contents[content] = number
            self._content_of[name] = content


_APART: Final = "\0"


def _name(ref: ExternalRef) -> str:
    """A record of one connection; `_number` and `_content` name the connection. The texts are kept for every line of a book,
    so they are as short as can be."""
    return f"{ref.connection}:{ref.kind}{_APART}{ref.key}"


def _number(line: ContractLine) -> str:
    return f"{line.line_no}{_APART}{line.contract_no}{_APART}{line.side}{_APART}{line.ref.connection}"


def _content(line: ContractLine) -> bytes:
    """What a line says, as a digest of 16 bytes: a book may have more lines than their words would find room for."""
    said = (
        line.ref.connection,
        line.side,
        line.contract_no,
        line.partner,
        line.material,
        _digits(line.ordered),
        line.unit,
        line.pricing,
        "" if line.price is None else _digits(line.price),
        "" if line.premium is None else _digits(line.premium),
        line.currency,
        str(line.delivery_date),
        line.delivery_month,
    )
    return blake2b(_APART.join(said).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _digits(value: Decimal) -> str:
    """One text for one number: 10 and 10.0 are the same."""
    text = str(value)
    if "E" in text:
        text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
