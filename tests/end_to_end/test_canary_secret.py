"""Canary secrets: planted in every place a secret can be, and looked for in everything the program shows or writes."""

from __future__ import annotations

import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from cli.main import main
from cli.session import BUG
from sandbox.kingdee.command import SiteOptions, running_site
from tests.support.databases import *  # noqa: F403

WRONG_SECRET = "c4n4ry-app-secret-5d1f7a+/%&x"
MAIL_PASSWORD = "c4n4ry-mail-password-77aa"
VAULT_TOKEN = "c4n4ry-vault-token-00ff"
CANARIES = (WRONG_SECRET, MAIL_PASSWORD, VAULT_TOKEN)


def forms(secret: str) -> set[bytes]:
    """A secret as it is, and as it looks in base64, in a URL, and read backwards through JSON."""
    return {
        form.encode()
        for form in (secret, b64encode(secret.encode()).decode(), quote(secret, safe=""), secret.replace("/", "\\/"))
    }


class Installation:
    """An installation of its own in a folder; its commands run in this process, their standard streams are kept."""

    def __init__(
        self, folder: Path, database: str, patch: pytest.MonkeyPatch, streams: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.shown: dict[str, bytes] = {}
        self._patch = patch
        self._streams = streams
        patch.chdir(folder)
        for name, value in {
            "DATABASE": database,
            "KEY_FILE": str(folder / "master.key"),
            "LOG_LEVEL": "DEBUG",
            "LANG": "en",
            "SECRET_APP_SECRET": WRONG_SECRET,
            "MAIL_PASSWORD": MAIL_PASSWORD,
            "VAULT_TOKEN": VAULT_TOKEN,
        }.items():
            patch.setenv(f"HEDGEBRIDGE_{name}", value)

    def run(self, *words: str, **variables: str) -> int:
        """The command's exit code; what it showed is kept."""
        with self._patch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            code = main(words)
        shown = self._streams.readouterr()
        self.shown[f"{len(self.shown)} {' '.join(words)}"] = (shown.out + shown.err).encode()
        assert code != BUG, shown.err
        return code


@pytest.fixture
def here(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[tuple[Installation, dict[str, str]]]:
    with running_site(SiteOptions()) as site:
        told = {name: str(value) for name, value in site.announcement().items()}
        yield Installation(tmp_path, sqlite_url, monkeypatch, capfd), told


def test_no_secret_is_ever_shown_logged_or_put_into_a_bundle(here: tuple[Installation, dict[str, str]]) -> None:
    installation, told = here
    run = installation.run
    assert run("init", "jinhe", "--set", "anchor.mail=a@example.com", "--set", "anchor.mail_server=127.0.0.1:1") == 0
    names = ("url", "acct_id", "user", "app_id", "org", "account_book")
    options = [f"--set={name}={told[name]}" for name in names]
    assert run("connection", "add", "k3", "--system", "kingdee", *options) == 0
    assert run("connection", "test", "k3") != 0, "the login with a wrong secret has to fail"
    assert run("sync", "k3") != 0
    assert run("doctor") == 1
    assert run("connection", "list", "--json") == 0
    assert run("connection", "add", "k3", f"--set=app_secret={WRONG_SECRET}x") != 0
    assert run("config", "show", "--sources") == 0
    assert run("key", "list") == 0
    assert run("key", "new") == 0
    assert run("key", "rotate") == 0
    assert run("audit", "checkpoint") == 1, "the mail server is not there"
    assert run("audit", "export", "events.jsonl") == 0
    assert run("outbox", "list") == 0
    assert run("backup", "backup.zip") == 0
    assert run("verify", "backup.zip") == 0
    assert run("support", "support.zip") == 0
    assert run("key", "list", HEDGEBRIDGE_VAULT_URL="http://127.0.0.1:1") == 4
    assert run("worker", "--until-idle") == 0

    searched = dict(installation.shown)
    for name in ("backup.zip", "support.zip"):
        with zipfile.ZipFile(installation.folder / name) as archive:
            searched |= {f"{name}:{member}": archive.read(member) for member in archive.namelist()}
    searched["events.jsonl"] = (installation.folder / "events.jsonl").read_bytes()
    for path in installation.folder.glob("*.db*"):
        searched[path.name] = path.read_bytes()
    key_lines = (installation.folder / "master.key").read_text(encoding="ascii").split()
    wanted = set().union(*(forms(secret) for secret in CANARIES), (line.encode() for line in key_lines))
    found = [(place, form) for place, content in searched.items() for form in wanted if form in content]
    assert found == []
    assert any(b"hb1:" in content for place, content in searched.items() if place.startswith("backup.zip")), (
        "the secret is not in the backup at all: this test would prove nothing"
    )
    assert any(b"k3" in content for place, content in searched.items() if place.startswith("support.zip"))
