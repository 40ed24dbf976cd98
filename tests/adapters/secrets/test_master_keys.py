"""Where the master key comes from, and which key files are refused."""

import os
import stat
from base64 import b64encode

import pytest

from adapters.secrets import SecretRefused, create_key_file, open_box
from adapters.secrets.box import key_id
from messages.catalog import LANGUAGES, say

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
TEXT, OTHER_TEXT = b64encode(KEY).decode(), b64encode(OTHER).decode()


def refusal(environment, path):
    with pytest.raises(SecretRefused) as caught:
        open_box(environment, path)
    for language in LANGUAGES:
        assert "{" not in say(caught.value.message, language)
    return caught.value.message.id


def test_the_environment_comes_before_the_key_file(tmp_path):
    create_key_file(tmp_path / "key")
    assert open_box({"HEDGEBRIDGE_MASTER_KEY": TEXT}, tmp_path / "key").active == key_id(KEY)


def test_a_created_key_file_is_for_its_owner_only_and_opens(tmp_path):
    before = os.umask(0)
    try:
        made = create_key_file(tmp_path / "key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert open_box({}, tmp_path / "key").active == made


def test_two_key_files_never_hold_the_same_key(tmp_path):
    assert create_key_file(tmp_path / "a") != create_key_file(tmp_path / "b")


def test_an_existing_key_file_is_never_overwritten(tmp_path):
    create_key_file(tmp_path / "key")
    content = (tmp_path / "key").read_bytes()
    with pytest.raises(SecretRefused) as caught:
        create_key_file(tmp_path / "key")
    assert caught.value.message.id == "secret.key_file_exists"
    assert (tmp_path / "key").read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o660])
def test_a_key_file_that_others_may_read_or_write_is_refused_with_the_command_that_helps(tmp_path, mode):
    path = tmp_path / "key"
    create_key_file(path)
    path.chmod(mode)
    with pytest.raises(SecretRefused) as caught:
        open_box({}, path)
    assert caught.value.message.id == "secret.key_file_open"
    assert f"chmod 600 {path}" in str(caught.value)


def test_without_any_key_the_remedy_is_said(tmp_path):
    assert refusal({}, tmp_path / "none") == "secret.no_key"
    assert refusal({"HEDGEBRIDGE_MASTER_KEY": "  "}, tmp_path / "none") == "secret.no_key"


@pytest.mark.parametrize("text", ["short", b64encode(KEY[:16]).decode(), "密钥", TEXT + "=", f"{TEXT},nonsense"])
def test_something_that_is_not_a_key_is_refused_without_showing_it(tmp_path, text):
    with pytest.raises(SecretRefused) as caught:
        open_box({"HEDGEBRIDGE_MASTER_KEY": text}, tmp_path / "none")
    assert caught.value.message.id == "secret.key_form"
    assert text not in str(caught.value)


def test_an_empty_key_file_is_refused(tmp_path):
    path = tmp_path / "key"
    path.touch(mode=0o600)
    assert refusal({}, path) == "secret.key_form"


@pytest.mark.parametrize("between", ["\n", ",", " , "])
def test_of_several_keys_the_first_seals_and_all_open(tmp_path, between):
    sealed = open_box({"HEDGEBRIDGE_MASTER_KEY": OTHER_TEXT}, tmp_path).seal("old", "a:b:c")
    box = open_box({"HEDGEBRIDGE_MASTER_KEY": f"{TEXT}{between}{OTHER_TEXT}\n"}, tmp_path)
    assert box.active == key_id(KEY)
    assert box.open(sealed, "a:b:c") == "old"
