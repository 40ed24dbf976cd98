"""The EAI interface of U8 (企业应用集成): one XML document in, one out, each in the encoding that it declares.

Success is `succeed="0"` on every item of the answer; any other value is the number of a refusal, whose words stand in `dsc`.
A document type declaration is refused, whatever it says. An answer that is no such XML proves nothing about a write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from connectors.http import HttpAnswer, HttpTransport
from hedge_core.errors import OutcomeUnknown, Rejected

ENCODINGS: Final = ("UTF-8", "GB2312", "GBK", "GB18030")
_PARSER_OPTIONS: Final = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
Entry = tuple[Mapping[str, str], Mapping[str, str]]
"""One entry: its elements by name, and its auxiliary values (辅助核算) by slot."""


class UnsafeXml(ValueError):
    """Not well-formed, or carrying a document type declaration."""


@dataclass(frozen=True, slots=True)
class EaiVoucher:
    """A voucher: elements of its head by name in order, and its entries. `identifier` marks it inside the document."""

    identifier: str
    head: Mapping[str, str]
    entries: Sequence[Entry] = field(default_factory=tuple)


class EaiClient:
    """One EAI address. `sender` is the number registered for us there, `receiver` the account set it is meant for."""

    def __init__(
        self, transport: HttpTransport, *, path: str, sender: str, receiver: str = "u8", encoding: str = "UTF-8"
    ) -> None:
        if encoding.upper() not in ENCODINGS:
            raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)}")
        self._transport = transport
        self._path = path
        self._sender = sender
        self._receiver = receiver
        self._encoding = encoding.upper()

    def add_voucher(self, voucher: EaiVoucher) -> Mapping[str, str]:
        """Send one voucher, once; the attributes of the item that confirms it. Raises `Rejected` with the vendor's words
        (a character that the encoding does not have is refused before anything is sent), or `OutcomeUnknown`."""
        try:
            body = voucher_xml(voucher, self._sender, self._receiver, self._encoding)
        except (UnicodeEncodeError, ValueError) as error:
            reason = f"a text cannot be written in {self._encoding}: {error}"
            raise Rejected("encoding", reason, system="HedgeBridge") from error
        content = {"Content-Type": f"text/xml; charset={self._encoding.lower()}"}
        return self._read(self._transport.post(self._path, body, content, write=True))

    def _read(self, answer: HttpAnswer) -> Mapping[str, str]:
        system = self._transport.system
        try:
            items = answer_items(answer.body)
        except UnsafeXml as error:
            raise OutcomeUnknown(f"EAI answered with {error} (HTTP {answer.status})", system=system) from error
        for item in items:
            if item.get("succeed") is None:
                raise OutcomeUnknown("EAI answered without saying whether it succeeded", system=system)
            if item["succeed"].strip() != "0":
                raise Rejected(item["succeed"].strip(), item.get("dsc") or "(no dsc)", system=system)
        if answer.status != 200 or not items:
            raise OutcomeUnknown(f"EAI answered HTTP {answer.status} with {len(items)} items", system=system)
        return items[0]


def voucher_xml(voucher: EaiVoucher, sender: str, receiver: str, encoding: str) -> bytes:
    """The document that adds a voucher, encoded as it declares. UnicodeEncodeError where the encoding lacks a character:
    a numeric reference instead would be read by some servers and shown to people by others."""
    root = etree.Element(
        "ufinterface",
        {
            "roottag": "voucher", "billtype": "gl", "docid": "", "receiver": receiver, "sender": sender, "proc": "add",
            "codeexchanged": "N", "exportneedexch": "N",
        },
    )  # fmt: skip
    document = etree.SubElement(root, "voucher", {"id": voucher.identifier})
    head = etree.SubElement(document, "voucher_head")
    for name, text in voucher.head.items():
        etree.SubElement(head, name).text = text
    body = etree.SubElement(document, "voucher_body")
    for elements, auxiliary in voucher.entries:
        entry = etree.SubElement(body, "entry")
        for name, text in elements.items():
            etree.SubElement(entry, name).text = text
        if auxiliary:
            holder = etree.SubElement(entry, "auxiliary_accounting")
            for name, text in auxiliary.items():
                etree.SubElement(holder, "item", {"name": name}).text = text
    declared = f'<?xml version="1.0" encoding="{encoding}"?>\n'
    written: str = etree.tostring(root, encoding="unicode")
    return (declared + written).encode(encoding)


def answer_items(body: bytes) -> list[dict[str, str]]:
    """The attributes of every `item` of an answer, read in the encoding that it declares. Raises `UnsafeXml`."""
    try:
        root = etree.fromstring(body, etree.XMLParser(**_PARSER_OPTIONS))
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise UnsafeXml(f"something that is not well-formed XML: {type(error).__name__}") from error
    if root is None:
        raise UnsafeXml("an empty document")
    info = root.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:
        raise UnsafeXml("a document type declaration, which is refused")
    if root.tag != "ufinterface":
        raise UnsafeXml(f"<{root.tag}> where <ufinterface> was expected")
    return [{str(name): str(value) for name, value in one.attrib.items()} for one in root.iter("item")]
