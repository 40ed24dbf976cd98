"""The XML of a Flex query: FlexQueryResponse > FlexStatements > FlexStatement > section > rows, all facts in attributes.

A report has no document type and no entities; a file that brings one is refused before it is parsed, in every encoding a
parser might be talked into. The number of statements that the report counts must be there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from hedge_core.errors import InvalidInput
from messages import Message

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_ROWS: Final = 500_000

_ROOT: Final = b"<FlexQueryResponse"
_ANSWER: Final = b"<FlexStatementResponse"
_DECLARED = re.compile(rb"""^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS: Final = frozenset({b"utf-8", b"us-ascii", b"ascii", b"iso-8859-1", b"windows-1252"})
_FORBIDDEN = re.compile(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FlexRow:
    """One element of a section: its tag, its attributes as text, and its line in the file."""

    tag: str
    line: int
    values: Mapping[str, str]

    def get(self, name: str) -> str:
        """An attribute without blanks around it; empty if absent."""
        return self.values.get(name, "").strip()


@dataclass(frozen=True, slots=True)
class FlexStatementXml:
    """One FlexStatement: its own attributes and its sections in the file's order (present and empty: no rows)."""

    line: int
    values: Mapping[str, str]
    sections: Mapping[str, tuple[FlexRow, ...]]


@dataclass(frozen=True, slots=True)
class FlexReport:
    """A report: the query's name and kind, and its statements."""

    query_name: str
    kind: str
    statements: tuple[FlexStatementXml, ...]


def is_flex(body: bytes) -> bool:
    """Whether the bytes look like a Flex report, or like the web service's answer that there is none yet."""
    head = body[:4096]
    return _ROOT in head or _ANSWER in head


def parse_flex(source: str, body: bytes) -> FlexReport:
    """The pieces of a Flex report. Raises `InvalidInput` for anything else, and for the web service's own refusals with
    its code and words unchanged."""
    if not body.strip():
        raise _refused(source, 0, "statement.empty")
    if len(body) > MAX_BYTES:
        raise _refused(source, 0, "statement.too_large", size=len(body), limit=MAX_BYTES)
    declared = _DECLARED.match(body.removeprefix(b"\xef\xbb\xbf").lstrip())
    if b"\x00" in body or (declared and declared[1].lower() not in _ENCODINGS):
        raise _refused(source, 1, "flex.encoding")
    if forbidden := _FORBIDDEN.search(body):
        raise _refused(source, body.count(b"\n", 0, forbidden.start()) + 1, "flex.doctype")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body.lstrip(), parser)
    except etree.XMLSyntaxError as error:
        raise _refused(source, error.lineno or 0, "flex.not_xml") from None
    if root.tag == "FlexStatementResponse":
        told = {child.tag: child.text or "" for child in root if isinstance(child.tag, str)}
        shown = {"code": told.get("ErrorCode", "-"), "vendor_text": told.get("ErrorMessage", told.get("Status", "-"))}
        raise _refused(source, 0, "flex.not_ready", **{name: text[:400] for name, text in shown.items()})
    if root.tag != "FlexQueryResponse":
        raise _refused(source, 1, "flex.not_a_report", tag=str(root.tag)[:40])
    return _report(source, root)


def _report(source: str, root: etree._Element) -> FlexReport:
    listing = root.find("FlexStatements")
    if listing is None:
        raise _refused(source, root.sourceline or 0, "flex.no_statements")
    found = [child for child in listing if child.tag == "FlexStatement"]
    counted = listing.get("count", "")
    if counted != str(len(found)):
        raise _refused(source, listing.sourceline or 0, "flex.count", count=counted[:20], found=len(found))
    left = MAX_ROWS
    statements = []
    for element in found:
        sections: dict[str, list[FlexRow]] = {}
        for section in element:
            name = str(section.tag)
            rows = [_row(child) for child in section]
            left -= len(rows)
            if left < 0:
                raise _refused(source, section.sourceline or 0, "flex.too_many_rows", limit=MAX_ROWS)
            # Some sections (AccountInformation) have their facts on themselves and no rows.
            sections.setdefault(name, []).extend(rows or ([_row(section)] if section.attrib else []))
        line = element.sourceline or 0
        kept = {name: tuple(rows) for name, rows in sections.items()}
        statements.append(FlexStatementXml(line, _attributes(element), kept))
    return FlexReport(root.get("queryName", ""), root.get("type", ""), tuple(statements))


def _row(element: etree._Element) -> FlexRow:
    return FlexRow(str(element.tag), element.sourceline or 0, _attributes(element))


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def _refused(source: str, line: int, reason: str, /, **params: object) -> InvalidInput:
    return InvalidInput(source, line, "file", Message(reason, params))
