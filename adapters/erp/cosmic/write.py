"""Writing to Cosmic: a voucher saved, submitted and, where configured, audited; one call per step and voucher.

Once the save has answered with a number, that number travels with every later error (`error.reached`), and work goes on at the
missing step: a document is never saved twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from adapters.erp.cosmic.lookup import VoucherLookup
from adapters.erp.cosmic.vendor import CosmicOptions
from adapters.erp.found_vouchers import Outcome, already_there, each_once, stops_the_batch
from connectors.cosmic import CosmicClient
from connectors.cosmic.envelope import document_errors
from hedge_core.errors import OutcomeUnknown, PlatformError, Rejected
from hedge_core.model.vouchers import STAGE_ORDER, PostingLine, PostingReceipt, Stage, Voucher

STEPS: Final[Mapping[Stage, str]] = {Stage.SUBMITTED: "submit", Stage.AUDITED: "audit"}


class VoucherWriter:
    """Pushes vouchers of one account book."""

    def __init__(self, client: CosmicClient, options: CosmicOptions, lookup: VoucherLookup) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup

    def push(self, batch: Sequence[Voucher]) -> list[Outcome]:
        """One result per voucher, in order. One look-up for the whole batch comes first: a document that is already there is
        taken up where it stands and never saved again. ValueError when a voucher is in the batch twice: the look-up could
        not keep the second one out."""
        each_once(batch)
        found = self._lookup.of_batch(batch)
        results: list[Outcome] = []
        stopped: PlatformError | None = None
        for voucher in batch:
            outcome = already_there(voucher, found.get(voucher.key, []), self._client.system)
            if stopped is not None and (outcome is None or self._unfinished(outcome)):
                outcome = _beside(stopped, outcome)
            else:
                outcome = self._finish(self._save(voucher) if outcome is None else outcome)
                stopped = stopped or stops_the_batch(outcome)
            results.append(outcome)
        return results

    def _unfinished(self, outcome: Outcome) -> bool:
        return isinstance(outcome, PostingReceipt) and bool(self._missing(outcome))

    def _missing(self, receipt: PostingReceipt) -> list[Stage]:
        first, last = (STAGE_ORDER.index(stage) for stage in (receipt.stage, self._options.target_stage))
        return list(STAGE_ORDER[first + 1 : last + 1])

    def _save(self, voucher: Voucher) -> Outcome:
        try:
            body = {"data": [voucher_body(voucher, self._options)]}
            data = self._client.write(self._options.path("save"), body, voucher.key)
            result = only_result(data, self._client.system)
        except PlatformError as error:
            return error
        if not result.get("id"):
            return OutcomeUnknown("the answer does not name the voucher", system=self._client.system)
        return PostingReceipt(
            key=voucher.key,
            number=str(result.get("number") or ""),
            external_id=str(result["id"]),
            stage=Stage.SAVED,
            posting_date=voucher.posting_date,
            total=voucher.total,
        )

    def _finish(self, outcome: Outcome) -> Outcome:
        """Bring a saved document to the target stage, step by step."""
        if isinstance(outcome, PlatformError):
            return outcome
        for stage in self._missing(outcome):
            step = STEPS[stage]
            try:
                body = {"data": {"id": [outcome.external_id]}}
                data = self._client.write(self._options.path(step), body, f"{outcome.key}-{step}")
                only_result(data, self._client.system)
            except PlatformError as error:
                error.reached = outcome
                return error
            outcome = replace(outcome, stage=stage)
        return outcome


def only_result(data: Any, system: str) -> Mapping[str, Any]:
    """What became of the one document of a call. A document that failed inside a call that succeeded was refused."""
    results = data.get("result") if isinstance(data, dict) else None
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise OutcomeUnknown("the answer does not say what became of the document", system=system)
    result: Mapping[str, Any] = results[0]
    if str(result.get("billStatus")).lower() != "true":
        raise Rejected("", document_errors(result), system=system)
    return result


def _beside(stopped: PlatformError, outcome: Outcome | None) -> PlatformError:
    """The same error for another document: each has its own receipt in `reached`."""
    twin = type(stopped).__new__(type(stopped), *stopped.args)
    twin.__dict__.update(vars(stopped))
    twin.reached = outcome
    return twin


def voucher_body(voucher: Voucher, options: CosmicOptions) -> dict[str, Any]:
    """The document of a save: exactly what is sent, also shown by a dry run. Never with an id: that would be an update."""
    if voucher.currency not in options.currencies:
        raise Rejected("currency", f"no Cosmic number configured for {voucher.currency}", system="HedgeBridge")
    name, day = options.name, voucher.posting_date.isoformat()
    return {
        name("save.org"): options.org,
        name("save.book"): options.account_book,
        name("save.type"): options.voucher_type,
        name("save.date"): day,
        name("save.bizdate"): day,
        name("save.summary"): voucher.summary,
        name("save.attachments"): voucher.attachments,
        name("save.lines"): [_entry(line, voucher, options) for line in voucher.lines],
    }


def _entry(line: PostingLine, voucher: Voucher, options: CosmicOptions) -> dict[str, Any]:
    name = options.name
    entry: dict[str, Any] = {
        name("save.line_summary"): line.summary,
        name("save.account"): line.account,
        name("save.currency"): options.currencies[voucher.currency],
        name("save.rate"): 1,
        name("save.debit"): line.debit,
        name("save.credit"): line.credit,
        name("save.local_debit"): line.debit,
        name("save.local_credit"): line.credit,
        name("save.reference"): voucher.key,
    }
    if line.dimensions:
        entry[name("save.dimensions")] = {_dimension(one, options): value for one, value in line.dimensions}
    if line.cash_flow_item:
        entry[name("save.cash_flow")] = line.cash_flow_item
    return entry


def _dimension(name: str, options: CosmicOptions) -> str:
    if name not in options.dimensions:
        raise Rejected("dimension", f"no accounting dimension configured for {name}", system="HedgeBridge")
    return options.dimensions[name]
