"""Real receivers on loopback: an SMTP server and an HTTP server that keep every message they were given."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.services import free_port


@dataclass(frozen=True)
class Received:
    """One message as a receiver saw it: its key, what it is, and the incident it is about."""

    key: str
    kind: str
    incident: str


class MailServer:
    """An SMTP server; `received` grows with every accepted message."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.messages: list[EmailMessage] = []
        # Not port 0: the controller connects to the port it was given, to see that it listens.
        self._port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.messages.append(mail)
        kind = "summary" if mail["In-Reply-To"] and "RESOLVED" in mail["Subject"] else "onset"
        if kind == "onset" and mail["In-Reply-To"]:
            kind = "escalation"
        self.received.append(Received(str(mail["Message-ID"]), kind, str(mail["X-Tocsin-Incident"])))
        return "250 kept"

    def start(self) -> int:
        """Starts it; its port."""
        self._controller.start()
        return self._port

    def stop(self) -> None:
        self._controller.stop()


@dataclass
class Hook:
    """A webhook receiver."""

    received: list[Received] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def start(self) -> int:
        """Starts it; its port."""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.bodies.append(body)
                hook.received.append(Received(self.headers["webhook-id"], body["kind"], body["incident"]["id"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return int(self._server.server_address[1])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
