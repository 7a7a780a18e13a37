"""The server itself: where it listens, what it refuses, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from incidents import tokens
from incidents.api.listening import address_of, listen
from incidents.api.serve import config_of
from incidents.domain.errors import BadSetting
from incidents.store import Store
from tests.incidents.api_house import empty_house

PROGRAM = """
import sys
from incidents.api.serve import serve
from incidents.bootstrap import bootstrap
from incidents.settings import load_settings
serve(bootstrap(load_settings(api={"port": 0})), ready=lambda address: print(address, flush=True))
print("ended well", flush=True)
"""


def test_port_zero_is_any_free_port(store: Store) -> None:
    with listen(empty_house(store), "127.0.0.1", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_port_in_use_is_one_line_with_the_remedy(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            BadSetting, match=f"^port {port} is in use .*another Tocsin\\?.*TOCSIN_API__PORT"
        ) as refused:
            listen(empty_house(store), "127.0.0.1", port)
    assert "\n" not in str(refused.value)


def test_strangers_are_let_near_only_when_there_is_a_token(store: Store) -> None:
    house = empty_house(store)
    with pytest.raises(BadSetting, match="tocsin tokens create"):
        listen(house, "0.0.0.0", 0)  # noqa: S104
    made = tokens.create(store, "a", ["read"], 0.0)
    listen(house, "0.0.0.0", 0).close()  # noqa: S104
    tokens.revoke(store, made.token.id, 1.0)
    with pytest.raises(BadSetting, match="tocsin tokens create"):
        listen(house, "0.0.0.0", 0)  # noqa: S104


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.5"])
def test_names_of_this_machine_need_no_token(store: Store, host: str) -> None:
    listen(empty_house(store), host, 0).close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 300, "\x00"])
def test_a_host_that_is_none_is_one_line(store: Store, host: str) -> None:
    with pytest.raises((BadSetting, ValueError)) as refused:
        listen(empty_house(store), host, 0)
    assert isinstance(refused.value, BadSetting)


def test_no_header_can_change_who_asks(store: Store) -> None:
    config = config_of(empty_house(store))
    assert config.proxy_headers is False
    assert config.access_log is False
    assert config.server_header is False


def test_it_answers_over_a_real_socket_and_ends_on_sigterm(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path}/tocsin.db",
        "TOCSIN_SOURCE": f"file://{tmp_path}/access.log",
    }
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            # stdout also holds the log's own line, as nobody configured it here; the address stands alone.
            address = next(line.strip() for line in process.stdout if line.startswith("http://"))
            with httpx.Client(base_url=address, trust_env=False) as client:
                _until_it_answers(client)
                assert client.get("/api/v1/incidents").json() == {"items": [], "next_cursor": None}
                assert client.get("/api/v1/incidents", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
                assert client.get("/livez", headers={"Host": "evil.example"}).status_code == 200
                assert "server" not in client.get("/livez").headers
                assert client.head("/api/v1/incidents").status_code == 200
            process.send_signal(signal.SIGTERM)
            rest, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert "ended well" in rest
    assert "Traceback" not in errors


def _until_it_answers(client: httpx.Client) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            client.get("/livez")
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
