"""Checkpoints as signed notes: the published note of the format's reference, our own round trip, and every alteration."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.secrets.signer import Ed25519Signer, check_signature
from hedge_core.audit import Checkpoint, VerifierKey, log_origin, read_checkpoint, sign_checkpoint
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import book_id

# The key and note that the signed-note reference implementation (golang.org/x/mod/sumdb/note) publishes.
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]  # the first byte is the key's type
PUBLISHED_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PUBLISHED_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

SIGNER = Ed25519Signer("copper-trading.example", bytes(range(32)))
KEY = VerifierKey(SIGNER.name, SIGNER.public_key)
CHECKPOINT = Checkpoint(log_origin(book_id("copper1")), 310, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, SIGNER)


def refusal(note, key=KEY):
    with pytest.raises(InvalidInput) as caught:
        read_checkpoint(note, key, check_signature, "anchor.txt")
    return caught.value


def test_the_published_key_is_read_and_written_back_unchanged():
    key = VerifierKey.parse(PUBLISHED_KEY)
    assert (key.name, key.id.hex()) == ("PeterNeumann", "c74f20a3")
    assert str(key) == PUBLISHED_KEY


def test_signing_the_published_text_with_the_published_key_gives_the_published_note():
    class PublishedText(Checkpoint):
        def text(self):
            return PUBLISHED_TEXT

    note = sign_checkpoint(PublishedText("", 0, b""), Ed25519Signer("PeterNeumann", PUBLISHED_SEED))
    assert note == f"{PUBLISHED_TEXT}\n— PeterNeumann {PUBLISHED_SIGNATURE}\n"


def test_a_checkpoint_is_three_lines_an_empty_one_and_a_signature():
    lines = NOTE.split("\n")
    assert lines[:4] == ["hedgebridge/copper1", "310", b64encode(CHECKPOINT.root).decode(), ""]
    assert lines[4].startswith("— copper-trading.example ")
    assert lines[5:] == [""]


def test_a_signed_checkpoint_is_read_back():
    assert read_checkpoint(NOTE, KEY, check_signature) == CHECKPOINT


def test_a_witness_signature_beside_ours_is_passed_over():
    witness = sign_checkpoint(CHECKPOINT, Ed25519Signer("witness.example", bytes(32))).split("\n")[4]
    lines = NOTE.split("\n")
    note = "\n".join([*lines[:4], witness, *lines[4:]])
    assert read_checkpoint(note, KEY, check_signature) == CHECKPOINT


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_no_changed_character_goes_unnoticed(position, character):
    changed = NOTE[:position] + character + NOTE[position + 1 :]
    if changed != NOTE:
        with pytest.raises(InvalidInput):
            read_checkpoint(changed, KEY, check_signature)


def test_spare_bits_of_the_last_base64_character_are_not_a_second_form_of_the_same_note():
    last = NOTE[-3]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = alphabet[alphabet.index(last) ^ 1]
    assert refusal(f"{NOTE[:-3]}{twin}=\n").reason.id == "audit.note_form"


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (NOTE.replace("310", "311"), "audit.signature_wrong"),
        (NOTE.replace("310", "0310"), "audit.note_form"),
        (NOTE.removesuffix("\n"), "audit.note_form"),
        (NOTE.replace("\n", "\r\n"), "audit.note_form"),
        (NOTE.split("\n\n")[0], "audit.note_form"),
        ("", "audit.note_form"),
        (sign_checkpoint(CHECKPOINT, Ed25519Signer("someone.example", bytes(32))), "audit.not_signed_by"),
        (sign_checkpoint(CHECKPOINT, Ed25519Signer(SIGNER.name, bytes(32))), "audit.not_signed_by"),
        (sign_checkpoint(Checkpoint("hedgebridge/copper1", 1, b"short"), SIGNER), "audit.note_form"),
    ],
)
def test_a_note_that_is_not_a_true_checkpoint_is_refused_with_the_reason(note, reason):
    refused = refusal(note)
    assert refused.reason.id == reason
    assert refused.source == "anchor.txt"


@pytest.mark.parametrize(
    "text", ["", "name", "name+00000000+AAAA", PUBLISHED_KEY[:-4], PUBLISHED_KEY.replace("c74f", "c74e"), "a b+00+AQ=="]
)
def test_a_mangled_verifier_key_is_refused(text):
    with pytest.raises(InvalidInput):
        VerifierKey.parse(text)
