"""What `doctor` and `connection discover` ask an SAP system; nothing is booked by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from adapters.erp.sap.lookup import DocumentLookup
from adapters.erp.sap.vendor import CONTRACT_SOURCES, SapOptions
from connectors.sap import ODataClient
from hedge_core.errors import PlatformError, Rejected
from hedge_core.model.identity import BookId
from hedge_core.model.vouchers import PostingLine, Voucher
from hedge_core.ports.erp import Discovered, HealthStep, PostingNeeds, Question
from messages import Message

_UNUSED_KEY = "HB00000000000000"
_CUSTOM = ("YY1_", "ZZ")


class Examination:
    """`try_out` is the dry run of a voucher; it is asked only where the connection says that the system honours it."""

    def __init__(
        self, client: ODataClient, options: SapOptions, lookup: DocumentLookup, try_out: Callable[[Voucher], str]
    ) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup
        self._try_out = try_out

    def examine(self, needs: PostingNeeds) -> Iterator[HealthStep]:
        """READ_BACK and AFTER_AUDIT; PERIOD too where a dry run is allowed."""
        try:
            self._lookup.find([_UNUSED_KEY])
            found = HealthStep(
                Question.READ_BACK.value, True, Message("doctor.read_back_ok", {"field": "DocumentReferenceID"})
            )
        except PlatformError as error:
            found = HealthStep(Question.READ_BACK.value, False, error.message)
        yield found
        yield HealthStep(Question.AFTER_AUDIT.value, True, Message("doctor.notes_free"))
        if self._options.dry_run and len(needs.accounts) > 1:
            yield self._period(needs)

    def _period(self, needs: PostingNeeds) -> HealthStep:
        """SAP checks period, accounts and rights of an entry over 0.01 and books nothing; its words are shown."""
        amount, none = Decimal("0.01"), Decimal(0)
        debit, credit = needs.accounts[:2]
        lines = (
            PostingLine("examination", debit, amount, none, "dry run"),
            PostingLine("examination", credit, none, amount, "dry run"),
        )
        voucher = Voucher(
            BookId("doctor"), "DRYRUN", 1, "mark_to_market", needs.today, needs.currency, "dry run", lines
        )
        try:
            words = self._try_out(voucher)
        except Rejected as error:
            return HealthStep(Question.PERIOD.value, False, Message("sap.dry_run_refused", {"text": error.vendor_text}))
        except PlatformError as error:
            return HealthStep(Question.PERIOD.value, False, error.message)
        return HealthStep(Question.PERIOD.value, True, Message("sap.dry_run_ok", {"text": words}))

    def discover(self) -> Iterator[Discovered]:
        """The fields that the system's owner added to what is read, from the services' own descriptions."""
        for source in CONTRACT_SOURCES.values():
            service = self._options.service(source.service)
            try:
                known = self._client.fields(service)
            except PlatformError as error:
                yield Discovered("service", service.path, "", "", str(error))
                continue
            for entity, names in sorted(known.items()):
                for name in sorted(names):
                    if name.startswith(_CUSTOM):
                        yield Discovered("field", f"{source.name}.{entity}", name, "", "custom")
