"""The single-file verifier: RFC 8032's vectors, agreement with the platform, and every way an export can be wrong."""

import ast
import importlib.util
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.secrets.signer import Ed25519Signer, check_signature
from hedge_core.audit import (
    AuditEvent,
    Checkpoint,
    VerifierKey,
    event_bytes,
    leaf_hash,
    log_origin,
    root_of,
    sign_checkpoint,
)
from hedge_core.model.identity import book_id

FILE = Path(__file__).parents[3] / "docs" / "verifier" / "hedgebridge_verify.py"
spec = importlib.util.spec_from_file_location("hedgebridge_verify", FILE)
verifier = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verifier)

SIGNER = Ed25519Signer("copper-trading.example", bytes(range(32)))
KEY = str(VerifierKey(SIGNER.name, SIGNER.public_key))
EVENTS = [
    event_bytes(
        AuditEvent("copper1", n, datetime(2025, 3, 3, tzinfo=UTC), "王丽", False, "voucher.approved", f"凭证 {n}")
    )
    for n in range(10)
]

# RFC 8032, section 7.1: public key, message, signature.
RFC_8032 = {
    "TEST 1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2465"
        "5141438e7a100b",
    ),
    "TEST 2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
        "0d291612bb0c00",
    ),
    "TEST 3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
        "27beceea1ec40a",
    ),
    "TEST SHA(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a"
        "9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9"
        "bef1177331a704",
    ),
}


@pytest.fixture
def export(tmp_path):
    """Writes an export and a checkpoint of its first `size` events, and answers the verifier's exit code and findings."""

    def check(lines=EVENTS, size=6, book="copper1", key=KEY, change=lambda note: note):
        checkpoint = Checkpoint(log_origin(book_id(book)), size, root_of(map(leaf_hash, EVENTS[:size])))
        (tmp_path / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        (tmp_path / "checkpoint.txt").write_bytes(change(sign_checkpoint(checkpoint, SIGNER)).encode())
        try:
            code, found = verifier.verify(tmp_path / "events.jsonl", tmp_path / "checkpoint.txt", key)
        except verifier.Refused as refused:
            code, found = refused.code, [(refused.text, refused.params)]
        return code, [name for name, _ in found]

    return check


@pytest.mark.parametrize("name", RFC_8032)
def test_the_signatures_of_rfc_8032_verify_and_their_alterations_do_not(name):
    public_key, message, signature = map(bytes.fromhex, RFC_8032[name])
    assert verifier.signature_is_valid(public_key, message, signature)
    assert not verifier.signature_is_valid(public_key, message + b"x", signature)
    for place in (0, 31, 32, 63):
        altered = bytearray(signature)
        altered[place] ^= 1
        assert not verifier.signature_is_valid(public_key, message, bytes(altered))


def test_a_signature_whose_scalar_is_not_reduced_is_refused():
    public_key, message, signature = map(bytes.fromhex, RFC_8032["TEST 2"])
    larger = int.from_bytes(signature[32:], "little") + verifier.ORDER
    assert not verifier.signature_is_valid(public_key, message, signature[:32] + larger.to_bytes(32, "little"))


@pytest.mark.parametrize("encoded", [verifier.P, verifier.P + 1, 2 + (1 << 255), 1 + (1 << 255)])
def test_bytes_that_are_no_point_are_refused(encoded):
    assert verifier.point_decode(encoded.to_bytes(32, "little")) is None


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.booleans())
def test_it_agrees_with_the_library_that_signs(seed, message, altered):
    signer = Ed25519Signer("any", seed)
    signature = signer.sign(message)
    shown = message + b"!" if altered else message
    assert verifier.signature_is_valid(signer.public_key, shown, signature) is not altered
    assert check_signature(signer.public_key, shown, signature) is not altered


@given(st.lists(st.binary(max_size=6), max_size=40))
def test_its_tree_has_the_same_roots_as_the_platform(contents):
    tree = verifier.Tree()
    for content in contents:
        tree.append(content)
    assert tree.root() == root_of(map(leaf_hash, contents))


def test_a_true_export_passes_and_later_events_are_said_to_be_uncovered(export):
    assert export(size=10) == (0, ["ok"])
    assert export(size=6) == (0, ["ok", "after"])
    assert export(size=0) == (0, ["ok", "after"])


def test_a_changed_event_is_found(export):
    assert export([*EVENTS[:3], EVENTS[3].replace("王".encode(), "李".encode()), *EVENTS[4:]]) == (
        1,
        ["rewritten", "after"],
    )


def test_a_cut_off_end_is_found(export):
    assert export(EVENTS[:5]) == (1, ["truncated"])


def test_a_missing_and_two_exchanged_events_are_found_with_their_lines(export):
    assert export(EVENTS[:8] + EVENTS[9:], size=10) == (1, ["place", "truncated"])
    exchanged = [EVENTS[1], EVENTS[0], *EVENTS[2:]]
    assert export(exchanged, size=10) == (1, ["place", "place", "rewritten"])


def test_lines_that_are_no_events_and_events_of_another_book_are_found(export):
    assert export([*EVENTS[:9], b"[1]"], size=9) == (1, ["place", "after"])
    assert export(book="other1", size=10)[0] == 1


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda note: note.replace("\n6\n", "\n5\n"), (1, ["signature"])),
        (lambda note: note.replace("— copper", "— silver"), (1, ["unsigned"])),
        (lambda note: note.replace("\n\n", "\n"), (3, ["note"])),
        (lambda note: note.replace("\n6\n", "\nsix\n"), (3, ["note"])),
        (lambda note: "", (3, ["note"])),
    ],
)
def test_an_altered_checkpoint_is_refused(export, change, outcome):
    assert export(change=change) == outcome


@pytest.mark.parametrize("key", ["", "copper-trading.example", KEY[:-4], KEY.replace("+", "-", 1)])
def test_a_mangled_key_is_wrong_usage(export, key):
    assert export(key=key) == (2, ["key"])


def test_another_key_of_the_same_name_is_not_ours(export):
    assert export(key=str(VerifierKey(SIGNER.name, Ed25519Signer("x", bytes(32)).public_key))) == (1, ["unsigned"])


def test_it_imports_nothing_but_the_standard_library():
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imported and imported <= sys.stdlib_module_names


def test_it_runs_by_itself_in_both_languages(tmp_path):
    checkpoint = Checkpoint("hedgebridge/copper1", 10, root_of(map(leaf_hash, EVENTS)))
    (tmp_path / "e.jsonl").write_bytes(b"".join(line + b"\n" for line in EVENTS))
    (tmp_path / "c.txt").write_text(sign_checkpoint(checkpoint, SIGNER), encoding="utf-8")
    for language, words in (("en", "10 events give the root"), ("zh", "10 条事件算出的根")):
        done = subprocess.run(
            [sys.executable, "-I", FILE, "e.jsonl", "--checkpoint", "c.txt", "--key", KEY, "--lang", language],
            cwd=tmp_path, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert words in done.stdout.decode()
    missing = subprocess.run(
        [sys.executable, "-I", FILE, "none.jsonl", "--checkpoint", "c.txt", "--key", KEY],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert missing.returncode == 3


def test_the_example_of_the_documentation_verifies(capfdbinary):
    example = FILE.parent / "example"
    key = (example / "key.txt").read_text(encoding="utf-8")
    code = verifier.main([str(example / "events.jsonl"), "--checkpoint", str(example / "checkpoint.txt"), "--key", key])
    assert code == 0
    assert b"4 events give the root" in capfdbinary.readouterr().out
