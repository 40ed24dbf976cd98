"""Every failure that `doctor` finds is found here or in test_doctor.py, and its sentence says what to do, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from connectors.http import Origin, Seen, Way
from hedge_core.errors import PlatformError, Unavailable
from hedge_core.model.identity import book_id
from hedge_core.ports.erp import HealthStep, Question
from hedge_core.ports.storage import Connection
from messages import LANGUAGES, Message, all_texts, say
from tests.support.kingdee import serving
from worker.doctor import _cash_flow, _told, _way
from worker.doctor import _examined as examined

ORIGIN = Origin("https://erp.example.com:8443/k3cloud/")
TESTS = Path(__file__).parent

REMEDIES = {
    "name_unknown": "spelling", "address_refused": "allow_private=true", "port_closed": "firewall",
    "tls_refused": "ca_file", "clock_off": "time server", "zone_wrong": "time_zone", "account_blocked": "map its role",
    "account_automatic": "Map its role", "cash_flow_missing": "cash_flow_item", "user_shared": "integration user",
    "refused_as_configured": "configured", "role_above_security": "owns nothing", "book_not_visible": "right to this book",
    "digits_low": "precision", "codes_missing": "Correct the option", "read_back_short": "another field",
    "after_audit_locked": "editable after audit", "currency_other": "right currency", "period_locked": "open the period",
}  # fmt: skip
"""Findings that are failures, and words of the remedy."""
NO_FAILURE = {
    "name_ok", "port_ok", "tls_ok", "clock_ok", "clock_not_told", "not_offered", "zone_ok", "zone_not_seen",
    "no_account_map", "accounts_ok", "accounts_not_listed", "cash_flow_not_asked", "cash_flow_ok", "user_separate",
    "user_is_application", "role_held", "book_visible", "digits_ok", "cannot_tell", "codes_ok", "read_back_ok",
    "after_audit_ok", "after_audit_unused", "notes_free", "currency_ok", "period_open", "no_discovery",
}  # fmt: skip


def test_every_finding_is_known_as_a_failure_or_as_none() -> None:
    there = {one.removeprefix("doctor.") for one in all_texts() if one.startswith("doctor.")}
    assert there == REMEDIES.keys() | NO_FAILURE


@pytest.mark.parametrize("name", REMEDIES)
def test_a_failure_says_what_to_do_in_both_languages(name: str) -> None:
    text = all_texts()[f"doctor.{name}"]
    assert REMEDIES[name] in text.en
    assert text.parameters("en") == text.parameters("zh")
    assert re.search("请|可能|无法", text.zh), "a remedy, or what stands in the way"


@pytest.mark.parametrize("name", REMEDIES)
def test_every_failure_is_brought_about_by_a_test(name: str) -> None:
    written = "".join((TESTS / file).read_text("utf-8") for file in ("test_doctor.py", "test_doctor_failures.py"))
    assert f'"doctor.{name}"' in written


@pytest.mark.parametrize(
    ("seen", "finding"),
    [
        (Seen(Way.NAME, False, "unknown"), "doctor.name_unknown"),
        (Seen(Way.ADDRESS, False, "10.1.2.3"), "doctor.address_refused"),
        (Seen(Way.PORT, False, "refused"), "doctor.port_closed"),
        (Seen(Way.TLS, False, "self-signed certificate"), "doctor.tls_refused"),
        (Seen(Way.CLOCK, True, clock_seconds=-600.0), "doctor.clock_off"),
    ],
)
def test_each_failure_on_the_way_has_its_sentence(seen: Seen, finding: str) -> None:
    step = _way(seen, ORIGIN)
    assert (step.step, step.ok, step.finding.id) == (seen.way.value, False, finding)
    assert all("{" not in say(step.finding, language) for language in LANGUAGES)


def test_options_that_cannot_work_are_told_as_such_and_an_error_in_its_own_words() -> None:
    assert _told(ValueError("no path")).id == "doctor.refused_as_configured"
    error: PlatformError = Unavailable("down", system="X")
    assert _told(error) == error.message


def test_a_system_that_fails_while_it_is_looked_at_is_a_step_and_no_crash() -> None:
    class Failing:
        def examine(self, needs: object) -> Any:
            yield HealthStep("rights", True, Message("doctor.codes_ok", {"codes": ["x"]}))
            raise Unavailable("down", system="X")

    steps = list(examined(Failing(), None))  # type: ignore[arg-type]
    assert [(step.step, step.ok) for step in steps] == [("rights", True), ("examination", False)]


def test_a_currency_of_few_decimals_and_a_reference_field_that_is_short_are_found() -> None:
    with serving() as kingdee:
        site = kingdee.adapter()._account_set
        site._rows = lambda form, fields, codes: [["PRE001", 0]]
        assert (site._precision("CNY")[0], site._precision("CNY")[1].id) == (False, "doctor.digits_low")
        site._fields = lambda form: {"fbusno": {"EditLen": 10}}
        found, message = site._read_back()
        assert (found, message.id, message.params["needed"]) == (False, "doctor.read_back_short", 16)


def test_a_user_shared_with_people_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext
    from types import SimpleNamespace

    from worker.doctor import _separate_user

    nobody = SimpleNamespace(results=SimpleNamespace(vouchers=list))
    app: Any = SimpleNamespace(store=SimpleNamespace(read=lambda book: nullcontext(nobody)))
    step = _separate_user(app, book_id("demo"), Connection("k3", book_id("demo"), "kingdee", {"user": "sap*"}, {}))
    assert (step.step, step.ok, step.finding.id) == (Question.SEPARATE_USER.value, False, "doctor.user_shared")


def test_cash_flow_is_not_asked_where_nobody_says_that_it_is_required() -> None:
    step = _cash_flow(Connection("k3", book_id("demo"), "kingdee", {}, {}), None, None, None)  # type: ignore[arg-type]
    assert (step.ok, step.finding.id) == (True, "doctor.cash_flow_not_asked")
