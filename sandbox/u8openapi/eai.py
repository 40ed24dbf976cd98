"""The EAI interface: a voucher as XML, read in the encoding it declares; `succeed="0"` in the answer means success."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from sandbox.http_server import Answer
from sandbox.u8openapi.answers import Refused
from sandbox.u8openapi.books import Books
from sandbox.u8openapi.demo import EAI_SENDER
from sandbox.u8openapi.ledger import add_voucher
from sandbox.u8openapi.texts import say

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["'][^>]*\?>""")


def receive(books: Books, body: bytes) -> Answer:
    """Import one document; the answer has the encoding of the question."""
    declared = _DECLARED.match(body)
    encoding = declared.group(1).decode() if declared else "utf-8"
    try:
        text = body[declared.end() if declared else 0 :].decode(encoding)
        if "<!DOCTYPE" in text:
            raise ElementTree.ParseError("a document type declaration")
        root = ElementTree.fromstring(text)  # noqa: S314 - a DOCTYPE is refused above, so no entity can be declared
    except (UnicodeDecodeError, LookupError, ElementTree.ParseError):
        return _reply(encoding, {"succeed": "102", "dsc": say("bad_xml")})
    try:
        return _reply(encoding, _voucher(books, root))
    except Refused as refused:
        return _reply(encoding, {"key": "", "succeed": "101", "dsc": refused.text})


def _voucher(books: Books, root: ElementTree.Element) -> dict[str, str]:
    sender = root.get("sender", "")
    if sender != EAI_SENDER:
        raise Refused("101", say("no_sender", sender=sender))
    document = root.find("voucher")
    if root.get("roottag") != "voucher" or root.get("proc") != "add" or document is None:
        raise Refused("101", say("bad_xml"))
    head = {one.tag: one.text or "" for one in document.iterfind("voucher_head/*")}
    entries: list[dict[str, Any]] = []
    for entry in document.iterfind("voucher_body/entry"):
        fields: dict[str, Any] = {one.tag: one.text or "" for one in entry}
        fields["auxiliary"] = {
            one.get("name", ""): one.text or "" for one in entry.iterfind("auxiliary_accounting/item")
        }
        entries.append(fields)
    saved = add_voucher(books, head, entries, biz_id="", road="eai")
    number, period = str(saved.number), str(int(saved.period[5:]))
    return {
        "accounting_period": period, "voucher_type": head.get("voucher_type", ""), "voucher_id": number, "entry_id": "",
        "succeed": "0", "dsc": say("saved"), "u8accounting_period": period, "u8voucher_id": number,
    }  # fmt: skip


def _reply(encoding: str, item: dict[str, str]) -> Answer:
    attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in item.items())
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<ufinterface roottag="return"><item {attributes}/></ufinterface>'
    )
    try:
        body = text.encode(encoding)
    except LookupError:
        body, encoding = text.replace(f'encoding="{encoding}"', 'encoding="utf-8"').encode(), "utf-8"
    return Answer(body, content_type=f"text/xml; charset={encoding}")
