"""Mail over SMTP: text and HTML, threaded, one Message-ID for all tries of one notification.

Options: `url` (smtp://[user:password@]host[:port] or smtps://...), `from`, `to` (one or a list), `tls` (starttls or
none; starttls is the default where there is a password, which must not travel in the clear unasked), `ca_file` for a
private CA.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import SplitResult, unquote

from incidents.channels.attempt import Attempt, run
from incidents.channels.base import Channel, Outgoing, harmless
from incidents.channels.options import Options, shown_host
from incidents.domain.errors import DeliveryError

_PORTS = {"smtp": 25, "smtps": 465}
_URL = "smtp://user:password@host:587 or smtps://user:password@host"

# 7bit: base64 or quoted-printable where needed, so that relays without 8BITMIME pass it on unchanged.
_POLICY = policy.SMTP.clone(cte_type="7bit")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._-]")


class MailChannel(Channel):
    """One list of recipients behind one mail server."""

    def __init__(self, name: str, options: Mapping[str, object], clock: Callable[[], float] = time.time) -> None:
        super().__init__(name, options, clock)
        given = Options(name, "mail", options, ("url", "from", "to", "tls", "ca_file"))
        self._url = given.url("url", ("smtp", "smtps"), _URL)
        self._user = unquote(self._url.username or "")
        self._password = unquote(self._url.password or "")
        self._from = _address(given, "from", given.text("from", "an address such as Tocsin <tocsin@example.com>"))
        self._to = tuple(_address(given, "to", text) for text in given.texts("to", "an address or a list of them"))
        self._starttls = self._wants_starttls(given)
        self._tls = _context(given)

    @property
    def target(self) -> str:
        return f"{', '.join(address.addr_spec for address in self._to)} by {shown_host(self._url)}"

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> str:
        message = compose(outgoing, self._from, self._to, self.clock())
        return run(lambda attempt: self._deliver(message, deadline_seconds, attempt), deadline_seconds)

    def _wants_starttls(self, given: Options) -> bool:
        tls = given.maybe_text("tls", "starttls or none")
        if tls not in (None, "starttls", "none"):
            raise given.wrong("option 'tls' is wrong: expected starttls or none")
        if self._url.scheme == "smtps":
            return False
        return tls == "starttls" or (tls is None and bool(self._password))

    def _deliver(self, message: EmailMessage, seconds: float, attempt: Attempt) -> str:
        try:
            server = _connect(self._url, self._tls, seconds, attempt)
            try:
                return self._talk(server, message, attempt)
            finally:
                _hang_up(server)
        except (smtplib.SMTPException, OSError) as error:
            raise self._failure(error, attempt) from None  # the cause can hold the password

    def _talk(self, server: smtplib.SMTP, message: EmailMessage, attempt: Attempt) -> str:
        server.ehlo_or_helo_if_needed()
        if self._starttls:
            server.starttls(
                context=self._tls
            )  # raises SMTPNotSupportedError when it is not offered: never in the clear
        if self._password:
            server.login(self._user, self._password)
        _accepted(*server.mail(self._from.addr_spec))
        refused = self._name_recipients(server)
        _accepted(*server.docmd("DATA"), expected=354)
        attempt.commit()
        payload = _LEADING_DOT.sub(b"..", message.as_bytes(policy=_POLICY))
        server.send(payload + (b"" if payload.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, answer = server.getreply()
        if code != 250:
            raise smtplib.SMTPResponseException(code, answer)
        return self._harmless(f"{code} {answer.decode('utf-8', 'replace')}{refused}")

    def _name_recipients(self, server: smtplib.SMTP) -> str:
        """Raises when nobody is accepted. Some is enough: trying again would send duplicates to those."""
        answers = [(address.addr_spec, *server.rcpt(address.addr_spec)) for address in self._to]
        refused = [(address, code, answer) for address, code, answer in answers if code not in (250, 251)]
        if len(refused) == len(answers):
            # While one of them may be accepted later, it is worth trying again.
            _, code, answer = min(refused, key=lambda found: found[1])
            raise smtplib.SMTPResponseException(code, answer)
        return "".join(f"; refused {address}: {code}" for address, code, _ in refused)

    def _failure(self, error: Exception, attempt: Attempt) -> DeliveryError:
        where = shown_host(self._url)
        if isinstance(error, smtplib.SMTPResponseException):
            said = (
                error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            )
            answer = self._harmless(f"{error.smtp_code} {said}")
            return DeliveryError(f"{where} refused: {answer}", permanent=error.smtp_code >= 500, answer=answer)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return DeliveryError(f"{where}: {self._harmless(str(error))}", permanent=True)
        reason = self._harmless(str(error)) or type(error).__name__
        if attempt.committed:
            return DeliveryError(f"{where}: no answer after the message was sent: {reason}", ambiguous=True)
        return DeliveryError(f"{where}: {reason}")

    def _harmless(self, answer: str) -> str:
        return harmless(answer, (self._password,))


def compose(outgoing: Outgoing, sender: Address, to: tuple[Address, ...], now: float) -> EmailMessage:
    """The message. EmailMessage refuses a header with a line end in it; the subject has none left anyway."""
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = outgoing.rendered.subject
    message["From"] = sender
    message["To"] = to
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = message_id(outgoing.key, sender.domain)
    if outgoing.onset_key is not None:
        onset = message_id(outgoing.onset_key, sender.domain)
        message["In-Reply-To"] = onset
        message["References"] = onset
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers
    message["X-Auto-Response-Suppress"] = "All"  # the same, for Exchange
    message["X-Tocsin-Incident"] = _NOT_IN_AN_ID.sub("_", outgoing.thread)
    message["X-Tocsin-Message"] = outgoing.kind.value
    message.set_content(outgoing.rendered.text)
    message.add_alternative(outgoing.rendered.html, subtype="html")
    return message


def message_id(key: str, domain: str) -> str:
    """<key@domain>, the same on every try."""
    return f"<{_NOT_IN_AN_ID.sub('_', key)}@{domain}>"


def _connect(url: SplitResult, tls: ssl.SSLContext, seconds: float, attempt: Attempt) -> smtplib.SMTP:
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    # Without a host the constructor does not connect: the way to cut it must be known before anything can hang.
    server = smtplib.SMTP_SSL(timeout=seconds, context=tls) if url.scheme == "smtps" else smtplib.SMTP(timeout=seconds)
    # The constructor sets the name that TLS verifies only when it connects by itself.
    server._host = host  # type: ignore[attr-defined]

    def cut() -> None:
        if server.sock is not None:
            server.sock.shutdown(socket.SHUT_RDWR)

    attempt.on_abandon(cut)
    try:
        _accepted(*server.connect(host, port), expected=220)
    except BaseException:
        server.close()
        raise
    return server


def _hang_up(server: smtplib.SMTP) -> None:
    """Says QUIT and does not wait: what is answered to it changes nothing, least of all into a failure."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        server.putcmd("QUIT")
    server.close()


def _accepted(code: int, answer: bytes, expected: int = 250) -> None:
    if code != expected:
        raise smtplib.SMTPResponseException(code, answer)


def _address(given: Options, option: str, text: str) -> Address:
    """Exactly one address, in ASCII: SMTPUTF8 is not offered by every relay."""
    probe = EmailMessage(policy=_POLICY)
    try:
        probe["To"] = text
        addresses = probe["To"].addresses
    except (ValueError, IndexError):
        addresses = ()
    if len(addresses) == 1 and addresses[0].domain and addresses[0].addr_spec.isascii() and not probe["To"].defects:
        found: Address = addresses[0]
        return found
    raise given.wrong(f"option {option!r} is wrong: expected an address such as ops@example.com")


def _context(given: Options) -> ssl.SSLContext:
    ca_file = given.maybe_text("ca_file", "the path of a PEM file")
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise given.wrong(f"option 'ca_file' cannot be read: {type(error).__name__}") from error
