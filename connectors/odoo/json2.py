"""JSON-2, the API of Odoo 19 and later: one POST per call, bearer key, real HTTP status codes, one transaction each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from connectors.http import HttpAnswer
from connectors.odoo.answers import json2_error, unsure
from connectors.odoo.client import OdooClient

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Json2Client(OdooClient):
    """Speaks JSON-2. The transport must answer 500 (`ANSWERED_STATUSES`): the exception's name is in the body."""

    def _send(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        *,
        write: bool,
    ) -> Any:
        body = {**named, "context": context}
        if ids is not None:
            body["ids"] = list(ids)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"bearer {self._login.api_key}",
            "X-Odoo-Database": self._login.database,
        }
        answer = self._http.post(f"json/2/{model}/{method}", _encoder.encode(body), headers, write=write)
        return decode(answer, write=write, where=f"{model}.{method}", system=self.system)


def decode(answer: HttpAnswer, *, write: bool, where: str, system: str) -> Any:
    """The value of a successful call, or one of the platform's errors raised."""
    try:
        value = _decoder.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        if answer.status == 200 or answer.body.lstrip()[:1] != b"<":
            raise unsure(f"{where} answered HTTP {answer.status} without JSON", write=write, system=system) from error
        raise json2_error(answer.status, None, write=write, system=system) from error
    if answer.status != 200:
        raise json2_error(answer.status, value, write=write, system=system)
    return value
