"""Around the application: its path behind a proxy, HEAD, the size of a request, headers that hold browsers back."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from incidents.api.problem import Problem, response_of

MAX_BODY = 1024 * 1024
"""Bytes of a request's body: nothing that is sent here is large."""

TOO_LARGE = f"the body of a request may have {MAX_BODY} bytes"

SECURE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Sent with every answer that does not bring its own."""


class Guard:
    """Plain ASGI: a middleware class of Starlette's would hold back what is streamed."""

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self.app = app
        self.root_path = "/" + root_path.strip("/") if root_path.strip("/") else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = dict(scope)
        if self.root_path:
            # ASGI has the path with the prefix in it. Proxies differ in whether they pass it on: take both.
            scope["root_path"] = self.root_path
            if scope["path"] != self.root_path and not scope["path"].startswith(self.root_path + "/"):
                scope["path"] = self.root_path + scope["path"]
        if scope["method"] == "HEAD":
            # The server drops the body, whatever is sent; it remembers the method by itself.
            scope["method"] = "GET"
            scope["tocsin.head"] = True

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURE.items():
                    headers.setdefault(name, value)
            await send(message)

        read = 0

        async def limited() -> Message:
            # A body may come without its length: whoever reads it is stopped at the limit.
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise HTTPException(413, TOO_LARGE)
            return message

        if _too_large(Headers(scope=scope).get("content-length", "")):
            problem = Problem(413, TOO_LARGE, headers={"Connection": "close"})
            await response_of(problem, scope["path"])(scope, receive, guarded)
            return
        await self.app(scope, limited, guarded)


def _too_large(length: str) -> bool:
    # isdecimal() takes digits of other scripts, and int() takes any length of them.
    return length.isascii() and length.isdecimal() and (len(length) > 12 or int(length) > MAX_BODY)
