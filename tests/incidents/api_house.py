"""A house with a real trace behind it, and a client that asks its API without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
from fastapi import FastAPI

from backends.replay import read_logs
from incidents.api.app import create_app
from incidents.bootstrap import App
from incidents.configcentre import load
from incidents.replay import Run
from incidents.settings import Settings, load_settings
from incidents.store import Store, positions

TRACE = Path(__file__).parent.parent / "data" / "traces" / "train1" / "access.json.log.gz"
LATE = TRACE.with_name("late.json.log.gz")
LOCAL = ("127.0.0.1", 50000)
STRANGER = ("192.0.2.7", 50000)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def settings_of(**given: object) -> Settings:
    return load_settings(**{"database_url": "sqlite://", **given})


def empty_house(store: Store, now: float = 1_700_000_000.0, **given: object) -> App:
    """A house in which nothing happened yet."""
    return App(settings_of(**given), store, Clock(now))


def replayed_house(*logs: Path, **given: object) -> App:
    """A house that has read whole logs; its clock stands at the last line. Messages wait in the outbox."""
    run = Run(load("", "built-in", 0))
    for lines, _ in read_logs([str(log) for log in logs or (TRACE,)]):
        run.flush(lines)
    run.flush([], last=True)
    with run.store.read() as tx:
        latest = positions.every(tx)[0].watermark
    return App(settings_of(**given), run.store, Clock(latest + 70.0))


class Client:
    """Asks one application. `peer` is the address that it seems to ask from."""

    def __init__(self, api: FastAPI, peer: tuple[str, int] = LOCAL, headers: Mapping[str, str] | None = None) -> None:
        self.api = api
        self.peer = peer
        self.headers = {"Host": "localhost", **(headers or {})}

    def get(self, path: str, **parameters: object) -> httpx.Response:
        return self.ask("GET", path, parameters)

    def ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        return asyncio.run(self._ask(method, path, parameters or {}, headers or {}, content))

    async def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object],
        headers: Mapping[str, str],
        content: bytes | AsyncIterator[bytes] | None,
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.api, raise_app_exceptions=False, client=self.peer)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(
                method,
                path,
                params=parameters or None,  # type: ignore[arg-type]  # httpx takes any value that str() takes
                headers={**self.headers, **headers},
                content=content,
            )


def client_of(house: App, peer: tuple[str, int] = LOCAL, headers: Mapping[str, str] | None = None) -> Client:
    return Client(create_app(house), peer, headers)
