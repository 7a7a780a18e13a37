"""Runs the API with uvicorn on the configured address, until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog
import uvicorn

from incidents.api.app import create_app
from incidents.api.listening import address_of, listen
from incidents.bootstrap import App

STOP_SECONDS = 5
"""Seconds that requests under way are given when told to stop."""

log = structlog.get_logger()


def serve(app: App, ready: Callable[[str], None] | None = None) -> None:
    """Serves until told to stop. `ready` is given the address once it listens. Raises BadSetting with one line."""
    api = app.settings.api
    listener = listen(app, api.host, api.port)
    address = address_of(listener)
    # uvicorn says four lines at start and two at the end; ours says the one that matters, with the free port taken.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = _Server(config_of(app))
    log.info("the API listens", address=address, port_set=api.port)
    if ready is not None:
        ready(address)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()


def config_of(app: App) -> uvicorn.Config:
    """How uvicorn is run."""
    return uvicorn.Config(
        create_app(app),
        # The peer's address decides who may ask without a token: no header may change it.
        proxy_headers=False,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="off",
        ws="none",
        http="h11",
        timeout_graceful_shutdown=STOP_SECONDS,
    )


class _Server(uvicorn.Server):
    """Ends by returning."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """uvicorn sends itself the signal again once it has stopped, which would end the process on the spot."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
