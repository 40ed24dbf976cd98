"""A checkpoint by mail, against a small SMTP server of the tests: TLS verified, login, refusals sorted."""

from __future__ import annotations

import email
import email.policy
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.anchors import MailAnchor, MailServer
from hedge_core.errors import AuthFailed, Rejected, Unavailable
from tests.support.tls import self_signed

NOTE = "hedgebridge/jinhe\n3\nAAAA\n\n— hedgebridge/jinhe BBBB\n"


class _Session(socketserver.StreamRequestHandler):
    """RFC 5321 as far as a mail needs it; STARTTLS first, AUTH PLAIN for one invented user."""

    server: _Server

    def handle(self) -> None:
        self._say("220 mail.example")
        while line := self.rfile.readline():
            verb = line.decode().strip().upper()
            self.server.verbs.append(verb.split()[0])
            if verb.startswith("EHLO"):
                self._say("250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN")
            elif verb == "STARTTLS":
                self._say("220 go on")
                if not self._start_tls():
                    return
            elif verb.startswith("AUTH"):
                self._say("535 wrong" if self.server.refuse_login else "235 welcome")
            elif verb.startswith("RCPT") and self.server.refuse_recipient:
                self._say("550 no such mailbox")
            elif verb == "DATA":
                self._say("354 go on")
                self._receive()
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _start_tls(self) -> bool:
        try:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        except (ssl.SSLError, OSError):
            return False
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        return True

    def _receive(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        self.server.mails.append(b"".join(lines))
        self._say("250 kept")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, context: ssl.SSLContext, refuse_login: bool, refuse_recipient: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context, self.refuse_login, self.refuse_recipient = context, refuse_login, refuse_recipient
        self.mails: list[bytes] = []
        self.verbs: list[str] = []


@contextmanager
def mail_server(
    folder: Path, *, refuse_login: bool = False, refuse_recipient: bool = False
) -> Iterator[tuple[_Server, MailServer]]:
    context, certificate = self_signed(folder)
    with _Server(context, refuse_login, refuse_recipient) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        yield server, MailServer("127.0.0.1", port, "anchor", "not-a-real-password", str(certificate))
        server.shutdown()


def test_the_auditor_gets_the_note_unchanged_over_tls_after_a_login(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (server, where):
        kept = MailAnchor(where, "erp@jinhe.example", "auditor@example.com").keep("jinhe-3.txt", NOTE)
    (mail,) = server.mails
    message = email.message_from_bytes(mail, policy=email.policy.default)
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "jinhe-3.txt"
    assert attached.get_content().replace("\r\n", "\n") == NOTE
    assert str(message["Message-ID"]) in kept
    assert server.verbs.index("STARTTLS") < server.verbs.index("AUTH") < server.verbs.index("DATA")


def test_a_certificate_that_nobody_trusts_stops_the_mail_before_the_password(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (server, where):
        untrusting = MailServer(where.host, where.port, where.user, where.password)
        with pytest.raises(Unavailable, match="certificate"):
            MailAnchor(untrusting, "a@example.com", "b@example.com").keep("n.txt", NOTE)
    assert "AUTH" not in server.verbs and server.mails == []


def test_a_refused_login_a_refused_recipient_and_nobody_there_are_three_things(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with mail_server(tmp_path / "a", refuse_login=True) as (_, where), pytest.raises(AuthFailed):
        MailAnchor(where, "a@example.com", "b@example.com").keep("n.txt", NOTE)
    with mail_server(tmp_path / "b", refuse_recipient=True) as (_, where), pytest.raises(Rejected, match="mailbox"):
        MailAnchor(where, "a@example.com", "b@example.com").keep("n.txt", NOTE)
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    with pytest.raises(Unavailable):
        MailAnchor(MailServer("127.0.0.1", port), "a@example.com", "b@example.com").keep("n.txt", NOTE)
