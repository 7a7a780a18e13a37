"""Mail: threading, headers, TLS, and what each answer of a mail server means. On a real SMTP server."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from outgoing import KEY, ONSET_KEY, outgoing
from receivers import Mailbox, hang_up, raw_server, smtp_server

from incidents.channels import Channel, open_channel
from incidents.domain import rulebook
from incidents.domain.errors import BadSetting, DeliveryError
from incidents.domain.incident import Message
from incidents.render import Rendered

TLS = Path(__file__).parents[1] / "data" / "tls"
CERTIFICATE = str(TLS / "localhost.crt")


def channel(port: int, scheme: str = "smtp", user: str = "", **options: object) -> Channel:
    return opened(port, {"url": f"{scheme}://{user}localhost:{port}"} | options)


def opened(port: int, options: dict[str, object]) -> Channel:
    url = f"smtp://localhost:{port}"
    given: dict[str, object] = {
        "url": url,
        "from": "值班 Tocsin <tocsin@gw.example>",
        "to": ["a@x.example", "Bé <b@x.example>"],
    }
    return open_channel(rulebook.Channel("ops", "mail", given | options), clock=lambda: 1795402325.0)


def sent(*messages: tuple[Message, str, str | None]) -> list[EmailMessage]:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        for kind, key, onset_key in messages:
            channel(port).send(outgoing(kind, key, onset_key=onset_key), 5.0)
    return mailbox.messages


def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, TLS / "localhost.key")
    return context


def failure(send: Callable[[], str]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send()
    return caught.value


def test_onset_and_summary_are_one_conversation() -> None:
    onset, summary = sent((Message.ONSET, ONSET_KEY, None), (Message.SUMMARY, KEY, ONSET_KEY))
    assert onset["Message-ID"] == f"<{ONSET_KEY}@gw.example>"
    assert onset["In-Reply-To"] is None
    assert summary["Message-ID"] == f"<{KEY}@gw.example>"
    assert summary["In-Reply-To"] == summary["References"] == onset["Message-ID"]


def test_the_headers_tell_machines_what_this_is() -> None:
    (message,) = sent((Message.ONSET, KEY, None))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Tocsin-Incident"] == "319ddf5ea38024b9"
    assert message["X-Tocsin-Message"] == "onset"
    assert message["Date"] == "Mon, 23 Nov 2026 02:52:05 +0000"
    assert message["From"] == "值班 Tocsin <tocsin@gw.example>"
    assert message["To"] == "a@x.example, Bé <b@x.example>"
    assert message["Subject"] == "【严重】order：节点 127.11.1.2:9002 异常（500）"
    assert not message.defects


def test_text_and_page_are_alternatives_and_arrive_unchanged() -> None:
    (message,) = sent((Message.ONSET, KEY, None))
    given = outgoing().rendered
    assert message.get_content_type() == "multipart/alternative"
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().replace("\r\n", "\n") == given.text
    assert page.get_content().replace("\r\n", "\n") == given.html


def test_the_message_is_7bit_with_short_lines_as_old_relays_want_it() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        channel(port).send(outgoing(), 5.0)
    content = mailbox.envelopes[0].content
    assert isinstance(content, bytes)
    assert max(content) < 0x80
    assert max(len(line) for line in content.split(b"\r\n")) <= 998


@pytest.mark.parametrize("text", [".\n", "a\n.\nb\n", "..\n.x\n", "\n.\r\n.\n", "no line end", ""])
def test_a_line_of_one_dot_does_not_end_the_message(text: str) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        channel(port).send(outgoing(rendered=Rendered("s", text, "<p>.</p>\n.\n")), 5.0)
    plain = mailbox.messages[0].get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n").rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")


@pytest.mark.parametrize("key", ["a\r\nBcc: x@x.example", "<x>@y", "k y"])
def test_no_header_can_be_injected(key: str) -> None:
    (message,) = sent((Message.SUMMARY, key, key))
    assert message["Bcc"] is None
    assert "\r" not in message["Message-ID"]
    assert message["Message-ID"].count("@") == message["References"].count("@") == 1


def test_a_subject_with_a_line_end_never_leaves() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port, pytest.raises(ValueError, match="linefeed"):
        channel(port).send(outgoing(rendered=Rendered("a\r\nBcc: x@x.example", "t", "h")), 5.0)
    assert not mailbox.messages


def test_starttls_is_used_with_a_verified_certificate_and_the_password_goes_through_it() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox, tls_context(), starttls=True) as port:
        channel(port, user="ops:hunter2xyz@", ca_file=CERTIFICATE).send(outgoing(), 5.0)
    assert mailbox.logins == [("ops", "hunter2xyz")]
    assert len(mailbox.messages) == 1


def test_smtps_is_tls_from_the_first_byte() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox, tls_context()) as port:
        channel(port, "smtps", "ops:hunter2xyz@", ca_file=CERTIFICATE).send(outgoing(), 5.0)
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize(("scheme", "starttls"), [("smtp", True), ("smtps", False)])
def test_a_certificate_that_nobody_vouches_for_is_not_trusted(scheme: str, starttls: bool) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox, tls_context(), starttls=starttls) as port:
        error = failure(lambda: channel(port, scheme, "ops:hunter2xyz@").send(outgoing(), 5.0))
    assert "certificate" in str(error).lower()
    assert not error.ambiguous
    assert not mailbox.logins


def test_a_password_is_not_sent_in_the_clear_unless_asked() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        error = failure(lambda: channel(port, user="ops:hunter2xyz@").send(outgoing(), 5.0))
        assert error.permanent
        assert "STARTTLS" in str(error)
        assert not mailbox.logins
        channel(port, user="ops:hunter2xyz@", tls="none").send(outgoing(), 5.0)
    assert mailbox.logins == [("ops", "hunter2xyz")]


def test_a_wrong_password_is_permanent_and_not_repeated_to_anybody() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        error = failure(lambda: channel(port, user="ops:wrong-one@", tls="none").send(outgoing(), 5.0))
    assert error.permanent
    assert "wrong-one" not in str(error)


def test_when_some_recipients_are_refused_the_others_get_it_once() -> None:
    mailbox = Mailbox(at_rcpt={"b@x.example": "550 no such user"})
    with smtp_server(mailbox) as port:
        answer = channel(port).send(outgoing(), 5.0)
    assert mailbox.envelopes[0].rcpt_tos == ["a@x.example"]
    assert answer == "250 2.0.0 queued as 4F00BA; refused b@x.example: 550"


@pytest.mark.parametrize(
    ("answers", "permanent"),
    [
        ({"*": "550 no such user"}, True),
        ({"*": "450 greylisted"}, False),
        ({"a@x.example": "550 no such user", "b@x.example": "450 greylisted"}, False),
    ],
)
def test_when_all_recipients_are_refused_the_mildest_answer_counts(answers: dict[str, str], permanent: bool) -> None:
    mailbox = Mailbox(at_rcpt=answers)
    with smtp_server(mailbox) as port:
        error = failure(lambda: channel(port).send(outgoing(), 5.0))
    assert error.permanent is permanent
    assert not error.ambiguous
    assert not mailbox.messages


@pytest.mark.parametrize(
    "greeting", [b"", b"421 too busy\r\n", b"220 hi\r\n", b"220 hi\r\n250 hi\r\n", b"220 hi\r\n250 hi\r\n421 later\r\n"]
)
def test_a_connection_lost_before_the_message_is_worth_another_try(greeting: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(greeting)
        connection.recv(4096)
        hang_up(connection)

    with raw_server(talk) as port:
        error = failure(lambda: channel(port).send(outgoing(), 5.0))
    assert not error.ambiguous
    assert not error.permanent


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"url": "http://mail.example"}, "'url'"),
        ({"url": "smtp://"}, "'url'"),
        ({"url": "smtp://host:notaport"}, "'url'"),
        ({"from": "nobody"}, "'from'"),
        ({"from": "a@x.example, b@x.example"}, "'from'"),
        ({"to": []}, "'to'"),
        ({"to": ["a@x.example\r\nBcc: c@x.example"]}, "'to'"),
        ({"to": ["ä@x.example"]}, "'to'"),
        ({"to": 7}, "'to'"),
        ({"tls": "yes"}, "'tls'"),
        ({"ca_file": "/nowhere.pem"}, "'ca_file'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], wrong: str) -> None:
    with pytest.raises(BadSetting, match=f"^channel ops: option {wrong}"):
        opened(25, options)


def test_the_target_shows_who_gets_it_and_no_password() -> None:
    assert channel(25, user="ops:hunter2xyz@").target == "a@x.example, b@x.example by smtp://localhost:25"
