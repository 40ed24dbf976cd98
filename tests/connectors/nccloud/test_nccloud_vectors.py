"""NC Cloud's arithmetic against vectors made with a Java runtime's own classes (SecureRandom SHA1PRNG, Cipher, MessageDigest)."""

from __future__ import annotations

import base64
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.nccloud.sealing import LEVELS, NotReadable, opened, protected, sealed, usable
from connectors.nccloud.signing import bare_key, salt, sha1prng, signature
from sandbox.nccloud import crypto
from sandbox.nccloud.key import PUBLIC_KEY

# SecureRandom.getInstance("SHA1PRNG"), setSeed(UTF-8 of the text), nextBytes(64), on OpenJDK 17
STREAMS = {
    "": "be1bdec0aa74b4dcb079943e70528096cca985f80a0e17bb3ba928a79edc0fd2"
    "117cec92c51cb3554944436b526fd33fa0b45ce0734ebb93fe3ec54998ad1094",
    "a": "667f407de7c6ad07358fa38daed7828a72014b4e621d7140210c8cf1565a8f02"
    "b47e3148df727f1927a15b5da80b4a1ebc481bf52df095779927abee314dc6cc",
    "hello": "6b4f89a54e2d27ecd7e8da05b4ab8fd9d1d8b1192d4927e68962ef482d8ae535"
    "811880324da44b4bbbd8380f3d390f8568f2cea4ca5ab74a95f99ac1d9893698",
    "公钥": "66bfd29cfb0320cce8cc454d321eb9d19ff51d3b3b2785b0137c553bec0ca1e9"
    "43740025a325b8fb743b579ece6259496f9b9169926d47c2b97f0f541fb61ba8",
}
INVENTED_KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAinvented"
BODY = '{"a":"套保 1.20"}'.encode()
SECURITY_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
# AES/CTR/NoPadding and GZIPOutputStream, base64 after each step
AT_LEVEL = {
    "L0": BODY,
    "L1": b"hsQBqoXHbvX3iTq0tLyN9tyBtg==",
    "L2": b"H4sIAAAAAAAA/6tWSlSyUnq6dPqT/XMVDPWMDJRqAS8IZoQTAAAA",
    "L3": b"tdITwf6kyhEhLMRou7vXk7/PmMpKfg5qbKUdfGfjOoIEaZfAYENjUgDe2tTdjIcKqL/OyQ==",
    "L4": b"H4sIAAAAAAAA/8soDnQqzI/wSCqLMM4MKTQo8an0syypdCpJt7UFAGhdDFIcAAAA",
}


@pytest.mark.parametrize("seed", STREAMS)
def test_the_generator_gives_what_java_gives_over_several_of_its_blocks(seed: str) -> None:
    assert sha1prng(seed.encode(), 64).hex() == STREAMS[seed]
    assert sha1prng(seed.encode(), 16).hex() == STREAMS[seed][:32]


def test_the_salt_is_a_function_of_the_key() -> None:
    assert salt(INVENTED_KEY) == "e3jr8s9g+80sRlu7PNt4fA=="


def test_signatures_of_a_login_and_of_a_call_are_those_of_java() -> None:
    login = signature("hedge_app" + "s3cret" + INVENTED_KEY, INVENTED_KEY)
    call = signature("hedge_app" + BODY.decode() + INVENTED_KEY, INVENTED_KEY)
    assert login == "e5617da8ce674ae53b584d2f3755b23da6d0a32b62777b8134e280434c8108ab"
    assert call == "971238e1eecca20e30c29a7563194a84a7174758c77f15f769b28f1e47ccf547"


def test_a_key_is_the_same_with_a_frame_with_line_breaks_and_as_copied_from_code() -> None:
    framed = f"-----BEGIN PUBLIC KEY-----\r\n{INVENTED_KEY[:20]}\n{INVENTED_KEY[20:]}\n-----END PUBLIC KEY-----\n"
    assert bare_key(framed) == bare_key(INVENTED_KEY[:20] + "\\n" + INVENTED_KEY[20:]) == INVENTED_KEY


@pytest.mark.parametrize("level", LEVELS)
def test_what_java_protected_is_read(level: str) -> None:
    assert opened(AT_LEVEL[level], level, SECURITY_KEY) == BODY


def test_encryption_gives_javas_bytes_and_the_stand_ins() -> None:
    assert protected(BODY, "L1", SECURITY_KEY) == AT_LEVEL["L1"]
    assert crypto.protect(BODY, "L1", SECURITY_KEY) == AT_LEVEL["L1"]


@settings(deadline=None, max_examples=25)
@given(body=st.binary(max_size=200), level=st.sampled_from(LEVELS), size=st.sampled_from([16, 24, 32]))
def test_client_and_stand_in_understand_each_other_at_every_level(body: bytes, level: str, size: int) -> None:
    key = base64.b64encode(bytes(range(size))).decode()
    assert crypto.open_body(protected(body, level, key), level, key) == body
    assert opened(crypto.protect(body, level, key), level, key) == body


@pytest.mark.parametrize("length", [0, 1, 116, 117, 118, 300])
def test_a_secret_of_any_length_is_opened_block_by_block(length: int) -> None:
    text = ("密" + "s" * length)[:length]
    found = sealed(text, PUBLIC_KEY)
    if length:
        assert crypto.unsealed(found) == text
        assert len(base64.b64decode(found)) == 256 * -(-len(text.encode()) // 117)
    else:
        assert found == ""


@pytest.mark.parametrize("key", ["", "not base64", base64.b64encode(b"no key").decode(), INVENTED_KEY])
def test_what_is_no_public_key_is_said_so(key: str) -> None:
    with pytest.raises(ValueError, match="public_key"):
        sealed("s3cret", key)


@pytest.mark.parametrize(("level", "body"), [("L1", b"%%%"), ("L2", b"aGVsbG8="), ("L3", b"aGVsbG8="), ("L4", b"")])
def test_a_body_that_is_not_what_its_level_says_is_not_readable(level: str, body: bytes) -> None:
    with pytest.raises(NotReadable):
        opened(body, level, SECURITY_KEY)


def test_a_compressed_body_that_was_cut_is_not_readable() -> None:
    with pytest.raises(NotReadable):
        opened(base64.b64encode(gzip.compress(BODY)[:-9]), "L2", "")


def test_a_key_is_usable_when_it_can_do_what_the_level_asks() -> None:
    assert all(usable(SECURITY_KEY, level) for level in LEVELS)
    assert usable("", "L0") and usable("", "L2")
    assert not usable("", "L1") and not usable("short", "L3") and not usable("%%%", "L4")
