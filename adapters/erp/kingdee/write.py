"""Writing to Kingdee: a voucher saved, submitted (and audited where configured); one field of one order line.

Vouchers go out in steps, many in one call, and each step may fail in its own way for each of them. Once the save has
answered with a number, that number travels with every later error (`error.reached`), and work goes on at the missing step: a
document is never saved twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from adapters.erp.kingdee.capabilities import CAPABILITIES
from adapters.erp.kingdee.lookup import FoundVoucher, VoucherLookup, hedge_text
from adapters.erp.kingdee.vendor import SAVE_VOUCHER_OPTIONS, VOUCHER_FORM, KingdeeOptions, OrderForm
from connectors.kingdee import KingdeeClient, error_text, response_status
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
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.vouchers import STAGE_ORDER, PostingLine, PostingReceipt, Stage, Voucher
from hedge_core.notes import hedge_note

Outcome = PostingReceipt | PlatformError


class VoucherWriter:
    """Pushes vouchers of one account set."""

    def __init__(self, client: KingdeeClient, options: KingdeeOptions, lookup: VoucherLookup) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. One look-up for the whole batch comes first: a document that is already
        there is taken up where it stands, and never saved again. Then one call saves what is new, one submits. ValueError
        when a voucher is in the batch twice: the look-up could not keep the second one from being saved too."""
        if len({voucher.key for voucher in batch}) != len(batch):
            raise ValueError("a batch holds every voucher once")
        found = self._lookup.find(voucher.key for voucher in batch)
        results = {number: self._present(voucher, found.get(voucher.key, [])) for number, voucher in enumerate(batch)}
        results |= self._save({number: batch[number] for number, known in results.items() if known is None})
        steps = {Stage.SUBMITTED: self._client.submit, Stage.AUDITED: self._client.audit}
        for stage in STAGE_ORDER[1 : STAGE_ORDER.index(self._options.target_stage) + 1]:
            waiting = {
                number: known
                for number, known in results.items()
                if isinstance(known, PostingReceipt) and STAGE_ORDER.index(known.stage) < STAGE_ORDER.index(stage)
            }
            results |= self._advance(waiting, stage, steps[stage])
        return [known for known in results.values() if known is not None]

    def _present(self, voucher: Voucher, documents: Sequence[FoundVoucher]) -> Outcome | None:
        if len(documents) > 1 or (documents and not documents[0].says_the_same_as(voucher)):
            return IdempotencyConflict(voucher.key, system=self._client.system)
        return documents[0].receipt() if documents else None

    def _save(self, vouchers: Mapping[int, Voucher]) -> dict[int, Outcome]:
        """Save what is new. What cannot even be written down as a model is refused here, alone."""
        results: dict[int, Outcome] = {}
        models: dict[int, dict[str, Any]] = {}
        for number, voucher in vouchers.items():
            try:
                models[number] = voucher_model(voucher, self._options)
            except Rejected as error:
                results[number] = error

        def save(numbers: Sequence[int]) -> dict[int, Outcome]:
            chosen = [models[number] for number in numbers]
            if len(chosen) == 1:
                answer = self._client.save(VOUCHER_FORM, chosen[0], **SAVE_VOUCHER_OPTIONS)
            else:
                answer = self._client.batch_save(VOUCHER_FORM, chosen, **SAVE_VOUCHER_OPTIONS)
            outcome = _Parts(answer, self._client.system)
            return {number: outcome.saved(place, vouchers[number]) for place, number in enumerate(numbers)}

        return results | _in_batches(list(models), save)

    def _advance(
        self,
        receipts: Mapping[int, PostingReceipt],
        stage: Stage,
        step: Callable[[str, Sequence[str]], Mapping[str, Any]],
    ) -> dict[int, Outcome]:
        """Bring documents one step further. Whatever happens, the number they have got already is not lost."""

        def advance(numbers: Sequence[int]) -> dict[int, Outcome]:
            answer = step(VOUCHER_FORM, [receipts[number].external_id for number in numbers])
            outcome = _Parts(answer, self._client.system)
            return {number: outcome.advanced(place, receipts[number], stage) for place, number in enumerate(numbers)}

        results = _in_batches(list(receipts), advance)
        for number, outcome in results.items():
            if isinstance(outcome, PlatformError):
                outcome.reached = receipts[number]
        return results


def _in_batches(numbers: Sequence[int], call: Callable[[Sequence[int]], dict[int, Outcome]]) -> dict[int, Outcome]:
    """Make one call for many documents. A call that is refused as a whole has written nothing and is repeated for each
    document by itself, to find the one that is meant. After any other failure nobody is asked again: it would not get
    better with the next document, and a login would be hammered."""
    size = CAPABILITIES.max_batch
    calls = [numbers[first : first + size] for first in range(0, len(numbers), size)]
    results: dict[int, Outcome] = {}
    while calls:
        chosen = calls.pop(0)
        try:
            results |= call(chosen)
        except Rejected as refused:
            if len(chosen) == 1:
                results[chosen[0]] = refused
            else:
                calls = [[number] for number in chosen] + calls
        except PlatformError as error:
            results |= {number: _again(error) for number in chosen}
            nothing_sent = isinstance(error, Unavailable | RateLimited | AuthFailed)
            left = error if nothing_sent else Unavailable("not tried after a failure in the same batch")
            results |= {number: _again(left) for one in calls for number in one}
            break
    return results


def _again(error: PlatformError) -> PlatformError:
    """The same error for another document: each has its own receipt in `reached`."""
    twin = type(error).__new__(type(error), *error.args)
    twin.__dict__.update(vars(error))
    return twin


class _Parts:
    """The answer to a call for several documents: what went through and what was refused, by `DIndex`."""

    def __init__(self, answer: Mapping[str, Any], system: str) -> None:
        self._system = system
        self._status = response_status(answer) or {}
        self._done = {one.get("DIndex"): one for one in self._listed("SuccessEntitys")}
        self._refused = {one.get("DIndex") for one in self._listed("Errors")}

    def _listed(self, name: str) -> list[Mapping[str, Any]]:
        return [one for one in self._status.get(name) or [] if isinstance(one, Mapping)]

    def saved(self, place: int, voucher: Voucher) -> Outcome:
        done = self._done.get(place)
        if done is None or not done.get("Id"):
            return self._missing(place)
        return PostingReceipt(
            key=voucher.key,
            number=str(done.get("Number") or ""),
            external_id=str(done["Id"]),
            stage=Stage.SAVED,
            posting_date=voucher.posting_date,
            total=voucher.total,
        )

    def advanced(self, place: int, receipt: PostingReceipt, stage: Stage) -> Outcome:
        done = self._done.get(place)
        if done is None or str(done.get("Id")) != receipt.external_id:
            return self._missing(place)
        return replace(receipt, stage=stage)

    def _missing(self, place: int) -> PlatformError:
        if place in self._refused:
            code = str(self._status.get("MsgCode", ""))
            return Rejected(code, error_text(self._status, place), system=self._system)
        return OutcomeUnknown("the answer does not name the document", system=self._system)


def voucher_model(voucher: Voucher, options: KingdeeOptions) -> dict[str, Any]:
    """The GL_VOUCHER model of a save: exactly what is sent, also shown by a dry run. Never with an internal id."""
    if voucher.currency not in options.currencies:
        raise Rejected("currency", f"no Kingdee number configured for {voucher.currency}", system="HedgeBridge")
    day = voucher.posting_date.isoformat()
    return {
        "FAccountBookID": {"FNumber": options.account_book},
        "FACCBOOKORGID": {"FNumber": options.org},
        "FDate": day,
        "FBUSDATE": day,
        "FYEAR": voucher.posting_date.year,
        "FPERIOD": voucher.posting_date.month,
        "FVOUCHERGROUPID": {"FNumber": options.voucher_group},
        "FATTACHMENTS": voucher.attachments,
        "FEntity": [_entry(line, voucher, options) for line in voucher.lines],
    }


def _entry(line: PostingLine, voucher: Voucher, options: KingdeeOptions) -> dict[str, Any]:
    debit, credit = line.debit, line.credit
    red = options.red_letter and voucher.reverses is not None  # red letters: a negative amount on the original side
    if red:
        debit, credit = -line.credit, -line.debit
    currency, rate, amount = voucher.currency, Decimal(1), debit or credit
    if line.foreign is not None and line.foreign.kept:  # the account is kept in another currency
        currency, rate = line.foreign.currency, line.foreign.rate
        amount = -line.foreign.amount if red else line.foreign.amount
    if currency not in options.currencies:
        raise Rejected("currency", f"no Kingdee number configured for {currency}", system="HedgeBridge")
    entry: dict[str, Any] = {
        "FEXPLANATION": line.summary,
        "FACCOUNTID": {"FNumber": line.account},
        "FCURRENCYID": {"FNumber": options.currencies[currency]},
        "FEXCHANGERATETYPE": {"FNumber": line.rate_type or options.rate_type},
        "FEXCHANGERATE": rate,
        "FAMOUNTFOR": amount,
        "FDEBIT": debit,
        "FCREDIT": credit,
        options.reference_field: voucher.key,
    }
    if line.cash_flow_item:
        if not options.cash_flow_field:
            raise Rejected("cash flow", "no field is configured for cash-flow items", system="HedgeBridge")
        entry[options.cash_flow_field] = {"FNumber": line.cash_flow_item}
    if line.quantity is not None:
        entry |= {"FUnitId": {"FNumber": line.unit}, "FQty": line.quantity}
    if line.dimensions:
        entry["FDetailID"] = {_slot(name, options): {"FNumber": value} for name, value in line.dimensions}
    return entry


def _slot(name: str, options: KingdeeOptions) -> str:
    if name not in options.dimensions:
        raise Rejected("dimension", f"no flex slot configured for the dimension {name}", system="HedgeBridge")
    return options.dimensions[name]


class HedgeWriter:
    """Writes the hedge note of an order line: that one field and nothing else on the document."""

    def __init__(self, client: KingdeeClient, options: KingdeeOptions, forms: Mapping[str, OrderForm]) -> None:
        self._client = client
        self._options = options
        self._forms = forms

    def find(self, leg: ExternalRef) -> str | None:
        """The note now on the line; None when there is no such line."""
        form, field_name = self._place(leg)
        return hedge_text(self._client, form, field_name, leg)

    def push(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        """Write the whole current note, then read it back. The same text on the line already is a success."""
        form, field_name = self._place(leg)
        wanted = hedge_note(matches)
        present = hedge_text(self._client, form, field_name, leg)
        if present is None:
            raise Rejected("not-found", f"order line {leg.key} does not exist any more", system=self._client.system)
        document_id, _, entry_id = leg.key.partition("/")
        if present != wanted:
            self._client.save(
                form.form,
                {"FID": int(document_id), form.entry: [{"FEntryID": int(entry_id), field_name: wanted}]},
                NeedUpDateFields=[form.entry, field_name],
                IsDeleteEntry="false",
                IsVerifyBaseDataField="false",
            )
            if hedge_text(self._client, form, field_name, leg) != wanted:
                raise ContractViolation("read-back", "the hedge note differs from what was written")
        return PostingReceipt(key=leg.key, number=leg.key, external_id=document_id, stage=Stage.SAVED)

    def _place(self, leg: ExternalRef) -> tuple[OrderForm, str]:
        field_name = self._options.hedge_fields.get(leg.kind)
        if leg.kind not in self._forms or not field_name:
            raise Rejected("no-place", f"no field is configured for hedge notes on {leg.kind}", system="HedgeBridge")
        return self._forms[leg.kind], field_name
