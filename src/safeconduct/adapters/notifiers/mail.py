"""Notices by e-mail: plain text over SMTP (RFC 5321), encrypted before anything is said, one message for each channel.

A message keeps its Message-ID when it is sent again, so that mail programs show it once.
"""

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from safeconduct.adapters.notifiers.wording import body, subject
from safeconduct.adapters.outbound import cut_at, is_loopback
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import SECOND, Instant
from safeconduct.kernel.notices import Notice

MAIL_S = 30.0
"""Seconds for a whole conversation. Servers that look at what they get take ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """`Notifier` over one server. `security` is `starttls`, `tls`, or `none` within this machine alone."""

    name: str
    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    timeout_s: float = MAIL_S

    def __post_init__(self) -> None:
        if self.security == "none" and not is_loopback(self.host):
            raise InvalidInputError(
                f"expected security starttls or tls for {self.host}: a notice does not leave the machine readable",
                code="channel-unencrypted",
            )

    def send(self, entry: EntryId, notice: Notice) -> str:
        message, server = message_of(self, entry, notice), self._server()
        with cut_at(lambda: server.sock, self.timeout_s) as late:
            try:
                refused = self._converse(server, message)
            except (OSError, smtplib.SMTPException) as error:
                why = f"no whole answer in {self.timeout_s:g} s" if late.is_set() else str(error)
                raise UnavailableError(f"{self.host} did not take it: {why}", code="notice-not-taken") from error
            finally:
                server.close()
        return f"taken for {len(self.recipients) - len(refused)} of {len(self.recipients)}"

    def _server(self) -> smtplib.SMTP:
        domain = self.sender.rpartition("@")[2]  # not this machine's name, which is nobody's business
        if self.security == "tls":
            return smtplib.SMTP_SSL(local_hostname=domain, timeout=self.timeout_s, context=self._context())
        return smtplib.SMTP(local_hostname=domain, timeout=self.timeout_s)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file or None)

    def _converse(self, server: smtplib.SMTP, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        server._host = self.host  # type: ignore[attr-defined]  # noqa: SLF001 - smtplib sets it only when it connects itself; TLS asks for it
        code, said = server.connect(self.host, self.port)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, said)
        if self.security == "starttls":
            server.starttls(context=self._context())
        if self.user:
            server.login(self.user, self.password)
        refused = server.send_message(message, self.sender, self.recipients)
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            return refused  # it was taken before
        return refused


_READY = 220


def message_of(mail: Mail, entry: EntryId, notice: Notice) -> EmailMessage:
    """Returns the message. It is of this program, so that no automatic answer comes back (RFC 3834)."""
    message = EmailMessage(SMTP)
    message["Subject"] = subject(notice)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Date"] = format_datetime(datetime.fromtimestamp(_seconds(notice.at), UTC))
    message["Message-ID"] = f"<{entry}.{mail.name}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(body(entry, notice)) + "\n")
    return message


def _seconds(at: Instant) -> int:
    return at // SECOND
