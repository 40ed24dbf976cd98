"""What the cases need from the author of an adapter: connect to a system, make it fail, and look into its books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import TracebackType
from typing import Final, Protocol

from hedge_core.model.identity import ExternalRef
from hedge_core.model.vouchers import Stage, Voucher
from hedge_core.ports.erp import ErpAdapter

STALL_SECONDS: Final = 90
"""How long a stalled answer stays silent: longer than any case lets a call take."""


class Access(StrEnum):
    """How an adapter is connected: rightly, with a secret that is wrong, or to a port where nobody listens."""

    GOOD = "good"
    WRONG_SECRET = "wrong secret"  # noqa: S105 - the name of a case
    UNREACHABLE = "unreachable"


class Fault(StrEnum):
    """What the other side can be made to do with a call."""

    ANSWER_LOST = "executed and committed, then the connection is closed without one byte"
    ANSWER_CUT = "executed, half of the answer is sent, then the connection is reset"
    STALLED = "executed, half of the answer is sent, then silence for STALL_SECONDS"
    TOO_FREQUENT = "not executed: asked to slow down"
    SESSION_LOST = "not executed: the session (or token) is gone"


class On(StrEnum):
    """Which calls a fault hits: those that only read, or those that change something over there."""

    READS = "reads"
    WRITES = "writes"


class Planted(StrEnum):
    """A contract line put into the other side's books before a pull."""

    EXACT_LINE = "a sound open line whose quantity and price have many digits"
    UNKNOWN_VALUE = "a line with a unit, material or state that no value map knows"
    MISSING_VALUE = "a line without something that a contract line cannot do without"
    EXTRA_FIELD = "a sound line with a field that nobody asked for"


@dataclass(frozen=True, slots=True)
class Planting:
    """The reference under which a planted line must arrive, and fields of its `ContractLine` with their exact values."""

    ref: ExternalRef
    expected: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BookedLine:
    """One line of a document in the other side's books, exact."""

    account: str
    debit: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True)
class Booked:
    """A document in the other side's books: the number people see there, how far it got, its date and lines in order."""

    number: str
    stage: Stage
    posting_date: date
    lines: tuple[BookedLine, ...]


class NotSwitchable(Exception):
    """This system cannot be made to fail this way (a real one, without a proxy in between). The case is skipped, visibly,
    with this reason."""


class ErpUnderTest(Protocol):
    """One system with books that the tests may look into. Instantiated without arguments and entered for every test;
    each entry finds the books as they were the first time, with no fault switched on and at least 50 sound lines."""

    @property
    def name(self) -> str:
        """The system's name, as on its capability card."""
        ...

    @property
    def may_write(self) -> bool:
        """Whether cases may change state over there. True for a stand-in; for a real system a decision."""
        ...

    @property
    def not_applicable(self) -> Mapping[str, str]:
        """Cases that cannot apply to this system, as the start of their names (`E08`, `E06_extra_field`), each with a
        reason that a reader of the test report understands. Many cases can never be declared so."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """Texts that must never be logged, raised or stored: passwords, keys, tokens, also the wrong ones."""
        ...

    def __enter__(self) -> ErpUnderTest: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None: ...

    def adapter(
        self, access: Access = Access.GOOD, *, call_seconds: float = 20, target: Stage | None = None
    ) -> ErpAdapter:
        """A new adapter, as another process would build it, with mapping specs that know the books' codes. It shall not
        really sleep between attempts. `target`: the stage to which documents are brought (None: the card's)."""
        ...

    def fault(self, fault: Fault, on: On, times: int) -> None:
        """The next `times` calls of that kind fail like this. Raises `NotSwitchable`."""
        ...

    def clear(self) -> None:
        """Switch every fault off."""
        ...

    def plant(self, what: Planted) -> Planting:
        """Put a line into the books, the way a user of the ERP (or a careless one) would."""
        ...

    def change_line(self) -> ExternalRef:
        """Change the quantity of one sound open line, the way a user would: with a new change date."""
        ...

    def voucher(self, number: int, amount: Decimal) -> Voucher:
        """A voucher that the books take, in an open period; other numbers are other vouchers. See `sample_voucher`."""
        ...

    def refused_voucher(self) -> Voucher:
        """A voucher that the other side refuses inside an ordinary answer, for example for an unknown account."""
        ...

    def closed_period(self) -> tuple[Voucher, str]:
        """Close a period; a voucher dated in it, and the words with which the other side refuses it."""
        ...

    def booked(self, key: str) -> Sequence[Booked]:
        """Every document in the books that carries this key, by another way than the adapter's."""
        ...

    def hedged_line(self) -> ExternalRef:
        """An order line in the state in which hedges are usually written: approved, with other lines beside it."""
        ...

    def rest_of(self, leg: ExternalRef) -> object:
        """Everything on the document of a line besides our note and change stamps, comparable with `==`."""
        ...
