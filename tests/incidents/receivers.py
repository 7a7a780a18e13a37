"""Real receivers on loopback, SMTP and HTTP, that keep what they get and can be told to misbehave."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP as SMTP_POLICY
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Mailbox:
    """What an SMTP server got, and how it answers: an answer set here is given in place of the usual one."""

    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    at_rcpt: dict[str, str] = field(default_factory=dict)
    at_data: str | None = None

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.at_rcpt.get(address, self.at_rcpt.get("*", "250 OK"))
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.at_data is not None:
            return self.at_data
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(EmailMessage, policy=SMTP_POLICY).parsebytes(content)
        assert isinstance(message, EmailMessage)
        self.envelopes.append(envelope)
        self.messages.append(message)
        return "250 2.0.0 queued as 4F00BA"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"hunter2xyz", handled=False)


@contextlib.contextmanager
def smtp_server(mailbox: Mailbox, tls: ssl.SSLContext | None = None, starttls: bool = False) -> Iterator[int]:
    """Runs an SMTP server; gives its port. `tls` alone: from the first byte."""
    port = free_port()
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=port,
        ssl_context=None if starttls else tls,
        tls_context=tls if starttls else None,
        authenticator=mailbox.authenticate,
        auth_require_tls=False,
        auth_required=False,
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@dataclass
class Hook:
    """What an HTTP server got, and how it answers."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"ok":true}'
    act: Callable[[socket.socket], None] | None = None
    """Done with the connection once the request was read, in place of an answer."""


@contextlib.contextmanager
def http_server(hook: Hook) -> Iterator[int]:
    """Runs an HTTP server; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            hook.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if hook.act is not None:
                hook.act(self.connection)
                self.close_connection = True
                return
            self.send_response(hook.status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(hook.body)))
            self.end_headers()
            self.wfile.write(hook.body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accepts connections and lets `talk` do what no decent server does; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            talk(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()


def smtp_talk(after_data: Callable[[socket.socket], None], got: list[bytes]) -> Callable[[socket.socket], None]:
    """An SMTP server that is decent up to the final dot, keeps the message, and then does something else."""

    def talk(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            for line in lines:
                match line.split()[0].upper() if line.strip() else b"":
                    case b"DATA":
                        connection.sendall(b"354 go on\r\n")
                        got.append(b"".join(iter(lines.readline, b".\r\n")))
                        after_data(connection)
                        return
                    case b"QUIT":
                        connection.sendall(b"221 bye\r\n")
                        return
                    case _:
                        connection.sendall(b"250 OK\r\n")

    return talk


def hang_up(connection: socket.socket) -> None:
    """Closes without a word."""
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    """Closes with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def say_nothing(connection: socket.socket) -> None:
    """Holds the line until the other side gives up."""
    connection.settimeout(30)
    while connection.recv(4096):
        pass


def drip(connection: socket.socket) -> None:
    """A byte every now and then, for ever: no time limit between bytes is ever reached."""
    for byte in iter(b"HTTP/1.1 200 OK\r\n" + b"x-slow: 1\r\n" * 1000):
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_smtp(connection: socket.socket) -> None:
    """The same in SMTP: a greeting of many lines."""
    while True:
        connection.sendall(b"220-still here\r\n")
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
