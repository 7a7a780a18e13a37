"""One contract for every channel, tried on real receivers: what base.py promises in prose."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import msgspec
import pytest
from outgoing import KEY, outgoing
from receivers import (
    Hook,
    Mailbox,
    drip,
    drip_smtp,
    free_port,
    hang_up,
    http_server,
    raw_server,
    reset,
    say_nothing,
    smtp_server,
    smtp_talk,
)

from incidents.channels import KINDS, Channel, Outgoing, open_channel
from incidents.channels.attempt import Abandoned, Attempt, run
from incidents.channels.console import ConsoleChannel
from incidents.domain import rulebook
from incidents.domain.errors import BadSetting, DeliveryError
from incidents.render import Rendered

SECRET = "hunter2xyz"


class Harness(ABC):
    """One kind of channel and a receiver for it. `got` holds the key and the text of what arrived."""

    knows_what_failed = True

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []

    @abstractmethod
    def accepting(self) -> contextlib.AbstractContextManager[Channel]: ...

    @abstractmethod
    def refusing(self, permanent: bool) -> contextlib.AbstractContextManager[Channel]: ...

    @abstractmethod
    def unreachable(self) -> Channel: ...

    @abstractmethod
    def silent_afterwards(self, how: Callable[..., None]) -> contextlib.AbstractContextManager[Channel]:
        """Takes the whole message and does not say so."""

    @abstractmethod
    def dripping(self) -> contextlib.AbstractContextManager[Channel]:
        """Answers a byte at a time."""


class Mail(Harness):
    def channel(self, port: int) -> Channel:
        url = f"smtp://ops:{SECRET}@127.0.0.1:{port}"
        options = {"url": url, "from": "Tocsin <tocsin@gw.example>", "to": ["a@x.example"], "tls": "none"}
        return open_channel(rulebook.Channel("ops", "mail", options))

    def plain_channel(self, port: int) -> Channel:
        options = {"url": f"smtp://127.0.0.1:{port}", "from": "tocsin@gw.example", "to": "a@x.example"}
        return open_channel(rulebook.Channel("ops", "mail", options))

    @contextlib.contextmanager
    def accepting(self) -> Iterator[Channel]:
        mailbox = Mailbox()
        with smtp_server(mailbox) as port:
            yield self.channel(port)
        for message in mailbox.messages:
            body = message.get_body(("plain",))
            assert body is not None
            self.got.append((message["Message-ID"], f"{message['Subject']}\n{body.get_content()}"))

    @contextlib.contextmanager
    def refusing(self, permanent: bool) -> Iterator[Channel]:
        answer = f"550 5.7.1 no, {SECRET}" if permanent else f"451 4.7.1 later, {SECRET}"
        with smtp_server(Mailbox(at_data=answer)) as port:
            yield self.channel(port)

    def unreachable(self) -> Channel:
        return self.channel(free_port())

    @contextlib.contextmanager
    def silent_afterwards(self, how: Callable[..., None]) -> Iterator[Channel]:
        messages: list[bytes] = []
        with raw_server(smtp_talk(how, messages)) as port:
            yield self.plain_channel(port)
        self.got += [(KEY if KEY.encode() in message else "", "") for message in messages]

    @contextlib.contextmanager
    def dripping(self) -> Iterator[Channel]:
        with raw_server(drip_smtp) as port:
            yield self.plain_channel(port)


class Webhook(Harness):
    path = f"/hook/{SECRET}?token={SECRET}"

    def channel(self, port: int) -> Channel:
        options = {
            "url": f"http://u:{SECRET}@127.0.0.1:{port}{self.path}",
            "secret": SECRET,
            "headers": {"x-a": SECRET},
        }
        return open_channel(rulebook.Channel("hook", "webhook", options))

    @contextlib.contextmanager
    def receiving(self, hook: Hook) -> Iterator[Channel]:
        with http_server(hook) as port:
            yield self.channel(port)
        self.got += [(headers["webhook-id"], body.decode()) for _, headers, body in hook.requests]

    def accepting(self) -> contextlib.AbstractContextManager[Channel]:
        return self.receiving(Hook(body=f"thanks {SECRET}".encode()))

    def refusing(self, permanent: bool) -> contextlib.AbstractContextManager[Channel]:
        return self.receiving(Hook(status=422 if permanent else 503, body=f"no {SECRET}".encode()))

    def unreachable(self) -> Channel:
        return self.channel(free_port())

    def silent_afterwards(self, how: Callable[..., None]) -> contextlib.AbstractContextManager[Channel]:
        return self.receiving(Hook(act=how))

    def dripping(self) -> contextlib.AbstractContextManager[Channel]:
        return self.receiving(Hook(act=drip))


class Apprise(Webhook):
    knows_what_failed = False

    def channel(self, port: int) -> Channel:
        url = f"json://u:{SECRET}@127.0.0.1:{port}/{SECRET}?-token={SECRET}"
        return open_channel(rulebook.Channel("chat", "apprise", {"url": url}))

    @contextlib.contextmanager
    def receiving(self, hook: Hook) -> Iterator[Channel]:
        with http_server(hook) as port:
            yield self.channel(port)
        for _, _, body in hook.requests:
            sent = msgspec.json.decode(body)
            self.got.append((KEY, f"{sent['title']}\n{sent['message']}"))


NETWORK = [Mail, Webhook, Apprise]
TRUTHFUL = [Mail, Webhook]


@pytest.fixture(params=NETWORK, ids=lambda kind: kind.__name__.lower())
def harness(request: pytest.FixtureRequest) -> Harness:
    found: Harness = request.param()
    return found


@pytest.fixture(params=TRUTHFUL, ids=lambda kind: kind.__name__.lower())
def truthful(request: pytest.FixtureRequest) -> Harness:
    found: Harness = request.param()
    return found


def failure(channel: Channel, message: Outgoing | None = None, deadline: float = 5.0) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        channel.send(message or outgoing(), deadline)
    return caught.value


def test_every_built_in_kind_is_held_to_the_contract() -> None:
    assert {kind.__name__.lower() for kind in NETWORK} | {"console"} == set(KINDS)


def test_what_was_sent_is_there_once_and_the_service_said_so(harness: Harness) -> None:
    with harness.accepting() as channel:
        answer = channel.send(outgoing(), 5.0)
    assert answer
    assert len(harness.got) == 1
    key, text = harness.got[0]
    assert KEY in key
    assert "订单" in text or "节点 127.11.1.2:9002 异常" in text


def test_a_second_try_carries_the_same_key(harness: Harness) -> None:
    with harness.accepting() as channel:
        channel.send(outgoing(), 5.0)
        channel.send(outgoing(), 5.0)
    assert len({key for key, _ in harness.got}) == 1
    assert len(harness.got) == 2


@pytest.mark.parametrize("permanent", [True, False], ids=["for good", "for now"])
def test_a_refusal_says_whether_trying_again_can_help(truthful: Harness, permanent: bool) -> None:
    with truthful.refusing(permanent) as channel:
        error = failure(channel)
    assert error.permanent is permanent
    assert not error.ambiguous
    assert error.answer


def test_a_receiver_that_cannot_be_reached_is_worth_another_try(truthful: Harness) -> None:
    error = failure(truthful.unreachable())
    assert not error.permanent
    assert not error.ambiguous


@pytest.mark.parametrize("permanent", [True, False])
def test_an_adapter_that_cannot_know_says_that_it_does_not(permanent: bool) -> None:
    harness = Apprise()
    with harness.refusing(permanent) as channel:
        assert failure(channel).ambiguous
    assert failure(harness.unreachable()).ambiguous


@pytest.mark.parametrize("how", [hang_up, reset, say_nothing])
def test_a_lost_answer_is_ambiguous(harness: Harness, how: Callable[..., None]) -> None:
    with harness.silent_afterwards(how) as channel:
        error = failure(channel, deadline=1.0)
    assert error.ambiguous
    assert not error.permanent
    assert [key for key, _ in harness.got] == [KEY]


def test_a_server_that_answers_a_byte_at_a_time_does_not_outlive_the_deadline(harness: Harness) -> None:
    with harness.dripping() as channel:
        start = time.monotonic()
        failure(channel, deadline=0.7)
        assert time.monotonic() - start < 1.7


def test_what_was_given_up_before_the_message_left_never_leaves() -> None:
    taken: list[bytes] = []

    def late_greeting(connection: socket.socket) -> None:
        time.sleep(0.8)
        smtp_talk(hang_up, taken)(connection)

    with raw_server(late_greeting) as port:
        error = failure(Mail().plain_channel(port), deadline=0.4)
        time.sleep(1.0)
    assert not error.ambiguous
    assert not taken


def test_a_try_that_was_given_up_cannot_pass_the_point_of_no_return() -> None:
    refused = threading.Event()

    def work(attempt: Attempt) -> str:
        time.sleep(0.3)  # a name server that answers late: there is no connection yet that could be cut
        for step in (attempt.commit, lambda: attempt.on_abandon(lambda: None)):
            with pytest.raises(Abandoned):
                step()
        refused.set()
        return "sent"

    with pytest.raises(DeliveryError) as caught:
        run(work, 0.1)
    assert not caught.value.ambiguous
    assert refused.wait(5.0)


def test_no_thread_of_an_abandoned_try_is_left(truthful: Harness) -> None:
    with truthful.dripping() as channel:
        failure(channel, deadline=0.3)
        wait_until(lambda: not [t for t in threading.enumerate() if t.name == "tocsin-send"])


def wait_until(done: Callable[[], bool], seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_no_answer_error_or_log_record_shows_a_secret(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    with harness.accepting() as channel:
        said += [channel.send(outgoing(), 5.0), channel.target]
    for permanent in (True, False):
        with harness.refusing(permanent) as channel:
            error = failure(channel)
            said += [str(error), error.answer, repr(error.__cause__)]
    error = failure(harness.unreachable())
    said += [str(error), error.answer, repr(error.__cause__)]
    assert SECRET not in "\n".join(said)
    logged = [record for record in caplog.records if record.name != "mail.log"]  # that is the server's own
    assert SECRET not in "\n".join(record.getMessage() for record in logged)
    assert all(len(text) < 400 and "\n" not in text for text in said)


def test_a_message_of_strangers_text_arrives_as_text(harness: Harness) -> None:
    body = "first\n.\n..\nQUIT\n\x00\x1b[31m <b> 订单 @everyone\n" + "x" * 5000 + "\n"
    hostile = Rendered("[CRITICAL] a b 订单 " + "长" * 90, body.replace("\x00", ""), "<p>\n.\n</p>")
    with harness.accepting() as channel:
        channel.send(outgoing(rendered=hostile), 5.0)
    assert len(harness.got) == 1
    if not isinstance(harness, Webhook) or isinstance(harness, Apprise):
        assert "x" * 5000 in harness.got[0][1]
        assert "\n..\nQUIT" in harness.got[0][1].replace("\r\n", "\n")


def test_a_channel_may_be_used_from_several_threads(harness: Harness) -> None:
    keys = [f"0192f3aa-7c1e-7d11-9d55-6c1f0000010{i}" for i in range(4)]
    answers: list[str] = []
    with harness.accepting() as channel:
        threads = [
            threading.Thread(target=lambda k=key: answers.append(channel.send(outgoing(key=k), 10.0))) for key in keys
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == len(harness.got) == 4


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_wrong_option_is_refused_before_anything_is_sent(kind: str) -> None:
    with pytest.raises(BadSetting, match=r"channel ops: unknown option 'colour'; .* takes"):
        open_channel(rulebook.Channel("ops", kind, {"colour": SECRET}))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"console"}))
def test_a_missing_option_is_named_with_what_was_expected(kind: str) -> None:
    with pytest.raises(BadSetting, match="channel ops: option 'url' is missing: expected"):
        open_channel(rulebook.Channel("ops", kind, {}))


def test_the_console_writes_the_message_in_a_frame() -> None:
    stream = io.StringIO()
    answer = ConsoleChannel("c", {}, stream=stream).send(outgoing(), 5.0)
    assert answer.startswith("written")
    assert "│ 【严重】order：节点 127.11.1.2:9002 异常（500）\n" in stream.getvalue()
    assert stream.getvalue().startswith("┌──")
    assert stream.getvalue().endswith("──\n")


def test_the_console_says_when_standard_output_is_gone() -> None:
    stream = io.StringIO()
    stream.close()
    assert failure(ConsoleChannel("c", {}, stream=stream)).permanent
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as broken:
        error = failure(ConsoleChannel("c", {}, stream=broken))
        with contextlib.suppress(OSError):
            broken.close()
    assert error.permanent
    assert "standard output is gone" in str(error)


def test_the_console_does_not_hang_on_a_reader_that_does_not_read() -> None:
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w", encoding="utf-8")
    big = Rendered("s", "x" * 1_000_000, "")
    start = time.monotonic()
    error = failure(ConsoleChannel("c", {}, stream=stream), outgoing(rendered=big), deadline=0.4)
    assert time.monotonic() - start < 1.4
    assert error.ambiguous
    drainer = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reader, 65536), b"")], daemon=True)
    drainer.start()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "tocsin-send"])
    stream.close()
    drainer.join()
    os.close(reader)


def test_the_console_writes_what_an_old_terminal_cannot_show_as_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    ConsoleChannel("c", {}, stream=stream).send(outgoing(), 5.0)
    assert b"127.11.1.2:9002" in raw.getvalue()
    assert b"\\u4e25" in raw.getvalue()
