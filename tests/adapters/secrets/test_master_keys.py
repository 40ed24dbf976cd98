"""Master keys: SM4 by the published vector, new and dropped keys in a key file, and a key that lies in Vault."""

from __future__ import annotations

import json
import os
import stat
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from adapters.secrets import SecretRefused, VaultPlace, add_key, create_key_file, drop_key, open_box, sealing_key
from adapters.secrets.box import Sm4Gcm

CONTEXT = "book:jinhe:connection:k3:app_secret"
TOKEN = "hvs.invented-token"


def test_sm4_gcm_agrees_with_the_vector_of_rfc_8998() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    associated = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = b"".join(bytes([byte]) * 8 for byte in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    expected = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )
    cipher = Sm4Gcm(key)
    assert cipher.encrypt(nonce, plain, associated) == expected
    assert cipher.decrypt(nonce, expected, associated) == plain
    for altered in (expected[:-1] + b"\0", expected[:10], b"", b"x" + expected[1:]):
        with pytest.raises(InvalidTag):
            cipher.decrypt(nonce, altered, associated)
    with pytest.raises(InvalidTag):
        cipher.decrypt(nonce, expected, associated + b"x")


def test_a_new_key_seals_while_the_old_one_still_opens_and_is_dropped_later(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    old = create_key_file(path)
    sealed = open_box({}, path).seal("app-secret", CONTEXT)
    new = add_key(path, sm4=True)
    box = open_box({}, path)
    assert (box.active, box.key_ids) == (new, [new, old])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert box.open(sealed, CONTEXT) == "app-secret"
    resealed = box.reseal(sealed, CONTEXT)
    assert (sealing_key(sealed), sealing_key(resealed)) == (old, new)
    assert resealed.startswith("hb2:")
    assert box.reseal(resealed, CONTEXT) == resealed
    drop_key(path, old)
    assert open_box({}, path).open(resealed, CONTEXT) == "app-secret"
    with pytest.raises(SecretRefused, match=old):
        open_box({}, path).open(sealed, CONTEXT)


@pytest.mark.parametrize(
    ("owner", "mode", "taken"),
    [(0, 0o440, True), (0, 0o460, False), (0, 0o444, False), (1000, 0o440, False), (1000, 0o400, True)],
)
def test_a_key_file_of_root_may_be_handed_over_through_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, mode: int, taken: bool
) -> None:
    path = tmp_path / "master.key"
    key = create_key_file(path)
    look = os.fstat
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        os, "fstat", lambda file: os.stat_result((stat.S_IFREG | mode, *look(file)[1:4], owner, *look(file)[5:]))
    )
    if taken:
        assert open_box({}, path).active == key
        return
    with pytest.raises(SecretRefused, match=format(mode, "04o")):
        open_box({}, path)


def test_an_sm4_text_opens_nowhere_else_and_not_under_the_other_mark(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    create_key_file(path, sm4=True)
    box = open_box({}, path)
    sealed = box.seal("app-secret", CONTEXT)
    for text, context in ((sealed, CONTEXT + "2"), (sealed.replace("hb2:", "hb1:"), CONTEXT)):
        with pytest.raises(SecretRefused):
            box.open(text, context)


def test_the_sealing_key_and_one_that_is_not_there_cannot_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    active = create_key_file(path)
    before = path.read_bytes()
    for name in (active, "00000000"):
        with pytest.raises(SecretRefused):
            drop_key(path, name)
    assert path.read_bytes() == before


@contextmanager
def vault(answers: dict[str, tuple[int, object]]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server with Vault's shapes: 403 and 404 with `errors`, a KV version 2 read with `data.data`."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("X-Vault-Token", "")))
            known = self.headers.get("X-Vault-Token") == TOKEN
            status, body = answers.get(self.path, (404, {"errors": []})) if known else (403, {"errors": ["denied"]})
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_the_key_of_vault_is_read_once_with_the_token_and_wins_over_the_file(tmp_path: Path) -> None:
    key = b64encode(bytes(range(32))).decode()
    answer = {"/v1/secret/data/hedgebridge": (200, {"data": {"data": {"master_key": key}, "metadata": {}}})}
    with vault(answer) as (address, asked):
        place = VaultPlace(address, "secret/data/hedgebridge")
        create_key_file(tmp_path / "master.key")
        box = open_box({}, tmp_path / "master.key", vault=lambda: place.read({"HEDGEBRIDGE_VAULT_TOKEN": TOKEN}))
        in_file = tmp_path / "token"
        in_file.write_text(TOKEN + "\n", encoding="ascii")
        assert place.read({"HEDGEBRIDGE_VAULT_TOKEN_FILE": str(in_file)}) == key
    assert asked == [("/v1/secret/data/hedgebridge", TOKEN)] * 2
    assert box.active == open_box({"HEDGEBRIDGE_MASTER_KEY": key}, tmp_path / "none").active


@pytest.mark.parametrize(
    ("path", "environment", "sentence"),
    [
        ("secret/data/hedgebridge", {"HEDGEBRIDGE_VAULT_TOKEN": "wrong"}, "403"),
        ("secret/data/elsewhere", {"HEDGEBRIDGE_VAULT_TOKEN": TOKEN}, "404"),
        ("secret/data/other", {"HEDGEBRIDGE_VAULT_TOKEN": TOKEN}, "no text field master_key"),
        ("secret/data/odd", {"HEDGEBRIDGE_VAULT_TOKEN": TOKEN}, "no text field master_key"),
        ("secret/data/hedgebridge", {}, "HEDGEBRIDGE_VAULT_TOKEN"),
        ("secret/data/hedgebridge", {"HEDGEBRIDGE_VAULT_TOKEN_FILE": "/nowhere/token"}, "/nowhere/token"),
    ],
)
def test_what_vault_does_not_give_is_said_with_the_remedy_and_without_the_token(
    path: str, environment: dict[str, str], sentence: str
) -> None:
    answers: dict[str, tuple[int, object]] = {
        "/v1/secret/data/other": (200, {"data": {"data": {"key": "x"}}}),
        "/v1/secret/data/odd": (200, {"data": {"data": {"master_key": 7}}}),
    }
    with vault(answers) as (address, _), pytest.raises(SecretRefused) as refused:
        VaultPlace(address, path).read(environment)
    assert sentence in str(refused.value)
    assert TOKEN not in str(refused.value)
