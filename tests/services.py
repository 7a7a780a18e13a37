"""Real servers for tests. A missing one skips by name on a laptop, and fails where TOCSIN_REQUIRE_SERVICES is set."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, how: str) -> str:
    """The path of a program; without it the test is skipped, or fails where services are required."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not installed: {how}"
        if os.environ.get("TOCSIN_REQUIRE_SERVICES"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis of its own; its URL. TOCSIN_TEST_REDIS_URL names one to use instead."""
    given = os.environ.get("TOCSIN_TEST_REDIS_URL")
    if given:
        yield given
        return
    path = program("redis-server", "on Debian, apt-get install redis-server")
    port = free_port()
    server = subprocess.Popen(
        [path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for_port(port, server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise AssertionError(f"the server ended at once, code {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")
