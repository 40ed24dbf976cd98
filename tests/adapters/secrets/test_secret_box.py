"""Secrets at rest: what opens, what does not, and what the refusal says."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.secrets import Redactor, SecretBox, SecretRefused, new_sealed_signing_key, open_signer
from adapters.secrets.box import key_id
from hedge_core.errors import InvalidInput
from messages.catalog import say

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
FIELD = "connection:k3:app_secret"
SECRET = "canary-7f31-correct-horse"


def box(*keys):
    return SecretBox({key_id(key): key for key in keys}, key_id(keys[0]))


def refusal(opener, text, context=FIELD):
    with pytest.raises(SecretRefused) as caught:
        opener.open(text, context)
    assert SECRET not in str(caught.value)
    return caught.value


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_was_sealed_opens_in_its_place(plain, context):
    assert box(OLD).open(box(OLD).seal(plain, context), context) == plain


def test_a_sealed_text_names_its_key_and_shows_nothing_of_the_secret():
    sealed = box(OLD).seal(SECRET, FIELD)
    assert sealed.startswith(f"hb1:{key_id(OLD)}:")
    assert SECRET not in sealed
    assert b64encode(OLD).decode() not in sealed


def test_the_same_secret_sealed_twice_looks_different():
    assert box(OLD).seal(SECRET, FIELD) != box(OLD).seal(SECRET, FIELD)


@pytest.mark.parametrize("place", ["connection:k3:password", "connection:other:app_secret", ""])
def test_a_sealed_text_moved_to_another_row_or_field_does_not_open(place):
    refused = refusal(box(OLD), box(OLD).seal(SECRET, FIELD), place)
    assert refused.message.id == "secret.does_not_open"


@pytest.mark.parametrize("secret", [SECRET, SECRET + "1", SECRET + "12"], ids=["no pad", "one", "two"])
def test_a_sealed_text_with_any_character_changed_does_not_open(secret):
    sealed = box(OLD).seal(secret, FIELD)
    for place in range(len(sealed)):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        refusal(box(OLD), changed)


@pytest.mark.parametrize("text", ["", SECRET, "hb1:abc", "hb3:00000000:AAAA:AAAA", "hb1:00 0:AAAA:AAAA"])
def test_a_text_that_is_not_sealed_is_refused_without_showing_it(text):
    assert refusal(box(OLD), text).message.id == "secret.not_sealed"


def test_a_key_that_is_not_loaded_is_named_with_the_remedy():
    refused = refusal(box(NEW), box(OLD).seal(SECRET, FIELD))
    assert refused.message.id == "secret.unknown_key"
    assert key_id(OLD) in str(refused)
    assert "HEDGEBRIDGE_MASTER_KEY" in say(refused.message, "zh")
    assert isinstance(refused, InvalidInput)


def test_a_rotated_box_opens_the_old_seals_and_reseals_them_once():
    sealed = box(OLD).seal(SECRET, FIELD)
    rotated = box(NEW, OLD)
    assert rotated.open(sealed, FIELD) == SECRET
    resealed = rotated.reseal(sealed, FIELD)
    assert resealed.startswith(f"hb1:{key_id(NEW)}:")
    assert box(NEW).open(resealed, FIELD) == SECRET
    assert rotated.reseal(resealed, FIELD) == resealed


def test_the_box_and_its_errors_show_no_key():
    shown = repr(box(OLD)) + repr(vars(box(OLD)))
    assert repr(OLD) not in shown
    assert OLD.hex() not in shown


def test_every_secret_that_was_opened_is_masked_from_then_on():
    redactor = Redactor()
    sealed = box(OLD).seal(SECRET, FIELD)
    opener = SecretBox({key_id(OLD): OLD}, key_id(OLD), redactor.register)
    assert redactor.text(SECRET) == SECRET
    opener.open(sealed, FIELD)
    assert redactor.text(f"sent {SECRET} to the ERP") == "sent *** to the ERP"


def test_a_box_without_its_active_key_or_with_a_short_key_is_a_programming_error():
    with pytest.raises(ValueError):
        SecretBox({"a": OLD}, "b")
    with pytest.raises(ValueError):
        SecretBox({"a": OLD[:24]}, "a")


def test_a_signing_key_is_kept_sealed_and_signs_the_same_after_it_is_opened():
    sealed = new_sealed_signing_key(box(OLD), "copper-trading.example")
    first, second = (open_signer(box(OLD), "copper-trading.example", sealed) for _ in range(2))
    assert first.public_key == second.public_key
    assert first.sign(b"checkpoint") == second.sign(b"checkpoint")
    with pytest.raises(SecretRefused):
        open_signer(box(OLD), "another-name.example", sealed)
