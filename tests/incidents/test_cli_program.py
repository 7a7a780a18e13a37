"""The program as a whole: help, exit codes, and errors as one line each."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_house import log_lines, make_database, one_line_error, only, tocsin, write_log
from typer.core import TyperGroup
from typer.main import get_command

from incidents.cli.options import given
from incidents.cli.program import ORDER, program
from incidents.settings import load_settings

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


def leaves() -> Iterator[tuple[str, ...]]:
    """Every command that does something, as it is typed."""
    root = get_command(program)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        if isinstance(command, TyperGroup):
            yield from ((name, verb) for verb in command.commands)
        else:
            yield (name,)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=kept | environment, timeout=60, check=False
    )


def command(*arguments: str) -> list[str]:
    return ["-c", "from incidents.cli import main; main()", *arguments]


def test_every_command_of_the_issue_is_there() -> None:
    root = get_command(program)
    assert isinstance(root, TyperGroup)
    assert set(ORDER) == set(root.commands)


@pytest.mark.parametrize("typed", list(leaves()), ids=" ".join)
def test_every_command_says_what_it_does_what_it_takes_and_shows_an_example(typed: tuple[str, ...]) -> None:
    result = tocsin(*typed, "--help", COLUMNS="80")
    assert result.code == 0
    usage, _, rest = result.out.partition("\n\n")
    assert usage.startswith(f"Usage: tocsin {' '.join(typed)}")
    assert rest.split("\n\n")[0].strip().split("\n")[0].endswith(".")
    assert f"tocsin {' '.join(typed)}" in rest.partition("Example")[2]


@pytest.mark.parametrize("typed", list(leaves()), ids=" ".join)
def test_every_option_has_one_sentence(typed: tuple[str, ...]) -> None:
    found = get_command(program)
    for name in typed:
        assert isinstance(found, TyperGroup)
        found = found.commands[name]
    for parameter in found.params:
        told = getattr(parameter, "help", None)
        assert told and told.endswith((".", "is.", "...")) and told[0].isupper() | told.startswith(("auto", "-")), (
            parameter
        )


def test_no_line_of_the_overview_is_cut_short() -> None:
    assert "..." not in tocsin("--help", COLUMNS="80").out.partition("Commands:")[2]


def test_the_help_is_shown_without_importing_what_is_heavy() -> None:
    heavy = ("sqlalchemy", "sqlmodel", "pydantic", "rich", "yaml", "jinja2", "celery", "fastapi", "msgspec", "httpx")
    told = f"import sys; from incidents.cli.running import run; run(['--help']); print({heavy!r} & sys.modules.keys())"
    result = python("-c", told.replace(f"{heavy!r}", f"set({heavy!r})"))
    assert result.stdout.splitlines()[-1] == "set()", result.stdout + result.stderr


def test_the_documents_show_the_help_as_it_prints() -> None:
    assert (DOCS / "help.txt").read_text("utf-8") == tocsin("--help", COLUMNS="80").out
    reference = (DOCS / "cli.md").read_text("utf-8")
    for typed in leaves():
        assert f"## tocsin {' '.join(typed)}\n" in reference
        shown = tocsin(*typed, "--help", COLUMNS="80").out.rstrip()
        assert f"```text\n{shown}\n```" in reference, f"run: python docs/cli_reference.py ({' '.join(typed)})"
    assert reference.count("\n## tocsin ") == len(list(leaves()))


def test_the_version_is_said_in_either_way() -> None:
    assert tocsin("--version").out.startswith("tocsin ")
    assert set(tocsin("version", "--json").json()) == {"tocsin", "python", "sqlite", "schema"}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["replai", "x.log"], "No such command 'replai'. Did you mean 'replay'?; see `tocsin --help`"),
        (["replay"], "see `tocsin replay --help`"),
        (["replay", "x.log", "--jsn"], "--jsn"),
        (["replay", "x.log", "--lateness", "soon"], "--lateness"),
        (["incidents", "list", "--limit", "-1"], "--limit"),
        (["up", "--port", "70000"], "--port"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(typed: list[str], told: str) -> None:
    assert told in one_line_error(tocsin(*typed), code=2)


@pytest.mark.parametrize("typed", [[], ["incidents"], ["rules"]])
def test_a_command_that_was_given_nothing_shows_its_help(typed: list[str]) -> None:
    result = tocsin(*typed)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Usage: tocsin")


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TOCSIN_API__PORT": "many"}, "setting api.port (TOCSIN_API__PORT)"),
        ({"TOCSIN_LATENES": "7"}, "there is no setting TOCSIN_LATENES"),
        ({"TOCSIN_DATABASE_URL_FILE": "/nowhere"}, "TOCSIN_DATABASE_URL_FILE: /nowhere"),
    ],
)
def test_a_wrong_setting_is_one_line(environment: dict[str, str], told: str) -> None:
    assert told in one_line_error(tocsin("incidents", "list", **environment))


def test_a_settings_file_is_taken_from_the_global_option(tmp_path: Path) -> None:
    config = tmp_path / "tocsin.toml"
    config.write_text(f"database_url = 'sqlite:///{tmp_path}/from-the-file.db'\n", encoding="utf-8")
    assert "from-the-file.db" in one_line_error(tocsin("--config", config, "status"))
    assert "no such file" in one_line_error(tocsin("--config", tmp_path / "missing.toml", "status"))
    config.write_text("not toml", encoding="utf-8")
    assert "is not valid TOML" in one_line_error(tocsin("--config", config, "status"))


def test_options_win_over_the_environment_and_secrets_files(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("sqlite:///from-the-file.db", encoding="utf-8")
    with only({"TOCSIN_SOURCE": "from-the-environment", "TOCSIN_DATABASE_URL_FILE": str(secret)}):
        given(
            source="s.log",
            log_format="json",
            database="sqlite:///given.db",
            broker="redis://given/0",
            rulebook=Path("rules.yaml"),
            lateness=9,
            threads=3,
            host="127.0.0.2",
            port=8601,
        )
        found = load_settings()
    assert (found.source, found.log_format, found.database_url) == ("s.log", "json", "sqlite:///given.db")
    assert (found.broker_url, found.lateness, found.worker_threads) == ("redis://given/0", 9, 3)
    assert (found.api.host, found.api.port) == ("127.0.0.2", 8601)
    assert found.rulebook == Path("rules.yaml").absolute()


def test_a_role_that_cannot_run_ends_with_one_line(tmp_path: Path) -> None:
    result = python(*command("beat", "--broker", "memory://", "--database", f"sqlite:///{tmp_path / 'tocsin.db'}"))
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith("tocsin: beat runs inside the worker")


def test_a_pipe_that_is_closed_early_is_no_error(tmp_path: Path) -> None:
    log = write_log(tmp_path, log_lines(minutes=60, bad_minutes=range(0, 60, 12)))
    with subprocess.Popen(
        [sys.executable, *command("replay", str(log), "--json")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        process.wait(60)
    assert told == b""


class Raising(io.BytesIO):
    """Standard input that ends a command in the middle of its work."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def read(self, size: int | None = -1, /) -> bytes:
        raise self.error


def test_an_interruption_is_exit_code_130() -> None:
    assert one_line_error(tocsin("replay", "-", stdin=Raising(KeyboardInterrupt())), code=130) == "interrupted"


def test_an_unexpected_error_is_one_line_and_v_shows_where_it_came_from() -> None:
    short = one_line_error(tocsin("replay", "-", stdin=Raising(ZeroDivisionError("by\nzero"))))
    assert short.startswith("unexpected ZeroDivisionError: by zero; `tocsin -v ...` shows where")
    long = tocsin("-v", "replay", "-", stdin=Raising(ZeroDivisionError("by\nzero")))
    assert long.code == 1
    assert "Traceback" in long.err and "in read" in long.err
    assert long.err.splitlines()[-1] == "tocsin: unexpected ZeroDivisionError: by zero"


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What a person sees of it, control characters included."""
    ours, theirs = os.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "NO_COLOR"))}
    process = subprocess.Popen(
        [sys.executable, *command(*arguments)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=kept | {"TERM": "xterm-256color", "TZ": "UTC"} | environment,
    )
    os.close(theirs)
    seen = b""
    # The other end of a terminal is gone: Linux says so by an error, macOS by the end of the file.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            seen += piece
    os.close(ours)
    assert process.wait(60) == 0
    return seen.decode()


def test_on_a_narrow_terminal_a_row_becomes_a_block_and_no_word_is_broken(tmp_path: Path) -> None:
    seen = on_a_terminal("replay", str(write_log(tmp_path)), COLUMNS="60")
    assert re.search(r"Culprit +\x1b\[0mnode 10\.0\.0\.2:80\r\n", seen), seen
    assert "\x1b[33mwarning\x1b[0m" in seen


def test_without_colours_the_words_still_say_it(tmp_path: Path) -> None:
    seen = on_a_terminal("incidents", "list", "--database", make_database(tmp_path), COLUMNS="200", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", seen)
    assert re.search(r"pay +node 10\.0\.0\.2:80 +warning .*open", seen), seen
