"""What an account set has and allows: its forms' fields, codes, precision; asked for `doctor` and for `connection discover`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from adapters.erp.kingdee.lookup import VoucherLookup
from adapters.erp.kingdee.vendor import ORDER_FORMS, VOUCHER_FORM, KingdeeOptions
from connectors.kingdee import KingdeeClient
from hedge_core.errors import PlatformError, Rejected
from hedge_core.ports.erp import Discovered, HealthStep, PostingNeeds, Question
from messages import Message

_MONEY_DIGITS: Final = 2
_KEY_LENGTH: Final = 16
_UNUSED_KEY: Final = "HB00000000000000"
_CUSTOM: Final = ("F_", "FF_")
"""How fields that a customer adds are called."""

Found = tuple[bool, Message]


class AccountSet:
    """Questions to one account set; nothing is changed by any of them."""

    def __init__(self, client: KingdeeClient, options: KingdeeOptions, lookup: VoucherLookup) -> None:
        self._client = client
        self._options = options
        self._lookup = lookup

    # --- doctor ---

    def examine(self, needs: PostingNeeds) -> Iterator[HealthStep]:
        """A step for each of RIGHTS, PRECISION, RATE_TYPES, READ_BACK and AFTER_AUDIT."""
        yield self._step(Question.RIGHTS, self._book)
        yield self._step(Question.PRECISION, lambda: self._precision(needs.currency))
        yield self._step(Question.RATE_TYPES, lambda: self._rate_types(needs.rate_types))
        yield self._step(Question.READ_BACK, self._read_back)
        yield self._step(Question.AFTER_AUDIT, self._after_audit)

    def _step(self, question: Question, ask: Callable[[], Found]) -> HealthStep:
        """What an installation refuses to tell is not a fault of the connection; not reaching it is."""
        try:
            ok, finding = ask()
        except Rejected as error:
            return HealthStep(question.value, True, Message("doctor.cannot_tell", {"reason": error.vendor_text}))
        except PlatformError as error:
            return HealthStep(question.value, False, error.message)
        return HealthStep(question.value, ok, finding)

    def _book(self) -> Found:
        code = self._options.account_book
        there = bool(self._codes("BD_AccountBook", [code]))
        return there, Message("doctor.book_visible" if there else "doctor.book_not_visible", {"code": code})

    def _precision(self, currency: str) -> Found:
        number = self._options.currencies.get(currency, "")
        shown = {"currency": currency, "needed": _MONEY_DIGITS}
        rows = self._rows("BD_Currency", ["FNumber", self._options.amount_digits_field], [number])
        if not rows:
            return False, Message("doctor.codes_missing", {"codes": [f"{currency} = {number or '?'}"]})
        digits = rows[0][1]
        if digits is None or int(digits) < _MONEY_DIGITS:
            return False, Message("doctor.digits_low", {**shown, "digits": "?" if digits is None else digits})
        return True, Message("doctor.digits_ok", {"currency": currency, "digits": digits})

    def _rate_types(self, named: Sequence[str]) -> Found:
        """Which form keeps the rate types is asked of the voucher form itself."""
        wanted = sorted({self._options.rate_type, *named})
        form = self._fields(VOUCHER_FORM).get("fexchangeratetype", {}).get("LookUpObjectFormId")
        if not form:
            return True, Message("doctor.cannot_tell", {"reason": "FEXCHANGERATETYPE"})
        return _all_there(wanted, self._codes(str(form), wanted))

    def _read_back(self) -> Found:
        """The reference has to fit, and a voucher has to be found by it: both before the first one is sent."""
        name = self._options.reference_field
        length = self._fields(VOUCHER_FORM).get(name.lower(), {}).get("EditLen")
        if isinstance(length, int) and 0 < length < _KEY_LENGTH:
            return False, Message("doctor.read_back_short", {"field": name, "length": length, "needed": _KEY_LENGTH})
        self._lookup.find([_UNUSED_KEY])
        return True, Message("doctor.read_back_ok", {"field": name})

    def _after_audit(self) -> Found:
        places = [(form.form, self._options.hedge_fields[form.kind]) for form in ORDER_FORMS
                  if self._options.hedge_fields.get(form.kind)]  # fmt: skip
        if not places:
            return True, Message("doctor.after_audit_unused")
        told = {f"{form}.{name}": self._fields(form).get(name.lower(), {}).get(self._options.after_audit_member)
                for form, name in places}  # fmt: skip
        if None in told.values():
            return True, Message("doctor.cannot_tell", {"reason": self._options.after_audit_member})
        locked = [place for place, editable in told.items() if str(editable).lower() in ("false", "0")]
        if locked:
            return False, Message("doctor.after_audit_locked", {"fields": locked})
        return True, Message("doctor.after_audit_ok", {"fields": list(told)})

    # --- discovery ---

    def discover(self) -> Iterator[Discovered]:
        """Organisations, account books, currencies, and the fields of order and voucher forms that a customer added."""
        for what, form in (
            ("organisation", "ORG_Organizations"),
            ("account book", "BD_AccountBook"),
            ("voucher group", "BD_VOUCHERGROUP"),
            ("currency", "BD_Currency"),
        ):
            try:
                rows = self._rows(form, ["FNumber", "FName"], [])
            except Rejected as error:
                yield Discovered(what, form, "", "", error.vendor_text)
                continue
            yield from (Discovered(what, form, str(number), str(name or "")) for number, name in rows)
        for form in (*(order.form for order in ORDER_FORMS), VOUCHER_FORM, *self._options.contract_forms):
            try:
                fields = self._described(form)
            except Rejected as error:
                yield Discovered("form", form, "", "", error.vendor_text)
                continue
            for place, one in fields:
                custom = bool(one.get("IsCustom")) or str(one["Key"]).startswith(_CUSTOM)
                if custom or form in self._options.contract_forms:
                    remarks = ("custom" if custom else "", "required" if one.get("MustInput") else "")
                    remark = ", ".join(filter(None, remarks))
                    yield Discovered("field", f"{form}.{place}", str(one["Key"]), _name(one.get("Name")), remark)

    # --- asking ---

    def _described(self, form: str) -> list[tuple[str, Mapping[str, Any]]]:
        """(entity, field) of a form, as QueryBusinessInfo describes it; what has no key is left out."""
        answer = self._client.describe_form(form)
        result = answer.get("Result")
        told = result.get("NeedReturnData") if isinstance(result, Mapping) else None
        entries = told.get("Entrys") if isinstance(told, Mapping) else None
        return [
            (str(entry.get("Key") or ""), one)
            for entry in entries or []
            if isinstance(entry, Mapping)
            for one in entry.get("Fields") or []
            if isinstance(one, Mapping) and one.get("Key")
        ]

    def _fields(self, form: str) -> dict[str, Mapping[str, Any]]:
        return {str(one["Key"]).lower(): one for _, one in self._described(form)}

    def _codes(self, form: str, codes: Sequence[str]) -> set[str]:
        return {str(row[0]) for row in self._rows(form, ["FNumber"], codes)}

    def _rows(self, form: str, fields: list[str], codes: Iterable[str]) -> list[list[Any]]:
        """Rows of base data by number; all of them without one. Quotes are doubled: codes are typed by people."""
        listed = ",".join("'" + code.replace("'", "''") + "'" for code in codes)
        where = f"FNumber in ({listed})" if listed else ""
        return [msgspec.json.decode(row) for row in self._client.query_rows(form, fields, where, "FNumber ASC", 0, 500)]


def _all_there(wanted: Sequence[str], there: set[str]) -> Found:
    missing = [code for code in wanted if code not in there]
    if missing:
        return False, Message("doctor.codes_missing", {"codes": missing})
    return True, Message("doctor.codes_ok", {"codes": list(wanted)})


def _name(given: object) -> str:
    """A name in the first language it is given in."""
    if isinstance(given, list) and given and isinstance(given[0], Mapping):
        return str(given[0].get("Value") or "")
    return str(given or "")
