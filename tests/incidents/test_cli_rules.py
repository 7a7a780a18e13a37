"""`tocsin rules` and `tocsin channels`."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
import yaml
from cli_house import one_line_error, tocsin

GOOD = """\
rules: {5xx: {floor: 2%}}
channels:
  pager: {type: webhook, url: "http://127.0.0.1:PORT/path-with-a-token"}
  screen: {type: console}
"""


def rulebook(folder: Path, text: str = GOOD, name: str = "rulebook.yaml", port: int = 9) -> Path:
    file = folder / name
    file.write_text(text.replace("PORT", str(port)), encoding="utf-8")
    return file


def test_a_good_rulebook_is_fine_and_says_what_is_in_it(tmp_path: Path) -> None:
    result = tocsin("rules", "check", rulebook(tmp_path))
    assert result.code == 0
    assert result.out.endswith("rulebook.yaml: fine: 4 rules, 0 services, 2 channels, 1 route\n")


def test_every_mistake_of_every_file_is_named_with_its_line(tmp_path: Path) -> None:
    bad = rulebook(tmp_path, "rules:\n  5xx: {flor: 2%}\n  499: {for: 9 of 5}\n", "bad.yaml")
    result = tocsin("rules", "check", bad, rulebook(tmp_path), tmp_path / "missing.yaml")
    assert result.code == 1
    first, second, third, fourth = result.out.splitlines()
    assert first.startswith(f"{bad}:2: rules.5xx: unknown key `flor`")
    assert second.startswith(f"{bad}:3: rules.499.for: ")
    assert "rulebook.yaml: fine" in third
    assert fourth.startswith(f"{tmp_path / 'missing.yaml'}: No such file or directory")


def test_the_check_is_one_object_for_programs(tmp_path: Path) -> None:
    bad = rulebook(tmp_path, "rules:\n  5xx: {flor: 2%}\n", "bad.yaml")
    result = tocsin("rules", "check", rulebook(tmp_path), bad, "--json")
    assert result.code == 1
    good, wrong = result.json()["files"]
    assert (result.json()["ok"], good["ok"], wrong["ok"]) == (False, True, False)
    assert [problem["line"] for problem in wrong["problems"]] == [2]


def test_the_rulebook_shown_can_be_read_again_and_hides_secrets(tmp_path: Path) -> None:
    result = tocsin("rules", "show", rulebook(tmp_path))
    assert result.code == 0
    assert "path-with-a-token" not in result.out
    assert yaml.safe_load(result.out)["rules"]["5xx"]["floor"] == "2%"
    shown = tocsin("rules", "show", rulebook(tmp_path), "--json")
    assert shown.json()["rules"]["5xx"]["floor"] == "2%"
    assert "path-with-a-token" not in shown.out


def test_without_a_database_the_rulebook_in_force_is_the_settings_file_or_what_is_built_in(tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path / "data")}
    assert tocsin("rules", "show", "--json", **home).json()["origin"] == "built in"
    file = rulebook(tmp_path)
    shown = tocsin("rules", "show", "--json", TOCSIN_RULEBOOK=str(file), **home).json()
    assert shown["origin"] == f"{file}, not applied yet"
    assert not (tmp_path / "data").exists()


def test_a_difference_is_told_line_by_line_and_by_the_exit_code(tmp_path: Path) -> None:
    old, new = rulebook(tmp_path, name="old.yaml"), rulebook(tmp_path, GOOD.replace("2%", "3%"), "new.yaml")
    result = tocsin("rules", "diff", old, new)
    assert (result.code, result.out) == (1, "rules.5xx.floor: 2% -> 3%\n")
    assert tocsin("rules", "diff", old, new, "--json").json()["changes"] == ["rules.5xx.floor: 2% -> 3%"]
    same = tocsin("rules", "diff", old, old)
    assert (same.code, same.out) == (0, "no difference\n")
    against_force = tocsin("rules", "diff", new, XDG_DATA_HOME=str(tmp_path / "data"))
    assert "rules.5xx.floor: 1% -> 3%" in against_force.out
    assert "expected one rulebook or two" in one_line_error(tocsin("rules", "diff", old, old, new), code=2)


def test_channels_are_listed_without_their_secrets(tmp_path: Path) -> None:
    given = {"TOCSIN_RULEBOOK": str(rulebook(tmp_path)), "XDG_DATA_HOME": str(tmp_path / "data")}
    result = tocsin("channels", "list", **given)
    assert "pager" in result.out and "http://127.0.0.1:9/" in result.out
    assert "path-with-a-token" not in result.out
    found = tocsin("channels", "list", "--json", **given)
    assert [channel["name"] for channel in found.json()["channels"]] == ["pager", "screen"]
    assert "path-with-a-token" not in found.out


class _Receiver(HTTPServer):
    """Keeps what it was sent, and answers with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.bodies: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def receiving(status: int) -> Iterator[_Receiver]:
    server = _Receiver(status)
    thread = threading.Thread(target=socketserver.BaseServer.serve_forever, args=(server, 0.05))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_test_message_goes_through_the_real_channel_and_is_marked(tmp_path: Path) -> None:
    with receiving(204) as receiver:
        result = tocsin("channels", "test", "pager", "--rules", rulebook(tmp_path, port=receiver.server_port))
    assert result.code == 0, result
    assert "sent" in result.out and "path-with-a-token" not in result.out
    [body] = receiver.bodies
    assert b'"test":true' in body.replace(b" ", b"")
    assert b"tocsin-test" in msgspec.json.encode(msgspec.json.decode(body))


def test_the_console_shows_the_test_message_as_people_would_get_it(tmp_path: Path) -> None:
    result = tocsin("channels", "test", "screen", "--rules", rulebook(tmp_path))
    assert "[TEST] " in result.out and "nothing is wrong" in result.out and "192.0.2.10:8080" in result.out
    chinese = rulebook(tmp_path, GOOD.replace("type: console", "type: console, language: zh-CN"))
    assert "测试消息" in tocsin("channels", "test", "screen", "--rules", chinese).out


@pytest.mark.parametrize(("status", "told"), [(410, "410"), (503, "503")])
def test_a_channel_that_refuses_is_told_in_one_line(tmp_path: Path, status: int, told: str) -> None:
    with receiving(status) as receiver:
        result = tocsin("channels", "test", "pager", "--rules", rulebook(tmp_path, port=receiver.server_port))
    message = one_line_error(result)
    assert message.startswith("channel pager (") and told in message
    assert "path-with-a-token" not in message


def test_an_unknown_channel_is_told_with_those_that_are_known(tmp_path: Path) -> None:
    message = one_line_error(tocsin("channels", "test", "pagr", "--rules", rulebook(tmp_path)))
    assert message == "the rulebook has no channel pagr; it has: pager, screen"
