"""Writing to Odoo: journal entries looked up, loaded, verified, posted and read again; hedge notes.

What Odoo would do silently is prevented or found out: rounding (refused before, compared after), an entry moved out of a locked
period (lock date read before, date read after), numbering (no name is ever sent). A batch is one call and atomic over there;
when it is refused it is split, until the culprit stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.erp.odoo.entries import LOAD_FIELDS, Numbers, account_codes, load_rows, module_voucher, partner_references
from adapters.erp.odoo.lookup import EntryLookup, FoundEntry
from adapters.erp.odoo.refusals import refused_here
from adapters.erp.odoo.site import Company, Site
from adapters.erp.odoo.vendor import MOVE, OdooOptions
from connectors.odoo import OdooClient
from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    IdempotencyConflict,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Rejected,
    Unavailable,
)
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher
from hedge_core.rounding import round_money

Outcome = PostingReceipt | PlatformError
Outcomes = dict[str, Outcome]

MODULE_METHOD: Final = "hedge_create_and_post"
_BUSY: Final = "could not serialize access"
"""PostgreSQL's own words inside `load()`'s answer, which has no name for its errors. Odoo does not translate them; where a
database server does, the conflict counts as a refusal, and a person lets it go again."""

_STOPS: Final = (AuthFailed, Unavailable, RateLimited)
"""What one part of a batch meets, the rest would meet too: no further call is made."""


class VoucherWriter:
    """Pushes vouchers into one company's journal. `now` answers aware UTC time."""

    def __init__(
        self, client: OdooClient, site: Site, lookup: EntryLookup, options: OdooOptions, now: Callable[[], datetime],
        max_batch: int,
    ) -> None:  # fmt: skip
        self._client = client
        self._site = site
        self._lookup = lookup
        self._options = options
        self._now = now
        self._max_batch = max_batch

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. One look-up for the whole batch comes first: an entry that is already there
        is taken up where it stands, and never made again."""
        if not batch:
            return []
        found = self._lookup.find(voucher.key for voucher in batch)
        company = self._site.company()
        numbers = self._numbers(batch)
        outcomes: Outcomes = {}
        new: list[Voucher] = []
        drafts: list[tuple[Voucher, PostingReceipt]] = []
        for voucher in batch:
            try:
                entry = self._present(voucher, found.get(voucher.key, []))
                if entry is None:
                    self._require_sendable(voucher, company, numbers)
                    new.append(voucher)
                elif self._done(entry.receipt()):
                    outcomes[voucher.key] = entry.receipt()
                else:
                    drafts.append((voucher, entry.receipt()))
            except PlatformError as error:
                outcomes[voucher.key] = error
        create = self._create_and_post if self._site.has_module else self._load_and_post
        self._in_parts(new, lambda part: create(part, numbers), outcomes)
        self._in_parts(drafts, self._post, outcomes)
        return [outcomes[voucher.key] for voucher in batch]

    # --- before anything is sent ---

    def _numbers(self, batch: Sequence[Voucher]) -> Numbers:
        return Numbers(
            self._site.journal(),
            self._site.accounts(account_codes(batch)),
            self._site.partners(partner_references(batch, self._options)),
        )

    def _present(self, voucher: Voucher, entries: Sequence[FoundEntry]) -> FoundEntry | None:
        living = [entry for entry in entries if not entry.cancelled]
        if len(living) > 1 or (living and not living[0].says_the_same_as(voucher)):
            raise IdempotencyConflict(voucher.key, system=self._client.system)
        if entries and not living:
            raise refused_here("cancelled", "odoo.entry_cancelled", key=voucher.key)
        return living[0] if living else None

    def _require_sendable(self, voucher: Voucher, company: Company, numbers: Numbers) -> None:
        """Refuse what Odoo would take and change."""
        if voucher.currency != company.currency:
            raise refused_here("currency", "odoo.currency", currency=voucher.currency, company=company.currency)
        if company.locked_until is not None and voucher.posting_date <= company.locked_until:
            raise refused_here("locked", "odoo.locked", date=voucher.posting_date, until=company.locked_until)
        last = self._now().astimezone(ZoneInfo(self._options.zone)).date() + timedelta(days=self._options.days_ahead)
        if voucher.posting_date > last:
            raise refused_here("future", "odoo.future", date=voucher.posting_date, last=last)
        for line in voucher.lines:
            amount = line.debit or line.credit
            if amount != round_money(amount, company.currency):
                raise refused_here("rounding", "odoo.would_round", amount=amount, currency=company.currency)
        load_rows(voucher, numbers, self._options)  # every account, partner and dimension has its place

    def _done(self, receipt: PostingReceipt) -> bool:
        return receipt.stage is Stage.POSTED or self._options.target_stage is Stage.SAVED

    # --- in parts ---

    def _in_parts(self, work: Sequence[Any], run: Callable[[Sequence[Any]], Outcomes], outcomes: Outcomes) -> None:
        """Run the work in batches; after an error that would meet every further call, make none."""
        for first in range(0, len(work), self._max_batch):
            part = work[first : first + self._max_batch]
            stop = next((error for error in outcomes.values() if isinstance(error, _STOPS)), None)
            if stop is not None:
                outcomes.update({_key(one): _again(stop, one) for one in part})
            else:
                outcomes.update(self._split(part, run))

    def _split(self, part: Sequence[Any], run: Callable[[Sequence[Any]], Outcomes]) -> Outcomes:
        """Run one batch; refused as a whole, it is halved until the culprit stands alone. The others go through."""
        try:
            return run(part)
        except Rejected as refused:
            if len(part) == 1:
                return {_key(part[0]): _with_receipt(refused, part[0])}
        except PlatformError as error:
            return {_key(one): _again(error, one) for one in part}
        half = len(part) // 2
        outcomes = self._split(part[:half], run)
        self._in_parts(part[half:], run, outcomes)
        return outcomes

    # --- with the module: one call ---

    def _create_and_post(self, part: Sequence[Voucher], numbers: Numbers) -> Outcomes:
        named = {
            "vouchers": [module_voucher(voucher, numbers, self._options) for voucher in part],
            "post": self._options.target_stage is Stage.POSTED,
        }
        answer = self._client.run(MOVE, MODULE_METHOD, named, write=True)
        ids = _ids([row.get("id") for row in answer] if isinstance(answer, list) else None, len(part))
        if ids is None:
            raise OutcomeUnknown(f"{MODULE_METHOD} answered without ids", system=self._client.system)
        return self._read_again(dict(zip(ids, part, strict=True)))

    # --- without: load, verify, post ---

    def _load_and_post(self, part: Sequence[Voucher], numbers: Numbers) -> Outcomes:
        rows = [row for voucher in part for row in load_rows(voucher, numbers, self._options)]
        named = {"fields": list(LOAD_FIELDS), "data": rows}
        answer = self._client.run(MOVE, "load", named, write=True)
        if not isinstance(answer, Mapping) or "ids" not in answer:
            raise OutcomeUnknown("load answered without ids", system=self._client.system)
        if answer["ids"] is False:
            return self._refused_load(part, answer)
        ids = _ids(answer["ids"], len(part))
        if ids is None:
            raise OutcomeUnknown("load answered without an id for each voucher", system=self._client.system)
        return self._verify_and_post(dict(zip(ids, part, strict=True)))

    def _refused_load(self, part: Sequence[Voucher], answer: Mapping[str, Any]) -> Outcomes:
        """Nothing of this call was written. For a single voucher: was somebody else faster?"""
        texts = [str(m.get("message", "")).strip() for m in answer.get("messages") or [] if isinstance(m, Mapping)]
        refused = Rejected("load", "; ".join(texts) or "(no message)", system=self._client.system)
        if len(part) > 1:
            raise refused
        voucher = part[0]
        entry = self._present(voucher, self._lookup.find([voucher.key]).get(voucher.key, []))
        if entry is not None:
            receipt = entry.receipt()
            return {voucher.key: receipt} if self._done(receipt) else self._split([(voucher, receipt)], self._post)
        if any(_BUSY in text for text in texts):
            raise Unavailable("busy with the same records; nothing was written", system=self._client.system)
        raise refused

    def _verify_and_post(self, made: Mapping[int, Voucher]) -> Outcomes:
        """Compare the drafts with what was sent, then post those that agree."""
        outcomes: Outcomes = {}
        drafts: list[tuple[Voucher, PostingReceipt]] = []
        try:
            found = self._lookup.read({record: voucher.key for record, voucher in made.items()})
        except PlatformError as error:  # made, but what was made is not known: the look-up will tell
            return {voucher.key: _again(_unknown(error, self._client.system), voucher) for voucher in made.values()}
        for voucher in made.values():
            entry = found.get(voucher.key)
            if entry is None:
                outcomes[voucher.key] = OutcomeUnknown("loaded, but not there", system=self._client.system)
                continue
            receipt = entry.receipt(found_by_lookup=False)
            if not entry.says_the_same_as(voucher):
                differs = ContractViolation("load", "the entry differs from what was sent", system=self._client.system)
                differs.reached = receipt
                outcomes[voucher.key] = differs
            elif self._done(receipt):
                outcomes[voucher.key] = receipt
            else:
                drafts.append((voucher, receipt))
        self._in_parts(drafts, self._post, outcomes)
        return outcomes

    def _post(self, part: Sequence[tuple[Voucher, PostingReceipt]]) -> Outcomes:
        ids = [int(receipt.external_id) for _, receipt in part]
        try:
            self._client.run(MOVE, "action_post", {}, ids=ids, write=True)
        except Rejected:
            if len(part) > 1:
                raise
            posted = self._posted_already(*part[0])
            if posted is None:
                raise
            return {part[0][0].key: posted}
        by_lookup = {receipt.key for _, receipt in part if receipt.found_by_lookup}
        return self._read_again({int(r.external_id): voucher for voucher, r in part}, by_lookup)

    def _posted_already(self, voucher: Voucher, receipt: PostingReceipt) -> Outcome | None:
        """ "Must be in draft" may mean that an earlier attempt has posted it: the entry itself tells."""
        entry = self._lookup.read({int(receipt.external_id): voucher.key}).get(voucher.key)
        if entry is None or entry.cancelled or entry.stage is not Stage.POSTED:
            return None
        return _checked_date(entry.receipt(), voucher)

    def _read_again(self, posted: Mapping[int, Voucher], by_lookup: set[str] | None = None) -> Outcomes:
        """Number, state and date as they are after posting: Odoo may have moved the date."""
        try:
            found = self._lookup.read({record: voucher.key for record, voucher in posted.items()})
        except PlatformError as error:
            return {voucher.key: _again(_unknown(error, self._client.system), voucher) for voucher in posted.values()}
        outcomes: Outcomes = {}
        for voucher in posted.values():
            entry = found.get(voucher.key)
            if entry is None or entry.cancelled:
                outcomes[voucher.key] = OutcomeUnknown("posted, but not there", system=self._client.system)
                continue
            receipt = entry.receipt(found_by_lookup=voucher.key in (by_lookup or ()))
            if not self._done(receipt):
                draft = OutcomeUnknown("still a draft after posting", system=self._client.system)
                draft.reached = receipt
                outcomes[voucher.key] = draft
            else:
                outcomes[voucher.key] = _checked_date(receipt, voucher)
        return outcomes


def _checked_date(receipt: PostingReceipt, voucher: Voucher) -> Outcome:
    if receipt.posting_date == voucher.posting_date:
        return receipt
    moved = refused_here(
        "moved", "odoo.moved", number=receipt.number, date=receipt.posting_date, wanted=voucher.posting_date
    )
    moved.reached = replace(receipt, vendor_text=str(moved.message))
    return moved


def _ids(given: object, wanted: int) -> list[int] | None:
    if isinstance(given, list) and len(given) == wanted and all(isinstance(one, int) and one for one in given):
        return [int(one) for one in given]
    return None


def _unknown(error: PlatformError, system: str) -> PlatformError:
    """After a write, a read that fails leaves the outcome open; a refused login still pauses the connection."""
    return error if isinstance(error, AuthFailed) else OutcomeUnknown(str(error), system=system)


def _key(one: Any) -> str:
    voucher: Voucher = one[0] if isinstance(one, tuple) else one
    return voucher.key


def _with_receipt(error: PlatformError, one: Any) -> PlatformError:
    if isinstance(one, tuple) and error.reached is None:
        error.reached = one[1]
    return error


_COPIES: Final[Mapping[type[PlatformError], Callable[[Any, str], PlatformError]]] = {
    AuthFailed: lambda error, system: AuthFailed(error.reason, system=system),
    Unavailable: lambda error, system: Unavailable(error.reason, system=system),
    RateLimited: lambda error, system: RateLimited(error.retry_after, system=system),
    OutcomeUnknown: lambda error, system: OutcomeUnknown(error.reason, system=system),
    ContractViolation: lambda error, system: ContractViolation(error.where, error.reason, system=system),
}


def _again(error: PlatformError, one: Any) -> PlatformError:
    """The same error for another voucher of the batch: each carries its own receipt."""
    copy = _COPIES.get(type(error))
    fresh = copy(error, str(error.message.params.get("system", "ERP"))) if copy else error
    return _with_receipt(fresh, one)
