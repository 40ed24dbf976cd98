"""A mail to somebody outside the administrator's reach: the mailbox is the copy. Always over TLS, certificate verified."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from hedge_core.errors import AuthFailed, Rejected, Unavailable

_SYSTEM = "mail server"
_SUBMISSIONS_PORT = 465
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. Port 465 speaks TLS from the start, every other one must offer STARTTLS."""

    host: str
    port: int = _SUBMISSIONS_PORT
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class MailAnchor:
    """Fits the port `Anchor`."""

    server: MailServer
    sender: str
    recipient: str

    @property
    def place(self) -> str:
        return f"mailto:{self.recipient}"

    def keep(self, name: str, note: str) -> str:
        """The message's id. A repeated checkpoint is mailed again: a mailbox cannot be asked what it holds."""
        message = self._message(name, note)
        context = ssl.create_default_context(cafile=self.server.ca_file)
        try:
            with self._connected(context) as connection:
                if self.server.user:
                    connection.login(self.server.user, self.server.password)
                connection.send_message(message)
        except smtplib.SMTPAuthenticationError:
            raise AuthFailed("the mail server refused the login", system=_SYSTEM) from None
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as refused:
            raise Rejected(type(refused).__name__, str(refused), system=_SYSTEM) from None
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"{type(error).__name__}: {error}", system=_SYSTEM) from None
        return f"{self.place} {message['Message-ID']}"

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port
        if port == _SUBMISSIONS_PORT:
            return smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
        connection = smtplib.SMTP(host, port, timeout=_SECONDS)
        try:
            connection.starttls(context=context)
        except BaseException:
            connection.close()
            raise
        return connection

    def _message(self, name: str, note: str) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"HedgeBridge checkpoint {name.removesuffix('.txt')}"
        message["From"], message["To"] = self.sender, self.recipient
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self.sender.rpartition("@")[2])
        message.set_content(
            "Please keep this message. The attachment fixes the audit log as of now; it is compared with the log later.\n"
            "请保留本邮件。附件固定了审计日志当前的内容，日后将与日志比对。\n"
        )
        message.add_attachment(note, filename=name)
        return message
