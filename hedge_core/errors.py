"""Errors named by what to do next. Every class carries a `Message`, so that a person reads it in their own language.

    Rejected             the other side said no, positively        -> dead letter, a person acts
    IdempotencyConflict  our key exists there with other content   -> dead letter, alarm
    OutcomeUnknown       a write after which we cannot be sure     -> unknown, look up by reference, then decide
    Unavailable          proven not sent (write), no answer (read) -> pending with backoff, counts for the circuit
    RateLimited          asked to slow down                        -> pending at that time, attempt taken back
    AuthFailed           login refused, or lost after one re-login -> connection paused
    ContractViolation    the answer has not the shape we know      -> pull: quarantine; push: unknown
    MappingError         formula or value map failed               -> quarantine the record
    InvalidInput         a file or form is wrong                   -> nothing stored, the sentence shown
    RuleBroken           a domain rule does not hold               -> a value, collected; the day stays open

Anything else is a bug: `unknown` if a request may have left, else a dead letter.
"""

from __future__ import annotations

from messages import Message


class PlatformError(Exception):
    """Base of every error that HedgeBridge raises on purpose. `message` is for people, `str()` is its English text."""

    message: Message
    reached: object = None
    """What the other side already has when a later step failed: a `PostingReceipt` whose number must not be lost."""

    def __init__(self, message: Message) -> None:
        self.message = message
        super().__init__(message)

    def __str__(self) -> str:
        return str(self.message)


class Rejected(PlatformError):
    """The other side said no, positively. `vendor_text` keeps the vendor's words unchanged."""

    def __init__(self, vendor_code: str, vendor_text: str, *, system: str = "ERP") -> None:
        self.vendor_code = vendor_code
        self.vendor_text = vendor_text
        super().__init__(
            Message("error.rejected", {"system": system, "vendor_code": vendor_code or "-", "vendor_text": vendor_text})
        )


class IdempotencyConflict(PlatformError):
    """Our reference exists on the other side with other content, or twice."""

    def __init__(self, key: str, *, system: str = "ERP") -> None:
        self.key = key
        super().__init__(Message("error.idempotency_conflict", {"key": key, "system": system}))


class OutcomeUnknown(PlatformError):
    """A write was sent and its outcome cannot be known without looking it up."""

    def __init__(self, reason: str, *, system: str = "ERP", subject: str = "the document") -> None:
        self.reason = reason
        super().__init__(Message("error.outcome_unknown", {"system": system, "subject": subject, "reason": reason}))


class Unavailable(PlatformError):
    """Not reachable. On a write only when nothing was sent, by proof; on a read also timeouts, 5xx and HTML."""

    def __init__(self, reason: str, *, system: str = "ERP") -> None:
        self.reason = reason
        super().__init__(Message("error.unavailable", {"system": system, "reason": reason}))


class RateLimited(PlatformError):
    """Asked to slow down. `retry_after` is in seconds."""

    def __init__(self, retry_after: int, *, system: str = "ERP") -> None:
        self.retry_after = retry_after
        super().__init__(Message("error.rate_limited", {"system": system, "seconds": retry_after}))


class AuthFailed(PlatformError):
    """The login is refused, or the session is lost again after one re-login."""

    def __init__(self, reason: str, *, system: str = "ERP") -> None:
        self.reason = reason
        super().__init__(Message("error.auth_failed", {"system": system, "reason": reason}))


class ContractViolation(PlatformError):
    """The answer does not have the shape we know. `where` names the call."""

    def __init__(self, where: str, reason: str, *, system: str = "ERP") -> None:
        self.where = where
        self.reason = reason
        super().__init__(Message("error.contract_violation", {"system": system, "where": where, "reason": reason}))


class MappingError(PlatformError):
    """A formula or value map failed on one record. `rule` names the spec row, `column` the target field."""

    def __init__(self, rule: str, column: str, reason: Message) -> None:
        self.rule = rule
        self.column = column
        self.reason = reason
        super().__init__(Message("error.mapping_failed", {"rule": rule, "column": column, "reason": reason}))


class InvalidInput(PlatformError):
    """A file or form is wrong. `source` is the file's name, `row` counts from 1 (0: no row); `field` may be empty."""

    def __init__(self, source: str, row: int, field: str, reason: Message) -> None:
        self.source = source
        self.row = row
        self.field = field
        self.reason = reason
        place = "input" if row else "entry" if field.strip("-") else "source"
        super().__init__(
            Message(f"error.invalid_{place}", {"source": source, "row": row, "field": field, "reason": reason})
        )


class RuleBroken(PlatformError):
    """A domain rule does not hold for `record`. Usually returned as a value and collected; the day stays open."""

    def __init__(self, rule: str, record: str, reason: Message) -> None:
        self.rule = rule
        self.record = record
        self.reason = reason
        super().__init__(Message("error.rule_broken", {"record": record, "reason": reason}))
