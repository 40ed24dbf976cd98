"""A canary secret goes through every door of logging and comes out of none."""

import io
import logging
from base64 import b64encode
from dataclasses import dataclass
from json import dumps
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters.secrets import RedactingFilter, Redactor
from adapters.secrets.redaction import MASK, is_suspicious
from messages import Message

CANARY = 'canary 7f31/"päß"+word'


@dataclass
class Holder:
    value: str


@pytest.fixture
def redactor():
    made = Redactor()
    made.register(CANARY)
    return made


@pytest.fixture
def log(redactor):
    """A logger of the standard library with our filter on its handler, and what it wrote."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    return logger, written


@pytest.mark.parametrize(
    "shown",
    [
        CANARY,
        f"before {CANARY} after",
        dumps({"x": CANARY}),
        dumps({"x": CANARY}, ensure_ascii=False),
        repr([CANARY]),
        "https://erp.example/login?p=" + quote(CANARY, safe=""),
        b64encode(CANARY.encode()).decode(),
        {"a": [{"b": (CANARY,)}]},
        {CANARY: 1},
        [{"deep": {"deeper": {CANARY}}}],
        CANARY.encode(),
        ValueError(CANARY),
        Holder(CANARY),
        Message("error.unavailable", {"system": "ERP", "reason": CANARY}),
    ],
)
def test_a_registered_secret_is_masked_wherever_it_stands(redactor, shown):
    masked = redactor.redact(shown)
    for form in (str(masked), repr(masked), dumps(masked, default=repr, ensure_ascii=False)):
        assert "canary" not in form
        assert b64encode(CANARY.encode()).decode() not in form
    assert MASK in str(masked) + repr(masked)


@given(
    st.recursive(
        st.just(CANARY) | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_no_nesting_hides_a_registered_secret(structure):
    redactor = Redactor()
    redactor.register(CANARY)
    assert "canary" not in repr(redactor.redact(structure))


@pytest.mark.parametrize(
    "name",
    [
        "password", "app_secret", "X-Api-Signature", "Authorization", "Set-Cookie", "access_token", "kdservice-sessionid",
        "API_KEY", "HEDGEBRIDGE_MASTER_KEY", "userPassword", "密码", "登录口令",
    ],
)  # fmt: skip
def test_a_member_named_like_a_secret_is_masked_whatever_it_holds(redactor, name):
    assert is_suspicious(name)
    for held in ("x", 12345, ["x"], {"y": "z"}, b"x"):
        assert redactor.redact({"outer": [{name: held}]}) == {"outer": [{name: MASK}]}


@pytest.mark.parametrize("name", ["idempotency_key", "key", "account", "subject", "pass_through", "settlement", "主键"])
def test_ordinary_names_are_left_alone(redactor, name):
    assert redactor.redact({name: "HB0123456789ABCD"}) == {name: "HB0123456789ABCD"}


def test_absence_of_a_secret_may_be_seen(redactor):
    assert redactor.redact({"password": None, "has_token": True, "secret": ""}) == {
        "password": None, "has_token": True, "secret": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=hunter2 user=wang", "password=*** user=wang"),
        ('{"app_secret": "hun ter2", "user": "wang"}', '{"app_secret": ***, "user": "wang"}'),
        ('{\\"password\\": \\"hunter2\\", \\"user\\": 1}', '{\\"password\\": ***, \\"user\\": 1}'),
        ('{"password":"hun\\"ter2","user":"wang"}', '{"password":***,"user":"wang"}'),
        ('{"user": "wang", "password": "hunter2 was cut', '{"user": "wang", "password": ***'),
        ("{'password': 'hun\\'ter2', 'user': 1}", "{'password': ***, 'user': 1}"),
        (
            dumps(dumps({"password": 'hun"ter2', "user": 1})),
            dumps(dumps({"user": 1})).replace("{", '{\\"password\\": ***, '),
        ),
        ("Config(token='hunter2', size=3)", "Config(token=***, size=3)"),
        ("X-Api-Signature: aHVudGVyMg==", "X-Api-Signature: ***"),
        ("Authorization: Bearer hunter2hunter2", "Authorization: ***"),
        ("sent Bearer hunter2hunter2 on", "sent Bearer *** on"),
        ("Cookie: a=hunter2; b=hunter3", "Cookie: ***"),
        ("postgresql://wang:hunter2@db.example/hb", "postgresql://wang:***@db.example/hb"),
        ("密码：hunter2 账套 1", "密码：*** 账套 1"),
        ("the voucher of 2025-03-03 was approved", "the voucher of 2025-03-03 was approved"),
    ],
)
def test_texts_of_a_secrets_shape_are_masked_without_registration(text, masked):
    assert Redactor().text(text) == masked


@pytest.mark.parametrize("piece", ["x", "-_", "a secret ", "secret", "secret=", "://a:", "cookie ", "password: \\\\"])
def test_a_very_long_line_passes_and_keeps_its_secret(piece):
    line = piece * (200_000 // len(piece))
    assert "hunter2" not in Redactor().text(f"{line} password=hunter2")


def test_a_secret_within_another_leaves_no_rest():
    redactor = Redactor()
    redactor.register("abcd")
    redactor.register("abcdefgh")
    assert redactor.text("abcdefgh abcd") == "*** ***"


def test_a_very_short_secret_does_not_black_out_the_log():
    redactor = Redactor()
    redactor.register("")
    redactor.register("a")
    assert redactor.text("a plain line") == "a plain line"


def test_structures_that_hold_nothing_secret_stay_equal_and_untouched(redactor):
    plain = {"count": 3, "items": [1.5, None, ("a", b"b")], "when": Holder("x")}
    assert redactor.redact(plain) == plain


def test_the_original_is_not_changed(redactor):
    original = {"password": "x", "list": [CANARY]}
    redactor.redact(original)
    assert original == {"password": "x", "list": [CANARY]}


@pytest.mark.parametrize(
    "renderer",
    [
        structlog.processors.JSONRenderer(),
        structlog.processors.KeyValueRenderer(),
        structlog.dev.ConsoleRenderer(colors=False),
    ],
)
def test_structlog_shows_neither_event_nor_member_nor_traceback(redactor, renderer):
    written = io.StringIO()
    logger = structlog.wrap_logger(structlog.PrintLogger(written), processors=[redactor.processor, renderer])
    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.error(f"login with {CANARY}", app_secret="hunter2", nested={"x": CANARY}, exc_info=True)
    assert "ValueError" in written.getvalue()
    assert "canary" not in written.getvalue()
    assert "hunter2" not in written.getvalue()


def test_the_standard_loggers_show_neither_message_nor_argument_nor_traceback(log):
    logger, written = log
    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.exception("login %s of %s in %d s", CANARY, {"password": "hunter2", "user": "wang"}, 3, stack_info=True)
    assert "login *** of {'password': ***, 'user': 'wang'} in 3 s" in written.getvalue()
    assert "Traceback" in written.getvalue()
    assert "canary" not in written.getvalue()
    assert "hunter2" not in written.getvalue()


def test_named_arguments_and_extra_members_are_masked(log):
    logger, written = log
    seen = []
    logger.handlers[0].addFilter(lambda record: seen.append(record) or True)
    logger.info("%(user)s %(password)s", {"user": "wang", "password": "hunter2"}, extra={"token": "t0", "note": CANARY})
    assert written.getvalue() == "wang ***\n"
    assert (seen[0].token, seen[0].note) == (MASK, MASK)


def test_a_format_that_does_not_fit_its_arguments_neither_stops_the_caller_nor_leaks(log):
    logger, written = log
    logger.info("%d and %d", CANARY)
    assert "canary" not in written.getvalue()
    assert MASK in written.getvalue()


def test_an_object_that_cannot_show_itself_is_named_and_stops_nothing():
    class Unfinished:
        def __repr__(self):
            raise AttributeError("not resolved yet")

    assert Redactor().redact({"type": Unfinished()}) == {"type": "<Unfinished>"}
