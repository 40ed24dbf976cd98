"""AttachmentUpload: files of documents, in pieces chained by `FileId`. They are listed by the form BOS_Attachment."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.kingdee.books import Books
from sandbox.kingdee.envelope import Refused, Trouble
from sandbox.kingdee.forms import Form
from sandbox.kingdee.texts import say


class Uploads:
    """Pieces wait in memory until the last one is there."""

    def __init__(self, books: Books, fine: Callable[[], Mapping[str, Any]]) -> None:
        self._books = books
        self._fine = fine
        self._waiting: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def take(self, form: Form, data: Mapping[str, Any]) -> dict[str, Any]:
        """One piece; the answer names the file."""
        which = str(data.get("InterId") or "")
        head = self._books.head(form, int(which)) if which.isdigit() else None
        if head is None:
            raise Refused(Trouble(say("not_found", which=which)))
        if head["FDocumentStatus"] == "C":
            raise Refused(Trouble(say("attach_after_audit")))
        try:
            piece = base64.b64decode(str(data.get("SendByte") or ""), validate=True)
        except binascii.Error as error:
            raise Refused(Trouble(say("bad_request", reason="SendByte"))) from error
        with self._lock:
            file_id = str(data.get("FileId") or "") or secrets.token_hex(16)
            content = self._waiting.pop(file_id, b"") + piece
            if str(data.get("IsLast")).lower() != "true":
                self._waiting[file_id] = content
        if str(data.get("IsLast")).lower() == "true":
            values = {
                "FBillNo": str(data.get("BillNO") or ""), "FBillType": form.id, "FInterID": which,
                "FAttachmentName": str(data.get("FileName") or ""), "FAttachmentSize": len(content),
                "FContent": base64.b64encode(content).decode(),
            }  # fmt: skip
            with self._books.transaction():
                self._books.insert("BOS_Attachment", values)
        return {"Result": {"ResponseStatus": self._fine(), "FileId": file_id}}
