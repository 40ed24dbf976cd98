"""The journal entry endpoint: validates the envelope against the message definition, keeps the ledger's rules, books, answers.

The answer has the shapes of the real one, also the awkward ones: a refusal comes with HTTP 200, blanks for the document
number and `0000` for the year; the outer log is empty; a newer release puts one more element into the middle.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from xml.sax.saxutils import escape

from lxml import etree

from sandbox.sap.books import Books
from sandbox.sap.texts import say

NAMESPACE = "http://sap.com/xi/SAPSCORE/SFIN"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ACTION = f"{NAMESPACE}/JournalEntryCreateRequestConfirmation_In/JournalEntryCreateRequestConfirmation_InRequest"
DECIMALS = {"CNY": 2, "USD": 2, "EUR": 2, "JPY": 0}
CHART = "YCOA"


class BadEnvelope(ValueError):
    """Answered with a SOAP fault that blames the client."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the endpoint knows of the company: code, currency, accounts that only the ERP's own modules may post."""

    company: str
    currency: str
    automatic_only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Line:
    account: str
    amount: Decimal
    currency: str
    side: str
    text: str
    assignment: str
    cost_center: str
    profit_center: str


@dataclass(frozen=True, slots=True)
class _Entry:
    message_id: str
    test: bool
    company: str
    document_type: str
    reference: str
    reference1: str
    reference_type: str
    own_reference: str
    document_date: date
    posting_date: date
    lines: tuple[_Line, ...]


class JournalEndpoint:
    """Answers bulk requests; each entry stands alone: one may be booked while its neighbour is refused."""

    def __init__(
        self, books: Books, ledger: Ledger, *, interface_name: bool, honours_test: bool, answer_zeros: bool
    ) -> None:
        self._books = books
        self._ledger = ledger
        self._interface_name = interface_name
        self._honours_test = honours_test
        self._answer_zeros = answer_zeros
        self.locked = False
        text = files("sandbox.sap").joinpath("journal_entry.xsd").read_bytes()
        self._schema = etree.XMLSchema(etree.fromstring(text))

    def answer(self, body: bytes, action: str, role: str) -> bytes:
        """The reply to one envelope. Raises BadEnvelope when it is not one of ours."""
        if action.strip('"') != ACTION:
            raise BadEnvelope(f"unknown SOAPAction {action}")
        request = self._request(body)
        entries = [_entry(one) for one in request.findall("JournalEntryCreateRequest")]
        confirmations = [self._post(entry, role) for entry in entries]
        header = _header(_text(request, "MessageHeader/ID"))
        origin = "<ConfirmationInterfaceOrignName/>" if self._interface_name else ""
        return (
            f'<soap-env:Envelope xmlns:soap-env="{ENVELOPE}"><soap-env:Header/><soap-env:Body>'
            f'<n0:JournalEntryBulkCreateConfirmation xmlns:n0="{NAMESPACE}" xmlns:prx="urn:sap.com:proxy:HDG">'
            f"{header}{origin}{''.join(confirmations)}<Log/>"
            "</n0:JournalEntryBulkCreateConfirmation></soap-env:Body></soap-env:Envelope>"
        ).encode()

    def _request(self, body: bytes) -> etree._Element:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError as error:
            raise BadEnvelope(f"not XML: {error}") from error
        if root.getroottree().docinfo.doctype:
            raise BadEnvelope("a document type declaration is not allowed")
        inner = root.find(f"{{{ENVELOPE}}}Body/*")
        if root.tag != f"{{{ENVELOPE}}}Envelope" or inner is None:
            raise BadEnvelope("not a SOAP 1.1 envelope")
        alone = etree.fromstring(etree.tostring(inner))
        if not self._schema.validate(alone):
            raise BadEnvelope(str(self._schema.error_log[0].message))
        return alone

    def _post(self, entry: _Entry, role: str) -> str:
        troubles = self._troubles(entry, role)
        label = f"{entry.reference_type} $ {entry.message_id[:10]}"
        if troubles:
            log = [(*say("RW", "609", reference=label), 3), *((*one, 3) for one in troubles)]
            return _confirmation(entry, None, log)
        warnings = [
            (*say("BKPFF", "001", account=line.account), 2) for line in entry.lines if line.text.startswith("WARN")
        ]
        if entry.test and self._honours_test:
            document = ("0" * 10, "", "0000") if self._answer_zeros else None
            return _confirmation(entry, document, [(*say("RW", "614", reference=label), 1), *warnings])
        number = self._book(entry)
        year = str(entry.posting_date.year)
        reference = f"{entry.reference_type} {number}{entry.company}{year}"
        return _confirmation(
            entry, (number, entry.company, year), [(*say("RW", "605", reference=reference), 1), *warnings]
        )

    def _troubles(self, entry: _Entry, role: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        if entry.company != self._ledger.company:
            return [say("F5", "165", company=entry.company)]
        if role != "poster":
            return [say("F5", "083", company=entry.company)]
        if self.locked:
            return [say("F5", "042", company=entry.company, user="BATCH")]
        if not self._books.period_open(entry.posting_date.year, entry.posting_date.month):
            period = f"{entry.posting_date.month:03d}"
            found.append(say("F5", "201", period=period, year=entry.posting_date.year))
        if len(entry.lines) < 2:
            found.append(say("F5", "117"))
        for line in entry.lines:
            found += self._line_troubles(entry, line)
        balances: dict[str, Decimal] = {}
        for line in entry.lines:
            balances[line.currency] = balances.get(line.currency, Decimal(0)) + line.amount
        found += [say("F5", "702", balance=b, currency=c) for c, b in balances.items() if b]
        return found

    def _line_troubles(self, entry: _Entry, line: _Line) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        account = self._books.row("A_GLAccountInChartOfAccounts", {"ChartOfAccounts": CHART, "GLAccount": line.account})
        if account is None:
            found.append(say("F5", "507", account=line.account, chart=CHART))
        elif account["AccountIsBlockedForPosting"]:
            found.append(say("F5", "351", account=line.account))
        elif line.account in self._ledger.automatic_only:
            found.append(say("F5", "353", account=line.account, company=entry.company))
        unit = Decimal(1).scaleb(-DECIMALS.get(line.currency, 2))
        if line.amount % unit:
            found.append(say("F5", "263", amount=line.amount, currency=line.currency))
        if line.amount == 0 or (line.side and (line.side == "S") != (line.amount > 0)):
            found.append(say("F5", "055", indicator=line.side, amount=line.amount))
        return found

    def _book(self, entry: _Entry) -> str:
        """Book: the document's lines appear in the cube. No reference is checked for repeats: SAP promises no such thing."""
        with self._books.transaction():
            number = str(self._books.next_number(f"RF_BELEG {entry.company}", 100000000)).zfill(10)
            year = str(entry.posting_date.year)
            for place, line in enumerate(entry.lines, 1):
                self._books.add(
                    "A_OperationalAcctgDocItemCube",
                    CompanyCode=entry.company,
                    FiscalYear=year,
                    AccountingDocument=number,
                    AccountingDocumentItem=f"{place:03d}",
                    AccountingDocumentType=entry.document_type,
                    PostingDate=entry.posting_date,
                    DocumentDate=entry.document_date,
                    AccountingDocumentCreationDate=datetime.now(UTC).date(),
                    FiscalPeriod=f"{entry.posting_date.month:03d}",
                    DocumentReferenceID=entry.reference.upper(),
                    Reference1InDocumentHeader=entry.reference1,
                    ReferenceDocumentType=entry.reference_type,
                    OriginalReferenceDocument=f"{number}{entry.company}{year}",
                    GLAccount=line.account,
                    DebitCreditCode="S" if line.amount > 0 else "H",
                    AmountInTransactionCurrency=line.amount,
                    TransactionCurrency=line.currency,
                    AmountInCompanyCodeCurrency=line.amount,
                    CompanyCodeCurrency=self._ledger.currency,
                    DocumentItemText=line.text,
                    AssignmentReference=line.assignment,
                    CostCenter=line.cost_center,
                    ProfitCenter=line.profit_center,
                )
        return number


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _entry(request: etree._Element) -> _Entry:
    entry = request.find("JournalEntry")
    if entry is None:
        raise BadEnvelope("no journal entry")
    return _Entry(
        message_id=_text(request, "MessageHeader/ID"),
        test=_text(request, "MessageHeader/TestDataIndicator") in ("true", "1"),
        company=_text(entry, "CompanyCode"),
        document_type=_text(entry, "AccountingDocumentType"),
        reference=_text(entry, "DocumentReferenceID"),
        reference1=_text(entry, "Reference1InDocumentHeader"),
        reference_type=_text(entry, "OriginalReferenceDocumentType"),
        own_reference=_text(entry, "OriginalReferenceDocument"),
        document_date=date.fromisoformat(_text(entry, "DocumentDate")),
        posting_date=date.fromisoformat(_text(entry, "PostingDate")),
        lines=tuple(_line(one) for one in entry.findall("Item")),
    )


def _line(item: etree._Element) -> _Line:
    amount = item.find("AmountInTransactionCurrency")
    if amount is None:
        raise BadEnvelope("no amount")
    return _Line(
        account=_text(item, "GLAccount").zfill(10),
        amount=Decimal((amount.text or "0").strip()),
        currency=str(amount.get("currencyCode")),
        side=_text(item, "DebitCreditCode"),
        text=_text(item, "DocumentItemText"),
        assignment=_text(item, "AssignmentReference"),
        cost_center=_text(item, "AccountAssignment/CostCenter"),
        profit_center=_text(item, "AccountAssignment/ProfitCenter"),
    )


def _header(reference: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"<MessageHeader><UUID>{uuid.uuid4()}</UUID><ReferenceID>{escape(reference)}</ReferenceID>"
        f"<CreationDateTime>{stamp}</CreationDateTime></MessageHeader>"
    )


def _confirmation(entry: _Entry, document: tuple[str, str, str] | None, log: list[tuple[str, str, int]]) -> str:
    number, company, year = document or (" ", " ", "0000")
    items = "".join(
        f"<Item><TypeID>{escape(type_id)}</TypeID><SeverityCode>{severity}</SeverityCode><Note>{escape(note)}</Note></Item>"
        for type_id, note, severity in log
    )
    highest = max(severity for _, _, severity in log)
    return (
        f"<JournalEntryCreateConfirmation>{_header(entry.message_id)}<JournalEntryCreateConfirmation>"
        f"<AccountingDocument>{number}</AccountingDocument><CompanyCode>{company}</CompanyCode>"
        f"<FiscalYear>{year}</FiscalYear></JournalEntryCreateConfirmation>"
        f"<Log><MaximumLogItemSeverityCode>{highest}</MaximumLogItemSeverityCode>{items}</Log>"
        "</JournalEntryCreateConfirmation>"
    )


def fault(code: str, text: str) -> bytes:
    """A SOAP 1.1 fault."""
    return (
        f'<soap-env:Envelope xmlns:soap-env="{ENVELOPE}"><soap-env:Header/><soap-env:Body><soap-env:Fault>'
        f'<faultcode>soap-env:{code}</faultcode><faultstring xml:lang="en">{escape(text)}</faultstring>'
        "</soap-env:Fault></soap-env:Body></soap-env:Envelope>"
    ).encode()
