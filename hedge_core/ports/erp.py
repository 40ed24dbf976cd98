"""The port to an ERP. An adapter makes one connector and its mapping specs fit this protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from hedge_core.errors import PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Stage, Voucher
from messages import Message


class Lookup(StrEnum):
    """How an unknown outcome is resolved: by our reference, by replaying the same call, or only by a person."""

    REFERENCE = "reference"
    REPLAY = "replay"
    NONE = "none"


class Question(StrEnum):
    """What `doctor` asks about a connection beyond the network, in the order in which a failure is worth looking at."""

    LOGIN = "login"
    RIGHTS = "rights"
    TIME_ZONE = "time zone"
    PRECISION = "precision"
    PERIOD = "period"
    ACCOUNTS = "accounts"
    RATE_TYPES = "rate types"
    CASH_FLOW = "cash flow"
    READ_BACK = "read-back"
    AFTER_AUDIT = "after audit"
    SEPARATE_USER = "separate user"


@dataclass(frozen=True, slots=True)
class ErpCapabilities:
    """The capability card: printed in the documentation, checked by the conformance suite."""

    system: str
    pulls: frozenset[str]
    inventory_is_snapshot: bool
    contracts_key_sweep: bool
    reference_field: str
    reference_length: int
    lookup: Lookup
    stages: tuple[Stage, ...]
    default_stage: Stage
    max_batch: int
    writes_hedges: bool
    hedge_place: str
    settle_seconds: int
    """How long after an unknown outcome a look-up may still miss a document that the ERP is working on."""
    tells: frozenset[Question] = frozenset()
    """What the adapter itself finds out about the system (`Examiner`); `doctor` answers some questions for every system, and
    of the rest it says that this system does not offer them."""
    attaches: bool = False
    """Whether files can be attached to a voucher (`Attaches`)."""
    discovers: bool = False
    """Whether organisations, forms and fields can be listed (`Discovers`)."""
    foreign_amounts: bool = False
    """Whether a line can carry an amount in another currency and its rate beside the ledger's; else such a voucher is refused."""


@dataclass(frozen=True, slots=True)
class HealthStep:
    """One step of a health check: its name, whether it passed, and a sentence with the finding or the remedy."""

    step: str
    ok: bool
    finding: Message


@dataclass(frozen=True, slots=True)
class Health:
    """The result of `check()`: the steps in order; the first failed one is where to start."""

    steps: tuple[HealthStep, ...]

    @property
    def ok(self) -> bool:
        return all(step.ok for step in self.steps)


@dataclass(frozen=True, slots=True)
class PostingNeeds:
    """What a book will ask of the ledger it posts to: its currency, the month of today's vouchers, account codes, rate types
    named by its account map."""

    currency: str
    today: date
    accounts: tuple[str, ...] = ()
    rate_types: tuple[str, ...] = ()


@runtime_checkable
class Examiner(Protocol):
    """Optional: an adapter that can look at more than the connection. Reads only; answers a step per question of
    `capabilities.tells`, named by the question, and raises nothing but `PlatformError`."""

    def examine(self, needs: PostingNeeds) -> Iterator[HealthStep]: ...


@runtime_checkable
class Attaches(Protocol):
    """Optional: files beside a voucher. A name stands once on a document, so that a repeated call finds what is there."""

    def attach(self, receipt: PostingReceipt, name: str, body: bytes) -> None:
        """Put a file on the document. One of that name already there with the same size is a success; errors as in a push."""
        ...


@dataclass(frozen=True, slots=True)
class Discovered:
    """Something a system has that a connection can be configured with: what it is (`organisation`, `field`, …), where it
    belongs, its code, what people call it, and a remark such as `custom` or `required`."""

    what: str
    place: str
    code: str
    name: str
    remark: str = ""


@runtime_checkable
class Discovers(Protocol):
    """Optional: names that differ from one installation to the next, asked instead of guessed."""

    def discover(self) -> Iterator[Discovered]: ...


class ErpAdapter(Protocol):
    """Everything HedgeBridge asks of an ERP. Errors: see `hedge_core.errors`; nothing else may be raised."""

    @property
    def capabilities(self) -> ErpCapabilities: ...
    def check(self) -> Health: ...
    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]: ...
    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]: ...
    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]: ...
    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined: ...
    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        """The flat source fields of a raw record, as mapping specs read them (for a preview)."""
        ...

    def find_voucher(self, key: str) -> PostingReceipt | None: ...
    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        """Every document that carries one of our keys, with its date and total: for the daily reconciliation."""
        ...

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        """One result per voucher, in order. A document that carries the key already is taken up where it stands and
        brought to the target stage, never saved again; one with other content is an `IdempotencyConflict`."""
        ...

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None: ...
    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt: ...


@runtime_checkable
class LooksBack(Protocol):
    """Optional: an ERP that cannot be asked for a reference, so that a look-up by key alone reads the recent vouchers only.
    That an older one is not found says nothing about it."""

    def looks_back_to(self) -> date:
        """The first posting date that such a look-up sees."""
        ...
