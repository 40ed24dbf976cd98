"""A hand-written ERP behind the port: it keeps documents in a dictionary and misbehaves as a test tells it to."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from hedge_core.errors import IdempotencyConflict, PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Stage, Voucher
from hedge_core.notes import hedge_note
from hedge_core.ports.erp import ErpCapabilities, Health, Lookup

CARD = ErpCapabilities(
    system="fake",
    pulls=frozenset({"contracts", "inventory"}),
    inventory_is_snapshot=True,
    contracts_key_sweep=True,
    reference_field="reference",
    reference_length=16,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED, Stage.SUBMITTED),
    default_stage=Stage.SUBMITTED,
    max_batch=1,
    writes_hedges=True,
    hedge_place="a dictionary",
    settle_seconds=30,
)

Happening = Callable[[], None]
"""Raises what the other side answers, or does something meanwhile."""


class FakeErp:
    """`before` happens instead of the next write, `after` once it is in the books, `while_looking` on the next look-up."""

    def __init__(self, card: ErpCapabilities = CARD) -> None:
        self.capabilities = card
        self.documents: dict[str, list[PostingReceipt]] = defaultdict(list)
        self.notes: dict[ExternalRef, str] = {}
        self.before: deque[Happening] = deque()
        self.after: deque[Happening] = deque()
        self.while_looking: deque[Happening] = deque()
        self.looked_up: list[str] = []
        self.pushed: list[str] = []
        self.pulls: list[Iterator[Pulled[Any]]] = []
        self.asked: list[tuple[str, Cursor | None, PullScope]] = []
        self.mapping: Callable[[RawRecord], Mapped[Any] | Quarantined] | None = None

    def check(self) -> Health:
        return Health(())

    # --- vouchers ---

    def find_voucher(self, key: str) -> PostingReceipt | None:
        self.looked_up.append(key)
        _next(self.while_looking)
        found = self.documents[key]
        if len(found) > 1:
            raise IdempotencyConflict(key)
        return replace(found[0], found_by_lookup=True) if found else None

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        return {key: list(self.documents[key]) for key in keys if self.documents[key]}

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return [self._push(one) for one in batch]

    def _push(self, voucher: Voucher) -> PostingReceipt | PlatformError:
        self.pushed.append(voucher.key)
        try:
            _next(self.before)
            present = self.documents[voucher.key]
            if not present:
                number = f"V-{sum(map(len, self.documents.values())) + 1}"
                made = PostingReceipt(
                    voucher.key, number, f"id-{number}", Stage.SUBMITTED, voucher.posting_date, voucher.total
                )
                present.append(made)
                _next(self.after)
                return made
            present[0] = replace(present[0], stage=Stage.SUBMITTED)
            return replace(present[0], found_by_lookup=True)
        except PlatformError as error:
            return error

    # --- hedge notes ---

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        return HedgeNote(self.notes[leg]) if leg in self.notes else None

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        self.pushed.append(leg.key)
        _next(self.before)
        self.notes[leg] = hedge_note(matches)
        _next(self.after)
        return PostingReceipt(leg.key, leg.key, leg.key, Stage.SAVED)

    # --- pulling ---

    def pull_contracts(self, since: Cursor | None, scope: PullScope = PullScope.CHANGED) -> Iterator[Pulled[Any]]:
        self.asked.append(("contracts", since, scope))
        return self.pulls.pop(0)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[Any]]:
        return self.pulls.pop(0)

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Any]]:
        return self.pulls.pop(0)

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        assert self.mapping is not None
        return self.mapping(raw)

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return {}


def _next(happenings: deque[Happening]) -> None:
    if happenings:
        happenings.popleft()()


def raising(error: BaseException, reached: PostingReceipt | None = None) -> Happening:
    """Raises the error, with what the other side already has."""

    def happen() -> None:
        if isinstance(error, PlatformError):
            error.reached = reached
        raise error

    return happen
