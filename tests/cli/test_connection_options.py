"""Options of `connection add`: what is refused before anything is stored, and what a text becomes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands.books import check_address, typed
from cli.main import app
from hedge_core.errors import InvalidInput


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example/k3cloud/",
        "https://192.168.7.20/k3cloud/",
        "https://web:secret@erp.example/k3cloud/",
        "erp.example/k3cloud/",
    ],
)
def test_an_address_that_could_never_be_called_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_address("k3", {"url": url})
    assert refused.value.field == "url"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://erp.example/k3cloud/"},
        {"url": "http://127.0.0.1:8080/k3cloud/"},
        {"url": "https://192.168.7.20/k3cloud/", "allow_private": True},
        {},
    ],
)
def test_an_address_that_can_be_called_is_taken(options: dict[str, object]) -> None:
    check_address("k3", options)


def test_an_option_is_text_unless_it_writes_a_truth_value_or_json() -> None:
    assert typed("100") == "100"
    assert typed("") == ""
    assert typed("true") is True
    assert typed("false") is False
    assert typed('{"broker_account": "FF100002"}') == {"broker_account": "FF100002"}
    with pytest.raises(InvalidInput):
        typed("{broker_account: FF100002}")


def test_where_nobody_can_type_a_secret_the_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEBRIDGE_LANG", "en")
    monkeypatch.delenv("HEDGEBRIDGE_SECRET_PASSWORD", raising=False)
    run = CliRunner()
    assert run.invoke(app, ["init", "cu01"]).exit_code == 0
    given = [
        "--set",
        "url=http://127.0.0.1:9/",
        "--set",
        "user=u",
        "--set",
        "company_code=1010",
        "--set",
        "created_by=H",
    ]
    refused = run.invoke(app, ["connection", "add", "s4", "--system", "sap", *given], input="")
    assert isinstance(refused.exception, InvalidInput), refused.output
    assert "HEDGEBRIDGE_SECRET_PASSWORD" in str(refused.exception)


def test_doctor_names_a_connection_that_cannot_be_built_and_still_looks_at_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEBRIDGE_LANG", "en")
    monkeypatch.setenv("HEDGEBRIDGE_SECRET_APP_SECRET", "not-a-real-secret")
    run = CliRunner()
    assert run.invoke(app, ["init", "cu01"]).exit_code == 0
    needed = {"acct_id": "a", "user": "u", "app_id": "1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "org": "1"}
    given = [part for name, value in needed.items() for part in ("--set", f"{name}={value}")]
    given += ["--set", "account_book=001", "--set", "url=http://127.0.0.1:9/k3cloud/"]
    for name in ("aaa", "bbb"):
        assert run.invoke(app, ["connection", "add", name, "--system", "kingdee", *given]).exit_code == 0
    monkeypatch.setenv("HEDGEBRIDGE_MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    found = run.invoke(app, ["doctor", "--json"])
    assert found.exit_code == 1
    assert "cu01/aaa" in found.stdout
    assert "cu01/bbb" in found.stdout
